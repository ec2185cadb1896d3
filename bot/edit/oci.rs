//! The grammar of what is written into files: OCI tags, digests and names, chart versions, Git revisions.
//!
//! Rules: OCI distribution specification 1.1 ("Pulling manifests": `<name>`, `<reference>` as a tag) and OCI
//! image specification 1.1 (descriptor, "Registered algorithms"). Kept here and not taken from gantry-core so
//! that the crate stands alone; a name may carry a registry host, as everywhere in Kubernetes.

use crate::refusal::{Reason, Refusal};

const TAG: &str = "1 to 128 letters, digits, '.', '_' or '-', not starting with '.' or '-'";
const DIGEST: &str = "'sha256:' and 64, or 'sha512:' and 128, lower-case hexadecimal digits";
const NAME: &str =
    "an optional registry host and a lower-case path, without tag or digest, at most 255 bytes";

/// Demands a tag.
pub(crate) fn check_tag(text: &str) -> Result<(), Refusal> {
    let good = (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !text.starts_with(['.', '-']);
    demand(good, "tag", text, TAG)
}

/// Demands a chart's version: Semantic Versioning 2.0.0 with a `+` for build metadata, or a range of Helm's.
pub(crate) fn check_version(text: &str) -> Result<(), Refusal> {
    const RULE: &str = "1 to 128 letters, digits and '.', '-', '+', '_', starting with a letter or digit";
    let good = (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+'))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    demand(good, "chart version", text, RULE)
}

/// Demands the name of a Git branch or tag, or an object id (rules of `git check-ref-format`).
pub(crate) fn check_revision(text: &str) -> Result<(), Refusal> {
    const RULE: &str = "a branch, a tag or an object id: letters, digits and '.', '_', '-', '/', '+', '@'";
    let good = (1..=244).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/' | b'+' | b'@'))
        && !text.starts_with(['-', '/', '.'])
        && !text.ends_with(['/', '.'])
        && !text.ends_with(".lock")
        && !["..", "//", "/."].iter().any(|bad| text.contains(bad))
        && text != "@";
    demand(good, "Git revision", text, RULE)
}

/// Demands what a key that takes only one kind of revision can hold (Flux, `GitRepository` and
/// `OCIRepository`, "Reference"): a tag that is set as a branch would be looked for among the branches.
pub(crate) fn check_under(key: &str, text: &str) -> Result<(), Refusal> {
    let (good, what, rule) = match key {
        "commit" => (is_commit(text), "commit", "the whole object id, 40 or 64 hexadecimal digits"),
        "name" => (text.starts_with("refs/"), "reference name", "a whole name such as `refs/tags/v1.2.3`"),
        "semver" => (
            is_semver(text),
            "version under `semver`",
            "MAJOR.MINOR.PATCH; Flux reads anything shorter as a range, and other text not at all",
        ),
        "branch" => (
            !is_commit(text) && !is_semver(text),
            "branch",
            "a commit goes under `commit` and a version under `tag`; change the key by hand",
        ),
        _ => return Ok(()),
    };
    demand(good, what, text, rule)
}

/// A text that the key takes, to see whether any could be written.
pub(crate) fn sample_under(key: &str) -> &'static str {
    match key {
        "commit" => "0000000000000000000000000000000000000000",
        "name" => "refs/tags/any",
        "branch" => "any",
        _ => "0.0.0-any",
    }
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `1.2.3`, `v1.2.3-rc.1`: one version, and no range of them.
fn is_semver(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    core.split('.').count() == 3 && core.split('.').all(number) && check_version(text).is_ok()
}

/// Whether the text is a digest of a registered algorithm.
pub(crate) fn is_digest(text: &str) -> bool {
    let hex = match text.split_once(':') {
        Some(("sha256", hex)) if hex.len() == 64 => hex,
        Some(("sha512", hex)) if hex.len() == 128 => hex,
        _ => return false,
    };
    hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Demands a digest.
pub(crate) fn check_digest(text: &str) -> Result<(), Refusal> {
    demand(is_digest(text), "digest", text, DIGEST)
}

/// Demands an image name, with or without a registry host.
pub(crate) fn check_name(text: &str) -> Result<(), Refusal> {
    let path = match text.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
            let (name, port) = host.split_once(':').unwrap_or((host, "0"));
            let good = !name.is_empty()
                && !name.starts_with(['.', '-'])
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
                && port.bytes().all(|b| b.is_ascii_digit())
                && port.parse::<u16>().is_ok();
            good.then_some(path)
        }
        _ => Some(text),
    };
    let good = text.len() <= 255 && path.is_some_and(|path| path.split('/').all(component));
    demand(good, "image name", text, NAME)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn component(text: &str) -> bool {
    let word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(word)
        && bytes.last().is_some_and(word)
        && bytes
            .split(word)
            .all(|between| matches!(between, b"" | b"." | b"_" | b"__") || between.iter().all(|b| *b == b'-'))
}

fn demand(good: bool, what: &'static str, value: &str, rule: &'static str) -> Result<(), Refusal> {
    if good {
        return Ok(());
    }
    Err(Refusal::whole(Reason::InvalidValue { what, value: value.chars().take(200).collect(), rule }))
}

/// `tag@digest` in one value; a digest alone too.
pub(crate) fn split_pinned(value: &str) -> (Option<&str>, Option<&str>) {
    match value.split_once('@') {
        Some((tag, digest)) if !tag.is_empty() && digest.contains(':') => (Some(tag), Some(digest)),
        _ if is_digest(value) => (None, Some(value)),
        _ => (Some(value), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_digests_and_names_follow_the_specifications() {
        for good in ["1", "_x", "v1.2.3-rc_1", &"x".repeat(128)] {
            assert!(check_tag(good).is_ok(), "{good}");
        }
        for bad in ["", ".1", "-1", "a b", "a:b", "a+b", "é", "a\n", &"x".repeat(129)] {
            assert!(check_tag(bad).is_err(), "{bad}");
        }
        let sha = "0".repeat(64);
        assert!(is_digest(&format!("sha256:{sha}")) && is_digest(&format!("sha512:{sha}{sha}")));
        for bad in [String::new(), "sha256:".into(), format!("sha256:{}A", &sha[1..]), format!("md5:{sha}")] {
            assert!(!is_digest(&bad), "{bad}");
        }
        for good in ["nginx", "a/b__c/d--e", "localhost:5000/a", "Registry.example.com:5/a.b/c_d"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "A", "a:1", "a@b", "a..b", "a___b", "h:99999/a", "h:+5/a", ".x/a", "a/-b"]
        {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_takes_only_what_flux_looks_up_under_it() {
        let (short, long) = ("0a".repeat(20), "0a".repeat(32));
        let good = [
            ("commit", short.as_str()),
            ("commit", &long),
            ("name", "refs/heads/main"),
            ("semver", "1.2.3"),
            ("semver", "v1.2.3-rc.1"),
            ("branch", "release/1.2"),
            ("tag", "main"),
            ("newTag", "any"),
        ];
        for (key, text) in good {
            assert!(check_under(key, text).is_ok(), "{key} {text}");
            assert!(check_under(key, sample_under(key)).is_ok(), "{key}");
        }
        let bad = [
            ("commit", "0a0a0a0"),
            ("commit", "v1.2.3"),
            ("name", "v1.2.3"),
            ("semver", "1.2"),
            ("semver", "1.x"),
            ("semver", "1.2.3 || 2.0.0"),
            ("semver", "1..3"),
            ("branch", "v1.2.3"),
            ("branch", &short),
        ];
        for (key, text) in bad {
            assert!(check_under(key, text).is_err(), "{key} {text}");
        }
    }
}
