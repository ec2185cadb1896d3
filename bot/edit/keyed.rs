//! The value at a key path, in any YAML or JSON file; and the sites of another kind that stand below one.
//!
//! A text `NAME:TAG` names its image; a mapping is read as Helm reads one (`repository`, `tag`, `digest`);
//! any other text is a tag, or a digest, of the image that the caller tells.

use crate::helm;
use crate::key::{Key, KeyError, Step};
use crate::oci;
use crate::reference::What;
use crate::refusal::{Reason, Refusal};
use crate::site::{Fields, Form, Found, Joined, Names, Pin, Site, Slot};
use crate::syntax::{NodeId, Shape, Tree};

/// The site at the key; with `create` one to be added where there is none yet.
pub(crate) fn find(tree: &Tree<'_>, key: &str, create: bool, found: &mut Found) -> Result<(), Refusal> {
    if create && let Some(site) = missing(tree, key)? {
        found.sites.push(site);
        return Ok(());
    }
    let (name, value) = locate(tree, key)?;
    match tree.node(value).shape {
        Shape::Mapping(_) => match helm::image_mapping(tree, value)? {
            Some(site) => found.sites.push(site),
            None => found.sites.push(helm::tag_mapping(tree, value)?.ok_or_else(|| shape(tree, name))?),
        },
        Shape::Sequence(_) => return Err(shape(tree, name)),
        Shape::Scalar(_) | Shape::Alias(_) => {
            let slot = Slot::of((name, value));
            let text = tree.string(value).unwrap_or_default();
            if text.contains("{{") || text.contains("${") {
                return Err(Refusal::at(tree.position(value), Reason::Template));
            }
            found.sites.push(bare(tree, slot, text)?);
        }
    }
    Ok(())
}

fn bare(tree: &Tree<'_>, slot: Slot, text: &str) -> Result<Site, Refusal> {
    if Joined::parse(text).is_some_and(|joined| joined.names_image(text))
        && !oci::is_digest(text)
        && let Some(site) = Site::joined(tree, slot.clone())
    {
        return Ok(site);
    }
    let at = slot.key;
    if !is_version(text) {
        let value = text.chars().take(200).collect();
        return Err(Refusal::at(tree.position(slot.value), Reason::NoReference { value }));
    }
    let fields = if oci::is_digest(text) {
        let fields = Fields::tag_alone(slot.clone());
        Fields { tag: None, digest: Some(slot), ..fields }
    } else {
        match beside(tree, &slot)? {
            Some(Fields { digest, bare_hex, pin, .. }) if digest.is_some() => {
                let pin = if pin == Pin::Always { pin } else { Pin::Nowhere };
                Fields { digest, bare_hex, pin, ..Fields::tag_alone(slot) }
            }
            _ => Fields::tag_alone(slot),
        }
    };
    let form = Form::Fields(fields);
    Ok(Site { what: What::Image, image: String::new(), name: String::new(), at, form })
}

/// The site of a key that is not there, in the mapping that it belongs into: behind the last pair whose value
/// stands on one line.
fn missing(tree: &Tree<'_>, key: &str) -> Result<Option<Site>, Refusal> {
    let key = parse(key)?;
    let Some((Step::Name(name), around)) = key.steps().split_last() else { return Ok(None) };
    if tree.at(&key)?.is_some() {
        return Ok(None);
    }
    let around = match around {
        [] => match (tree.roots().next(), tree.roots().nth(1)) {
            (Some(root), None) if key.document().is_none() => root,
            _ => return Ok(None),
        },
        around => match tree.at(&Key::within(key.document(), around))? {
            Some((_, around)) => around,
            None => return Ok(None),
        },
    };
    let one_line = |(_, value): &(NodeId, NodeId)| {
        let text = || tree.range(*value).is_some_and(|range| !tree.text()[range].contains('\n'));
        matches!(tree.node(*value).shape, Shape::Scalar(_)) && text()
    };
    let Some(behind) = tree.pairs(around).filter(one_line).last() else { return Ok(None) };
    let names = Names::Beside(Slot::of(behind));
    let fields = Fields::tag_alone(Slot::of(behind));
    let fields = Fields { mapping: Some(around), names, tag: None, tag_key: name.clone().into(), ..fields };
    let (image, name, form) = (String::new(), String::new(), Form::Fields(fields));
    Ok(Some(Site { what: What::Image, image, name, at: behind.0, form }))
}

/// Whether the text may be a version, `TAG@DIGEST` among them, for what cannot be read as a reference: one
/// with the marks of a name in it is a broken reference or an address, and no tag is to be written over it.
pub(crate) fn is_version(text: &str) -> bool {
    let tag = text.split_once('@').filter(|(_, digest)| oci::is_digest(digest)).map_or(text, |(tag, _)| tag);
    oci::is_digest(text) || !tag.contains(['/', ':', '@'])
}

/// The image's mapping that the tag is of: a digest in it counts instead of the tag.
fn beside(tree: &Tree<'_>, tag: &Slot) -> Result<Option<Fields>, Refusal> {
    let Some(around) = tree.around(tag.value) else { return Ok(None) };
    for site in [helm::image_mapping(tree, around)?, helm::tag_mapping(tree, around)?].into_iter().flatten() {
        if let Form::Fields(fields) = site.form
            && fields.tag.as_ref().is_some_and(|own| own.value == tag.value)
        {
            return Ok(Some(fields));
        }
    }
    Ok(None)
}

/// Keeps the sites at or below the key; a text there that no kind would take for a site becomes one.
pub(crate) fn keep(tree: &Tree<'_>, key: &str, create: bool, found: &mut Found) -> Result<(), Refusal> {
    if create && let Some(site) = missing(tree, key)? {
        *found = Found { sites: vec![site], ..Found::default() };
        return Ok(());
    }
    let (_, value) = locate(tree, key)?;
    let inside = |node: NodeId| value <= node && node.index() < tree.next(value);
    found.nested.retain(|nested| inside(nested.value));
    found.sites.retain(|site| inside(site.at) || site.slots().any(|slot| inside(slot.value)));
    for site in &mut found.sites {
        // The key names one value of a mapping: only this one is meant.
        if let Form::Fields(fields) = &mut site.form
            && !inside(site.at)
        {
            let kept = |slot: &Slot| inside(slot.value);
            fields.tag = fields.tag.take().filter(kept);
            // A digest that stands beside a tag counts instead of it, so it moves with the tag.
            let beside = fields.tag.is_some();
            fields.digest = fields.digest.take().filter(|slot| beside || kept(slot));
            if !(beside && fields.digest.is_some() && matches!(fields.pin, Pin::Key(_) | Pin::Always)) {
                fields.mapping = None;
                fields.pin = Pin::Nowhere;
            }
        }
    }
    if found.sites.is_empty() && found.nested.is_empty() {
        find(tree, key, false, found)?;
    }
    Ok(())
}

/// The key's node and its value; for a list item, the item twice.
fn locate(tree: &Tree<'_>, key: &str) -> Result<(NodeId, NodeId), Refusal> {
    let parsed = parse(key)?;
    if let Some(found) = tree.at(&parsed)? {
        return Ok(found);
    }
    let (deepest, present) = tree.nearest(&parsed);
    Err(Refusal::whole(Reason::NoSuchKey { key: key.to_owned(), deepest, present }))
}

/// A key path from the outside.
pub(crate) fn parse(key: &str) -> Result<Key, Refusal> {
    key.parse().map_err(|error: KeyError| Refusal::whole(Reason::BadKey { rule: error.to_string() }))
}

fn shape(tree: &Tree<'_>, at: NodeId) -> Refusal {
    let reason = Reason::Shape { what: "the value at the key", expected: "a text, or an image's mapping" };
    Refusal::at(tree.position(at), reason)
}
