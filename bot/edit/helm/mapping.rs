//! The images of one mapping whose name and tag stand in values of their own.

use std::collections::BTreeSet;

use super::global::Global;
use super::keys::{AIRFLOW, Keys};
use super::text;
use crate::reference::What;
use crate::refusal::Refusal;
use crate::site::{Fields, Form, Names, Pin, Site, Slot};
use crate::syntax::{NodeId, Shape, Tree};

/// What is known of a mapping from where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing<'t> {
    /// It is the value of a key of images, or that of a list or mapping `images`.
    pub(super) of_image: bool,
    /// It is a document's root, which no key path names.
    pub(super) root: bool,
    pub(super) global: Global<'t>,
}

/// The keys under which parts of an image stand.
struct Parts {
    name: Slot,
    /// Its own registry's key and value.
    registry: Option<(&'static str, Slot)>,
    tag: Option<Slot>,
    digest: Option<Slot>,
    /// The mapping is the image's alone, so keys may be added to it.
    alone: bool,
}

const TAGS: [&str; 3] = ["tag", "imageTag", "image_tag"];
/// The keys of an image's own registry.
pub(super) const REGISTRIES: [&str; 4] = ["registry", "imageRegistry", "image_registry", "hub"];
const DIGESTS: [&str; 4] = ["digest", "imageDigest", "image_digest", "sha"];

/// Every image of the mapping; of each tag only one.
pub(super) fn sites(
    tree: &Tree<'_>,
    keys: &Keys<'_, '_>,
    standing: Standing<'_>,
) -> Result<Vec<Site>, Refusal> {
    let mut sites = Vec::new();
    let mut used: BTreeSet<NodeId> = BTreeSet::new();
    let uses_digest = uses_digest(tree, keys)?;
    let mut push = |mut parts: Parts| {
        let tag = parts.tag.as_ref().map(|tag| tag.value);
        // The chart does not look at it.
        parts.digest = parts.digest.filter(|_| uses_digest != Some(false));
        if tag.is_none_or(|tag| !used.contains(&tag))
            && let Some(mut site) = site(tree, keys, standing, parts)
        {
            demand_digest(&mut site, uses_digest);
            used.extend(tag);
            sites.push(site);
        }
    };
    if let Some(parts) = by_repository(tree, keys, standing)? {
        push(parts);
    } else if let Some(parts) = by_name(keys, standing)? {
        push(parts);
    }
    let mut flat: Vec<(&str, (NodeId, NodeId))> = keys.own().collect();
    flat.sort_unstable_by_key(|(_, pair)| *pair);
    if let Some(parts) = airflow(keys)? {
        push(parts);
    }
    for (key, pair) in flat {
        if let Some(parts) = flattened(tree, keys, key, pair)? {
            push(parts);
        }
    }
    Ok(sites)
}

/// `repository` with a tag, or alone where it clearly is an image's.
fn by_repository(
    tree: &Tree<'_>,
    keys: &Keys<'_, '_>,
    standing: Standing<'_>,
) -> Result<Option<Parts>, Refusal> {
    let Some(name) = keys.slot("repository")? else { return Ok(None) };
    let mut tag = keys.first(&TAGS)?.map(|(_, slot)| slot);
    if !standing.of_image {
        // A chart's or a Git repository.
        const OTHERS: [&str; 7] = ["url", "chart", "branch", "revision", "ref", "targetRevision", "git"];
        const SIGNS: [&str; 6] =
            ["registry", "imageRegistry", "digest", "pullPolicy", "imagePullPolicy", "pullSecrets"];
        let signed = !standing.root && SIGNS.iter().any(|key| keys.has(key));
        if OTHERS.iter().any(|key| keys.has(key)) || tag.is_none() && !signed {
            return Ok(None);
        }
    } else if tag.is_none() && !keys.has("chart") {
        tag = keys.slot("version")?.filter(|slot| is_scalar(tree, slot));
    }
    let (registry, digest) = (keys.first(&REGISTRIES)?, keys.first(&DIGESTS)?.map(|(_, slot)| slot));
    Ok(Some(Parts { name, registry, tag, digest, alone: true }))
}

/// `name` with a tag, in a mapping that is an image's.
fn by_name(keys: &Keys<'_, '_>, standing: Standing<'_>) -> Result<Option<Parts>, Refusal> {
    if !standing.of_image {
        return Ok(None);
    }
    let (name, tag) = (keys.first(&["name", "repo"])?, keys.first(&TAGS)?);
    let (Some((_, name)), Some((_, tag))) = (name, tag) else { return Ok(None) };
    let (registry, digest) = (keys.first(&REGISTRIES)?, keys.first(&DIGESTS)?.map(|(_, slot)| slot));
    Ok(Some(Parts { name, registry, tag: Some(tag), digest, alone: true }))
}

/// The image of all components in Airflow's chart (its `values.yaml`): the digest counts before the tag.
fn airflow(keys: &Keys<'_, '_>) -> Result<Option<Parts>, Refusal> {
    let [name, tag, digest] = AIRFLOW;
    let (Some(name), Some(tag)) = (keys.slot(name)?, keys.slot(tag)?) else { return Ok(None) };
    Ok(Some(Parts { name, registry: None, tag: Some(tag), digest: keys.slot(digest)?, alone: false }))
}

/// `image` with `tag` or `imageTag` beside it, `sidecarImage` with `sidecarImageTag`, `imageName` or
/// `imageRepository` with `imageTag`, each in words or with `_`.
fn flattened(
    tree: &Tree<'_>,
    keys: &Keys<'_, '_>,
    key: &str,
    pair: (NodeId, NodeId),
) -> Result<Option<Parts>, Refusal> {
    const ENDS: [&str; 6] = ["Repository", "Name", "_repository", "_name", "_REPOSITORY", "_NAME"];
    let stem = ENDS.iter().find_map(|end| key.strip_suffix(end)).unwrap_or(key);
    if !text::is_image_key(stem) || !is_scalar(tree, &Slot::of(pair)) {
        return Ok(None);
    }
    let beside = |words: [&str; 3]| {
        for word in words {
            let slot = keys.slot(&format!("{stem}{word}"))?;
            if slot.is_some() {
                return Ok(slot);
            }
        }
        Ok::<_, Refusal>(None)
    };
    let plain = stem == "image";
    let tag = match beside(["Tag", "_tag", "_TAG"])? {
        None if plain => keys.slot("tag")?,
        tag => tag,
    };
    let Some(tag) = tag else { return Ok(None) };
    let digest = match beside(["Digest", "_digest", "_DIGEST"])? {
        None if plain => keys.first(&DIGESTS)?.map(|(_, slot)| slot),
        digest => digest,
    };
    let registry = match beside(["Registry", "_registry", "_REGISTRY"])? {
        Some(slot) => Some(("registry", slot)),
        None if plain => keys.first(&REGISTRIES)?,
        None => None,
    };
    Ok(Some(Parts { name: Slot::of(pair), registry, tag: Some(tag), digest, alone: false }))
}

fn site(tree: &Tree<'_>, keys: &Keys<'_, '_>, standing: Standing<'_>, parts: Parts) -> Option<Site> {
    let Parts { name, mut registry, tag, digest, alone } = parts;
    let path = text::string(tree, name.value)?;
    // What is anchored and has no tag is there to be repeated with one.
    if tag.is_none() && tree.node(keys.mapping).anchor() > 0 {
        return None;
    }
    // Nothing of its own: what stands behind `<<` is found there.
    let written = [Some(&name), tag.as_ref(), digest.as_ref()];
    let short = [&tag, &digest].into_iter().flatten().all(|slot| text::is_short(tree, slot.value));
    if !short || !text::is_name(path) || !written.into_iter().flatten().any(|slot| keys.is_own(slot)) {
        return None;
    }
    // Istio puts no hub before a name with a path.
    registry = registry.filter(|(key, _)| *key != "hub" || !path.contains('/'));
    let own =
        registry.as_ref().map(|(key, slot)| (*key, tree.string(slot.value).filter(|text| !text.is_empty())));
    let before = standing.global.before(own, path);
    let join = |registry: Option<&str>| match registry.map(|registry| registry.trim_end_matches('/')) {
        Some(registry) if registry.len() <= 255 => format!("{registry}/{path}"),
        _ => path.to_owned(),
    };
    let local = join(own.and_then(|(_, text)| text));
    let image = before.map_or_else(|| local.clone(), |registry| join(Some(registry)));
    if !text::is_name(&image) {
        return None;
    }
    let names = match before {
        _ if !keys.is_own(&name) => Names::Elsewhere,
        Some(registry) => Names::Under { registry: registry.to_owned(), repository: name.clone() },
        None => Names::Repository { registry: registry.map(|(_, slot)| slot), repository: name.clone() },
    };
    let at = if alone { keys.mapping } else { name.value };
    let mapping = (alone && !standing.root).then_some(keys.mapping);
    let bare_hex = digest.as_ref().is_some_and(|slot| is_bare_hex(tree, slot));
    let form = Form::Fields(Fields {
        mapping,
        names,
        tag,
        tag_key: "tag".into(),
        digest,
        pin: Pin::BehindTag,
        bare_hex,
    });
    Some(Site { what: What::Image, image, name: local, at, form })
}

/// A tag without a name, with its digest.
pub(super) fn nameless(tree: &Tree<'_>, keys: &Keys<'_, '_>) -> Result<Option<Site>, Refusal> {
    let tag = keys.first(&TAGS)?.map(|(_, slot)| slot).filter(|slot| is_scalar(tree, slot));
    let Some(tag) = tag.filter(|slot| keys.is_own(slot) && !keys.has("repository")) else { return Ok(None) };
    let uses_digest = uses_digest(tree, keys)?;
    let digest = keys.first(&DIGESTS)?.map(|(_, slot)| slot).filter(|_| uses_digest != Some(false));
    let bare_hex = digest.as_ref().is_some_and(|slot| is_bare_hex(tree, slot));
    let fields = Fields { digest, bare_hex, pin: Pin::BehindTag, ..Fields::tag_alone(tag) };
    let fields = Fields { mapping: Some(keys.mapping), ..fields };
    let (at, form) = (keys.mapping, Form::Fields(fields));
    let mut site = Site { what: What::Image, image: String::new(), name: String::new(), at, form };
    demand_digest(&mut site, uses_digest);
    Ok(Some(site))
}

/// What `useDigest` says, by which Cilium's charts put `@DIGEST` behind the tag or leave it out.
fn uses_digest(tree: &Tree<'_>, keys: &Keys<'_, '_>) -> Result<Option<bool>, Refusal> {
    Ok(match keys.slot("useDigest")?.and_then(|slot| tree.string(slot.value)) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    })
}

/// An empty digest would end the reference in `@`, and one behind the tag would give it two.
fn demand_digest(site: &mut Site, uses_digest: Option<bool>) {
    if let (Form::Fields(fields), Some(true)) = (&mut site.form, uses_digest) {
        fields.pin = Pin::Always;
    }
}

/// Whether the chart puts `sha256:` before the digest itself: by the name of the key, or by what stands there.
fn is_bare_hex(tree: &Tree<'_>, slot: &Slot) -> bool {
    match slot.text(tree) {
        Some(text) => text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => tree.name(slot.key) == "sha",
    }
}

/// Whether a text, a number or nothing stands there.
fn is_scalar(tree: &Tree<'_>, slot: &Slot) -> bool {
    match tree.node(slot.value).shape {
        Shape::Scalar(_) => true,
        Shape::Alias(target) => matches!(tree.node(target).shape, Shape::Scalar(_)),
        Shape::Sequence(_) | Shape::Mapping(_) => false,
    }
}
