//! The keys of a mapping that may say something about an image, its own and those that `<<` brings.

use std::collections::HashMap;

use super::text;
use crate::refusal::Refusal;
use crate::site::Slot;
use crate::syntax::{NodeId, Shape, Tree};

/// How many pairs and lists of `<<` are followed for one mapping; a person's file has a handful.
const MAX_MERGED: usize = 256;

/// The keys of name, tag and digest in Airflow's chart.
pub(super) const AIRFLOW: [&str; 3] =
    ["defaultAirflowRepository", "defaultAirflowTag", "defaultAirflowDigest"];

/// Keys of one mapping by their text. Only keys that matter here are kept.
#[derive(Debug)]
pub(super) struct Keys<'t, 'a> {
    tree: &'t Tree<'a>,
    pub(super) mapping: NodeId,
    known: HashMap<&'t str, Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    pair: (NodeId, NodeId),
    /// It stands in the mapping itself and not behind `<<`.
    own: bool,
    /// It stands twice.
    twice: bool,
}

impl<'t, 'a> Keys<'t, 'a> {
    /// Gathers them; nothing where `<<` brings more than is followed, since any of it may be a registry.
    pub(super) fn of(tree: &'t Tree<'a>, mapping: NodeId) -> Option<Self> {
        let mut known: HashMap<&'t str, Entry> = HashMap::new();
        let mut merged = Vec::new();
        for (key, value) in tree.pairs(mapping) {
            if !matches!(tree.node(key).shape, Shape::Scalar(_)) {
                continue;
            }
            let name: &str = &tree.node(key).text;
            if name == "<<" {
                merged.push(value);
            } else if matters(name) {
                let entry = Entry { pair: (key, value), own: true, twice: false };
                known.entry(name).and_modify(|entry| entry.twice = true).or_insert(entry);
            }
        }
        let mut keys = Self { tree, mapping, known };
        keys.merge(merged).then_some(keys)
    }

    /// Adds what the values of `<<` hold and the mapping does not; of several the first counts (YAML 1.1,
    /// merge type). False where that is too much.
    fn merge(&mut self, mut open: Vec<NodeId>) -> bool {
        let tree = self.tree;
        let mut left = MAX_MERGED;
        while let Some(value) = open.pop() {
            let source = match tree.node(value).shape {
                Shape::Alias(target) => target,
                Shape::Scalar(_) | Shape::Sequence(_) | Shape::Mapping(_) => value,
            };
            let mut deeper: Vec<NodeId> = tree.items(source).take(left + 1).collect();
            if deeper.len() > left {
                return false;
            }
            left -= deeper.len();
            for pair in tree.pairs(source) {
                let Some(rest) = left.checked_sub(1) else { return false };
                left = rest;
                let name: &str = &tree.node(pair.0).text;
                if name == "<<" {
                    deeper.push(pair.1);
                } else if matters(name) {
                    self.known.entry(name).or_insert(Entry { pair, own: false, twice: false });
                }
            }
            open.extend(deeper.into_iter().rev());
        }
        true
    }

    /// Whether the key is there, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.known.contains_key(key)
    }

    /// The key and its value.
    pub(super) fn slot(&self, key: &str) -> Result<Option<Slot>, Refusal> {
        let Some(entry) = self.known.get(key) else { return Ok(None) };
        if entry.twice {
            self.tree.get(self.mapping, key)?;
        }
        Ok(Some(Slot::of(entry.pair)))
    }

    /// The first of the keys that is there, and its value.
    pub(super) fn first(&self, keys: &[&'static str]) -> Result<Option<(&'static str, Slot)>, Refusal> {
        for key in keys {
            if let Some(slot) = self.slot(key)? {
                return Ok(Some((*key, slot)));
            }
        }
        Ok(None)
    }

    /// Whether the slot stands in the mapping itself.
    pub(super) fn is_own(&self, slot: &Slot) -> bool {
        self.mapping < slot.key && slot.key.index() < self.tree.next(self.mapping)
    }

    /// Own keys with their values, in no order.
    pub(super) fn own(&self) -> impl Iterator<Item = (&'t str, (NodeId, NodeId))> {
        self.known.iter().filter(|(_, entry)| entry.own).map(|(key, entry)| (*key, entry.pair))
    }
}

/// Whether a key may say something about an image. What is asked for must be here.
fn matters(key: &str) -> bool {
    const WORDS: [&str; 22] = [
        "repository",
        "registry",
        "hub",
        "name",
        "repo",
        "tag",
        "version",
        "digest",
        "sha",
        "useDigest",
        "pullPolicy",
        "pullSecrets",
        "url",
        "chart",
        "branch",
        "revision",
        "ref",
        "targetRevision",
        "git",
        "command",
        "args",
        "env",
    ];
    WORDS.contains(&key)
        || AIRFLOW.contains(&key)
        || text::is_image_key(key)
        || key.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("image"))
        || key.contains("Image")
        || key.contains("_image")
        || key.contains("_IMAGE")
}
