//! Finding the names in a path that a pattern means.
//!
//! Linear in the path: where one name is sought, its beginning and end are compared; else a regular expression
//! is, in which of two names in one part of a path the first is as long as it can be.

use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};

use super::{APPLICATION, Part, Pattern, of_application};
use crate::config::found::Parts;

/// The most memory of an expression, in bytes.
const LARGEST: usize = 1 << 20;

/// A pattern in one environment, to be compared with paths.
pub(in crate::config) struct Finder {
    /// What a path begins and ends with.
    before: String,
    after: String,
    /// Where the names stand in between, unless that is the application's alone.
    between: Option<Between>,
}

struct Between {
    expression: Regex,
    /// The name of each group.
    names: Vec<String>,
}

impl Pattern {
    /// The finder of its paths in an environment; none for a pattern that can't be one.
    pub(in crate::config) fn finder(&self, environment: &str) -> Option<Finder> {
        let texts: Vec<Part> = self.0.iter().fold(Vec::new(), |mut texts, part| {
            let part = match part {
                Part::Environment => Part::Text(environment.to_owned()),
                part => part.clone(),
            };
            match (texts.last_mut(), part) {
                (Some(Part::Text(before)), Part::Text(own)) => before.push_str(&own),
                (_, part) => texts.push(part),
            }
            texts
        });
        let text = |part: Option<&Part>| match part {
            Some(Part::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let before = text(texts.first());
        let mut after = text(texts.last().filter(|_| texts.len() > 1));
        if let [.., Part::Deep, _] = texts.as_slice() {
            // No folder at all is fine too.
            after = after.trim_start_matches('/').to_owned();
        }
        let own: Vec<&Part> = texts.iter().filter(|part| !matches!(part, Part::Text(_))).collect();
        let between = match own.as_slice() {
            [Part::Named(name)] if name == APPLICATION => None,
            _ => Some(Between::of(&texts)?),
        };
        Some(Finder { before, after, between })
    }
}

impl Between {
    fn of(parts: &[Part]) -> Option<Self> {
        let (mut text, mut names) = (String::from("^"), Vec::new());
        // What follows `**/` is the next folder or the file.
        let mut behind_deep = false;
        for (at, part) in parts.iter().enumerate() {
            match part {
                Part::Text(own) => {
                    let own = if behind_deep { own.strip_prefix('/').unwrap_or(own) } else { own };
                    text.push_str(&regex::escape(own));
                }
                Part::Named(name) => {
                    names.push(name.clone());
                    text.push_str("([^/]+)");
                }
                Part::Environment => {}
                Part::Star => text.push_str("[^/]*"),
                Part::Deep if at + 1 == parts.len() => text.push_str(".+"),
                Part::Deep => text.push_str("(?:[^/]+/)*"),
            }
            behind_deep = *part == Part::Deep;
        }
        let _ = write!(text, "$");
        let expression =
            RegexBuilder::new(&text).size_limit(LARGEST).dot_matches_new_line(true).build().ok()?;
        Some(Self { expression, names })
    }
}

impl Finder {
    /// What its names are in the path, if the path is one that it means.
    pub(in crate::config) fn find(&self, path: &str) -> Option<Parts> {
        let inner = path.strip_prefix(self.before.as_str())?;
        let Some(between) = &self.between else {
            let name = inner.strip_suffix(self.after.as_str())?;
            return (!name.is_empty() && !name.contains('/')).then(|| of_application(name));
        };
        if !inner.ends_with(self.after.as_str()) {
            return None;
        }
        let found = between.expression.captures(path)?;
        let mut parts = Parts::new();
        for (group, name) in between.names.iter().enumerate() {
            let value = found.get(group + 1)?.as_str();
            // A name that stands twice has to be the same in both places.
            if parts.insert(name.clone(), value.to_owned()).is_some_and(|before| before != value) {
                return None;
            }
        }
        Some(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pattern: &str, environment: &str, path: &str) -> Option<String> {
        let parts = Pattern::path(pattern).unwrap().finder(environment).unwrap().find(path)?;
        Some(parts.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn names_are_found_in_paths() {
        for (pattern, path, wanted) in [
            ("apps/{application}/{environment}/k.yaml", "apps/shop/qa/k.yaml", Some("application=shop")),
            ("apps/{application}/{environment}/k.yaml", "apps/a/b/qa/k.yaml", None),
            ("apps/{application}/{environment}/k.yaml", "apps//qa/k.yaml", None),
            ("{application}", "shop", Some("application=shop")),
            ("{application}", "a/shop", None),
            (
                "{team}/{application}/{application}.yaml",
                "red/shop/shop.yaml",
                Some("application=shop team=red"),
            ),
            ("{team}/{application}/{application}.yaml", "red/shop/other.yaml", None),
            ("{application}/{environment}/*/k.yaml", "shop/qa/eu-01/k.yaml", Some("application=shop")),
            ("{application}/{environment}/*/k.yaml", "shop/qa/eu/01/k.yaml", None),
            ("{application}/{environment}/eu-*/k.yaml", "shop/qa/us-1/k.yaml", None),
            ("{application}/**/{environment}.yaml", "shop/qa.yaml", Some("application=shop")),
            ("{application}/**/{environment}.yaml", "shop/a/b/qa.yaml", Some("application=shop")),
            ("{application}/{environment}/**", "shop/qa/a/b.yaml", Some("application=shop")),
            ("{application}/{environment}/**", "shop/qa", None),
            ("**/{application}-{environment}.yaml", "a/b/my-shop-qa.yaml", Some("application=my-shop")),
            ("{team}-{application}/{environment}.y", "a-b-c/qa.y", Some("application=c team=a-b")),
            ("**/{application}/k.yaml", "shop/k.yaml", Some("application=shop")),
            ("{application}/**/k.yaml", "shop/k.yaml", Some("application=shop")),
            ("a.b/{team}/{application}/{environment}", "aXb/t/a/qa", None),
        ] {
            assert_eq!(find(pattern, "qa", path).as_deref(), wanted, "{pattern} {path}");
        }
    }

    #[test]
    fn a_hostile_pattern_is_bounded() {
        let pattern = format!("{}b/{{application}}", "*a".repeat(19));
        let path = format!("{}/c", "a".repeat(4_000));
        assert_eq!(find(&pattern, "qa", &path), None);
        let pattern = format!("{}{{application}}", "**/".repeat(19));
        assert!(find(&pattern, "qa", &format!("{}x", "a/".repeat(2_000))).is_some());
    }
}
