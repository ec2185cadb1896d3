//! dotenv: lines of `NAME=value`, with `export ` in front or not.
//!
//! There is no standard: shells, Compose, systemd and the libraries of several languages read such files, and
//! differ on escapes, `$`, `#` and values over lines. A value is edited only where all of them read the same:
//! plain words without quotes, text in `'`, and text in `"` without `\`, `$` and backquotes. Other lines may
//! hold more, as long as it is clear where they end. `#` starts a comment at the start of a line and behind a
//! blank.

use std::ops::Range;

use super::source::{Fault, position};
use super::{Document, MAX_VALUES, Place, Quote, not_editable};
use crate::key::{Key, Step};
use crate::refusal::Reason;

/// A dotenv file that was read.
pub(super) struct Dotenv<'d> {
    text: &'d str,
    entries: Vec<Entry<'d>>,
}

/// One assignment.
#[derive(Debug, PartialEq, Eq)]
struct Entry<'d> {
    name: &'d str,
    at: usize,
    /// Absent for a name alone, which takes its value from around.
    value: Option<Value<'d>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Value<'d> {
    range: Range<usize>,
    /// What is between the quotes.
    text: &'d str,
    quote: Quote,
    /// Why it cannot be edited: what it is, and what to do.
    flaw: Option<(&'static str, &'static str)>,
}

const LINE: &str = "a line is `NAME=value`, a comment that starts with `#`, or empty";
const UNQUOTED: &str = "put it in single quotes, or write it plainly";

impl<'d> Document<'d> for Dotenv<'d> {
    fn parse(text: &'d str) -> Result<Self, Fault> {
        let (mut entries, mut at) = (Vec::new(), 0);
        while at < text.len() {
            at += blanks(&text[at..]);
            let rest = line(&text[at..]);
            if rest.is_empty() || rest.starts_with('#') {
                at = next_line(text, at);
                continue;
            }
            if entries.len() == MAX_VALUES {
                return Err((Some(at), Reason::TooMany { what: "values", limit: MAX_VALUES }));
            }
            let (entry, end) = entry(text, at)?;
            entries.push(entry);
            at = next_line(text, end);
        }
        Ok(Self { text, entries })
    }

    fn find(&self, key: &Key) -> Result<Place, Fault> {
        let [Step::Name(name)] = key.steps() else {
            let advice = "write the one name, in double quotes where it holds a dot";
            return Err((None, not_editable(key, "is sought by a path, and dotenv has names only", advice)));
        };
        let found: Vec<&Entry<'_>> = self.entries.iter().filter(|entry| entry.name == name).collect();
        let Some(first) = found.first() else {
            let present = self.entries.iter().take(100).map(|entry| entry.name.to_owned()).collect();
            return Err((None, Reason::NoSuchKey { key: key.to_string(), deepest: String::new(), present }));
        };
        let mut places: Vec<usize> = found.iter().map(|entry| entry.at).chain(self.hidden(name)).collect();
        if places.len() > 1 {
            places.sort_unstable();
            let lines = places.iter().take(100).map(|at| position(self.text, *at).0).collect();
            return Err((Some(places[0]), Reason::SeveralValues { key: key.to_string(), lines }));
        }
        let refuse = |at, (is, advice)| Err((Some(at), not_editable(key, is, advice)));
        let Some(value) = &first.value else {
            return refuse(
                first.at,
                ("is taken from the environment", "write `=` and a value behind the name"),
            );
        };
        if let Some(flaw) = value.flaw {
            return refuse(value.range.start, flaw);
        }
        let (range, quote) = (value.range.clone(), value.quote);
        Ok(Place { text: value.text.to_owned(), range, quote, way: Vec::new() })
    }

    fn prove(self, after: &str, place: &Place, wanted: &str, token: &str) -> Result<(), String> {
        let after =
            Dotenv::parse(after).map_err(|(_, reason)| format!("the new text is refused: {reason}"))?;
        if self.entries.len() != after.entries.len() {
            return Err(String::from("another number of values"));
        }
        let new = place.range.start..place.range.start + token.len();
        let mut seen = 0;
        for (old, new_entry) in self.entries.iter().zip(&after.entries) {
            let same = match (&old.value, &new_entry.value) {
                (Some(was), Some(is)) if was.range == place.range => {
                    seen += 1;
                    let good = was.flaw.is_none() && is.flaw.is_none();
                    good && was.text == place.text && is.text == wanted && is.range == new
                }
                (Some(was), Some(is)) => (was.text, was.quote, was.flaw) == (is.text, is.quote, is.flaw),
                (None, None) => true,
                _ => false,
            };
            if !same || old.name != new_entry.name {
                return Err(String::from("a value reads otherwise than it should"));
            }
        }
        if seen == 1 { Ok(()) } else { Err(format!("the value was seen {seen} times")) }
    }
}

impl Dotenv<'_> {
    /// Where lines inside of a value over several lines look like an assignment of the name: a reader that
    /// goes line by line takes them for one.
    fn hidden(&self, name: &str) -> Vec<usize> {
        let mut hidden = Vec::new();
        for value in self.entries.iter().filter_map(|entry| entry.value.as_ref()) {
            let mut at = value.range.start;
            for (number, line) in self.text[value.range.clone()].split_inclusive('\n').enumerate() {
                let trimmed = line.trim_start().trim_start_matches("export").trim_start();
                let assigned =
                    trimmed.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='));
                if number > 0 && assigned {
                    hidden.push(at);
                }
                at += line.len();
            }
        }
        hidden
    }
}

/// The text of a new value in the quotes of the old one.
pub(super) fn render(quote: Quote, new: &str) -> Result<String, Reason> {
    let unfit = |rule| Reason::InvalidValue { what: "dotenv value", value: new.to_owned(), rule };
    let control = new.chars().any(char::is_control);
    match quote {
        _ if control => Err(unfit("control characters cannot stand in it")),
        Quote::Single | Quote::SingleLines(_) if new.contains('\'') || new.ends_with('\\') => {
            Err(unfit("`'` cannot stand in single quotes, nor `\\` at their end"))
        }
        Quote::Single | Quote::SingleLines(_) => Ok(format!("'{new}'")),
        Quote::Double | Quote::DoubleLines(_) if new.contains(['"', '\\', '$', '`']) => {
            Err(unfit("readers differ on `\"`, `\\`, `$` and backquotes; put the value in single quotes"))
        }
        Quote::Double | Quote::DoubleLines(_) => Ok(format!("\"{new}\"")),
        Quote::Bare if !new.chars().all(is_plain) => {
            Err(unfit("without quotes it may hold letters, digits and `._-/:@+,%=~^`; put it in quotes"))
        }
        Quote::Bare => Ok(new.to_owned()),
    }
}

/// What all readers take for itself outside of quotes.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-/:@+,%=~^".contains(c) || (!c.is_ascii() && c.is_alphanumeric())
}

/// The assignment that starts at the byte, and where it ends, before any comment.
fn entry(text: &str, at: usize) -> Result<(Entry<'_>, usize), Fault> {
    let invalid = |at, message: &str| {
        Err((Some(at), Reason::Invalid { format: "dotenv", message: message.to_owned() }))
    };
    let mut start = at;
    if let Some(rest) = text[at..].strip_prefix("export")
        && blanks(rest) > 0
        && !rest.trim_start_matches([' ', '\t']).starts_with('=')
    {
        start = text.len() - rest.len() + blanks(rest);
    }
    let rest = &text[start..];
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let length = rest.find(|c| !good(c)).unwrap_or(rest.len());
    let name = &rest[..length];
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return invalid(start, LINE);
    }
    let end = start + length + blanks(&rest[length..]);
    if line(&text[end..]).is_empty() {
        return Ok((Entry { name, at: start, value: None }, end));
    }
    if !text[end..].starts_with('=') {
        return invalid(end, LINE);
    }
    let from = end + 1 + blanks(&text[end + 1..]);
    let (value, end) = match text[from..].chars().next() {
        Some(quote @ ('\'' | '"' | '`')) => match quoted(text, from, quote) {
            Some(value) => value,
            None => return invalid(from, "the quote is not closed"),
        },
        _ => bare(text, end + 1),
    };
    if value.quote == Quote::Bare && line(&text[from..]).ends_with('\\') {
        return invalid(
            from,
            "a `\\` at the end of a line may or may not join it with the next; write one line",
        );
    }
    Ok((Entry { name, at: start, value: Some(value) }, end))
}

/// The value in quotes that starts at the byte.
fn quoted(text: &str, from: usize, quote: char) -> Option<(Value<'_>, usize)> {
    let mut end = None;
    let mut escaped = false;
    for (at, c) in text[from..].char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => {
                end = Some(from + at + 1);
                break;
            }
            _ => {}
        }
    }
    let end = end?;
    let inner = &text[from + 1..end - 1];
    let behind = line(&text[end..]);
    let clean = behind.trim_matches([' ', '\t']).is_empty()
        || (blanks(behind) > 0 && behind.trim_start_matches([' ', '\t']).starts_with('#'));
    let flaw = if !clean {
        Some(("has text behind its closing quote", "write one quoted text, and a blank before a comment"))
    } else if quote == '`' {
        Some(("is in backquotes, which shells run as a command", "put it in single quotes"))
    } else if inner.contains(['\n', '\r']) {
        Some(("goes over several lines", "write it on one line"))
    } else if quote == '"' && inner.contains(['$', '`']) {
        Some(("may refer to another variable (`$`)", "put it in single quotes, or write the value out"))
    } else if quote == '"' && inner.contains('\\') {
        Some(("has an escape, on which readers differ", "put it in single quotes, or write it plainly"))
    } else if quote == '\'' && inner.ends_with('\\') {
        Some(("ends in `\\`, on which readers differ", "write it without"))
    } else {
        None
    };
    let quote = if quote == '"' { Quote::Double } else { Quote::Single };
    Some((Value { range: from..end, text: inner, quote, flaw }, end))
}

/// The value without quotes behind the `=` that ends at the byte.
fn bare(text: &str, behind: usize) -> (Value<'_>, usize) {
    let rest = line(&text[behind..]);
    let lead = blanks(rest);
    // A comment: `#` behind a blank.
    let comment = rest
        .char_indices()
        .zip(rest.chars().skip(1))
        .find_map(|((at, c), next)| (matches!(c, ' ' | '\t') && next == '#').then_some(at));
    let whole = &rest[..comment.unwrap_or(rest.len())];
    let inner = whole.trim_matches([' ', '\t']);
    if inner.is_empty() {
        // What is written goes right behind the `=`.
        let value = Value { range: behind..behind, text: "", quote: Quote::Bare, flaw: None };
        return (value, behind);
    }
    let flaw = if inner.contains('$') {
        Some(("may refer to another variable (`$`)", "put it in single quotes, or write the value out"))
    } else if inner.contains('#') {
        Some(("holds a `#`, which some readers take for a comment", UNQUOTED))
    } else if inner.contains([' ', '\t']) {
        Some(("holds a blank, where some readers end it", UNQUOTED))
    } else if !inner.chars().all(is_plain) {
        Some(("holds a character that some readers take for more", UNQUOTED))
    } else {
        None
    };
    let start = behind + lead;
    let end = start + inner.len();
    (Value { range: start..end, text: inner, quote: Quote::Bare, flaw }, end)
}

/// How many blanks the text starts with.
fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// The text up to the end of its first line.
fn line(text: &str) -> &str {
    let line = &text[..text.find('\n').unwrap_or(text.len())];
    line.strip_suffix('\r').unwrap_or(line)
}

fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}
