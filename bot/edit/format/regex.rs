//! Whatever a pattern finds: a regular expression with one named group, for files of no other kind.
//!
//! The group's name says what it holds: `(?P<tag>...)`, `(?P<digest>...)` or `(?P<image>...)`. The pattern must
//! match exactly once in the file. Lines are told apart as the pattern says (`(?m)` for `^` and `$` at each).
//!
//! What is proven: the pattern matches the new text exactly once too, with the new value at the same place.
//! What the value means to the reader of the file is not known here; that is the pattern's author's part.

use ::regex::{Regex, RegexBuilder};

use super::source::{Fault, Source};
use super::{Found, Place, Quote, Written};
use crate::refusal::{Reason, Refusal};

/// The longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 1_024;
/// The largest compiled pattern and the largest text that is searched, in bytes. A search takes at worst the
/// product of the two, which these keep to seconds. `\w` is large, since it knows the letters of all scripts:
/// a hundred in a row are too many, and a hundred `[A-Za-z0-9_]` are not.
const COMPILED: usize = 1 << 20;
/// See [`COMPILED`].
const MAX_TEXT: usize = 1 << 20;
/// How much memory a search may use for its states, in bytes.
const STATES: usize = 8 << 20;
/// How many matches are looked at before the search ends.
const MAX_MATCHES: usize = 6;

const GROUP: &str = "it needs exactly one named group, `(?P<tag>...)`, `(?P<digest>...)` or `(?P<image>...)`";
const VALUE: &str = "a value that a pattern finds is on one line, without control characters";

/// What a value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holds {
    /// An image with its tag, digest or both: `NAME[:TAG][@DIGEST]`.
    Whole,
    /// A tag.
    Tag,
    /// A digest.
    Digest,
}

/// A regular expression with one named group.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    group: &'static str,
    holds: Holds,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`Reason::Pattern`] with the rule that it breaks.
    pub fn new(pattern: &str) -> Result<Self, Refusal> {
        let refuse = |rule: String| Err(Refusal::whole(Reason::Pattern { rule }));
        if pattern.len() > MAX_PATTERN_BYTES {
            return refuse(format!("it has {} bytes and the limit is {MAX_PATTERN_BYTES}", pattern.len()));
        }
        let built =
            RegexBuilder::new(pattern).size_limit(COMPILED).dfa_size_limit(STATES).nest_limit(32).build();
        let regex = match built {
            Ok(regex) => regex,
            Err(::regex::Error::CompiledTooBig(limit)) => {
                let advice = "repeat less often, and write `[A-Za-z0-9_]` for a repeated `\\w`";
                return refuse(format!("compiled it is larger than {limit} bytes; {advice}"));
            }
            Err(error) => {
                // The last line of a syntax error is the rule; those before it draw the pattern.
                let message = error.to_string();
                let last = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
                return refuse(last.chars().take(200).collect());
            }
        };
        let names: Vec<&str> = regex.capture_names().flatten().collect();
        let (group, holds) = match names.as_slice() {
            ["tag"] => ("tag", Holds::Tag),
            ["digest"] => ("digest", Holds::Digest),
            ["image"] => ("image", Holds::Whole),
            _ => return refuse(GROUP.to_owned()),
        };
        Ok(Self { regex, group, holds })
    }

    /// What the value is, by the name of the group.
    #[must_use]
    pub fn holds(&self) -> Holds {
        self.holds
    }

    /// The one value that the pattern finds.
    ///
    /// # Errors
    /// A [`Refusal`] where the file is not text, or where the pattern does not match exactly once.
    pub fn find(&self, bytes: &[u8]) -> Result<Found, Refusal> {
        let source = Source::new(bytes, "text")?;
        let place = self.place(&source).map_err(|fault| source.refusal(fault))?;
        Ok(source.found(place, self.group.to_owned()))
    }

    /// The new value as it is to stand in the file: as it is.
    ///
    /// # Errors
    /// [`Reason::InvalidValue`] for control characters.
    pub fn render(&self, found: &Found, new: &str) -> Result<String, Refusal> {
        text(new).map_err(|reason| Refusal::at((found.line, found.column), reason))
    }

    /// Gives the value another text, and proves that the pattern finds that and nothing else.
    ///
    /// # Errors
    /// As [`Pattern::find`] and [`Pattern::render`]; [`Reason::ProofFailed`] where the pattern does not find
    /// the new value exactly once at the same place.
    pub fn set(&self, bytes: &[u8], wanted: &str) -> Result<Written, Refusal> {
        let source = Source::new(bytes, "text")?;
        let refuse = |fault| source.refusal(fault);
        let place = self.place(&source).map_err(refuse)?;
        if place.text == wanted {
            return Ok(source.kept(&place));
        }
        let token = text(wanted).map_err(|reason| refuse((Some(place.range.start), reason)))?;
        let written = source.splice(&place, &token);
        let after = Source::new(&written.bytes, "text")?;
        let fail = |detail: &str| {
            refuse((Some(place.range.start), Reason::ProofFailed { detail: detail.to_owned() }))
        };
        let found =
            self.place(&after).map_err(|_| fail("the pattern does not find the new value exactly once"))?;
        let start = place.range.start;
        if found.text == wanted && found.range == (start..start + token.len()) {
            Ok(written)
        } else {
            Err(fail("the pattern finds another value afterwards"))
        }
    }

    fn place(&self, source: &Source<'_>) -> Result<Place, Fault> {
        if source.text.len() > MAX_TEXT {
            return Err((None, Reason::TooLarge { bytes: source.text.len(), limit: MAX_TEXT }));
        }
        let matches: Vec<_> = self.regex.captures_iter(source.text).take(MAX_MATCHES).collect();
        let path = || self.group.to_owned();
        let captures = match matches.as_slice() {
            [one] => one,
            [] => {
                let rule =
                    String::from("it matches nothing in the file; `(?m)` lets `^` and `$` match at lines");
                return Err((None, Reason::Pattern { rule }));
            }
            several => {
                let starts = several.iter().filter_map(|found| Some(found.get(0)?.start()));
                let lines = starts.map(|at| source.position(at).0).collect();
                let first = several.first().and_then(|found| Some(found.get(0)?.start()));
                return Err((first, Reason::SeveralValues { key: path(), lines }));
            }
        };
        let start = captures.get(0).map(|whole| whole.start());
        let Some(value) = captures.name(self.group) else {
            let rule = format!("its group `{}` has no part in the match", self.group);
            return Err((start, Reason::Pattern { rule }));
        };
        if value.as_str().contains(char::is_control) {
            let (is, advice) = ("goes over several lines", "let the group end at the line's end");
            return Err((Some(value.start()), Reason::NotEditable { key: path(), is, advice }));
        }
        Ok(Place {
            text: value.as_str().to_owned(),
            range: value.range(),
            quote: Quote::Bare,
            way: Vec::new(),
        })
    }
}

fn text(new: &str) -> Result<String, Reason> {
    if new.contains(char::is_control) {
        return Err(Reason::InvalidValue { what: "value", value: new.to_owned(), rule: VALUE });
    }
    Ok(new.to_owned())
}
