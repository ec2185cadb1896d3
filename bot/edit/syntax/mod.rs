//! A YAML file as a tree of nodes that know their bytes.
//!
//! What every kind of YAML file shares: the door ([`Tree::parse`] bounds size, depth and number, and refuses
//! what is not text), nodes with byte ranges, lines and columns, anchors with their users, duplicate keys.
//! The tree keeps nothing of comments and blanks: they stay in the bytes, which no edit rebuilds.
//!
//! Promises: no recursion, so depth costs no stack; aliases are never expanded; a range is given only where
//! the bytes at it were seen to be that node.

mod inner;
mod lines;
mod parse;
mod place;
mod token;

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::Range;

use crate::refusal::{Reason, Refusal};
pub(crate) use inner::Inner;
use lines::Lines;

/// A node of a [`Tree`]; only meaningful for the tree that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl From<NodeId> for usize {
    fn from(id: NodeId) -> usize {
        id.index()
    }
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In `'`.
    SingleQuoted,
    /// In `"`.
    DoubleQuoted,
    /// After `|` or `>`.
    Block,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text; [`Node::text`] is its value.
    Scalar(Style),
    /// `*name`: the node of the anchor.
    Alias(NodeId),
    /// A list.
    Sequence(Layout),
    /// Keys and values.
    Mapping(Layout),
}

/// How a list or mapping is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// By indentation.
    Block,
    /// In brackets or braces.
    Flow,
    /// A single pair in a flow list, without braces.
    Bare,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    /// What it is.
    pub shape: Shape,
    /// The value of a scalar, quotes and escapes undone; empty for all else. Borrowed where the bytes of the
    /// file are the value.
    pub text: Cow<'a, str>,
    /// The YAML tag in full, where one is written.
    pub tag: Option<Box<str>>,
    /// How deep it is nested; a document's root is 0.
    pub depth: u16,
    /// Where it starts, in bytes of the text; for a value that is not written, where the next token starts.
    start: u32,
    /// Where it ends, where that is known.
    end: Option<NonZeroU32>,
    /// The number of its anchor, 0 for none.
    anchor: u32,
    /// The first node after it and all that it contains.
    next: u32,
    /// The list or mapping around it; none for a document's root.
    around: Option<NodeId>,
    /// Its place in what is around it, from 0: keys are even and values odd; for a root, in the file.
    place: u32,
}

impl Node<'_> {
    /// Where it starts, in bytes of the text; for a value that is not written, where the next token starts.
    pub(crate) fn start(&self) -> usize {
        self.start as usize
    }

    /// The number of its anchor in the file, from 1; 0 for none.
    #[must_use]
    pub fn anchor(&self) -> u32 {
        self.anchor
    }

    /// Whether nothing is written: `key:` and no value.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.text.is_empty() && matches!(self.shape, Shape::Scalar(Style::Plain))
    }

    /// Whether it is absent or one of the plain nulls.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.shape, Shape::Scalar(Style::Plain))
            && matches!(self.text.as_ref(), "" | "~" | "null" | "Null" | "NULL")
    }
}

/// A parsed file. The text borrowed is the file without its byte order mark.
#[derive(Debug)]
pub struct Tree<'a> {
    text: &'a str,
    lines: Lines,
    nodes: Vec<Node<'a>>,
    /// The node of each anchor; anchors are numbered from 1 in the order of the file.
    anchors: Vec<NodeId>,
    /// The aliases of each anchor.
    aliases: Vec<Vec<NodeId>>,
    /// How many documents there are.
    documents: u32,
    bom: usize,
    /// Whether no node has an anchor or a tag and none is an alias.
    bare: bool,
}

impl<'a> Tree<'a> {
    /// How many of an anchor's aliases are named in a refusal, so that a thousand refusals stay small.
    pub const MAX_USERS: usize = 100;

    /// The text, without a byte order mark.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The length of the byte order mark that was left off: 3 or 0.
    #[must_use]
    pub fn bom(&self) -> usize {
        self.bom
    }

    /// The node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node<'a> {
        &self.nodes[id.index()]
    }

    /// Whether no node has an anchor or a tag and none is an alias, so that each part of the file means what
    /// it means alone.
    pub(crate) fn is_bare(&self) -> bool {
        self.bare
    }

    pub(crate) fn nodes(&self) -> &[Node<'a>] {
        &self.nodes
    }

    /// Every node, in the order of the file.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(to_id)
    }

    /// The root of each document.
    pub fn roots(&self) -> impl Iterator<Item = NodeId> {
        self.siblings(0, self.nodes.len())
    }

    /// The items of a sequence; nothing for all else.
    pub fn items(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let end = if matches!(self.node(id).shape, Shape::Sequence(_)) { self.next(id) } else { 0 };
        self.siblings(id.index() + 1, end)
    }

    /// Keys and values of a mapping; nothing for all else.
    pub fn pairs(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> {
        let end = if matches!(self.node(id).shape, Shape::Mapping(_)) { self.next(id) } else { 0 };
        let mut nodes = self.siblings(id.index() + 1, end);
        std::iter::from_fn(move || Some((nodes.next()?, nodes.next()?)))
    }

    /// The value of a key; the key must stand once.
    ///
    /// # Errors
    /// [`Reason::DuplicateKey`] at the second place.
    pub fn get(&self, mapping: NodeId, key: &str) -> Result<Option<(NodeId, NodeId)>, Refusal> {
        let mut found: Option<(NodeId, NodeId)> = None;
        for (name, value) in self.pairs(mapping).filter(|(name, _)| self.is_key(*name, key)) {
            if let Some((first, _)) = found {
                return Err(self.duplicate(first, name));
            }
            found = Some((name, value));
        }
        Ok(found)
    }

    fn is_key(&self, id: NodeId, key: &str) -> bool {
        let node = self.node(id);
        matches!(node.shape, Shape::Scalar(_)) && node.text == key
    }

    /// The text of a scalar, through an alias where it is one; nothing for a null, list or mapping.
    #[must_use]
    pub fn string(&self, id: NodeId) -> Option<&str> {
        let node = match self.node(id).shape {
            Shape::Alias(target) => self.node(target),
            Shape::Scalar(_) | Shape::Sequence(_) | Shape::Mapping(_) => self.node(id),
        };
        (matches!(node.shape, Shape::Scalar(_)) && !node.is_null()).then_some(node.text.as_ref())
    }

    /// The bytes of the node in [`Tree::text`], quotes and brackets among them, anchor and tag not. Nothing
    /// for values that are not written, block scalars and plain scalars over several lines.
    #[must_use]
    pub fn range(&self, id: NodeId) -> Option<Range<usize>> {
        let node = self.node(id);
        node.end.map(|end| node.start as usize..end.get() as usize)
    }

    /// The byte of the text at which a node starts; a block scalar at its first contents.
    pub(crate) fn start(&self, id: NodeId) -> usize {
        self.node(id).start as usize
    }

    /// Line and column (in characters) of the node's start, both from 1.
    #[must_use]
    pub fn position(&self, id: NodeId) -> (usize, usize) {
        self.lines.position(self.text, self.node(id).start as usize)
    }

    /// Line and column of a byte of the text, both from 1.
    #[must_use]
    pub fn position_at(&self, byte: usize) -> (usize, usize) {
        self.lines.position(self.text, byte)
    }

    /// The start of the line that holds the byte, the end of its contents, and the end with its line end.
    #[must_use]
    pub fn line_around(&self, byte: usize) -> (usize, usize, usize) {
        self.lines.around(self.text, byte)
    }

    /// The lines of the aliases that repeat the node, if it has an anchor; of at most [`Tree::MAX_USERS`] of
    /// them.
    #[must_use]
    pub fn users(&self, id: NodeId) -> Vec<usize> {
        self.aliases(id).iter().take(Self::MAX_USERS).map(|at| self.position(*at).0).collect()
    }

    /// Refuses the first key, in the order of the file, that stands twice in its mapping. Keys are the same
    /// when their texts are, quoted or not, as in go-yaml, which kustomize, Flux and Helm read with.
    ///
    /// # Errors
    /// [`Reason::DuplicateKey`] at the second place.
    pub fn refuse_duplicates(&self) -> Result<(), Refusal> {
        let doubled = self.ids().filter_map(|id| self.doubled(id).into_iter().next());
        let worst = doubled.min_by_key(|(_, second)| *second);
        worst.map_or(Ok(()), |(first, second)| Err(self.duplicate(first, second)))
    }

    /// The keys of a mapping that stand there once more, each with where it stands first.
    pub(crate) fn doubled(&self, mapping: NodeId) -> Vec<(NodeId, NodeId)> {
        // Comparing a few is quicker than hashing them.
        const FEW: usize = 16;
        let keys = || {
            let scalar = |key: &NodeId| matches!(self.node(*key).shape, Shape::Scalar(_));
            self.pairs(mapping).map(|(key, _)| key).filter(scalar)
        };
        let text = |key: NodeId| &*self.node(key).text;
        if keys().nth(FEW).is_none() {
            let first = |key: NodeId| {
                keys().take_while(|other| *other != key).find(|other| text(*other) == text(key))
            };
            return keys().filter_map(|key| Some((first(key)?, key))).collect();
        }
        let mut seen: HashMap<&str, NodeId> = HashMap::new();
        let mut first = |key: NodeId| (*seen.entry(text(key)).or_insert(key) != key).then(|| seen[text(key)]);
        keys().filter_map(|key| Some((first(key)?, key))).collect()
    }

    pub(crate) fn duplicate(&self, first: NodeId, second: NodeId) -> Refusal {
        let key = self.node(second).text.to_string();
        Refusal::at(self.position(second), Reason::DuplicateKey { key, first_line: self.position(first).0 })
    }

    /// The place of the first node after this one and all that it contains, in the order of the file.
    pub(crate) fn next(&self, id: impl Into<usize>) -> usize {
        let id: usize = id.into();
        self.nodes.get(id).map_or(self.nodes.len(), |node| node.next as usize)
    }

    /// As [`Tree::position`], of the node at that place in the file; of the end where there is none.
    pub(crate) fn place(&self, index: usize) -> (usize, usize) {
        self.position_at(self.nodes.get(index).map_or(self.text.len(), |node| node.start as usize))
    }

    fn siblings(&self, from: usize, to: usize) -> impl Iterator<Item = NodeId> {
        let mut at = from;
        std::iter::from_fn(move || {
            let id = (at < to).then(|| to_id(at))?;
            at = self.next(id);
            Some(id)
        })
    }
}

/// Node indices are bounded by [`crate::MAX_NODES`], far below 2^32.
fn to_id(index: usize) -> NodeId {
    NodeId(u32::try_from(index).unwrap_or(u32::MAX))
}
