//! Values at a key path in formats other than YAML: TOML, dotenv, HCL; and whatever a pattern finds.
//!
//! One file per format. A format reads a text into a document that knows the bytes of its values, finds the
//! value at a [`Key`], says how a new value is written in the style of the old one, and compares two
//! documents. All else (bounds, characters, the splice, the proof) stands here, once.
//!
//! Promises:
//! - only the bytes of one value change; a byte order mark, line ends and a missing last newline stay;
//! - its type and its quotes stay; what is not a plain string is refused with what to do;
//! - every edit is proven: both texts are parsed, and their whole decoded structures must be the same but for
//!   that one value, which must read as wanted ([`Reason::ProofFailed`] otherwise);
//! - a value that is as wanted already stays byte for byte;
//! - hostile input ends in a refusal: size, depth and number are bounded before a parser sees the text.

mod dotenv;
mod hcl;
mod hcl_bounds;
mod regex;
mod source;
mod toml;

use std::ops::Range;

use crate::key::Key;
use crate::refusal::{Reason, Refusal};

pub use self::regex::{Holds, MAX_PATTERN_BYTES, Pattern};
use source::{Fault, Source};

/// The deepest nesting, in levels. Below what the parsers of TOML (80) and HCL (64) take, and small enough
/// that a tree of it can be walked on any stack.
pub const MAX_DEPTH: usize = 60;
/// The most values of a TOML or dotenv file.
pub const MAX_VALUES: usize = 100_000;

/// A format whose values have key paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// TOML 1.0 and 1.1.
    Toml,
    /// Lines of `NAME=value`, as shells and Compose read them.
    Dotenv,
    /// HCL 2, as Terraform and OpenTofu write it.
    Hcl,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// Without quotes.
    Bare,
    /// In `'`.
    Single,
    /// In `"`.
    Double,
    /// In `'''` with these line ends right behind it, which are no part of the value.
    SingleLines(&'static str),
    /// In `"""` with these line ends right behind it, which are no part of the value.
    DoubleLines(&'static str),
}

/// A value that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The value; quotes and escapes undone.
    pub text: String,
    /// Its bytes in the file, quotes among them.
    pub range: Range<usize>,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
    /// The key; for a pattern the name of its group.
    pub path: String,
    /// How it is written.
    pub quote: Quote,
}

/// A file with one value set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The whole file; the bytes that came in where the value was as wanted.
    pub bytes: Vec<u8>,
    /// Whether a byte changed.
    pub changed: bool,
    /// The value before.
    pub before: String,
    /// Its line, from 1, the same before and after.
    pub line: usize,
}

impl Format {
    /// The format of a file by its path, with `/` between folders; `None` where the name does not tell.
    #[must_use]
    pub fn detect(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?;
        let ends = |end: &str| name.len() > end.len() && name.ends_with(end);
        if ends(".toml") {
            Some(Self::Toml)
        } else if name == ".env" || name.starts_with(".env.") || ends(".env") {
            Some(Self::Dotenv)
        } else if [".tf", ".tfvars", ".tofu", ".hcl"].into_iter().any(ends) {
            Some(Self::Hcl)
        } else {
            None
        }
    }

    /// The value at the key.
    ///
    /// # Errors
    /// A [`Refusal`] where the file cannot be read for sure, where nothing or more than one value stands at
    /// the key, or where the value is one that cannot be edited.
    pub fn find(self, bytes: &[u8], key: &Key) -> Result<Found, Refusal> {
        let source = Source::new(bytes, self.name())?;
        match self {
            Self::Toml => look::<toml::Toml<'_>>(&source, key).map(|(_, place)| place),
            Self::Dotenv => look::<dotenv::Dotenv<'_>>(&source, key).map(|(_, place)| place),
            Self::Hcl => look::<hcl::Hcl<'_>>(&source, key).map(|(_, place)| place),
        }
        .map(|place| source.found(place, key.to_string()))
        .map_err(|fault| source.refusal(fault))
    }

    /// The new value as it is to stand in the file, in the style of the old one.
    ///
    /// # Errors
    /// [`Reason::InvalidValue`] where that style cannot hold the value.
    pub fn render(self, found: &Found, new: &str) -> Result<String, Refusal> {
        let at = (found.line, found.column);
        self.text(found.quote, new).map_err(|reason| Refusal::at(at, reason))
    }

    /// Gives the value at the key another text, and proves that nothing else changed.
    ///
    /// # Errors
    /// As [`Format::find`] and [`Format::render`]; [`Reason::ProofFailed`] where the edit would change more.
    pub fn set(self, bytes: &[u8], key: &Key, wanted: &str) -> Result<Written, Refusal> {
        match self {
            Self::Toml => self.write::<toml::Toml<'_>>(bytes, key, wanted),
            Self::Dotenv => self.write::<dotenv::Dotenv<'_>>(bytes, key, wanted),
            Self::Hcl => self.write::<hcl::Hcl<'_>>(bytes, key, wanted),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Toml => "TOML",
            Self::Dotenv => "dotenv",
            Self::Hcl => "HCL",
        }
    }

    fn text(self, quote: Quote, new: &str) -> Result<String, Reason> {
        match self {
            Self::Toml => toml::render(quote, new),
            Self::Dotenv => dotenv::render(quote, new),
            Self::Hcl => Ok(hcl::render(new)),
        }
    }

    fn write<'d, D: Document<'d>>(
        self,
        bytes: &'d [u8],
        key: &Key,
        wanted: &str,
    ) -> Result<Written, Refusal> {
        let source = Source::new(bytes, self.name())?;
        let refuse = |fault| source.refusal(fault);
        let (document, place) = look::<D>(&source, key).map_err(refuse)?;
        if place.text == wanted {
            return Ok(source.kept(&place));
        }
        let text =
            self.text(place.quote, wanted).map_err(|reason| refuse((Some(place.range.start), reason)))?;
        let written = source.splice(&place, &text);
        let fail = |detail: String| refuse((Some(place.range.start), Reason::ProofFailed { detail }));
        // The new file is held to the same bounds as the old one.
        let after = Source::new(&written.bytes, self.name())?;
        D::prove(document, after.text, &place, wanted, &text).map_err(fail)?;
        Ok(written)
    }
}

/// A value and its bytes in the text.
#[derive(Debug, Clone)]
struct Place {
    text: String,
    range: Range<usize>,
    quote: Quote,
    /// The places on the way to it, where the format needs them for its proof.
    way: Vec<usize>,
}

/// A text of one format, read.
trait Document<'d>: Sized {
    /// Reads a text that is known to be bounded and free of control characters.
    fn parse(text: &'d str) -> Result<Self, Fault>;

    /// The one value at the key.
    fn find(&self, key: &Key) -> Result<Place, Fault>;

    /// Proves that the text `after` means the same as this document but for the value at `place`, which
    /// reads `wanted` and is written as `token`; else says what differs.
    fn prove(self, after: &str, place: &Place, wanted: &str, token: &str) -> Result<(), String>;
}

fn look<'d, D: Document<'d>>(source: &Source<'d>, key: &Key) -> Result<(D, Place), Fault> {
    if key.document().is_some_and(|number| number != 1) {
        return Err((
            None,
            not_editable(key, "is sought in a later document", "leave out `#` and the number"),
        ));
    }
    let document = D::parse(source.text)?;
    let place = document.find(key)?;
    if place.text.contains("{{") {
        let advice = "name the file that the template is rendered with instead";
        return Err((Some(place.range.start), not_editable(key, "is a template (`{{`)", advice)));
    }
    Ok((document, place))
}

fn not_editable(key: &Key, is: &'static str, advice: &'static str) -> Reason {
    Reason::NotEditable { key: key.to_string(), is, advice }
}
