//! `files`: paths, and for each what it is and where the value stands.

use regex::RegexBuilder;

use super::{Check, MANY, applications::PathOf};
use crate::{
    config::{
        error::{did_you_mean, quoted},
        files::{Anchors, FileItem, FileRule, Files},
        kinds::{FileKind, Needs},
        shapes::OneOrMany,
        types::ApplicationRule,
    },
    glob,
    select::regex_error,
};

/// The most characters of a key.
const LONGEST: usize = 500;
/// The most memory of a compiled expression, in bytes.
const LARGEST: usize = 256 << 10;

/// What is wrong, and what to write instead.
type Mistake = (&'static str, Option<&'static str>);

impl<'a> Check<'a> {
    pub(super) fn files(&mut self, path: &str, rule: &'a ApplicationRule, files: &'a Files) {
        let key = format!("{path}.files");
        match files {
            Files::Same(list) => self.file_list(&key, rule, list, false),
            Files::By(by) => {
                for (name, list) in by {
                    let known = self.config.environments.iter().map(|environment| environment.name.as_str());
                    if !known.clone().any(|known| known == name.as_str()) {
                        let hint = did_you_mean(name.as_str(), known.clone()).unwrap_or_else(|| {
                            format!("defined are {}", known.take(20).collect::<Vec<_>>().join(", "))
                        });
                        let message = format!("environment {} is not defined", quoted(name.as_str()));
                        self.key(format!("{key}.{name}"), message, Some(hint));
                    }
                    self.file_list(&format!("{key}.{name}"), rule, list, true);
                }
            }
        }
    }

    /// The files of all environments, or of one of its own.
    fn file_list(
        &mut self,
        key: &str,
        rule: &'a ApplicationRule,
        files: &'a OneOrMany<FileItem>,
        of_one: bool,
    ) {
        let list = files.as_slice();
        self.length(key, list.len(), MANY);
        for (index, item) in list.iter().enumerate() {
            let own = match files {
                OneOrMany::One(_) => key.to_owned(),
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
            // A key of its own for each environment does as well as a path.
            let told = of_one || item.key().is_some_and(|key| key.contains("{environment}"));
            let of = PathOf::Files { told };
            match item {
                FileItem::Path(text) => self.pattern(own, rule, text, of),
                FileItem::Entry(entry) => {
                    self.pattern(format!("{own}.path"), rule, &entry.path, of);
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
        if entry.create.is_some() {
            let yaml = matches!(
                entry.kind,
                None | Some(FileKind::Yaml | FileKind::Json | FileKind::HelmValues | FileKind::Manifest)
            );
            if entry.key.is_none() || !yaml {
                let hint = "name the key that is added, in a YAML or JSON file".to_owned();
                self.key(format!("{own}.create"), "`create` needs a `key` of a YAML file", Some(hint));
            }
        }
        let images: Vec<&str> = rule.images.iter().filter_map(|image| image.image.as_deref()).collect();
        let several = images.len() > 1 || rule.images.iter().any(|image| image.matches.is_some());
        let found = |text: &str| {
            let mut patterns = rule.images.iter().filter_map(|image| image.matches.as_deref());
            patterns.any(|pattern| glob::matches(pattern, text))
        };
        match &entry.image {
            Some(image) if !images.contains(&image.as_str()) && !found(image) => {
                let known: Vec<String> = images.iter().take(5).map(|image| quoted(image)).collect();
                let message = format!("{} is no image of this application", quoted(image));
                let hint = format!("its images are {}", known.join(", "));
                self.value(format!("{own}.image"), message, Some(hint));
            }
            None if entry.key.is_some() && several => {
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
        while let Some(inside) = rest.strip_prefix('[') {
            rest = brackets(inside)?;
        }
        match rest.strip_prefix('.') {
            Some(next) => rest = next,
            None if rest.is_empty() => return Ok(()),
            None => return Err(("keys are divided by `.`", HINT)),
        }
    }
}

/// What follows the brackets that were opened: an index in them, or a key of an element with its value.
fn brackets(inside: &str) -> Result<&str, Mistake> {
    const HINT: Option<&str> = Some(r#"write it like `list[0].tag` or `list[name=web].tag`"#);
    let part = |text: &str| match text.strip_prefix('"') {
        Some(quoted) => quoted.find('"').map(|end| end + 2),
        None => text.find([']', '=', '[', '"']),
    };
    const OPEN: Mistake = ("a `[` without its other half", HINT);
    let end = part(inside).ok_or(OPEN)?;
    let (name, rest) = inside.split_at(end);
    if let Some(after) = rest.strip_prefix(']') {
        if name.is_empty() || name.len() > 6 || !name.bytes().all(|b| b.is_ascii_digit()) {
            return Err(("an index is a number, from 0", HINT));
        }
        return Ok(after);
    }
    let value = rest.strip_prefix('=').filter(|_| !name.is_empty()).ok_or(OPEN)?;
    let end = part(value).ok_or(OPEN)?;
    value[end..].strip_prefix(']').ok_or(OPEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_paths_are_read_to_the_end() {
        for good in [
            "a",
            "image.tag",
            r#"spec.values."a.b"[0]"#,
            "list[0][12].x-y",
            r#""a b".c"#,
            "größe",
            "a[b=c].d",
            r#"a["b c"="d]"][0]"#,
        ] {
            assert!(key_path(good).is_ok(), "{good}");
        }
        for bad in [
            "", ".a", "a.", "a..b", r#"a."b"#, r#""""#, "a[", "a[]", "a[x]", "a]b", r#"a"b""#, "a[0]b",
            "a[b=c", "a[=c]", "a[b=c]d",
        ] {
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
