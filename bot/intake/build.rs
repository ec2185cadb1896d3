//! The body of `POST /api/v1/builds`: what CI tells of a build.
//!
//! Everything wrong with a body is told at once, each problem with the field and the rule, for whoever wrote
//! the CI job reads it in a log and should need one attempt. Values are shown only where they cannot hold a
//! secret; URLs, which may carry a password, are not.

use std::{fmt, str::FromStr};

use gantry_core::{
    build::{BuildReport, BuildStatus, DEFAULT_CHECK},
    ids::IdError,
};
use jiff::{SignedDuration, Timestamp};
use serde::de::{self, Deserialize, Deserializer, MapAccess};
use serde_json::Value;
use url::Url;

/// The largest body, in bytes. The HTTP side stops reading there.
pub const BODY_MAX: usize = 16 * 1024;

/// How far CI's clock may be ahead of Gantry's.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// The keys of a body.
const KEYS: &[&str] = &["image", "tag", "digest", "revision", "source", "created", "status", "url", "check"];

/// The most problems told at once.
const PROBLEMS_MAX: usize = 20;

/// One thing wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key in the body, or `body` for the body itself.
    pub field: String,
    /// What is wrong with it and what is allowed.
    pub reason: String,
}

/// All that is wrong with a body; the sender must correct it. At most 20 problems are kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Rejected {
    /// One or more problems, in the order of the documented keys, unknown keys first.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the report of the build is refused; the CI job that sent it must be corrected: ")?;
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}`{}` {}", problem.field, problem.reason)?;
        }
        Ok(())
    }
}

/// Reads the body of a report.
///
/// `resolvable` says whether the registry can be asked for the digest of the tag: only then may `digest` be
/// left out. `now` bounds `created`.
///
/// # Errors
/// The body is no JSON object, or some of its values break a rule; all of them are told.
pub fn parse(body: &[u8], resolvable: bool, now: Timestamp) -> Result<BuildReport, Rejected> {
    let mut reader = Reader { pairs: pairs(body)?, problems: Vec::new() };
    reader.unknown_and_repeated();
    let image = reader.required("image", image);
    let tag = reader.required("tag", id);
    let digest = reader.optional("digest", id);
    if !resolvable && !reader.has("digest") {
        let reason = "is missing; no registry is set up that could be asked for it, so CI must send it";
        reader.problem("digest", reason);
    }
    let revision = reader.optional("revision", word);
    let source = reader.optional("source", |text| address(text, &["https", "http", "git", "ssh"]));
    let created = reader.optional("created", |text| created(text, now));
    let status = reader.required("status", status);
    // The page of the run becomes a link for people, so it is a web page.
    let url = reader.optional("url", |text| address(text, &["https", "http"]));
    let check = reader.optional("check", word).unwrap_or_else(|| DEFAULT_CHECK.to_owned());
    match (image, tag, status) {
        (Some(image), Some(tag), Some(status)) if reader.problems.is_empty() => {
            Ok(BuildReport { image, tag, digest, revision, source, created, status, url, check })
        }
        _ => Err(Rejected { problems: reader.problems }),
    }
}

/// The pairs of a JSON object, in order and with repetitions: a map would drop the first of two equal keys
/// silently.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

fn pairs(body: &[u8]) -> Result<Vec<(String, Value)>, Rejected> {
    let reject = |reason: String| Rejected { problems: vec![Problem { field: "body".into(), reason }] };
    if body.len() > BODY_MAX {
        return Err(reject(format!("has {} bytes, at most {BODY_MAX} are allowed", body.len())));
    }
    match serde_json::from_slice::<Pairs>(body) {
        Ok(Pairs(pairs)) => Ok(pairs),
        // The parser's text may repeat a value, so only the place is told.
        Err(error) => {
            Err(reject(format!("is not a JSON object (line {}, column {})", error.line(), error.column())))
        }
    }
}

struct Reader {
    pairs: Vec<(String, Value)>,
    problems: Vec<Problem>,
}

impl Reader {
    fn problem(&mut self, field: &str, reason: impl Into<String>) {
        // A hostile body has thousands of unknown keys.
        if self.problems.len() < PROBLEMS_MAX {
            let field = field.chars().take(40).flat_map(char::escape_debug).collect();
            self.problems.push(Problem { field, reason: reason.into() });
        }
    }

    /// Whether a key is there with another value than `null`, be it good or bad.
    fn has(&self, key: &str) -> bool {
        self.pairs.iter().any(|(name, value)| name == key && !value.is_null())
    }

    fn unknown_and_repeated(&mut self) {
        let names: Vec<String> = self.pairs.iter().map(|(name, _)| name.clone()).collect();
        for (index, name) in names.iter().enumerate() {
            if !KEYS.contains(&name.as_str()) {
                let hint = match nearest(name, KEYS) {
                    Some(key) => format!("did you mean `{key}`?"),
                    None => format!("known keys are {}", KEYS.join(", ")),
                };
                self.problem(name, format!("is not a known key; {hint}"));
            } else if names[..index].contains(name) {
                self.problem(name, "stands there twice");
            }
        }
    }

    fn required<T>(&mut self, key: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        if !self.has(key) {
            self.problem(key, "is missing");
            return None;
        }
        self.optional(key, read)
    }

    /// The value of a key; `None` where it is missing, `null` or bad, and what is bad is noted.
    fn optional<T>(&mut self, key: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let (_, value) = self.pairs.iter().find(|(name, _)| name == key)?;
        let answer = match value {
            Value::Null => return None,
            Value::String(text) => read(text),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err("must be a string".to_owned())
            }
        };
        match answer {
            Ok(value) => Some(value),
            Err(reason) => {
                self.problem(key, reason);
                None
            }
        }
    }
}

/// The known word that a person may have meant.
fn nearest(word: &str, known: &[&'static str]) -> Option<&'static str> {
    if word.len() > 40 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let near = known.iter().map(|key| (strsim::damerau_levenshtein(&word, key), *key));
    near.filter(|(distance, key)| *distance <= 1 + key.len() / 4).min().map(|(_, key)| key)
}

fn id<T: FromStr<Err = IdError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: IdError| format!("{:?} must be {}", error.value, error.rule))
}

fn image<T: FromStr<Err = IdError>>(text: &str) -> Result<T, String> {
    if text.contains('@') {
        return Err("carries a digest; put it into `digest`".into());
    }
    if text.rsplit('/').next().is_some_and(|last| text.contains('/') && last.contains(':')) {
        return Err("carries a tag; put it into `tag`".into());
    }
    id(text)
}

/// Letters, digits, and what separates them in revisions and in names of checks. A leading `-` would be an
/// option to many a program.
fn word(text: &str) -> Result<String, String> {
    let good = (1..=100).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-'))
        && !text.starts_with('-');
    if good {
        return Ok(text.to_owned());
    }
    Err("must be 1 to 100 letters, digits, '.', '_', '/' or '-', not starting with '-'".into())
}

fn status(text: &str) -> Result<BuildStatus, String> {
    const WORDS: &[&str] = &["success", "failed", "pending"];
    BuildStatus::from_word(text).ok_or_else(|| match nearest(text, WORDS) {
        Some(word) => format!("must be one of {}; did you mean `{word}`?", WORDS.join(", ")),
        None => format!("must be one of {}", WORDS.join(", ")),
    })
}

fn created(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    // Longer texts are no time, and need not be parsed to see that.
    let time = if text.len() <= 64 { text.parse::<Timestamp>().ok() } else { None };
    let Some(time) = time else {
        return Err("must be a time by RFC 3339, for instance 2026-11-21T10:00:00Z".into());
    };
    if time.duration_since(now) > AHEAD {
        return Err(format!(
            "{time} is more than {} minutes in the future; see to the clock of the CI machine",
            AHEAD.as_mins()
        ));
    }
    Ok(time)
}

/// A URL of one of the schemes. It is kept as it was sent.
fn address(text: &str, schemes: &[&str]) -> Result<String, String> {
    if !(1..=2000).contains(&text.len()) {
        return Err("must have 1 to 2,000 characters".into());
    }
    // Also because the parser drops tabs and line breaks silently.
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("must be a URL of printable ASCII characters; escape others with %".into());
    }
    let allowed = || format!("must be a URL that begins with {}://", schemes.join("://, "));
    let Ok(url) = Url::parse(text) else { return Err(allowed()) };
    if !schemes.contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        return Err(allowed());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user or a password before the host".into());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn good() -> Value {
        json!({
            "image": "registry.example.com/shop/checkout", "tag": "1.4.0",
            "digest": format!("sha256:{}", "a".repeat(64)), "revision": "0f3c2a", "created": "2026-11-21T12:09:59Z",
            "source": "https://git.example.com/shop/checkout", "status": "success", "url": null,
        })
    }

    /// The problems of a good body with one value changed, as `field reason` each.
    fn problems(key: &str, value: Value) -> Vec<String> {
        let mut body = good();
        body[key] = value;
        told(&parse(body.to_string().as_bytes(), false, now()))
    }

    fn told(answer: &Result<BuildReport, Rejected>) -> Vec<String> {
        let problems = answer.as_ref().err().map(|rejected| rejected.problems.clone()).unwrap_or_default();
        problems.iter().map(|problem| format!("{} {}", problem.field, problem.reason)).collect()
    }

    #[test]
    fn a_good_body_is_a_report() {
        let report = parse(good().to_string().as_bytes(), false, now()).unwrap();
        assert_eq!((report.check.as_str(), report.status), ("ci", BuildStatus::Success));
        assert_eq!((report.url, report.revision.as_deref()), (None, Some("0f3c2a")));
    }

    #[test]
    fn each_field_has_its_bound() {
        let long = "x".repeat(101);
        for (key, value, part) in [
            ("image", json!("registry.example.com/shop/checkout:1.4.0"), "put it into `tag`"),
            ("image", json!("localhost:5000/a@sha256:00"), "put it into `digest`"),
            ("image", json!("Shop/\u{0}"), "without tag or digest"),
            ("image", json!(7), "must be a string"),
            ("image", json!(null), "is missing"),
            ("tag", json!("-x"), "not starting with"),
            ("tag", json!("a\nb"), "letters, digits"),
            ("digest", json!("sha256:AA"), "64 lower-case"),
            ("revision", json!(long), "1 to 100"),
            ("revision", json!("--upload-pack=x"), "1 to 100"),
            ("revision", json!("a b"), "1 to 100"),
            ("revision", json!(""), "1 to 100"),
            ("source", json!("javascript:alert(1)"), "begins with https://, http://, git://, ssh://"),
            ("source", json!("git@github.com:a/b"), "begins with"),
            ("source", json!("file:///etc/passwd"), "begins with"),
            ("source", json!("https:///"), "begins with"),
            ("source", json!("https://a b/"), "printable"),
            ("source", json!("https://a/\u{202e}"), "printable"),
            ("source", json!(format!("https://a/{}", "x".repeat(2000))), "2,000"),
            ("url", json!("ssh://git.example.com/x"), "begins with https://, http://"),
            ("created", json!("2026-11-21T12:10:01Z"), "in the future"),
            ("created", json!("yesterday"), "RFC 3339"),
            ("created", json!(1_795_000_000), "must be a string"),
            ("status", json!("sucess"), "did you mean `success`?"),
            ("status", json!("\u{1b}[31m"), "must be one of"),
            ("check", json!(""), "1 to 100"),
            ("tags", json!("1"), "did you mean `tag`?"),
            ("Revison", json!("1"), "did you mean `revision`?"),
            ("completely-else", json!("1"), "known keys are"),
        ] {
            let problems = problems(key, value.clone());
            assert_eq!(problems.len(), 1, "{key}: {value}: {problems:?}");
            assert!(problems[0].starts_with(key) && problems[0].contains(part), "{problems:?}");
        }
    }

    #[test]
    fn no_problem_shows_a_password_or_a_control_character() {
        for url in [
            "https://user:hunter2@git.example.com/x",
            "https://hunter2@h/x",
            "https://u:hunter2@/x",
            "hunter2 x",
        ] {
            let problems = problems("source", json!(url)).join(" ");
            assert!(!problems.is_empty() && !problems.contains("hunter2"), "{problems}");
        }
        let shown = problems("a\u{1b}[31m\nb", json!(1)).join(" ");
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }

    #[test]
    fn all_problems_are_told_at_once_and_not_thousands() {
        let told_all = told(&parse(br#"{"image": 1, "tag": ""}"#, false, now()));
        let fields: Vec<&str> = told_all.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(fields, ["image", "tag", "digest", "status"]);

        let many: Vec<String> = (0..1000).map(|n| format!("\"k{n}\": 1")).collect();
        let rejected = parse(format!("{{{}}}", many.join(", ")).as_bytes(), false, now()).unwrap_err();
        assert_eq!(rejected.problems.len(), PROBLEMS_MAX);
        assert!(rejected.to_string().contains("the CI job that sent it must be corrected"));
    }

    #[test]
    fn the_body_itself_may_be_wrong() {
        let deep = "[".repeat(10_000);
        let big = format!("{{\"tag\": \"{}\"}}", "x".repeat(BODY_MAX));
        for body in ["", "[]", "{", "nul", "{\"tag\": \"\u{0}\"}", &deep, &big] {
            let told = told(&parse(body.as_bytes(), false, now()));
            assert_eq!(told.len(), 1);
            assert!(told[0].starts_with("body "), "{told:?}");
        }
        assert!(parse(b"{\"tag\": \"\xff\"}", false, now()).is_err());
        let twice = br#"{"tag": "1", "tag": "2"}"#;
        assert!(told(&parse(twice, false, now())).iter().any(|line| line == "tag stands there twice"));
    }

    #[test]
    fn a_digest_may_be_left_to_the_registry() {
        let mut body = good();
        body["digest"] = Value::Null;
        let body = body.to_string();
        assert_eq!(parse(body.as_bytes(), true, now()).unwrap().digest, None);
        assert!(told(&parse(body.as_bytes(), false, now()))[0].contains("CI must send it"));
    }
}
