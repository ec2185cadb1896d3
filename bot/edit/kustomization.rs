//! Kustomizations and components: the `images` list.
//!
//! An entry is `name`, and optionally `newName`, `newTag` and `digest` (kustomize, `types.Image`); `newTag`
//! may hold `tag@digest`. An entry answers to its effective image: `newName` where it has one, else `name`.
//! Comparison is exact: `nginx` is not `docker.io/library/nginx`, as it is not for kustomize.

use crate::draft::Draft;
use crate::oci;
use crate::reference::{Change, Located, Reference, SetDigest};
use crate::refusal::{Reason, Refusal, Renamed};
use crate::syntax::{NodeId, Shape, Tree};

const IMAGES: &str = "images";
const NEW_NAME: &str = "newName";
const NEW_TAG: &str = "newTag";
const DIGEST: &str = "digest";

type Pair = (NodeId, NodeId);

/// One item of `images`.
struct Entry<'t> {
    mapping: NodeId,
    name: Pair,
    new_name: Option<Pair>,
    new_tag: Option<Pair>,
    digest: Option<Pair>,
    /// The text of `name`.
    old: &'t str,
    /// The effective image.
    image: &'t str,
}

/// Every entry of the file.
pub(crate) fn read(tree: &Tree<'_>) -> Result<Vec<Reference>, Refusal> {
    let (_, entries) = entries(tree)?;
    Ok(entries.iter().map(|entry| entry.reference(tree)).collect())
}

/// Writes the wanted changes into the draft.
pub(crate) fn plan(
    tree: &Tree<'_>,
    changes: &[Change<'_>],
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let (list, entries) = entries(tree)?;
    let mut taken: Vec<NodeId> = Vec::new();
    for change in changes {
        check(change)?;
        let entry = find(tree, &entries, change)?;
        if taken.contains(&entry.mapping) {
            let reason = Reason::TwoChanges { image: change.image.to_owned() };
            return Err(Refusal::at(tree.position(entry.mapping), reason));
        }
        taken.push(entry.mapping);
        for around in list.iter().copied().chain([entry.mapping]) {
            let users = tree.users(around);
            if !users.is_empty() {
                let reason = Reason::SharedAnchor { key: IMAGES.to_owned(), users };
                return Err(Refusal::at(tree.position(around), reason));
            }
        }
        entry.apply(tree, change, draft)?;
    }
    Ok(())
}

fn check(change: &Change<'_>) -> Result<(), Refusal> {
    change.new_name.map_or(Ok(()), oci::check_name)?;
    change.tag.map_or(Ok(()), oci::check_tag)?;
    match change.digest {
        SetDigest::Keep | SetDigest::Remove => Ok(()),
        SetDigest::Set(digest) => oci::check_digest(digest),
    }
}

/// The root mapping and the list (for anchors around the entries), and the entries of the one document that
/// has them.
fn entries<'t>(tree: &'t Tree<'_>) -> Result<(Vec<NodeId>, Vec<Entry<'t>>), Refusal> {
    let mut lists: Vec<(NodeId, Pair)> = Vec::new();
    for root in tree.roots() {
        if let Some((key, _)) = tree.get(root, "<<")? {
            return Err(Refusal::at(tree.position(key), Reason::MergeKey));
        }
        lists.extend(tree.get(root, IMAGES)?.map(|pair| (root, pair)));
    }
    let (root, (key, list)) = match lists.as_slice() {
        [] => return Ok((Vec::new(), Vec::new())),
        [one] => *one,
        [first, ..] => {
            let lines = lists.iter().map(|(_, (key, _))| tree.position(*key).0).collect();
            return Err(Refusal::at(
                tree.position(first.1.0),
                Reason::SeveralDocuments { key: IMAGES, lines },
            ));
        }
    };
    let at = tree.position(key);
    match tree.node(list).shape {
        Shape::Sequence(_) => {}
        Shape::Alias(target) => {
            let anchor_line = tree.position(target).0;
            return Err(Refusal::at(at, Reason::Alias { key: IMAGES.to_owned(), anchor_line }));
        }
        Shape::Scalar(_) if tree.node(list).is_null() => {}
        Shape::Scalar(_) | Shape::Mapping(_) => {
            return Err(Refusal::at(at, Reason::Shape { what: "`images`", expected: "a list" }));
        }
    }
    let entries = tree.items(list).map(|item| Entry::new(tree, item)).collect::<Result<_, _>>()?;
    Ok((vec![root, list], entries))
}

fn find<'e, 't>(
    tree: &Tree<'_>,
    entries: &'e [Entry<'t>],
    change: &Change<'_>,
) -> Result<&'e Entry<'t>, Refusal> {
    // A rename that was done before is found under its new name, so that doing it twice is harmless.
    for image in [Some(change.image), change.new_name].into_iter().flatten() {
        let found: Vec<&Entry<'_>> = entries.iter().filter(|entry| entry.image == image).collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one),
            [first, ..] => {
                let lines = found.iter().map(|entry| tree.position(entry.mapping).0).collect();
                let reason = Reason::Ambiguous { image: image.to_owned(), lines };
                return Err(Refusal::at(tree.position(first.mapping), reason));
            }
        }
    }
    let old = entries.iter().find(|entry| entry.old == change.image);
    let renamed =
        old.map(|entry| Renamed { new_name: entry.image.to_owned(), line: tree.position(entry.mapping).0 });
    let present = entries.iter().map(|entry| entry.image.to_owned()).collect();
    Err(Refusal::whole(Reason::NotFound { image: change.image.to_owned(), renamed, present }))
}

impl<'t> Entry<'t> {
    fn new(tree: &'t Tree<'_>, item: NodeId) -> Result<Self, Refusal> {
        let at = tree.position(item);
        let shape = |what, expected| Refusal::at(at, Reason::Shape { what, expected });
        match tree.node(item).shape {
            Shape::Mapping(_) => {}
            Shape::Alias(target) => {
                let anchor_line = tree.position(target).0;
                return Err(Refusal::at(at, Reason::Alias { key: IMAGES.to_owned(), anchor_line }));
            }
            Shape::Scalar(_) | Shape::Sequence(_) => {
                return Err(shape("an item of `images`", "a mapping with `name`"));
            }
        }
        if tree.get(item, "<<")?.is_some() {
            return Err(Refusal::at(at, Reason::MergeKey));
        }
        let name =
            tree.get(item, "name")?.ok_or_else(|| shape("an item of `images`", "a mapping with `name`"))?;
        let new_name = tree.get(item, NEW_NAME)?;
        let old = text(tree, name.1).ok_or_else(|| shape("`name`", "a string"))?;
        let image = new_name.and_then(|(_, value)| text(tree, value)).unwrap_or(old);
        let (new_tag, digest) = (tree.get(item, NEW_TAG)?, tree.get(item, DIGEST)?);
        for (key, value) in [new_name, new_tag, digest].into_iter().flatten() {
            let node = tree.node(value);
            let target = if let Shape::Alias(target) = node.shape { tree.node(target) } else { node };
            if !matches!(target.shape, Shape::Scalar(_)) {
                let reason = Reason::Shape { what: "a field of an `images` entry", expected: "a string" };
                return Err(Refusal::at(tree.position(key), reason));
            }
        }
        Ok(Self { mapping: item, name, new_name, new_tag, digest, old, image })
    }

    fn reference(&self, tree: &Tree<'_>) -> Reference {
        let located = |(_, value): Pair, text: &str| {
            let (line, column) = tree.position(value);
            let bytes = tree.range(value).map(|range| range.start + tree.bom()..range.end + tree.bom());
            Located { value: text.to_owned(), line, column, bytes }
        };
        let (mut tag, mut digest) = (None, None);
        if let Some((pair, value)) = self.new_tag.and_then(|pair| Some((pair, text(tree, pair.1)?))) {
            let (plain, pinned) = split(value);
            tag = Some(located(pair, plain));
            digest = pinned.map(|value| located(pair, value));
        }
        if let Some((pair, value)) = self.digest.and_then(|pair| Some((pair, text(tree, pair.1)?))) {
            digest = Some(located(pair, value));
        }
        let (line, column) = tree.position(self.mapping);
        Reference { image: self.image.to_owned(), name: self.old.to_owned(), tag, digest, line, column }
    }

    fn apply(&self, tree: &Tree<'_>, change: &Change<'_>, draft: &mut Draft<'_, '_>) -> Result<(), Refusal> {
        if let Some(new_name) = change.new_name.filter(|new_name| *new_name != self.image) {
            match self.new_name {
                Some((key, value)) => draft.set(key, value, new_name)?,
                None => draft.add(self.mapping, self.name, NEW_NAME, new_name)?,
            }
        }
        // The pair that a missing key is added behind.
        let behind = self.new_name.unwrap_or(self.name);
        let current = self.new_tag.and_then(|(_, value)| text(tree, value)).map(split);
        if let (Some((key, value)), Some((tag, Some(pinned)))) = (self.new_tag, current) {
            if self.digest.is_some() {
                return Err(Refusal::at(tree.position(key), Reason::TwoDigests));
            }
            let tag = change.tag.unwrap_or(tag);
            let wanted = match change.digest {
                SetDigest::Keep => format!("{tag}@{pinned}"),
                SetDigest::Set(digest) => format!("{tag}@{digest}"),
                SetDigest::Remove => tag.to_owned(),
            };
            return draft.set(key, value, &wanted);
        }
        if let Some(tag) = change.tag {
            match self.new_tag {
                Some((key, value)) => draft.set(key, value, tag)?,
                None => draft.add(self.mapping, behind, NEW_TAG, tag)?,
            }
        }
        match (change.digest, self.digest) {
            (SetDigest::Keep, _) | (SetDigest::Remove, None) => Ok(()),
            (SetDigest::Remove, Some((key, value))) => draft.remove(self.mapping, key, value),
            (SetDigest::Set(digest), Some((key, value))) => draft.set(key, value, digest),
            (SetDigest::Set(digest), None) => {
                draft.add(self.mapping, self.new_tag.unwrap_or(behind), DIGEST, digest)
            }
        }
    }
}

/// The text of a value; nothing for what is empty, which kustomize takes for not set.
fn text<'t>(tree: &'t Tree<'_>, value: NodeId) -> Option<&'t str> {
    tree.string(value).filter(|text| !text.is_empty())
}

/// `tag@digest` in one value.
fn split(value: &str) -> (&str, Option<&str>) {
    match value.split_once('@') {
        Some((tag, digest)) if !tag.is_empty() && digest.contains(':') => (tag, Some(digest)),
        _ => (value, None),
    }
}
