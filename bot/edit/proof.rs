//! The proof of an edit: the new bytes are parsed again, and the two trees may differ in exactly the
//! intended values and pairs.
//!
//! Both trees are walked side by side in the order of the file. Compared are the shape and depth of every
//! node, its text, tag, quoting and anchor, and the anchor of every alias. Equal depths along equal nodes
//! mean equal structure, the bounds of documents among it.

use crate::draft::Intent;
use crate::reference::Edit;
use crate::refusal::{Reason, Refusal};
use crate::syntax::{Node, NodeId, Shape, Style, Tree};

/// Proves that `after` is `before` with the intended changes. Each edit gets its line in the new file and
/// comes back in the order of the file.
pub(crate) fn prove(
    before: &Tree<'_>,
    after: &[u8],
    mut wanted: Vec<(Intent, Edit)>,
) -> Result<Vec<Edit>, Refusal> {
    let after = Tree::parse(after).map_err(|refusal| {
        let detail = format!("it would no longer parse: {}", refusal.reason);
        Refusal { reason: Reason::ProofFailed { detail }, ..refusal }
    })?;
    // Stable: pairs added at one place come in the order in which their bytes do.
    wanted.sort_by_key(|(intent, _)| place(before, intent));
    let mut walk = Walk { before, after: &after, old: 0, new: 0 };
    for (intent, edit) in &mut wanted {
        walk.equal_until(place(before, intent))?;
        match intent {
            Intent::Value { value, .. } => {
                edit.line = walk.line();
                walk.demand(walk.is_new_value(value), "the value reads back as another one")?;
                walk.old += 1;
                walk.new += 1;
            }
            Intent::Added { after, key, value } => {
                edit.line = walk.line();
                let depth = before.node(*after).depth;
                for text in [key, value.as_str()] {
                    walk.demand(walk.is_added(text, depth), "the added key reads back as another one")?;
                    walk.new += 1;
                }
            }
            Intent::Removed { key } => walk.old = behind(before, *key),
        }
    }
    walk.equal_until(before.nodes().len())?;
    walk.demand(walk.new == after.nodes().len(), "something is added at the end")?;
    Ok(wanted.into_iter().map(|(_, edit)| edit).collect())
}

/// The node of the old tree at which an intent takes effect.
fn place(before: &Tree<'_>, intent: &Intent) -> usize {
    match intent {
        Intent::Value { node, .. } => node.index(),
        Intent::Added { after, .. } => behind(before, *after),
        Intent::Removed { key } => key.index(),
    }
}

/// The first node behind the pair of a key.
fn behind(tree: &Tree<'_>, key: NodeId) -> usize {
    tree.next(tree.next(key))
}

struct Walk<'w> {
    before: &'w Tree<'w>,
    after: &'w Tree<'w>,
    old: usize,
    new: usize,
}

impl Walk<'_> {
    fn pair(&self) -> Option<(&Node, &Node)> {
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

    fn is_added(&self, text: &str, depth: usize) -> bool {
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
        self.after.place(self.new).0
    }

    fn demand(&self, good: bool, detail: &str) -> Result<(), Refusal> {
        if good {
            return Ok(());
        }
        let reason = Reason::ProofFailed { detail: detail.to_owned() };
        Err(Refusal::at(self.before.place(self.old), reason))
    }
}

fn same_place(old: &Node, new: &Node) -> bool {
    old.depth == new.depth && old.tag == new.tag && old.anchor() == new.anchor()
}
