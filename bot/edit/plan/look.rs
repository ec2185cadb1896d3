//! Sites as references: their values, places and key paths, and why one could not be edited.

use super::{MAX_NESTED, Room};
use crate::draft::Draft;
use crate::find::find;
use crate::oci;
use crate::reference::{Located, Reference};
use crate::refusal::{Reason, Refusal};
use crate::site::{Fields, Form, Found, Joined, Nested, Site, Slot};
use crate::syntax::{Inner, NodeId, Tree};
use crate::target::Target;

/// The references of all sites, those inside of values too, in the order of the file; none where there is no
/// room for all.
pub(super) fn references(
    target: &Target<'_>,
    tree: &Tree<'_>,
    found: &Found,
    depth: usize,
    room: &mut Room,
) -> Vec<Reference> {
    if !room.take(found.sites.len()) {
        return Vec::new();
    }
    let mut all: Vec<(NodeId, Vec<Reference>)> =
        found.sites.iter().map(|site| (site.at, vec![reference(target, tree, found, site)])).collect();
    if depth < MAX_NESTED {
        all.extend(
            found.nested.iter().map(|nested| (nested.key, inside(target, tree, *nested, depth, room))),
        );
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().flat_map(|(_, references)| references).collect()
}

fn inside(
    target: &Target<'_>,
    tree: &Tree<'_>,
    nested: Nested,
    depth: usize,
    room: &mut Room,
) -> Vec<Reference> {
    let Some(text) = tree.string(nested.value) else { return Vec::new() };
    let own = Target { kind: nested.kind, key: None, ..*target };
    let read = Tree::parse(text.as_bytes()).and_then(|inner| Ok((find(&own, &inner)?, inner)));
    let Ok((found, inner)) = read else { return Vec::new() };
    // A text that is not in the file as it is cannot be edited in parts.
    let whole = match tree.inner(nested.value) {
        Some(_) => Draft::new(tree, target.follow).nested(nested.key, nested.value, Vec::new(), Vec::new()),
        None => {
            let reason = Reason::MultiLine { key: tree.name(nested.key) };
            Err(Refusal::at(tree.position(nested.key), reason))
        }
    };
    let path = tree.path(nested.value);
    let place = tree.inner(nested.value);
    let outer_position = |inner| outer_position(tree, nested.value, place.as_ref(), inner);
    let mut inside = references(&own, &inner, &found, depth + 1, room);
    for reference in &mut inside {
        reference.path = format!("{path}|{}", reference.path);
        (reference.line, reference.column) = outer_position((reference.line, reference.column));
        for located in [&mut reference.tag, &mut reference.digest].into_iter().flatten() {
            (located.line, located.column) = outer_position((located.line, located.column));
            located.bytes = located.bytes.take().and_then(|range| {
                let outer = place.as_ref()?.outer(range)?;
                Some(outer.start + tree.bom()..outer.end + tree.bom())
            });
        }
        reference.blocked =
            reference.blocked.take().map(|refusal| refused(tree, nested.value, place.as_ref(), refusal));
        if let Err(refusal) = &whole {
            reference.blocked = Some(refusal.clone());
        }
    }
    inside
}

/// A refusal inside of a value, as one of the file around it.
pub(super) fn outward(tree: &Tree<'_>, value: NodeId, refusal: Refusal) -> Refusal {
    refused(tree, value, tree.inner(value).as_ref(), refusal)
}

fn refused(tree: &Tree<'_>, value: NodeId, place: Option<&Inner>, refusal: Refusal) -> Refusal {
    let inner = (refusal.line.unwrap_or(1), refusal.column.unwrap_or(1));
    let at = outer_position(tree, value, place, inner);
    let refusal = refusal.with_lines(|line| outer_position(tree, value, place, (line, 1)).0);
    Refusal::at(at, refusal.reason)
}

fn outer_position(
    tree: &Tree<'_>,
    value: NodeId,
    place: Option<&Inner>,
    (line, column): (usize, usize),
) -> (usize, usize) {
    match place.and_then(|inner| inner.line(line)) {
        Some(start) => {
            let (line, first) = tree.position_at(start);
            (line, first + column - 1)
        }
        None => tree.position(value),
    }
}

fn reference(target: &Target<'_>, tree: &Tree<'_>, found: &Found, site: &Site) -> Reference {
    let (tag, digest) = match &site.form {
        Form::Joined(slot) => joined(tree, slot),
        Form::Fields(fields) => fields_of(tree, fields),
    };
    let (line, column) = tree.position(site.at);
    let mut image = site.image.clone();
    if image.is_empty() {
        image = target.image.unwrap_or_default().to_owned();
    }
    let name = if site.name.is_empty() { image.clone() } else { site.name.clone() };
    let path = tree.path(path_of(site));
    let blocked = blocked(target, tree, found, site).err();
    Reference { what: site.what, image, name, path, tag, digest, line, column, blocked }
}

/// The value that the reference goes by; the mapping where it has several.
fn path_of(site: &Site) -> NodeId {
    match &site.form {
        Form::Joined(slot) => slot.value,
        Form::Fields(Fields { mapping: Some(mapping), .. }) => *mapping,
        Form::Fields(fields) => fields.tag.as_ref().map_or(site.at, |slot| slot.value),
    }
}

fn joined(tree: &Tree<'_>, slot: &Slot) -> (Option<Located>, Option<Located>) {
    let Some(text) = slot.text(tree) else { return (None, None) };
    let parts = Joined::split(text);
    (
        parts.tag.map(|range| located(tree, slot, &text[range])),
        parts.digest.map(|range| located(tree, slot, &text[range])),
    )
}

fn fields_of(tree: &Tree<'_>, fields: &Fields) -> (Option<Located>, Option<Located>) {
    let (mut tag, mut digest) = (None, None);
    if let Some((slot, text)) = fields.tag.as_ref().and_then(|slot| Some((slot, slot.text(tree)?))) {
        let (plain, pinned) = oci::split_pinned(text);
        tag = plain.map(|plain| located(tree, slot, plain));
        digest = pinned.map(|value| located(tree, slot, value));
    }
    if let Some((slot, text)) = fields.digest.as_ref().and_then(|slot| Some((slot, slot.text(tree)?))) {
        let hex = fields.bare_hex && !text.contains(':');
        let value = if hex { format!("sha256:{text}") } else { text.to_owned() };
        digest = Some(located(tree, slot, &value));
    }
    (tag, digest)
}

fn located(tree: &Tree<'_>, slot: &Slot, value: &str) -> Located {
    let (line, column) = tree.position(slot.value);
    let bytes = tree.range(slot.value).map(|range| range.start + tree.bom()..range.end + tree.bom());
    Located { value: value.to_owned(), line, column, bytes }
}

/// Why another tag could not be written, found by drafting one.
fn blocked(target: &Target<'_>, tree: &Tree<'_>, found: &Found, site: &Site) -> Result<(), Refusal> {
    super::refuse_twins(tree, found, site)?;
    let mut draft = Draft::new(tree, target.follow);
    super::apply::any_tag(target, tree, found, site, &mut draft)
}
