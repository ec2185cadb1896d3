//! An entry as Gantry writes it.

use std::fmt::Write;

use gantry_core::facts::Rejected;

use super::MAX_TEXT;

/// What a new file begins with.
pub(super) const HEADER: &str = "\
# Releases that are not promoted into an environment, because somebody rejected them there.
# Gantry adds an entry for each proposal that a person closes or rejects. Removing an entry, in a commit or by a
# pull request, lifts the rejection. Only this file on the default branch counts.
version: 1
rejections:
";

/// The lines of an entry. `indent` stands before the dash and `gap` behind it; each line ends with `end`.
pub(super) fn lines(entry: &Rejected, indent: &str, gap: &str, end: &str) -> String {
    let Rejected { place, rejection } = entry;
    let mut out = String::new();
    let mut first = true;
    let mut line = |key: &str, value: &str| {
        let lead = if first { format!("-{gap}") } else { " ".repeat(gap.len() + 1) };
        first = false;
        // Writing to a `String` does not fail.
        let _ = write!(out, "{indent}{lead}{key}: {value}{end}");
    };
    line("application", &name(place.application.as_str()));
    line("environment", &name(place.environment.as_str()));
    line("release", &quoted(rejection.release.as_str()));
    line("version", &quoted(&rejection.version));
    line("by", &quoted(&rejection.by));
    line("at", &quoted(&rejection.at.to_string()));
    if !rejection.reason.trim().is_empty() {
        line("reason", &quoted(&rejection.reason));
    }
    if let Some(proposal) = rejection.proposal {
        line("proposal", &proposal.0.to_string());
    }
    out
}

/// A text as it is kept: one line, without control characters and not too long.
pub(super) fn kept(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .take(MAX_TEXT)
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// In double quotes, so that no reader takes it for a number, a date or anything else.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in kept(text).chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// A name that every reader takes for a text stands without quotes.
fn name(text: &str) -> String {
    let word = text.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text);
    if word { text.to_owned() } else { quoted(text) }
}
