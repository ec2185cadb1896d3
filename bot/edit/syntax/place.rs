//! Where a node stands in the structure: the way to it from the root, and the node at the end of a way.

use super::{NodeId, Shape, Tree, to_id};
use crate::key::{Key, MAX_KEY_BYTES, Step};
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
                Step::Where(name, value) => self.item_where(around, name, value)?,
            };
            let Some(next) = next else { return Ok(None) };
            here = next;
        }
        Ok(Some(here))
    }

    /// The one item of a list that has this text at this name.
    fn item_where(&self, list: NodeId, name: &str, value: &str) -> Result<Option<(NodeId, NodeId)>, Refusal> {
        let mut found = Vec::new();
        for item in self.items(list) {
            let mapping = match self.node(item).shape {
                Shape::Alias(target) => target,
                Shape::Scalar(_) | Shape::Sequence(_) | Shape::Mapping(_) => item,
            };
            if let Some((_, own)) = self.get(mapping, name)?
                && self.string(own) == Some(value)
            {
                found.push(item);
            }
        }
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some((*one, *one))),
            [first, ..] => {
                let lines = found.iter().take(Self::MAX_USERS).map(|item| self.position(*item).0).collect();
                let key = Key::written(None, vec![Step::Where(name.to_owned(), value.to_owned())]);
                Err(Refusal::at(self.position(*first), Reason::SeveralValues { key, lines }))
            }
        }
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

    /// The key path of a value, as [`Key`] reads it. One that is too long for a key has only its last steps,
    /// behind a `…`, so that many paths below a long key stay small.
    pub(crate) fn path(&self, of: NodeId) -> String {
        let mut steps = Vec::new();
        let mut here = of;
        let mut bytes = 0;
        while let Some(around) = self.node(here).around {
            let place = self.node(here).place as usize;
            let step = match self.node(around).shape {
                Shape::Mapping(_) => Step::Name(self.key_of(around, here, place)),
                _ => Step::Index(place),
            };
            bytes += if let Step::Name(name) = &step { name.len() + 1 } else { 4 };
            if bytes > MAX_KEY_BYTES {
                steps.push(Step::Name(String::from("…")));
                break;
            }
            steps.push(step);
            here = around;
        }
        let document = (self.documents > 1).then(|| self.document(of));
        steps.reverse();
        Key::written(document, steps)
    }

    /// The key path of a pair with this plain key in a mapping, whether it is there yet or not.
    pub(crate) fn path_in(&self, mapping: NodeId, key: &str) -> String {
        let around = self.path(mapping);
        let dot = if around.is_empty() || around.ends_with('.') { "" } else { "." };
        format!("{around}{dot}{key}")
    }

    /// The text of a pair's key, by its value or by itself; a key that is a list or mapping has none.
    fn key_of(&self, mapping: NodeId, part: NodeId, place: usize) -> String {
        let key = if place.is_multiple_of(2) { part } else { to_id(part.index() - 1) };
        match self.node(key).around == Some(mapping) {
            true => self.node(key).text.chars().take(MAX_KEY_BYTES).collect(),
            false => String::new(),
        }
    }

    /// The node at that place in the file.
    pub(crate) fn id(&self, index: usize) -> Option<NodeId> {
        (index < self.nodes().len()).then(|| to_id(index))
    }

    /// The number of the document that a node is in, from 1.
    pub(crate) fn document(&self, of: NodeId) -> usize {
        let root = self.ancestors(of).next().unwrap_or(of);
        self.node(root).place as usize + 1
    }

    /// The list or mapping right around a node.
    pub(crate) fn around(&self, of: NodeId) -> Option<NodeId> {
        self.node(of).around
    }

    /// The key of a value of a mapping, where it is a text.
    pub(crate) fn key_before(&self, value: NodeId) -> Option<NodeId> {
        let before = self.id(value.index().checked_sub(1)?)?;
        let key = self.node(value).place % 2 == 1
            && self.node(before).around == self.node(value).around
            && matches!(self.node(before).shape, Shape::Scalar(_));
        key.then_some(before)
    }

    /// The lists and mappings around a node, from the root on.
    pub(crate) fn ancestors(&self, of: NodeId) -> impl Iterator<Item = NodeId> {
        let mut all: Vec<NodeId> =
            std::iter::successors(self.node(of).around, |around| self.node(*around).around).collect();
        all.reverse();
        all.into_iter()
    }

    /// The aliases of a node.
    pub(crate) fn aliases(&self, of: NodeId) -> &[NodeId] {
        let anchor = (self.node(of).anchor() as usize).checked_sub(1);
        anchor.and_then(|anchor| self.aliases.get(anchor)).map_or(&[], Vec::as_slice)
    }

    /// Every node with an anchor.
    pub(crate) fn anchors(&self) -> impl Iterator<Item = NodeId> {
        self.anchors.iter().copied().filter(|anchor| anchor.index() < self.nodes.len())
    }

    /// The text of a key, for messages; that of a list item says so.
    pub(crate) fn name(&self, key: NodeId) -> String {
        self.node(key).text.to_string()
    }
}
