//! Where a token ends. The parser gives starts only, so the end is found by the rules of each style, and
//! only where the bytes are what the style demands.

use super::Style;

/// The end of a scalar that starts at `start`; `None` for block scalars, for plain scalars over several
/// lines and wherever the bytes are not those of the value.
pub(super) fn scalar_end(text: &str, start: usize, style: Style, value: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    match style {
        Style::Plain => {
            let end = start.checked_add(value.len())?;
            (!value.is_empty() && text.get(start..end)? == value).then_some(end)
        }
        Style::SingleQuoted => {
            let mut at = open(bytes, start, b'\'')?;
            loop {
                match (*bytes.get(at)?, bytes.get(at + 1)) {
                    (b'\'', Some(b'\'')) => at += 2,
                    (b'\'', _) => return Some(at + 1),
                    _ => at += 1,
                }
            }
        }
        Style::DoubleQuoted => {
            let mut at = open(bytes, start, b'"')?;
            loop {
                match bytes.get(at)? {
                    b'\\' => at += 2,
                    b'"' => return Some(at + 1),
                    _ => at += 1,
                }
            }
        }
        Style::Block => None,
    }
}

/// The end of an alias `*name` (YAML 1.2.2, rule 103: no blanks, no flow indicators).
pub(super) fn alias_end(text: &str, start: usize) -> Option<usize> {
    let rest = text.get(start..)?.strip_prefix('*')?;
    let name = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}'));
    Some(start + 1 + name.unwrap_or(rest.len()))
}

fn open(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    (bytes.get(start) == Some(&quote)).then_some(start + 1)
}
