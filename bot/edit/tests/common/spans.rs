//! The spans of scalars, ours and granit-parser's, for comparison.

use gantry_edit::syntax::{Shape, Style, Tree};

use crate::granit::Scalar;

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
