//! Where a node stands in the structure: the way to it from the root, and the node at the end of a way.

use super::{NodeId, Shape, Tree, to_id};
use crate::key::{Key, Step};
use crate::refusal::{Reason, Refusal};

impl Tree<'_> {
    /// The node at a key path, with its key (a list item, or a root, stands for its own key). Where the path
    /// names no document, exactly one of the file's documents must have it.
    ///
    /// # Errors
    /// [`Reason::DuplicateKey`] on the way; [`Reason::KeyInDocuments`] where several documents have it.
    pub(crate) fn at(&self, key: &Key) -> Result<Option<(NodeId, NodeId)>, Refusal> {
        let mut found: Vec<(NodeId, NodeId)> = Vec::new();
        for (number, root) in self.roots().enumerate() {
            if key.document().is_none_or(|wanted| wanted == number + 1) {
                found.extend(self.follow(root, key.steps())?);
            }
        }
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            [first, ..] => {
                let lines = found.iter().map(|(key, _)| self.position(*key).0).collect();
                Err(Refusal::at(self.position(first.0), Reason::KeyInDocuments { lines }))
            }
        }
    }

    fn follow(&self, root: NodeId, steps: &[Step]) -> Result<Option<(NodeId, NodeId)>, Refusal> {
        let mut here = (root, root);
        for step in steps {
            let around = match self.node(here.1).shape {
                Shape::Alias(target) => target,
                Shape::Scalar(_) | Shape::Sequence(_) | Shape::Mapping(_) => here.1,
            };
            let next = match step {
                Step::Name(name) => self.get(around, name)?,
                Step::Index(index) => self.items(around).nth(*index).map(|item| (item, item)),
            };
            let Some(next) = next else { return Ok(None) };
            here = next;
        }
        Ok(Some(here))
    }

    /// How far a key path leads, and the names that stand there.
    pub(crate) fn nearest(&self, key: &Key) -> (String, Vec<String>) {
        let mut best = (0, None);
        for (number, root) in self.roots().enumerate() {
            if key.document().is_some_and(|wanted| wanted != number + 1) {
                continue;
            }
            let reach = |count: &usize| matches!(self.follow(root, &key.steps()[..*count]), Ok(Some(_)));
            let deepest = (0..key.steps().len()).take_while(reach).last().unwrap_or_default();
            if best.1.is_none() || deepest > best.0 {
                best = (deepest, self.follow(root, &key.steps()[..deepest]).ok().flatten());
            }
        }
        let names = |(_, value): (NodeId, NodeId)| self.pairs(value).map(|(key, _)| self.name(key)).collect();
        (key.head(best.0), best.1.map(names).unwrap_or_default())
    }

    /// The key path of a value, as [`Key`] reads it.
    pub(crate) fn path(&self, of: NodeId) -> String {
        let mut steps = Vec::new();
        let mut document = None;
        let several = self.roots().nth(1).is_some();
        let mut here = None;
        for (number, root) in self.roots().enumerate() {
            if root <= of && of.index() < self.next(root) {
                document = several.then_some(number + 1);
                here = Some(root);
            }
        }
        while let Some(node) = here.filter(|node| *node != of) {
            here = match self.node(node).shape {
                Shape::Sequence(_) => {
                    let mut items = self.items(node).enumerate();
                    items.find(|(_, item)| of.index() < self.next(*item)).map(|(index, item)| {
                        steps.push(Step::Index(index));
                        item
                    })
                }
                Shape::Mapping(_) => {
                    let mut pairs = self.pairs(node);
                    pairs.find(|(_, value)| of.index() < self.next(*value)).map(|(key, value)| {
                        steps.push(Step::Name(self.name(key)));
                        // A key is at the place of its value.
                        if key == of { of } else { value }
                    })
                }
                Shape::Scalar(_) | Shape::Alias(_) => None,
            };
        }
        Key::written(document, steps)
    }

    /// The node at that place in the file.
    pub(crate) fn id(&self, index: usize) -> Option<NodeId> {
        (index < self.nodes().len()).then(|| to_id(index))
    }

    /// The lists and mappings around a node, from the root on.
    pub(crate) fn ancestors(&self, of: NodeId) -> Vec<NodeId> {
        let mut around = Vec::new();
        let mut at = 0;
        while at < of.index() {
            let next = self.next(at);
            if of.index() < next {
                around.push(to_id(at));
                at += 1;
            } else {
                at = next;
            }
        }
        around
    }

    /// The aliases of a node.
    pub(crate) fn aliases(&self, of: NodeId) -> Vec<NodeId> {
        if self.node(of).anchor() == 0 {
            return Vec::new();
        }
        let uses = |id: &NodeId| self.node(*id).shape == Shape::Alias(of);
        self.ids().filter(uses).collect()
    }

    /// The text of a key, for messages; that of a list item says so.
    pub(crate) fn name(&self, key: NodeId) -> String {
        self.node(key).text.to_string()
    }
}
