//! The proof of an edit: the new bytes are parsed again, and the two trees may differ in exactly the
//! intended values and pairs.
//!
//! Bytes that are the same and stand in sections of their own are not parsed twice: where that is sound (see
//! [`Part::around`]) only the smallest run of pairs or list items that holds all splices is, and the whole file
//! elsewhere.
//!
//! Both trees are walked side by side in the order of the file. Compared are the shape and depth of every
//! node, its text, tag, quoting and anchor, and the anchor of every alias. Equal depths along equal nodes
//! mean equal structure, the bounds of documents among it.

mod part;

use std::ops::Range;

use crate::MAX_BYTES;
use crate::intent::Intent;
use crate::reference::Edit;
use crate::refusal::{Reason, Refusal};
use crate::syntax::{Node, NodeId, Shape, Style, Tree};
use part::Part;

/// Proves that `after` is `before` with the intended changes, given that the bytes outside of `changed` (a
/// range of the old text that holds all splices) were copied. Each edit gets its line in the new file and
/// comes back in the order of the file.
pub(crate) fn prove(
    before: &Tree<'_>,
    after: &[u8],
    changed: Range<usize>,
    wanted: Vec<(Intent, Vec<Edit>)>,
) -> Result<Vec<Edit>, Refusal> {
    if after.len() > MAX_BYTES {
        return Err(Refusal::whole(Reason::TooLarge { bytes: after.len(), limit: MAX_BYTES }));
    }
    let part = Part::around(before, after, changed).unwrap_or_else(|| Part::whole(before, after));
    compare(before, &part, wanted)
}

/// Compares what is parsed again with what it stands for.
fn compare(
    before: &Tree<'_>,
    part: &Part<'_>,
    mut wanted: Vec<(Intent, Vec<Edit>)>,
) -> Result<Vec<Edit>, Refusal> {
    let tree = Tree::parse(part.after).map_err(|refusal| {
        let detail = format!("it would no longer parse: {}", refusal.reason);
        let line = refusal.line.map(|line| line + part.lines);
        Refusal { line, reason: Reason::ProofFailed { detail }, ..refusal }
    })?;
    // Stable: pairs added at one place come in the order in which their bytes do.
    wanted.sort_by_key(|(intent, _)| place(before, intent));
    let mut walk =
        Walk { before, after: &tree, old: part.nodes.start, new: 0, lines: part.lines, above: part.above };
    if let Some(shape) = part.of {
        // The part alone is a list or mapping of its own.
        let root = tree.nodes().first().map(|root| (root.shape, root.depth));
        let column = |tree: &Tree<'_>, at| tree.place(at).1;
        let same = root == Some((shape, 0)) && column(&tree, 1) == column(before, part.nodes.start);
        walk.demand(same, "the section is no longer what it was cut from")?;
        walk.new = 1;
    }
    for (intent, edits) in &mut wanted {
        walk.equal_until(place(before, intent))?;
        let line = walk.line();
        match intent {
            Intent::Text { value, content, .. } => {
                edits
                    .iter_mut()
                    .for_each(|edit| edit.line = (edit.line + line - 1).saturating_add_signed(*content));
                walk.demand(walk.is_new_value(value), "the text reads back as another one")?;
                walk.old += 1;
                walk.new += 1;
            }
            Intent::Value { value, .. } => {
                edits.iter_mut().for_each(|edit| edit.line = line);
                walk.demand(walk.is_new_value(value), "the value reads back as another one")?;
                walk.old += 1;
                walk.new += 1;
            }
            Intent::Added { after, key, value } => {
                edits.iter_mut().for_each(|edit| edit.line = line);
                let depth = before.node(*after).depth;
                for text in [key.as_str(), value.as_str()] {
                    walk.demand(walk.is_added(text, depth), "the added key reads back as another one")?;
                    walk.new += 1;
                }
            }
            Intent::Removed { key } => walk.old = behind(before, *key),
        }
    }
    walk.equal_until(part.nodes.end)?;
    walk.demand(walk.new == tree.nodes().len(), "something is added at the end")?;
    Ok(wanted.into_iter().flat_map(|(_, edits)| edits).collect())
}

/// The node of the old tree at which an intent takes effect.
fn place(before: &Tree<'_>, intent: &Intent) -> usize {
    match intent {
        Intent::Value { node, .. } | Intent::Text { node, .. } => node.index(),
        Intent::Added { after, .. } => behind(before, *after),
        Intent::Removed { key } => key.index(),
    }
}

/// The first node behind the pair of a key.
fn behind(tree: &Tree<'_>, key: NodeId) -> usize {
    tree.next(tree.next(key))
}

struct Walk<'w, 'b, 'a> {
    before: &'w Tree<'b>,
    after: &'w Tree<'a>,
    old: usize,
    new: usize,
    /// The lines of the file before what was parsed again.
    lines: usize,
    /// How much deeper it is in the file than alone.
    above: u16,
}

impl Walk<'_, '_, '_> {
    fn pair(&self) -> Option<(&Node<'_>, &Node<'_>)> {
        Some((self.before.nodes().get(self.old)?, self.after.nodes().get(self.new)?))
    }

    fn equal_until(&mut self, end: usize) -> Result<(), Refusal> {
        while self.old < end {
            let equal = self.pair().is_some_and(|(old, new)| {
                let same_shape = match (old.shape, new.shape) {
                    (Shape::Alias(old), Shape::Alias(new)) => {
                        self.before.node(old).anchor() == self.after.node(new).anchor()
                    }
                    (old, new) => old == new,
                };
                same_shape && old.text == new.text && self.same_place(old, new)
            });
            self.demand(equal, "another value changes")?;
            self.old += 1;
            self.new += 1;
        }
        Ok(())
    }

    /// The new node has the wanted text, and quotes only where the old one had them or had no style.
    fn is_new_value(&self, value: &str) -> bool {
        self.pair().is_some_and(|(old, new)| {
            let requoted = match (old.shape, new.shape) {
                (Shape::Scalar(Style::Plain), Shape::Scalar(Style::Plain | Style::DoubleQuoted)) => true,
                (old, new) => old == new,
            };
            requoted && new.text == value && self.same_place(old, new)
        })
    }

    fn is_added(&self, text: &str, depth: u16) -> bool {
        self.after.nodes().get(self.new).is_some_and(|node| {
            matches!(node.shape, Shape::Scalar(_))
                && node.text == text
                && node.depth + self.above == depth
                && node.tag.is_none()
                && node.anchor() == 0
        })
    }

    fn same_place(&self, old: &Node<'_>, new: &Node<'_>) -> bool {
        old.depth == new.depth + self.above && old.tag == new.tag && old.anchor() == new.anchor()
    }

    /// The line in the new file, from 1.
    fn line(&self) -> usize {
        self.lines + self.after.place(self.new).0
    }

    fn demand(&self, good: bool, detail: &str) -> Result<(), Refusal> {
        if good {
            return Ok(());
        }
        let reason = Reason::ProofFailed { detail: detail.to_owned() };
        Err(Refusal::at(self.before.place(self.old), reason))
    }
}
