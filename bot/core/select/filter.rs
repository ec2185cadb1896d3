//! `filter` and `extract`: which tags count, and which part of them is compared.
//!
//! The expression comes from a repository that many people write to, so its size is bounded; the `regex`
//! crate matches in linear time, so no tag can make it slow. Tags are ASCII, so `\w` and `.` mean ASCII too,
//! which keeps compiled filters small.

use std::fmt::Write as _;

use regex::bytes::{Regex, RegexBuilder};

use super::SelectError;

/// The most characters of a filter or an extract.
const LONGEST: usize = 1000;
/// The most memory of a compiled filter, in bytes.
const LARGEST: usize = 256 << 10;

/// A compiled filter with what is made of its groups.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    expression: Regex,
    /// Empty: the whole tag.
    template: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Group(usize),
}

impl Filter {
    pub(super) fn compile(filter: &str, extract: Option<&str>) -> Result<Self, SelectError> {
        if filter.chars().count() > LONGEST {
            return Err(SelectError::new("filter", format!("longer than {LONGEST} characters")));
        }
        let expression = RegexBuilder::new(filter)
            .unicode(false)
            .size_limit(LARGEST)
            .dfa_size_limit(LARGEST)
            .nest_limit(50)
            .build()
            .map_err(|error| SelectError::new("filter", regex_error(&error)))?;
        let template = match extract {
            None => Vec::new(),
            Some(extract) => template(extract, &expression)?,
        };
        Ok(Self { expression, template })
    }

    /// Whether the filter finds itself in the tag. It isn't anchored: `^…$` is the author's business.
    pub(super) fn matches(&self, tag: &str) -> bool {
        self.expression.is_match(tag.as_bytes())
    }

    /// Whether there is an `extract`.
    pub(super) fn extracts(&self) -> bool {
        !self.template.is_empty()
    }

    /// What is compared of this tag: `None` where the filter doesn't match or the extract comes out empty.
    pub(super) fn extract(&self, tag: &str) -> Option<String> {
        if !self.extracts() {
            return self.matches(tag).then(|| tag.to_owned());
        }
        let groups = self.expression.captures(tag.as_bytes())?;
        let mut text = String::new();
        for part in &self.template {
            match part {
                Part::Text(own) => text.push_str(own),
                Part::Group(index) => {
                    // Tags are ASCII, so no group can cut a character.
                    let group =
                        groups.get(*index).and_then(|group| std::str::from_utf8(group.as_bytes()).ok());
                    text.push_str(group.unwrap_or_default());
                }
            }
        }
        (!text.is_empty()).then_some(text)
    }
}

/// Reads `$name`, `${name}`, `$1`, `${1}` and `$$`, and refuses groups that the filter hasn't.
fn template(extract: &str, expression: &Regex) -> Result<Vec<Part>, SelectError> {
    let error = |message: String| SelectError::new("extract", message);
    if extract.is_empty() || extract.chars().count() > LONGEST {
        return Err(error(format!("must have 1 to {LONGEST} characters")));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut parts = Vec::new();
    let mut rest = extract;
    while let Some(dollar) = rest.find('$') {
        if dollar > 0 {
            parts.push(Part::Text(rest[..dollar].to_owned()));
        }
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            parts.push(Part::Text("$".into()));
            rest = after;
            continue;
        }
        let (name, after) = match rest.strip_prefix('{') {
            Some(braced) => braced.split_once('}').ok_or_else(|| error("`${` without `}`".into()))?,
            None => rest.split_at(rest.find(|c| !word(c)).unwrap_or(rest.len())),
        };
        if name.is_empty() {
            return Err(error("`$` without a group's name".into()).hint("write `$$` for a dollar sign"));
        }
        parts.push(Part::Group(group(name, expression)?));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    if !parts.iter().any(|part| matches!(part, Part::Group(_))) {
        return Err(error("names no group of the filter, so all tags would be equal".into())
            .hint("write `$name` or `${1}`"));
    }
    Ok(parts)
}

/// The group's number, or an error that lists the groups there are.
fn group(name: &str, expression: &Regex) -> Result<usize, SelectError> {
    let number = name.parse::<usize>().ok().filter(|number| *number < expression.captures_len());
    let named = expression.capture_names().position(|own| own == Some(name));
    if let Some(index) = number.or(named) {
        return Ok(index);
    }
    let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
    let mut known = String::new();
    for (index, name) in expression.capture_names().enumerate().skip(1).take(20) {
        let _ = match name {
            Some(name) => write!(known, " ${name}"),
            None => write!(known, " ${{{index}}}"),
        };
    }
    let error = SelectError::new("extract", format!("the filter has no group `{shown}`"));
    Err(match known.as_str() {
        "" => error.hint("put the part to compare in brackets in the filter: `^main-(?P<build>[0-9]+)$`"),
        known => error.hint(format!("it has:{known}")),
    })
}

/// The regex crate draws its errors over several lines; here one is wanted.
/// What is wrong with a regular expression, in one line.
pub(crate) fn regex_error(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the expression is too large once compiled".into(),
        other => {
            let text = other.to_string();
            let line = text.lines().last().unwrap_or_default().trim();
            let line = line.strip_prefix("error: ").unwrap_or(line);
            format!("not a regular expression: {}", line.chars().take(200).collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extracted(filter: &str, extract: &str, tag: &str) -> Option<String> {
        Filter::compile(filter, Some(extract)).unwrap().extract(tag)
    }

    #[test]
    fn groups_make_the_text() {
        assert_eq!(extracted("^main-([0-9]+)-", "$1", "main-42-abc").as_deref(), Some("42"));
        assert_eq!(extracted("^v(?P<v>.+)$", "$v", "v1.2").as_deref(), Some("1.2"));
        assert_eq!(extracted("(a)(b)", "${2}-${1}", "ab").as_deref(), Some("b-a"));
        assert_eq!(extracted("(a)(b)?", "$2", "a"), None);
        assert_eq!(extracted("(a)", "$1", "b"), None);
        assert_eq!(extracted("(a)", "$$$1", "a").as_deref(), Some("$a"));
    }

    #[test]
    fn mistakes_are_found_at_compile_time() {
        for (filter, extract, key, part) in [
            ("(", "$1", "filter", "unclosed group"),
            ("a{1000}{1000}", "$1", "filter", "too large"),
            ("(a)", "$2", "extract", "no group `2`"),
            ("(a)(b)", "$1_$2", "extract", "no group `1_`"),
            ("(a)", "${1", "extract", "without `}`"),
            ("(a)", "$", "extract", "without a group"),
            ("(a)", "x", "extract", "names no group"),
            ("(a)", "", "extract", "must have"),
        ] {
            let error = Filter::compile(filter, Some(extract)).unwrap_err();
            assert_eq!(error.key, key);
            assert!(error.message.contains(part), "{}", error.message);
        }
        assert!(Filter::compile(&"a".repeat(2000), None).is_err());
        assert!(Filter::compile(&format!("{}a{}", "(".repeat(100), ")".repeat(100)), None).is_err());
    }
}
