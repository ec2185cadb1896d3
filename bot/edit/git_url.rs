//! Addresses of Git repositories, as kustomize, Argo CD and Flux write them.
//!
//! Rules: kustomize, `api/internal/git` ("Remote targets"): the query goes off first, `ref` counts before
//! `version`, `_git/`, `//` and `.git` end the repository's part of the path, and without any of them two
//! steps do (`org/repo`). Argo CD and Flux write no query, and the whole path is the repository's.

use std::ops::Range;

/// The most bytes of an address that is read.
const MAX_LEN: usize = 2048;

/// A repository, and the revision that its address asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GitUrl {
    /// `HOST[:PORT]/PATH`: no scheme, user or `.git`, the host in lower case.
    pub(crate) name: String,
    /// The bytes of the revision in the text (`ref=` or `version=` in the query), if it has one. They are as
    /// they are written: percent escapes are not undone.
    pub(crate) revision: Option<Range<usize>>,
}

/// Takes an address apart; nothing where the text is none (a path, a file, a template).
pub(crate) fn parse(text: &str) -> Option<GitUrl> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "{}$`\"'\\<>|^".contains(c);
    if text.len() > MAX_LEN || text.contains(odd) {
        return None;
    }
    let (address, query) = match text.find('?') {
        Some(mark) => (&text[..mark], Some(mark + 1..text.len())),
        None => (text, None),
    };
    let revision = query.and_then(|query| revision(text, query));
    let (host, path) = place(address, revision.is_some())?;
    let path = repository(path, revision.is_some());
    let good = host_is_sound(host) && !path.is_empty() && path.split('/').all(step_is_sound);
    good.then(|| GitUrl { name: format!("{}/{path}", host.to_ascii_lowercase()), revision })
}

/// The revision in the query.
fn revision(text: &str, query: Range<usize>) -> Option<Range<usize>> {
    let first = |name: &str| {
        let mut start = query.start;
        for pair in text[query.clone()].split('&') {
            let end = start + pair.len();
            if let Some((key, value)) = pair.split_once('=')
                && key == name
            {
                return (!value.is_empty()).then(|| end - value.len()..end);
            }
            start = end + 1;
        }
        None
    };
    first("ref").or_else(|| first("version"))
}

/// Host with port, and the path behind it.
fn place(address: &str, asks_for_revision: bool) -> Option<(&str, &str)> {
    let (address, forced) = match strip(address, "git::") {
        Some(rest) => (rest, true),
        None => (address, false),
    };
    if let Some(path) = strip(address, "gh:") {
        return Some(("github.com", path));
    }
    const SCHEMES: [&str; 5] = ["https://", "http://", "ssh://", "git+ssh://", "git://"];
    if let Some(rest) = SCHEMES.iter().find_map(|scheme| strip(address, scheme)) {
        let authority = &rest[..rest.find('/')?];
        let user = authority.rfind('@').map_or(0, |at| at + 1);
        let rest = &rest[user..];
        let (host, path) = rest.split_once('/')?;
        // `ssh://git@host:org/repo`: both ways of writing at once.
        return match host.split_once(':') {
            Some((host, port)) if !port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some((host, &rest[host.len() + 1..]))
            }
            _ => Some((host, path)),
        };
    }
    // `user@host:path`, and a host alone where nothing else can be meant.
    let end = address.find([':', '/'])?;
    let (start, path) = (&address[..end], &address[end + 1..]);
    if address[end..].starts_with("://") {
        return None;
    }
    match start.rsplit_once('@') {
        Some((user, host)) => (!user.is_empty()).then_some((host, path)),
        None => {
            let git = start.eq_ignore_ascii_case("github.com") || forced || asks_for_revision;
            (git && start.contains('.')).then_some((start, path))
        }
    }
}

/// The part of the path that is the repository's.
fn repository(path: &str, asks_for_revision: bool) -> &str {
    let path = path.trim_start_matches('/');
    if let Some(at) = path.find("_git/") {
        let name = at + "_git/".len();
        return &path[..path[name..].find('/').map_or(path.len(), |end| name + end)];
    }
    if let Some(end) = path.find("//") {
        return path[..end].strip_suffix(".git").unwrap_or(&path[..end]);
    }
    if let Some(end) = path.find(".git/") {
        return &path[..end];
    }
    let path = path.trim_end_matches('/');
    if let Some(path) = path.strip_suffix(".git") {
        return path;
    }
    let second = path.match_indices('/').nth(1);
    second.filter(|_| asks_for_revision).map_or(path, |(end, _)| &path[..end])
}

/// What stands behind the start, whatever its case.
fn strip<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    let head = text.get(..start.len())?;
    head.eq_ignore_ascii_case(start).then(|| &text[start.len()..])
}

fn host_is_sound(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        && port.parse::<u16>().is_ok()
        && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn step_is_sound(step: &str) -> bool {
    !matches!(step, "" | "." | "..") && !step.contains([':', '#', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name and the revision.
    fn parts(text: &str) -> Option<(String, Option<&str>)> {
        parse(text).map(|url| (url.name, url.revision.map(|range| &text[range])))
    }

    #[test]
    fn all_ways_of_writing_a_repository_give_one_name() {
        for text in [
            "https://github.com/org/repo",
            "https://github.com/org/repo/",
            "https://github.com/org/repo.git",
            "http://GitHub.com/org/repo.git",
            "https://user:secret@github.com/org/repo",
            "ssh://git@github.com/org/repo.git",
            "ssh://git@github.com:org/repo.git",
            "git@github.com:org/repo.git",
            "git@github.com:/org/repo",
            "git@github.com/org/repo",
            "org-123@github.com:org/repo",
            "git::https://github.com/org/repo",
            "git::git@github.com:org/repo.git",
            "github.com/org/repo",
            "github.com:org/repo",
            "gh:org/repo",
            "github.com/org/repo//path/to",
            "https://github.com/org/repo.git//path",
            "https://github.com/org/repo.git/path/to",
        ] {
            assert_eq!(parts(text), Some(("github.com/org/repo".to_owned(), None)), "{text}");
        }
    }

    #[test]
    fn the_revision_is_found_in_the_query() {
        for (text, revision) in [
            ("https://github.com/org/repo?ref=v1", Some("v1")),
            ("https://github.com/org/repo/deploy/base?ref=v1&timeout=90s", Some("v1")),
            ("github.com/org/repo//path?timeout=120&ref=v1.2", Some("v1.2")),
            ("git@github.com:org/repo.git/deploy?version=v2", Some("v2")),
            ("https://github.com/org/repo?version=v2&ref=v3", Some("v3")),
            ("https://github.com/org/repo?ref=&version=v2", Some("v2")),
            ("https://github.com/org/repo?ref=release/1.2", Some("release/1.2")),
            ("https://github.com/org/repo?timeout=90s", None),
            ("https://github.com/org/repo?prefs=1", None),
            ("https://github.com/org/repo?ref", None),
        ] {
            assert_eq!(parts(text), Some(("github.com/org/repo".to_owned(), revision)), "{text}");
        }
    }

    #[test]
    fn hosts_keep_their_port_and_paths_their_depth() {
        for (text, name) in [
            ("ssh://git@git.example.com:2222/a/b.git", "git.example.com:2222/a/b"),
            ("https://gitlab.com/group/sub/repo.git", "gitlab.com/group/sub/repo"),
            ("https://gitlab.com/group/sub/repo", "gitlab.com/group/sub/repo"),
            ("https://gitlab.com/group/sub/repo.git/path?ref=v1", "gitlab.com/group/sub/repo"),
            ("https://gitlab.com/group/repo/path?ref=v1", "gitlab.com/group/repo"),
            ("https://dev.azure.com/o/p/_git/repo/path?ref=v1", "dev.azure.com/o/p/_git/repo"),
            ("https://me@dev.azure.com/o/p/_git/repo?version=v1", "dev.azure.com/o/p/_git/repo"),
            ("git@ssh.dev.azure.com:v3/o/p/repo", "ssh.dev.azure.com/v3/o/p/repo"),
            ("gitlab.com/a/b//c?ref=v1", "gitlab.com/a/b"),
        ] {
            assert_eq!(parse(text).map(|url| url.name).as_deref(), Some(name), "{text}");
        }
    }

    #[test]
    fn what_is_no_repository_is_none() {
        for text in [
            "",
            "../base",
            "./a.b/c",
            "base",
            "deploy/base",
            "/abs/path",
            "file:///srv/repo",
            "oci://ghcr.io/org/charts",
            "https://",
            "https:///a/b",
            "https://github.com",
            "https://github.com/",
            "https://[::1]:99/a/b",
            "https://host:99999/a/b",
            "https://github.com/../b",
            "{{.url}}",
            "https://github.com/org/${REPO}?ref=v1",
            "git@",
            "@github.com:a/b",
            "?ref=v1",
            "..?ref=v1",
            "../base?ref=v1",
            "https://é.example/a b",
            "gh:",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&format!("https://h/{}", "a".repeat(MAX_LEN))), None);
    }
}
