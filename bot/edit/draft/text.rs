//! New parts of a text that stands verbatim in the file: a tag in `NAME:TAG`, a line of a file in a block.
//!
//! Parts of one text come from several places (two images in one block), so they are gathered and written
//! together. Only their own bytes are replaced; where quotes or escapes forbid that, the whole value is.

use std::ops::Range;

use super::{Draft, Splice};
use crate::intent::Intent;
use crate::reference::Edit;
use crate::refusal::{Reason, Refusal};
use crate::scalar;
use crate::syntax::{Inner, NodeId, Shape, Style};

/// Bytes of a value's text, and what shall stand there.
pub(crate) type Part = (Range<usize>, String);

/// The parts of one value's text.
#[derive(Debug)]
pub(super) struct Text {
    key: NodeId,
    value: NodeId,
    parts: Vec<Part>,
    /// The edits that the parts amount to, where the text is a file of its own; lines are those of the text.
    inside: Option<Vec<Edit>>,
}

impl Draft<'_, '_> {
    /// Replaces parts of the text of a value.
    pub(crate) fn set_parts(&mut self, key: NodeId, value: NodeId, parts: Vec<Part>) -> Result<(), Refusal> {
        let value = self.followed(value);
        if parts.is_empty() {
            return Ok(());
        }
        if !self.is_literal(value) {
            self.editable(key, value)?;
        }
        // A value that is followed from several places is asked for as often.
        match self.gathered.get(&value).and_then(|at| self.texts.get_mut(*at)) {
            Some(text) => {
                let new: Vec<Part> = parts.into_iter().filter(|part| !text.parts.contains(part)).collect();
                text.parts.extend(new);
            }
            None => {
                self.gathered.insert(value, self.texts.len());
                self.texts.push(Text { key, value, parts, inside: None });
            }
        }
        Ok(())
    }

    /// Takes over the proven splices and edits of a text that is a file of its own.
    pub(crate) fn nested(
        &mut self,
        key: NodeId,
        value: NodeId,
        parts: Vec<Part>,
        mut edits: Vec<Edit>,
    ) -> Result<(), Refusal> {
        if !self.is_literal(value) {
            self.editable(key, value)?;
        }
        for edit in &mut edits {
            edit.key = self.tree.path(value);
        }
        self.texts.push(Text { key, value, parts, inside: Some(edits) });
        Ok(())
    }

    fn is_literal(&self, value: NodeId) -> bool {
        let node = self.tree.node(value);
        node.shape == Shape::Scalar(Style::Block)
            && node.tag.is_none()
            && node.anchor() == 0
            && self.tree.inner(value).is_some()
    }

    pub(super) fn write_texts(&mut self) -> Result<(), Refusal> {
        for text in std::mem::take(&mut self.texts) {
            self.write_text(text)?;
        }
        Ok(())
    }

    fn write_text(&mut self, mut text: Text) -> Result<(), Refusal> {
        let tree = self.tree;
        let name = tree.name(text.key);
        let refuse = |reason| Refusal::at(tree.position(text.value), reason);
        // Stable: what is added at one place stays in order.
        text.parts.sort_by_key(|(range, _)| range.start);
        let old = &*tree.node(text.value).text;
        let Some(new) = spliced(old, &text.parts) else {
            return Err(refuse(Reason::ProofFailed { detail: String::from("two changes meet") }));
        };
        let style = match tree.node(text.value).shape {
            Shape::Scalar(style) => style,
            Shape::Alias(_) | Shape::Sequence(_) | Shape::Mapping(_) => Style::Plain,
        };
        let inner = tree.inner(text.value);
        // A block's node starts at its first line with contents, below the empty lines of the text.
        let line = |(line, _): (usize, usize)| isize::try_from(line).unwrap_or_default();
        let first = inner.as_ref().and_then(|inner| inner.line(1));
        let content =
            first.map_or(0, |start| line(tree.position_at(start)) - line(tree.position(text.value)));
        match inner.filter(|_| keeps_style(style, &new, &text.parts)) {
            Some(inner) => {
                for (range, part) in &text.parts {
                    let splice = outer(&inner, range.clone(), part);
                    let splice = splice.ok_or_else(|| refuse(Reason::MultiLine { key: name.clone() }))?;
                    self.splices.push(splice);
                }
            }
            None if style != Style::Block && text.inside.is_none() => {
                let range = tree.range(text.value);
                let range = range.ok_or_else(|| refuse(Reason::MultiLine { key: name.clone() }))?;
                self.splices.push(Splice { range, text: scalar::render(&new, style) });
            }
            None => return Err(refuse(Reason::MultiLine { key: name })),
        }
        let edits = text.inside.unwrap_or_else(|| {
            let key = tree.path(text.value);
            vec![Edit { key, before: Some(old.to_owned()), after: Some(new.clone()), line: 1 }]
        });
        self.wanted.push((Intent::Text { node: text.value, value: new, content }, edits));
        Ok(())
    }
}

/// The text with its new parts; nothing where they overlap.
fn spliced(old: &str, parts: &[Part]) -> Option<String> {
    let mut new = String::with_capacity(old.len() + 64);
    let mut done = 0;
    for (range, part) in parts {
        new.push_str(old.get(done..range.start)?);
        new.push_str(part);
        done = range.end;
    }
    new.push_str(old.get(done..)?);
    Some(new)
}

/// Whether the parts can stand there as they are, so that the rest of the value needs no other writing.
fn keeps_style(style: Style, new: &str, parts: &[Part]) -> bool {
    let all = |good: fn(char) -> bool| parts.iter().all(|(_, part)| part.chars().all(good));
    match style {
        Style::Plain => all(scalar::is_plain_char) && !new.ends_with(':') && scalar::is_string(new),
        Style::SingleQuoted => all(|c| c != '\'' && !c.is_control()),
        Style::DoubleQuoted => all(|c| c != '"' && c != '\\' && !c.is_control()),
        Style::Block => true,
    }
}

fn outer(inner: &Inner, range: Range<usize>, part: &str) -> Option<Splice> {
    let text = part.replace("\r\n", "\n").replace('\n', &format!("{}{}", inner.line_end, inner.indent));
    Some(Splice { range: inner.outer(range)?, text })
}
