//! Which part of an edited file has to be parsed again.

use std::ops::Range;

use crate::syntax::{Layout, NodeId, Shape, Style, Tree};

/// What is parsed again.
pub(super) struct Part<'w> {
    /// The new bytes.
    pub(super) after: &'w [u8],
    /// The old nodes that they stand for.
    pub(super) nodes: Range<usize>,
    /// The lines before them.
    pub(super) lines: usize,
    /// The list or mapping that they were cut from, where they are not the whole file.
    pub(super) of: Option<Shape>,
    /// How deep that one is.
    pub(super) above: u16,
}

/// A run of pairs or list items on lines of their own.
struct Section {
    of: NodeId,
    nodes: Range<usize>,
    bytes: Range<usize>,
    /// The value, where it is one pair or item alone.
    only: Option<NodeId>,
}

impl<'w> Part<'w> {
    pub(super) fn whole(before: &Tree<'_>, after: &'w [u8]) -> Self {
        Self { after, nodes: 0..before.nodes().len(), lines: 0, of: None, above: 0 }
    }

    /// The smallest section around the changed bytes.
    ///
    /// Such a section means alone what it means in the file: nothing that starts in one reaches over a line
    /// that is indented as its own first one is (quotes and brackets left open are errors, all else needs
    /// more indentation), and without anchors and tags no part names another. Where any of that is not so:
    /// `None`.
    pub(super) fn around(before: &Tree<'_>, after: &'w [u8], changed: Range<usize>) -> Option<Self> {
        let mut roots = before.roots();
        let root = roots.next().filter(|_| before.is_bare())?;
        if roots.next().is_some() {
            return None;
        }
        let whole = Section {
            of: root,
            nodes: 0..before.nodes().len(),
            bytes: 0..before.text().len(),
            only: Some(root),
        };
        let smaller = |section: &Section| Section::within(before, section, &changed);
        let section = std::iter::successors(smaller(&whole), smaller).last()?;
        let kept = before.text().len() - section.bytes.end;
        let after = after.get(before.bom() + section.bytes.start..after.len().checked_sub(kept)?)?;
        let closed = kept == 0 || matches!(after.last(), Some(b'\n' | b'\r'));
        let of = before.node(section.of);
        closed.then(|| Self {
            after,
            nodes: section.nodes,
            lines: before.position_at(section.bytes.start).0 - 1,
            of: Some(of.shape),
            above: of.depth,
        })
    }
}

impl Section {
    /// The section around the changed bytes in the value of this one.
    fn within(tree: &Tree<'_>, around: &Self, changed: &Range<usize>) -> Option<Self> {
        let of = around.only?;
        let mut section = None;
        let (mut nodes_end, mut bytes_end) = (around.nodes.end, around.bytes.end);
        let pairs = tree.pairs(of);
        let items = tree.items(of).map(|item| (item, item));
        for (head, value) in pairs.chain(items) {
            let start = Self::start(tree, of, head);
            match start {
                // Strictly, so that a section is never all that goes.
                Some(start) if start < changed.start => section = Some((head, start, Some(value))),
                Some(start) if start > changed.end => {
                    (nodes_end, bytes_end) = (head.index(), start);
                    break;
                }
                // It is one section with what is before it.
                _ => section = section.map(|(head, start, _)| (head, start, None)),
            }
        }
        let (head, start, only) = section?;
        Some(Self { of, nodes: head.index()..nodes_end, bytes: start..bytes_end, only })
    }

    /// The start of the line of a plain pair or list item, where nothing stands before its key or dash.
    fn start(tree: &Tree<'_>, of: NodeId, head: NodeId) -> Option<usize> {
        let (text, node) = (tree.text(), tree.node(head));
        let at = node.start();
        let line = tree.line_around(at).0;
        let before = text.get(line..at)?.trim_matches(' ');
        let first = match tree.node(of).shape {
            // The colon shows that it is no key after `?`, which may be on a line before.
            Shape::Mapping(Layout::Block) => {
                before.is_empty() && text[tree.range(head)?.end..].trim_start_matches(' ').starts_with(':')
            }
            Shape::Sequence(Layout::Block) => {
                before == "-" && !node.is_absent() && node.shape != Shape::Scalar(Style::Block)
            }
            _ => false,
        };
        first.then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::Intent;
    use crate::proof::compare;

    const FILES: [&str; 6] = [
        "a:\n  - b: 1\n    # note\n    c: two\n  - d: 'x'\n    e:\n      - f\n      - g\nh: i\n",
        "images:\n- name: a/b\n  newTag: v1\n\n- name: c\n  newTag: \"2\"\n  digest: d",
        "  a: |\n    - text\n    b: c\n\n  d: >-\n   e\n  f: g h\n    i\n",
        "- - a\n  - b: c\n-\n  d: e\n- ? f\n  : g\n- ?\n    h\n  :\n    i: j\n- [k, {l: m}]\n",
        "a: b\r\nc:\r\n  d: e # f\r\n  g:\r\n  h: \"i\\\r\n    j\"\r\n",
        "--- \na:\n  b:\n    c: d\n    e: f\n  g: h\n...\n",
    ];

    /// Texts that change what is around them, if they can.
    const TEXTS: [&str; 24] = [
        "v2",
        "\"q\"",
        "'q'",
        "\"",
        "'",
        "\"a\n",
        "[",
        "]",
        "{",
        "}",
        "a: b",
        ": ",
        "- a",
        "x\ny: z",
        "x\n- y",
        "x\n    y: z",
        "|",
        "|+\n",
        "# c",
        "",
        "&a b",
        "!!str b",
        "---",
        "\n",
    ];

    #[test]
    fn what_a_part_proves_the_whole_file_proves_too() {
        let (mut parts, mut proven) = (0, 0);
        for before in FILES {
            let tree = Tree::parse(before.as_bytes()).unwrap();
            for node in tree.ids() {
                let Some(range) = tree.range(node) else { continue };
                for text in TEXTS {
                    let after = [&before[..range.start], text, &before[range.end..]].concat();
                    let Some(part) = Part::around(&tree, after.as_bytes(), range.clone()) else { continue };
                    parts += 1;
                    let wanted =
                        |value: &str| vec![(Intent::Value { node, value: value.to_owned() }, Vec::new())];
                    // As what the text reads, with quotes and without.
                    for value in [text, text.trim_matches(['"', '\'']), ""] {
                        if compare(&tree, &part, wanted(value)).is_ok() {
                            proven += 1;
                            let whole = Part::whole(&tree, after.as_bytes());
                            let whole = compare(&tree, &whole, wanted(value));
                            assert!(whole.is_ok(), "{before:?}: {node:?} to {text:?}: {whole:?}");
                        }
                    }
                }
            }
        }
        assert!(parts > 500 && proven > 30, "{parts} parts, {proven} proven");
    }

    #[test]
    fn the_smallest_section_is_parsed_again() {
        let after = |before: &str, old: &str| {
            let tree = Tree::parse(before.as_bytes()).unwrap();
            let at = before.find(old).unwrap();
            let part = Part::around(&tree, before.as_bytes(), at..at + old.len());
            part.map(|part| String::from_utf8(part.after.to_vec()).unwrap())
        };
        assert_eq!(after(FILES[1], "v1").as_deref(), Some("  newTag: v1\n\n"));
        assert_eq!(after(FILES[1], "a/b").as_deref(), Some("- name: a/b\n  newTag: v1\n\n"));
        assert_eq!(after(FILES[3], "h\n").as_deref(), Some("- ?\n    h\n  :\n    i: j\n"));
        assert_eq!(after(FILES[5], "f").as_deref(), Some("    e: f\n"));
        assert_eq!(after("{a: b}", "b"), None);
    }
}
