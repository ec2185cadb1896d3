//! Kustomizations and components: the `images` list, and what [`fields`] finds besides.
//!
//! An entry is `name`, and optionally `newName`, `newTag` and `digest` (kustomize, `types.Image`); `newTag`
//! may hold `tag@digest`. An entry answers to its effective image: `newName` where it has one, else `name`.
//! An entry of `nginx` is one of `docker.io/library/nginx` too: they are one repository, although kustomize
//! compares an entry's `name` with the resources by its letters.

mod fields;

use crate::document;
use crate::reference::What;
use crate::refusal::{Reason, Refusal};
use crate::site::{Fields, Form, Found, Names, Pin, Site, Slot};
use crate::syntax::{NodeId, Shape, Tree};

const IMAGES: &str = "images";
const NEW_NAME: &str = "newName";
const NEW_TAG: &str = "newTag";
const DIGEST: &str = "digest";

/// Every reference of the file.
pub(crate) fn find(tree: &Tree<'_>, found: &mut Found) -> Result<(), Refusal> {
    for root in documents(tree) {
        fields::find(tree, root, found)?;
    }
    let Some((key, list)) = images(tree)? else { return Ok(()) };
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
    for item in tree.items(list) {
        found.sites.push(entry(tree, item)?);
    }
    Ok(())
}

/// The documents that are kustomizations.
fn documents(tree: &Tree<'_>) -> impl Iterator<Item = NodeId> {
    tree.roots().filter(|root| !document::is_other(tree, *root))
}

/// The list in the one document that has it.
fn images(tree: &Tree<'_>) -> Result<Option<(NodeId, NodeId)>, Refusal> {
    let mut lists = Vec::new();
    for root in documents(tree) {
        if let Some((key, _)) = tree.get(root, "<<")? {
            return Err(Refusal::at(tree.position(key), Reason::MergeKey));
        }
        lists.extend(tree.get(root, IMAGES)?);
    }
    match lists.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        [first, ..] => {
            let lines = lists.iter().map(|(key, _)| tree.position(*key).0).collect();
            Err(Refusal::at(tree.position(first.0), Reason::SeveralDocuments { key: IMAGES, lines }))
        }
    }
}

/// One entry of an `images` list, in a kustomization or one of Flux's.
pub(crate) fn entry(tree: &Tree<'_>, item: NodeId) -> Result<Site, Refusal> {
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
    let field = |key| Ok::<_, Refusal>(tree.get(item, key)?.map(Slot::of));
    let name = field("name")?.ok_or_else(|| shape("an item of `images`", "a mapping with `name`"))?;
    let (new_name, tag, digest) = (field(NEW_NAME)?, field(NEW_TAG)?, field(DIGEST)?);
    let old = name.text(tree).ok_or_else(|| shape("`name`", "a string"))?.to_owned();
    let image = new_name.as_ref().and_then(|slot| slot.text(tree)).unwrap_or(&old).to_owned();
    for slot in [&new_name, &tag, &digest].into_iter().flatten() {
        let node = tree.node(slot.value);
        let target = if let Shape::Alias(target) = node.shape { tree.node(target) } else { node };
        if !matches!(target.shape, Shape::Scalar(_)) {
            let reason = Reason::Shape { what: "a field of an `images` entry", expected: "a string" };
            return Err(Refusal::at(tree.position(slot.key), reason));
        }
    }
    let fields = Fields {
        mapping: Some(item),
        names: Names::Renamed { name, new_name, key: NEW_NAME },
        tag,
        tag_key: NEW_TAG.into(),
        digest,
        pin: Pin::Key(DIGEST),
        bare_hex: false,
    };
    Ok(Site { what: What::Image, image, name: old, at: item, form: Form::Fields(fields) })
}
