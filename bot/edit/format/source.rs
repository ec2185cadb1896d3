//! A file's bytes as text: the bounds that hold for every format, places, and the splice.

use super::{Found, Place, Written};
use crate::MAX_BYTES;
use crate::refusal::{Reason, Refusal};

/// A reason and the byte of the text that it is about, if there is one.
pub(super) type Fault = (Option<usize>, Reason);

const BOM: &str = "\u{feff}";

/// A file that is text.
#[derive(Debug)]
pub(super) struct Source<'a> {
    bytes: &'a [u8],
    /// The text without a byte order mark.
    pub(super) text: &'a str,
    bom: usize,
}

impl<'a> Source<'a> {
    /// Refuses what is too large, not UTF-8, or has control characters other than tab, LF and CRLF.
    pub(super) fn new(bytes: &'a [u8], format: &'static str) -> Result<Self, Refusal> {
        if bytes.len() > MAX_BYTES {
            return Err(Refusal::whole(Reason::TooLarge { bytes: bytes.len(), limit: MAX_BYTES }));
        }
        let whole = match std::str::from_utf8(bytes) {
            Ok(whole) => whole,
            Err(error) => {
                let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                return Err(Refusal::at(position(&before, before.len()), Reason::NotUtf8));
            }
        };
        let text = whole.strip_prefix(BOM).unwrap_or(whole);
        let source = Self { bytes, text, bom: whole.len() - text.len() };
        let mut rest = text.bytes().enumerate().peekable();
        while let Some((at, byte)) = rest.next() {
            let line_end = byte == b'\n' || (byte == b'\r' && rest.peek().is_some_and(|(_, b)| *b == b'\n'));
            if byte.is_ascii_control() && byte != b'\t' && !line_end {
                let message = format!("control character 0x{byte:02x} is not allowed");
                return Err(source.refusal((Some(at), Reason::Invalid { format, message })));
            }
        }
        Ok(source)
    }

    /// The line and the column in characters of a byte, both from 1.
    pub(super) fn position(&self, at: usize) -> (usize, usize) {
        position(self.text, at)
    }

    pub(super) fn refusal(&self, (at, reason): Fault) -> Refusal {
        match at {
            Some(at) => Refusal::at(self.position(at), reason),
            None => Refusal::whole(reason),
        }
    }

    pub(super) fn found(&self, place: Place, path: String) -> Found {
        let (line, column) = self.position(place.range.start);
        let range = place.range.start + self.bom..place.range.end + self.bom;
        Found { text: place.text, range, line, column, path, quote: place.quote }
    }

    /// The file as it is.
    pub(super) fn kept(&self, place: &Place) -> Written {
        let line = self.position(place.range.start).0;
        Written { bytes: self.bytes.to_vec(), changed: false, before: place.text.clone(), line }
    }

    /// The file with other bytes at the place.
    pub(super) fn splice(&self, place: &Place, token: &str) -> Written {
        let (start, end) = (place.range.start + self.bom, place.range.end + self.bom);
        let mut bytes = Vec::with_capacity(self.bytes.len() + token.len());
        bytes.extend_from_slice(&self.bytes[..start]);
        bytes.extend_from_slice(token.as_bytes());
        bytes.extend_from_slice(&self.bytes[end..]);
        let line = self.position(place.range.start).0;
        Written { bytes, changed: true, before: place.text.clone(), line }
    }
}

/// The line and the column in characters of a byte of a text, both from 1.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    (before.bytes().filter(|b| *b == b'\n').count() + 1, before[line..].chars().count() + 1)
}
