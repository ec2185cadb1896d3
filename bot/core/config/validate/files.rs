//! `files`: paths, and for each what it is and where the value stands.

use regex::RegexBuilder;

use super::{Check, MANY, applications::Names};
use crate::{
    config::{
        error::quoted,
        files::{Anchors, FileItem, FileRule},
        kinds::{FileKind, Needs},
        shapes::OneOrMany,
        types::ApplicationRule,
    },
    select::regex_error,
};

/// The most characters of a key.
const LONGEST: usize = 500;
/// The most memory of a compiled expression, in bytes.
const LARGEST: usize = 256 << 10;

/// What is wrong, and what to write instead.
type Mistake = (&'static str, Option<&'static str>);

impl<'a> Check<'a> {
    pub(super) fn files(&mut self, path: &str, rule: &'a ApplicationRule, files: &'a OneOrMany<FileItem>) {
        let names = if rule.discover.is_some() { Names::Any } else { Names::Never };
        let key = format!("{path}.files");
        let list = files.as_slice();
        self.length(&key, list.len(), MANY);
        for (index, item) in list.iter().enumerate() {
            let own = match files {
                OneOrMany::One(_) => key.clone(),
                OneOrMany::Many(_) => format!("{key}[{index}]"),
            };
            if list[..index].iter().any(|other| (other.path(), other.key()) == (item.path(), item.key())) {
                let (what, hint) = match item.key() {
                    None => (quoted(item.path()), None),
                    Some(at) => {
                        let hint = "one path may stand in several entries with different keys".to_owned();
                        (format!("{} with key {}", quoted(item.path()), quoted(at)), Some(hint))
                    }
                };
                self.value(own.clone(), format!("{what} stands twice in the list"), hint);
            }
            match item {
                FileItem::Path(text) => self.pattern(own, rule, text, names),
                FileItem::Entry(entry) => {
                    self.pattern(format!("{own}.path"), rule, &entry.path, names);
                    self.entry(&own, rule, entry);
                }
            }
        }
    }

    fn entry(&mut self, own: &str, rule: &ApplicationRule, entry: &FileRule) {
        let needs = entry.kind.map_or(Needs::Maybe, FileKind::key);
        let kind = entry.kind.map_or("", FileKind::name);
        match (&entry.key, needs) {
            (None, Needs::Always) => {
                let hint = match entry.kind {
                    Some(FileKind::Regex) => "write `key: 'version=(?P<tag>\\S+)'`, with one named group",
                    Some(FileKind::Dotenv) => "write the variable, like `key: IMAGE_TAG`",
                    Some(FileKind::Hcl) => "write the attribute, like `key: locals.image_tag`",
                    _ => "write where the value stands, like `key: image.tag`",
                };
                self.value(own.to_owned(), format!("`kind: {kind}` needs a `key`"), Some(hint.to_owned()));
            }
            (Some(_), Needs::Never) => {
                let hint =
                    "remove it, or write `kind: yaml`; here the image's name tells the place".to_owned();
                self.key(format!("{own}.key"), format!("has no meaning with `kind: {kind}`"), Some(hint));
            }
            (Some(key), Needs::Always | Needs::Maybe) => {
                if let Err((message, hint)) = check_key(entry.kind, key) {
                    self.value(format!("{own}.key"), message, hint.map(str::to_owned));
                }
            }
            (None, Needs::Maybe | Needs::Never) => {}
        }
        let images: Vec<&str> = rule.images.iter().map(|image| image.image.as_str()).collect();
        match &entry.image {
            Some(image) if !images.contains(&image.as_str()) => {
                let known: Vec<String> = images.iter().take(5).map(|image| quoted(image)).collect();
                let message = format!("{} is no image of this application", quoted(image));
                let hint = format!("its images are {}", known.join(", "));
                self.value(format!("{own}.image"), message, Some(hint));
            }
            None if entry.key.is_some() && images.len() > 1 => {
                let message = "an entry with `key` needs `image`, as the application has several";
                let hint = "name the image that the value belongs to".to_owned();
                self.value(own.to_owned(), message, Some(hint));
            }
            Some(_) | None => {}
        }
        if entry.anchors == Anchors::Follow && entry.kind.is_some_and(|kind| !kind.is_yaml()) {
            let message = format!("has no meaning with `kind: {kind}`: only YAML has anchors");
            self.key(format!("{own}.anchors"), message, Some("remove it".to_owned()));
        }
    }
}

/// Whether it can be the key of a value in a file of this kind.
pub(super) fn check_key(kind: Option<FileKind>, key: &str) -> Result<(), (String, Option<&'static str>)> {
    if key.is_empty() || key.chars().count() > LONGEST || key.chars().any(char::is_control) {
        return Err((format!("a key has 1 to {LONGEST} characters and no control characters"), None));
    }
    let checked = match kind {
        Some(FileKind::Regex) => return expression(key),
        Some(FileKind::Markers) => policy(key),
        Some(FileKind::Dotenv) => variable(key),
        Some(_) | None => key_path(key),
    };
    checked.map_err(|(message, hint)| (format!("{}: {message}", quoted(key)), hint))
}

/// One named group, which is what is replaced.
fn expression(key: &str) -> Result<(), (String, Option<&'static str>)> {
    let compiled = RegexBuilder::new(key).size_limit(LARGEST).dfa_size_limit(LARGEST).nest_limit(50).build();
    let compiled = compiled.map_err(|error| (regex_error(&error), None))?;
    let names: Vec<&str> = compiled.capture_names().flatten().collect();
    match names.as_slice() {
        ["tag" | "digest" | "image"] => Ok(()),
        [name] => Err((
            format!("the named group is {}, which says nothing", quoted(name)),
            Some("name it `tag`, `digest` or `image`, by what stands there"),
        )),
        _ => Err((
            format!("the expression has {} named groups; exactly one is replaced", names.len()),
            Some("write the value as a named group: `(?P<tag>[0-9.]+)`, others as `(?:…)`"),
        )),
    }
}

/// The policy of Flux's marker comments.
fn policy(key: &str) -> Result<(), Mistake> {
    let name = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
    };
    let (namespace, policy) = key.split_once(':').unwrap_or((key, ""));
    if name(namespace) && name(policy) {
        return Ok(());
    }
    Err(("not a policy", Some("write `namespace:name`, as in the marker without `:tag` or `:name`")))
}

fn variable(key: &str) -> Result<(), Mistake> {
    let fine = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !key.starts_with(|first: char| first.is_ascii_digit());
    if fine { Ok(()) } else { Err(("not the name of a variable", Some("write it like `IMAGE_TAG`"))) }
}

/// Keys divided by `.`, in double quotes where they hold a `.`, and indexes in brackets.
fn key_path(key: &str) -> Result<(), Mistake> {
    const HINT: Option<&str> = Some(r#"write it like `image.tag`, `spec.values."a.b"[0]`"#);
    let mut rest = key;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let Some(end) = quoted.find('"') else { return Err(("a `\"` without its other half", HINT)) };
            if end == 0 {
                return Err(("an empty key", HINT));
            }
            rest = &quoted[end + 1..];
        } else {
            let end = rest.find(['.', '[', ']', '"']).unwrap_or(rest.len());
            if end == 0 {
                return Err(("an empty key", HINT));
            }
            rest = &rest[end..];
        }
        while let Some(index) = rest.strip_prefix('[') {
            let Some((number, after)) = index.split_once(']') else {
                return Err(("a `[` without its other half", HINT));
            };
            if number.is_empty() || number.len() > 6 || !number.bytes().all(|b| b.is_ascii_digit()) {
                return Err(("an index is a number, from 0", HINT));
            }
            rest = after;
        }
        match rest.strip_prefix('.') {
            Some(next) => rest = next,
            None if rest.is_empty() => return Ok(()),
            None => return Err(("keys are divided by `.`", HINT)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_paths_are_read_to_the_end() {
        for good in ["a", "image.tag", r#"spec.values."a.b"[0]"#, "list[0][12].x-y", r#""a b".c"#, "größe"]
        {
            assert!(key_path(good).is_ok(), "{good}");
        }
        for bad in
            ["", ".a", "a.", "a..b", r#"a."b"#, r#""""#, "a[", "a[]", "a[x]", "a]b", r#"a"b""#, "a[0]b"]
        {
            assert!(key_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_expression_has_one_named_group() {
        assert!(expression(r"tag=(?P<tag>\S+)").is_ok());
        for bad in [r"tag=(\S+)", r"(?P<a>x)(?P<b>y)", "(", r"(?P<a>[\s\S]{1000}{1000})"] {
            assert!(expression(bad).is_err(), "{bad}");
        }
    }
}
