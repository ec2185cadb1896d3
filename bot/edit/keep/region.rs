//! The bytes of a whole value, block scalars among them, and the same with another indentation and line end.

use std::ops::Range;

use crate::syntax::{Layout, NodeId, Shape, Style, Tree};

/// The bytes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region {
    /// From the first byte, or the `|` of a block; from the start of the line where a block list or mapping has
    /// lines of its own. To the last byte without its line end.
    pub(super) range: Range<usize>,
    /// The column (from 0) that the lines behind the first are indented against; nothing where that is not told
    /// by the line on which the value starts.
    pub(super) column: Option<usize>,
}

impl Region {
    /// Of a pair's value or, with `name` the same, of an item; nothing where the bytes are not known for sure.
    pub(super) fn of(tree: &Tree<'_>, name: NodeId, value: NodeId) -> Option<Self> {
        let key = tree.node(name);
        if name != value && (key.anchor() != 0 || key.tag.is_some()) {
            // The pair is indented as the anchor or tag is, whose place is not known.
            return None;
        }
        let column = Some(tree.position(name).1 - 1).filter(|_| name != value);
        match tree.node(value).shape {
            Shape::Scalar(Style::Block) => block(tree, name, value),
            Shape::Mapping(Layout::Block) | Shape::Sequence(Layout::Block) => {
                let start = first_byte(tree, value);
                let line = tree.line_around(start).0;
                let alone = name != value && tree.text()[line..start].bytes().all(|byte| byte == b' ');
                let range = if alone { line } else { start }..end(tree, value)?;
                Some(Self { range, column: column.filter(|_| alone) })
            }
            Shape::Scalar(_) | Shape::Mapping(_) | Shape::Sequence(_) | Shape::Alias(_) => {
                let range = tree.range(value)?;
                let line = tree.line_around(range.start).0;
                // On a line below its key it has no place for the `|` of a block.
                let column = column.filter(|_| line <= tree.start(name));
                let dash =
                    tree.text()[line..range.start].trim_end_matches(' ').strip_suffix('-').map(str::len);
                Some(Self { range, column: column.or(dash) })
            }
        }
    }
}

/// The dash of a list's first item, or the first key; the parser has a list that is indented like its key start
/// behind the dash.
fn first_byte(tree: &Tree<'_>, value: NodeId) -> usize {
    let (text, start) = (tree.text(), tree.start(value));
    let before = &text[tree.line_around(start).0..start];
    let dash = before.trim_end_matches(' ').strip_suffix('-');
    match tree.node(value).shape {
        Shape::Sequence(_) if !text[start..].starts_with("- ") => {
            dash.map_or(start, |rest| start - (before.len() - rest.len()))
        }
        _ => start,
    }
}

/// The end of a block list or mapping, whose last value may be a block scalar.
fn end(tree: &Tree<'_>, value: NodeId) -> Option<usize> {
    let last = tree.id(tree.next(value).checked_sub(1)?)?;
    match tree.node(last).shape {
        Shape::Scalar(Style::Block) => {
            block(tree, tree.key_before(last).unwrap_or(last), last).map(|region| region.range.end)
        }
        _ => tree.range(value).map(|range| range.end),
    }
}

/// A block scalar from its `|` or `>`, which must stand on the line of its key or dash, to the end of its last
/// line; with `+` the empty lines behind are part of it (YAML 1.2.2, section 8.1).
fn block(tree: &Tree<'_>, name: NodeId, value: NodeId) -> Option<Region> {
    let text = tree.text();
    // Where an item without contents starts is not known.
    if name == value && tree.node(value).text.trim_matches('\n').is_empty() {
        return None;
    }
    let (start, column) = if name == value { below_dash(tree, value)? } else { behind_key(tree, name)? };
    let (_, header_end, mut next) = tree.line_around(start);
    let header = text.get(start..header_end)?.strip_prefix(['|', '>'])?;
    let words = header.split([' ', '\t']).next()?;
    let comment = header[words.len()..].trim_start_matches([' ', '\t']);
    if !words.bytes().all(|byte| matches!(byte, b'1'..=b'9' | b'+' | b'-'))
        || !(comment.is_empty() || comment.starts_with('#'))
    {
        return None;
    }
    let mut indent = words.bytes().find(u8::is_ascii_digit).map(|digit| column + usize::from(digit - b'0'));
    let mut end = header_end;
    while next < text.len() {
        let (line, contents, behind) = tree.line_around(next);
        let spaces = text[line..contents].len() - text[line..contents].trim_start_matches(' ').len();
        if line + spaces == contents {
            if words.contains('+') {
                end = contents;
            }
        } else if spaces >= *indent.get_or_insert(spaces.max(column + 1)) {
            end = contents;
        } else {
            break;
        }
        next = behind;
    }
    Some(Region { range: start..end, column: Some(column) })
}

/// Where the value of a key starts on its line, and the key's column.
fn behind_key(tree: &Tree<'_>, name: NodeId) -> Option<(usize, usize)> {
    let blank = [' ', '\t'];
    let end = tree.range(name)?.end;
    let rest = &tree.text()[end..];
    let value = rest.trim_start_matches(blank).strip_prefix(':')?.trim_start_matches(blank);
    Some((end + (rest.len() - value.len()), tree.position(name).1 - 1))
}

/// Where the value of an item starts on the line of its dash, and the dash's column. The node starts at its first
/// contents, below the empty lines.
fn below_dash(tree: &Tree<'_>, value: NodeId) -> Option<(usize, usize)> {
    let text = tree.text();
    let mut line = tree.line_around(tree.start(value)).0;
    loop {
        let (start, contents, _) = tree.line_around(line.checked_sub(1)?);
        let words = text[start..contents].trim_start_matches([' ', '-']);
        if !words.is_empty() {
            let value = contents - words.len();
            let dash = text[start..value].rfind('-')?;
            return Some((value, dash));
        }
        line = start;
    }
}

/// A value's bytes for another file: lines behind the first are moved by that many columns, a whole first line
/// too, and end as they do there; as they are without a `line_end`.
pub(super) fn moved(text: &str, whole: bool, columns: isize, line_end: Option<&str>) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let contents = line.trim_end_matches(['\r', '\n']);
        let (line, old_end) = line.split_at(contents.len());
        let end = line_end.filter(|_| old_end.ends_with('\n')).unwrap_or(old_end);
        let spaces = line.len() - line.trim_start_matches(' ').len();
        let moves = (whole || number > 0) && (spaces < line.len() || columns < 0);
        match usize::try_from(columns) {
            Ok(more) if moves => {
                out.extend(std::iter::repeat_n(' ', more));
                out.push_str(line);
            }
            Err(_) if moves => out.push_str(&line[spaces.min(columns.unsigned_abs())..]),
            Ok(_) | Err(_) => out.push_str(line),
        }
        out.push_str(end);
    }
    out
}

/// How lines end in the text, where all end alike.
pub(super) fn line_end(text: &str) -> Option<&'static str> {
    let (both, all) = (text.matches("\r\n").count(), text.matches('\n').count());
    match both {
        _ if all == 0 => None,
        0 => Some("\n"),
        _ => (both == all).then_some("\r\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(text: &str, key: &str) -> Option<(String, Option<usize>)> {
        let tree = Tree::parse(text.as_bytes()).unwrap();
        let (name, value) = tree.at(&key.parse().unwrap()).unwrap().unwrap();
        Region::of(&tree, name, value).map(|region| (text[region.range].to_owned(), region.column))
    }

    #[test]
    fn the_bytes_of_a_value_are_known() {
        for (text, key, wanted, column) in [
            ("a: b # c\n", "a", "b", 0),
            ("a: |  # c\n\n  x\n   y\n\n\nb: 1\n", "a", "|  # c\n\n  x\n   y", 0),
            ("a: |+\n  x\n\nb: 1\n", "a", "|+\n  x\n", 0),
            ("a: |2-\n    x\n  y\n z: 1\n".trim_end_matches(" z: 1\n"), "a", "|2-\n    x\n  y", 0),
            ("x:\n  a: >-\n    y\n\n    z\n  # no\n  b: 1\n", "x.a", ">-\n    y\n\n    z", 2),
            ("a: |\r\n  x\r\nb: 1\r\n", "a", "|\r\n  x", 0),
            ("a: |\n  x", "a", "|\n  x", 0),
            ("a: |\nb: 1\n", "a", "|", 0),
            ("a: |-\n  # text\n# none\nb: 1\n", "a", "|-\n  # text", 0),
            ("- x\n-  |\n\n  y\n- z\n", "[1]", "|\n\n  y", 0),
            ("- x\n-  y\n", "[1]", "y", 0),
            ("a:\n- - |\n    y\n", "a[0][0]", "|\n    y", 2),
            ("a:\n  # c\n  b: 1\n  c: |\n    x\n\n    y\nd: 1\n", "a", "  b: 1\n  c: |\n    x\n\n    y", 0),
            ("a:\n- b\n-   - c # d\ne: 1\n", "a", "- b\n-   - c", 0),
            ("a:\n-\n  - c\n- - d\n  - e\n", "a", "-\n  - c\n- - d\n  - e", 0),
            ("a:\n  - - d\n", "a", "  - - d", 0),
            ("a: {b: 1}\n", "a", "{b: 1}", 0),
        ] {
            assert_eq!(region(text, key), Some((wanted.to_owned(), Some(column))), "{text}");
        }
        assert_eq!(region("- b: 1\n  c: 2\n", "[0]"), Some(("b: 1\n  c: 2".to_owned(), None)));
        for (text, key) in [
            ("a: b\n  c\n", "a"),
            ("x:\n    &k a: |\n        t\n", "x.a"),
            ("x:\n    !!str a: b\n", "x.a"),
            ("a:\n  |\n  c\n", "a"),
            ("- |", "[0]"),
            ("- |+\n\n- x\n", "[0]"),
            ("a:\n  b: c\n    d\n", "a"),
        ] {
            assert_eq!(region(text, key), None, "{text}");
        }
    }

    #[test]
    fn lines_are_moved_and_end_alike() {
        assert_eq!(moved("|\r\n  x\r\n\r\n   y", false, 2, Some("\n")), "|\n    x\n\n     y");
        assert_eq!(moved("  a: 1\n \n   b", true, -2, Some("\r\n")), "a: 1\r\n\r\n b");
        assert_eq!(moved("a", false, 4, None), "a");
        assert_eq!(moved("a\r\n b\n", false, 1, None), "a\r\n  b\n");
        assert_eq!(line_end("a\r\nb\r\n"), Some("\r\n"));
        assert_eq!(line_end("a\nb\r"), Some("\n"));
        assert_eq!((line_end("a"), line_end("a\r\nb\n")), (None, None));
    }
}
