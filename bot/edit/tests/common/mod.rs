//! The spans of scalars, ours and granit-parser's, for comparison.

#![allow(clippy::unwrap_used)]

use std::ops::Range;

use gantry_edit::syntax::{Shape, Style, Tree};
use granit_parser::{Event, Parser, ScalarStyle};

/// A scalar: value, style (`p`, `'`, `"` or `|`), bytes.
pub(crate) type Scalar = (String, char, Option<Range<usize>>);

/// As our tree has them.
pub(crate) fn scalars(tree: &Tree<'_>) -> Vec<Scalar> {
    let scalar = |id| {
        let node = tree.node(id);
        let style = match node.shape {
            Shape::Scalar(Style::Plain) => 'p',
            Shape::Scalar(Style::SingleQuoted) => '\'',
            Shape::Scalar(Style::DoubleQuoted) => '"',
            Shape::Scalar(Style::Block) => '|',
            Shape::Alias(_) | Shape::Sequence(_) | Shape::Mapping(_) => return None,
        };
        Some((node.text.to_string(), style, tree.range(id)))
    };
    tree.ids().filter_map(scalar).collect()
}

/// As granit-parser sees them; `None` where it refuses the text.
pub(crate) fn granit_scalars(text: &str) -> Option<Vec<Scalar>> {
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

/// Values and styles agree, and every span that we give is theirs; returns how many spans there were.
pub(crate) fn assert_same_spans(text: &str, ours: &[Scalar], theirs: &[Scalar]) -> usize {
    assert_eq!(ours.len(), theirs.len(), "other scalars in {text:?}");
    let mut compared = 0;
    for (our, their) in ours.iter().zip(theirs) {
        // The parsers differ on the last line ends of an empty block scalar; nothing is edited in one.
        assert!(our.1 == their.1 && (our.1 == '|' || our.0 == their.0), "{our:?} {their:?} in {text:?}");
        match &our.2 {
            Some(_) => {
                assert_eq!(our.2, their.2, "bytes of {:?} in {text:?}", our.0);
                compared += 1;
            }
            // No span only where none is due: nothing written, a block scalar, or a value over lines.
            None => assert!(
                our.0.is_empty()
                    || our.1 == '|'
                    || (our.1 == 'p' && their.2.as_ref().is_some_and(|range| text[range.clone()] != our.0)),
                "no bytes for {our:?} in {text:?}"
            ),
        }
    }
    compared
}
