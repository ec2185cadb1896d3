//! From the bytes of a scalar's text to the bytes of the file, where the one stands verbatim in the other.

use std::ops::Range;

use super::{NodeId, Shape, Style, Tree};

/// A scalar whose text stands in the file as it is, but for the indentation of a block.
#[derive(Debug)]
pub(crate) struct Inner {
    /// Where each line of the text starts: in the text, and in the file.
    lines: Vec<(usize, usize)>,
    /// What stands before each line of a block.
    pub(crate) indent: String,
    /// The line end within a block.
    pub(crate) line_end: &'static str,
}

impl Inner {
    /// The file's bytes of a part of one line of the text.
    pub(crate) fn outer(&self, range: Range<usize>) -> Option<Range<usize>> {
        let at = self.lines.partition_point(|(start, _)| *start <= range.start).checked_sub(1)?;
        let next = self.lines.get(at + 1).map_or(usize::MAX, |(start, _)| *start);
        let (inner, outer) = *self.lines.get(at)?;
        let shift = |byte: usize| outer + (byte - inner);
        (range.end < next || range.is_empty()).then(|| shift(range.start)..shift(range.end))
    }

    /// The file's byte at which a line of the text (from 1) starts.
    pub(crate) fn line(&self, number: usize) -> Option<usize> {
        self.lines.get(number.checked_sub(1)?).map(|(_, outer)| *outer)
    }
}

impl Tree<'_> {
    /// Where the text of a scalar stands verbatim; nothing where escapes, folding or line ends make it differ.
    pub(crate) fn inner(&self, id: NodeId) -> Option<Inner> {
        let node = self.node(id);
        let Shape::Scalar(style) = node.shape else { return None };
        if style == Style::Block {
            return self.block(id);
        }
        let range = self.range(id)?;
        let quote = usize::from(style != Style::Plain);
        let verbatim = self.text().get(range.start + quote..range.end - quote) == Some(&*node.text);
        let one_line = !node.text.contains(['\n', '\r']);
        (verbatim && one_line).then(|| Inner {
            lines: vec![(0, range.start + quote)],
            indent: String::new(),
            line_end: "\n",
        })
    }

    /// A block, literal or folded: its lines are compared one by one. The node starts at its first contents,
    /// behind the empty lines that the text starts with.
    fn block(&self, id: NodeId) -> Option<Inner> {
        let (text, value) = (self.text(), &*self.node(id).text);
        let (mut at, _, _) = self.line_around(self.node(id).start as usize);
        for _ in value.bytes().take_while(|byte| *byte == b'\n') {
            at = self.line_around(at.checked_sub(1)?).0;
        }
        let line_end = if text[..at].ends_with("\r\n") { "\r\n" } else { "\n" };
        let mut lines = Vec::new();
        let mut indent: Option<&str> = None;
        let mut inner = 0;
        for line in value.split_inclusive('\n') {
            let contents = line.strip_suffix('\n').unwrap_or(line);
            let (start, end, next) = self.line_around(at);
            let outer = text.get(start..end)?;
            if contents.is_empty() && outer.trim_matches(' ').is_empty() {
                lines.push((inner, end));
            } else {
                let found = outer.strip_suffix(contents)?;
                if !found.bytes().all(|byte| byte == b' ') || indent.is_some_and(|indent| indent != found) {
                    return None;
                }
                indent = Some(found);
                lines.push((inner, start + found.len()));
            }
            inner += line.len();
            at = next;
        }
        Some(Inner { lines, indent: indent?.to_owned(), line_end })
    }
}
