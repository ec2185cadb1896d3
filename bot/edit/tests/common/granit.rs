//! The scalars of a file by granit-parser, which the crate itself does not use.

#![allow(clippy::unwrap_used)]

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle};

/// A scalar: value, style (`p`, `'`, `"` or `|`), bytes.
pub(crate) type Scalar = (String, char, Option<Range<usize>>);

/// As granit-parser sees them; `None` where it refuses the text.
pub(crate) fn scalars(text: &str) -> Option<Vec<Scalar>> {
    let mut found = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        if let Event::Scalar(value, style, _, _) = event {
            let style = match style {
                ScalarStyle::Plain => 'p',
                ScalarStyle::SingleQuoted => '\'',
                ScalarStyle::DoubleQuoted => '"',
                _ => '|',
            };
            let range = span.byte_range();
            // A value that is not written is `~` without bytes there, and empty here.
            let absent = style == 'p' && range.as_ref().is_some_and(Range::is_empty);
            found.push((if absent { String::new() } else { value.into_owned() }, style, range));
        }
    }
    Some(found)
}

/// The values of all scalars in order; `None` where granit-parser refuses the file.
pub(crate) fn values(bytes: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(bytes).unwrap();
    let scalars = scalars(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    Some(scalars.into_iter().map(|(value, _, _)| value).collect())
}
