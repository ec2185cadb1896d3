//! An error in `gantry.yaml`: where, which key, what, and what to write instead.

use std::fmt;

use serde::Serialize;

/// A mistake in a config. Its owner, the team, must act; until then the last good config stays in force
/// (promise 10).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ConfigError {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key path, for instance `environments[1].after`; empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that can be said.
    pub hint: Option<String>,
}

impl fmt::Display for ConfigError {
    /// `gantry.yaml:12:7: environments[1].after: …`, without the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, key, message, hint: _ } = self;
        write!(f, "{file}:{line}:{column}: ")?;
        if !key.is_empty() {
            write!(f, "{key}: ")?;
        }
        f.write_str(message)
    }
}

impl std::error::Error for ConfigError {}

/// A line and a column, both from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// An error before the file's name is added.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// The most problems that are reported of one file.
const MOST: usize = 100;

/// In the order of the file, each once, and not more than anyone reads.
pub(super) fn report(file: &str, mut problems: Vec<Problem>) -> Vec<ConfigError> {
    problems.sort_by(|a, b| (a.place, &a.key, &a.message).cmp(&(b.place, &b.key, &b.message)));
    problems.dedup();
    let more = problems.len().saturating_sub(MOST);
    if more > 0 {
        problems.truncate(MOST);
        if let Some(last) = problems.last_mut() {
            last.hint = Some(format!("{more} more problems are not shown"));
        }
    }
    let own = |Problem { place, key, message, hint }| {
        let Place { line, column } = place;
        ConfigError { file: file.to_owned(), line, column, key, message, hint }
    };
    problems.into_iter().map(own).collect()
}

/// Text from outside, quoted, without control characters and cut to 80 characters.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// `did you mean …?` for the nearest of the known words, if one is near enough: it differs in a third of
/// its letters at most (two in a short word), or one begins with the other (`descending`, `desc`).
pub(super) fn did_you_mean<'w>(text: &str, known: impl IntoIterator<Item = &'w str>) -> Option<String> {
    if text.chars().count() > 100 {
        return None;
    }
    let wanted = text.to_lowercase();
    let distance = |word: &str| {
        let word = word.to_lowercase();
        let shorter = wanted.len().min(word.len());
        if shorter >= 3 && (wanted.starts_with(&word) || word.starts_with(&wanted)) {
            return Some(1);
        }
        let longer = wanted.chars().count().max(word.chars().count());
        let most = (longer / 3).max(if longer >= 4 { 2 } else { 1 });
        Some(strsim::damerau_levenshtein(&wanted, &word)).filter(|distance| *distance <= most)
    };
    let near = known.into_iter().filter_map(|word| Some((distance(word)?, word)));
    let (_, word) = near.min_by_key(|(distance, _)| *distance)?;
    Some(format!("did you mean {}?", quoted(word)))
}

/// What to do about a key that is not among the known ones.
pub(super) fn unknown_key(text: &str, known: &[&str]) -> String {
    let near = did_you_mean(text, known.iter().copied());
    near.unwrap_or_else(|| format!("known here are {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_proposed() {
        let known = ["environments", "applications", "version"];
        assert_eq!(did_you_mean("enviroments", known).as_deref(), Some("did you mean `environments`?"));
        assert_eq!(did_you_mean("Version", known).as_deref(), Some("did you mean `version`?"));
        assert_eq!(did_you_mean("automatic", ["auto", "manual"]).as_deref(), Some("did you mean `auto`?"));
        assert_eq!(did_you_mean("soke", ["soak", "checks"]).as_deref(), Some("did you mean `soak`?"));
        assert_eq!(did_you_mean("images", known), None);
        assert_eq!(did_you_mean(&"x".repeat(1_000_000), known), None);
    }

    #[test]
    fn shown_text_is_short_and_has_no_control_characters() {
        assert_eq!(quoted("a\u{1b}[1m\n"), "`a\\u{1b}[1m\\n`");
        assert!(quoted(&"x".repeat(5000)).chars().count() < 90);
    }

    #[test]
    fn a_hundred_problems_are_enough() {
        let problem = |line| Problem {
            place: Place { line, column: 1 },
            key: "k".into(),
            message: "m".into(),
            hint: None,
        };
        let errors = report("f", (1..=250).rev().map(problem).collect());
        assert_eq!((errors.len(), errors[0].line), (100, 1));
        assert_eq!(errors[99].hint.as_deref(), Some("150 more problems are not shown"));
    }
}
