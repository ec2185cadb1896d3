//! One change at one site, as splices.

use crate::draft::Draft;
use crate::kind::Kind;
use crate::oci;
use crate::reference::{Change, SetDigest, What};
use crate::refusal::{Reason, Refusal};
use crate::site::{Fields, Form, Found, Joined, Names, Pin, Site, Slot};
use crate::syntax::{NodeId, Shape, Tree};
use crate::target::Target;

/// Writes the change into the draft.
pub(super) fn site(
    target: &Target<'_>,
    tree: &Tree<'_>,
    found: &Found,
    site: &Site,
    change: &Change<'_>,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    if let Some(refusal) = found.odd.get(&site.at) {
        return Err(refusal.clone());
    }
    for value in site.slots().map(|slot| slot.value).chain([site.at]) {
        found.refuse_doubled(tree, value)?;
    }
    if let Some(tag) = change.tag {
        match site.what {
            What::Image => oci::check_tag(tag)?,
            What::Chart => oci::check_version(tag)?,
            What::Revision => revision(site, tag)?,
        }
        if let Form::Fields(fields) = &site.form {
            oci::check_under(&fields.tag_key, tag)?;
        }
    }
    sound(target, tree, site)?;
    refuse_template(tree, site)?;
    shared(target, tree, found, site)?;
    match &site.form {
        Form::Joined(slot) => joined(tree, slot, change, draft),
        Form::Fields(fields) => apply(tree, site, fields, change, draft),
    }
}

/// Demands a revision that can be written where the site has it: in the query of an address `+` is a blank.
fn revision(site: &Site, text: &str) -> Result<(), Refusal> {
    oci::check_revision(text)?;
    if text.contains('+') && site.slots().any(|slot| slot.part.is_some()) {
        let rule = "`+` is a blank in the query of an address; name a branch, tag or object id without it";
        let what = "Git revision";
        return Err(Refusal::whole(Reason::InvalidValue { what, value: text.to_owned(), rule }));
    }
    Ok(())
}

/// Refuses a text that is no image reference: only a part of it could be what the change is about.
fn sound(target: &Target<'_>, tree: &Tree<'_>, site: &Site) -> Result<(), Refusal> {
    let (What::Image, Form::Joined(slot)) = (site.what, &site.form) else { return Ok(()) };
    let text = slot.text(tree).unwrap_or_default();
    if Joined::parse(text).is_some() {
        return Ok(());
    }
    let value = text.chars().take(200).collect();
    let reason = match target.kind {
        Kind::Compose if text.contains('$') => Reason::Interpolated { value },
        _ => Reason::NoReference { value },
    };
    Err(Refusal::at(tree.position(slot.value), reason))
}

/// Drafts a tag that stands nowhere, to see whether one could be written.
pub(super) fn any_tag(
    target: &Target<'_>,
    tree: &Tree<'_>,
    found: &Found,
    of: &Site,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let tag = match &of.form {
        Form::Fields(fields) => oci::sample_under(&fields.tag_key),
        Form::Joined(_) => "0.0.0-any",
    };
    let change = Change { tag: Some(tag), ..Change::of(&of.image) };
    site(target, tree, found, of, &change, draft)
}

/// Refuses a site that is filled in later, by Helm or by Flux's substitution: a value written over the
/// template would end that.
fn refuse_template(tree: &Tree<'_>, site: &Site) -> Result<(), Refusal> {
    let template = |text: &str| text.contains("{{") || text.contains("${");
    let refuse = |at, text: &str| {
        let value = text.chars().take(200).collect();
        Err(Refusal::at(tree.position(at), Reason::FilledLater { value }))
    };
    if template(&site.image) {
        return refuse(site.at, &site.image);
    }
    for slot in site.slots() {
        if let Some(text) = slot.text(tree).filter(|text| template(text)) {
            return refuse(slot.value, text);
        }
    }
    Ok(())
}

/// Refuses a site whose values other places of the file repeat, unless that is allowed and they all are of
/// the same image.
fn shared(target: &Target<'_>, tree: &Tree<'_>, found: &Found, site: &Site) -> Result<(), Refusal> {
    if tree.is_bare() {
        return Ok(());
    }
    for slot in site.slots() {
        let value = match tree.node(slot.value).shape {
            Shape::Alias(anchor) if target.follow => anchor,
            _ => slot.value,
        };
        let users = tree.aliases(value);
        if !(users.is_empty() || target.follow && found.is_all_of(tree, value, &site.image)) {
            return Err(repeated(tree, slot.key, value));
        }
        for around in tree.ancestors(value) {
            let mut users = tree.aliases(around).iter().filter(|user| !overrides(tree, **user, around, slot));
            let follow =
                || target.follow && site.names_inside(tree, around) && !found.is_of_several(tree, slot);
            if users.next().is_some() && !follow() {
                return Err(repeated(tree, slot.key, around));
            }
        }
    }
    // A tag that is added is repeated with the mapping.
    if let Form::Fields(Fields { mapping: Some(mapping), tag: None, .. }) = &site.form {
        for around in tree.ancestors(*mapping).chain([*mapping]) {
            let follow = || target.follow && site.names_inside(tree, around);
            if !tree.aliases(around).is_empty() && !follow() {
                let key = match &site.form {
                    Form::Fields(Fields { names: Names::Repository { repository, .. }, .. })
                    | Form::Fields(Fields { names: Names::Under { repository, .. }, .. }) => repository.key,
                    _ => site.at,
                };
                return Err(repeated(tree, key, around));
            }
        }
    }
    Ok(())
}

/// Whether an alias of the mapping that holds the slot stands behind `<<`, beside a value of its own for the
/// slot's key. A mapping larger than any that a person merges into is not searched.
fn overrides(tree: &Tree<'_>, user: NodeId, anchor: NodeId, slot: &Slot) -> bool {
    const MAX_PAIRS: usize = 256;
    let around = |node| tree.ancestors(node).last();
    let direct = around(slot.value) == Some(anchor);
    let Some(mapping) = around(user).filter(|_| direct) else { return false };
    let merged = |(key, value): (NodeId, NodeId)| value == user && tree.node(key).text == "<<";
    tree.pairs(mapping).nth(MAX_PAIRS).is_none()
        && tree.pairs(mapping).any(merged)
        && matches!(tree.get(mapping, &tree.node(slot.key).text), Ok(Some(_)))
}

fn repeated(tree: &Tree<'_>, key: NodeId, anchor: NodeId) -> Refusal {
    let reason = match tree.node(key).shape {
        _ if tree.node(anchor).anchor() == 0 => Reason::MergeKey,
        _ => Reason::SharedAnchor { key: tree.name(key), users: tree.users(anchor) },
    };
    Refusal::at(tree.position(key), reason)
}

fn joined(
    tree: &Tree<'_>,
    slot: &Slot,
    change: &Change<'_>,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let text = slot.text(tree).unwrap_or_default();
    let parts = Joined::split(text);
    let start = slot.part.as_ref().map_or(0, |part| part.start);
    let old = |range: Option<std::ops::Range<usize>>| range.map(|range| &text[range]);
    let digest = match change.digest {
        SetDigest::Keep => old(parts.digest.clone()),
        SetDigest::Remove => None,
        SetDigest::Set(digest) => Some(digest),
    };
    let mut suffix = String::new();
    if let Some(tag) = change.tag.or(old(parts.tag.clone())) {
        suffix.extend([":", tag]);
    }
    if let Some(digest) = digest {
        suffix.extend(["@", digest]);
    }
    let mut splices = Vec::new();
    if let Some(name) = change.new_name.filter(|name| *name != &text[parts.name.clone()]) {
        splices.push((start..start + parts.name.end, name.to_owned()));
    }
    if suffix != text[parts.name.end..] {
        splices.push((start + parts.name.end..start + text.len(), suffix));
    }
    draft.set_parts(slot.key, slot.value, splices)
}

fn apply(
    tree: &Tree<'_>,
    site: &Site,
    fields: &Fields,
    change: &Change<'_>,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let refuse = |reason| Err(Refusal::at(tree.position(site.at), reason));
    rename(tree, site, fields, change, draft)?;
    // The pair that a missing key is added behind.
    let behind = match &fields.names {
        Names::Elsewhere => None,
        Names::Repository { repository, .. } | Names::Under { repository, .. } => Some(repository),
        Names::Beside(slot) => Some(slot),
        Names::Renamed { name, new_name, .. } => Some(new_name.as_ref().unwrap_or(name)),
    };
    let add = |draft: &mut Draft<'_, '_>, behind: Option<&Slot>, key: &str, text: &str| match (
        fields.mapping,
        behind,
    ) {
        (Some(mapping), Some(slot)) => draft.add(mapping, (slot.key, slot.value), key, text),
        _ => refuse(Reason::NoRoom { key: key.to_owned(), done: "added" }),
    };
    let current = fields.tag.as_ref().and_then(|slot| slot.text(tree));
    let (plain, pinned) = current.map_or((None, None), oci::split_pinned);
    let has_digest = fields.digest.as_ref().is_some_and(|slot| slot.text(tree).is_some());
    let pinned_here = match (fields.digest.is_some(), change.digest) {
        // There is a key for it, and it is not used both ways.
        (true, _) if pinned.is_none() => None,
        (true, _) if has_digest => {
            let at = fields.tag.as_ref().map_or(site.at, |slot| slot.key);
            return Err(Refusal::at(tree.position(at), Reason::TwoDigests));
        }
        (_, SetDigest::Keep) => pinned,
        (_, SetDigest::Remove) => None,
        (_, SetDigest::Set(digest)) if pinned.is_some() || fields.pin == Pin::BehindTag => Some(digest),
        (_, SetDigest::Set(_)) => None,
    };
    if pinned.is_none() && pinned_here.is_some() && change.tag.or(plain).is_none() {
        // `NAME:DIGEST` is no reference, and there is no tag to put it behind.
        return refuse(Reason::NoDigest { path: tree.path(site.at) });
    }
    if site.what == What::Image
        && pinned_here != pinned
        && change.tag.is_none()
        && let (Some(slot), Some(plain)) = (&fields.tag, plain)
        && oci::check_tag(plain).is_err()
    {
        // Put together with a digest it would be taken apart elsewhere.
        let value = plain.chars().take(200).collect();
        return Err(Refusal::at(tree.position(slot.value), Reason::NoReference { value }));
    }
    let wanted = match (change.tag.or(plain), pinned_here) {
        (Some(tag), Some(digest)) => Some(format!("{tag}@{digest}")),
        (Some(tag), None) => Some(tag.to_owned()),
        (None, Some(digest)) => Some(digest.to_owned()),
        (None, None) => None,
    };
    // A digest alone stays one.
    let digest_alone = fields.tag.is_none() && fields.mapping.is_none() && has_digest;
    let touched = (change.tag.is_some() && !digest_alone) || pinned_here != pinned;
    if let Some(wanted) = wanted.filter(|_| touched) {
        match &fields.tag {
            Some(slot) => put(tree, slot, &wanted, draft)?,
            None => add(draft, behind, &fields.tag_key, &wanted)?,
        }
    }
    let pinned_after = pinned_here.is_some();
    if fields.pin == Pin::Always && change.digest == SetDigest::Remove {
        return refuse(Reason::DigestDemanded { path: tree.path(site.at) });
    }
    match (change.digest, &fields.digest) {
        (SetDigest::Keep, _) | (SetDigest::Remove, None) => Ok(()),
        (SetDigest::Remove, Some(slot)) if digest_alone => {
            let reason = Reason::NoRoom { key: tree.name(slot.key), done: "removed" };
            Err(Refusal::at(tree.position(slot.key), reason))
        }
        (SetDigest::Remove, Some(slot)) => match (fields.pin, fields.mapping) {
            (Pin::Key(_), Some(mapping)) => draft.remove(mapping, slot.key, slot.value),
            _ if has_digest => put(tree, slot, "", draft),
            _ => Ok(()),
        },
        (SetDigest::Set(_), _) if pinned_after => Ok(()),
        (SetDigest::Set(digest), Some(slot)) => {
            let hex = digest.strip_prefix("sha256:").filter(|_| fields.bare_hex);
            put(tree, slot, hex.unwrap_or(digest), draft)
        }
        (SetDigest::Set(digest), None) => match fields.pin {
            Pin::Key(key) => add(draft, fields.tag.as_ref().or(behind), key, digest),
            Pin::BehindTag | Pin::Always | Pin::Nowhere => {
                refuse(Reason::NoDigest { path: tree.path(site.at) })
            }
        },
    }
}

fn rename(
    tree: &Tree<'_>,
    site: &Site,
    fields: &Fields,
    change: &Change<'_>,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let Some(wanted) = change.new_name.filter(|wanted| *wanted != site.image) else { return Ok(()) };
    match &fields.names {
        Names::Elsewhere | Names::Beside(_) => {
            let reason = Reason::NoRoom { key: String::from("the name"), done: "changed" };
            Err(Refusal::at(tree.position(site.at), reason))
        }
        Names::Repository { registry: None, repository } => put(tree, repository, wanted, draft),
        Names::Under { registry, repository } => {
            match wanted.strip_prefix(&**registry).and_then(|rest| rest.strip_prefix('/')) {
                Some(path) => put(tree, repository, path, draft),
                None => {
                    let reason = Reason::NoRoom { key: String::from("the registry"), done: "changed" };
                    Err(Refusal::at(tree.position(repository.value), reason))
                }
            }
        }
        Names::Repository { registry: Some(registry), repository } => {
            let (host, path) = match wanted.split_once('/') {
                Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
                _ => ("docker.io", wanted),
            };
            put(tree, registry, host, draft)?;
            put(tree, repository, path, draft)
        }
        Names::Renamed { new_name: Some(slot), .. } => put(tree, slot, wanted, draft),
        Names::Renamed { name, new_name: None, key } => match fields.mapping {
            Some(mapping) => draft.add(mapping, (name.key, name.value), key, wanted),
            None => Ok(()),
        },
    }
}

/// Gives a slot another text.
fn put(tree: &Tree<'_>, slot: &Slot, wanted: &str, draft: &mut Draft<'_, '_>) -> Result<(), Refusal> {
    match &slot.part {
        Some(_) if slot.text(tree) == Some(wanted) => Ok(()),
        Some(part) => draft.set_parts(slot.key, slot.value, vec![(part.clone(), wanted.to_owned())]),
        None => draft.set(slot.key, slot.value, wanted),
    }
}
