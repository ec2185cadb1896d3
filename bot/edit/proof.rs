//! The proof of an edit: the new bytes are parsed again, and the two trees may differ in exactly the
//! intended values and pairs.
//!
//! Bytes that are the same and stand in sections of their own are not parsed twice: where that is sound (see
//! [`Part::around`]) only the top-level sections that hold a splice are, and the whole file elsewhere.
//!
//! Both trees are walked side by side in the order of the file. Compared are the shape and depth of every
//! node, its text, tag, quoting and anchor, and the anchor of every alias. Equal depths along equal nodes
//! mean equal structure, the bounds of documents among it.

use std::ops::Range;

use crate::MAX_BYTES;
use crate::draft::Intent;
use crate::reference::Edit;
use crate::refusal::{Reason, Refusal};
use crate::syntax::{Layout, Node, NodeId, Shape, Style, Tree};

/// Proves that `after` is `before` with the intended changes, given that the bytes outside of `changed` (a
/// range of the old text that holds all splices) were copied. Each edit gets its line in the new file and
/// comes back in the order of the file.
pub(crate) fn prove(
    before: &Tree<'_>,
    after: &[u8],
    changed: Range<usize>,
    mut wanted: Vec<(Intent, Vec<Edit>)>,
) -> Result<Vec<Edit>, Refusal> {
    if after.len() > MAX_BYTES {
        return Err(Refusal::whole(Reason::TooLarge { bytes: after.len(), limit: MAX_BYTES }));
    }
    let part = Part::around(before, after, changed).unwrap_or_else(|| Part::whole(before, after));
    let tree = Tree::parse(part.after).map_err(|refusal| {
        let detail = format!("it would no longer parse: {}", refusal.reason);
        let line = refusal.line.map(|line| line + part.lines);
        Refusal { line, reason: Reason::ProofFailed { detail }, ..refusal }
    })?;
    // Stable: pairs added at one place come in the order in which their bytes do.
    wanted.sort_by_key(|(intent, _)| place(before, intent));
    let mut walk = Walk { before, after: &tree, old: part.nodes.start, new: 0, lines: part.lines };
    if part.nodes.start > 0 {
        // The section alone is a mapping of its own, as deep as the one that it was cut from.
        let root = tree.nodes().first().map(|root| (root.shape, root.depth));
        walk.demand(root == Some((Shape::Mapping(Layout::Block), 0)), "the section is no longer a mapping")?;
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
                for text in [key, value.as_str()] {
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

/// What is parsed again.
struct Part<'w> {
    /// The new bytes.
    after: &'w [u8],
    /// The old nodes that they stand for.
    nodes: Range<usize>,
    /// The lines before them.
    lines: usize,
}

impl<'w> Part<'w> {
    fn whole(before: &Tree<'_>, after: &'w [u8]) -> Self {
        Self { after, nodes: 0..before.nodes().len(), lines: 0 }
    }

    /// The top-level sections around the changed bytes, from one key at the start of a line to another.
    ///
    /// Such sections mean alone what they mean in the file: nothing that starts in one reaches over a key
    /// without indentation (quotes and brackets left open are errors, all else needs indentation), and
    /// without anchors and tags no part names another. Where any of that is not so: `None`.
    fn around(before: &Tree<'_>, after: &'w [u8], changed: Range<usize>) -> Option<Self> {
        let mut roots = before.roots();
        let root = roots.next().filter(|_| before.is_bare())?;
        if roots.next().is_some() || before.node(root).shape != Shape::Mapping(Layout::Block) {
            return None;
        }
        let text = before.text();
        let mut nodes = 0..before.nodes().len();
        let mut bytes = 0..text.len();
        for (key, _) in before.pairs(root) {
            let start = before.range(key)?.start;
            if start <= changed.start {
                (nodes.start, bytes.start) = (key.index(), start);
            } else if start > changed.end {
                (nodes.end, bytes.end) = (key.index(), start);
                break;
            }
        }
        let at_line_start =
            |at: usize| at == 0 || at == text.len() || matches!(text.as_bytes()[at - 1], b'\n' | b'\r');
        let kept = text.len() - bytes.end;
        let after = after.get(before.bom() + bytes.start..after.len().checked_sub(kept)?)?;
        let closed = kept == 0 || matches!(after.last(), Some(b'\n' | b'\r'));
        let sound = nodes.start > 0 && at_line_start(bytes.start) && at_line_start(bytes.end) && closed;
        sound.then(|| Self { after, nodes, lines: before.position_at(bytes.start).0 - 1 })
    }
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
                same_shape && old.text == new.text && same_place(old, new)
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
            requoted && new.text == value && same_place(old, new)
        })
    }

    fn is_added(&self, text: &str, depth: u16) -> bool {
        self.after.nodes().get(self.new).is_some_and(|node| {
            matches!(node.shape, Shape::Scalar(_))
                && node.text == text
                && node.depth == depth
                && node.tag.is_none()
                && node.anchor() == 0
        })
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

fn same_place(old: &Node<'_>, new: &Node<'_>) -> bool {
    old.depth == new.depth && old.tag == new.tag && old.anchor() == new.anchor()
}
