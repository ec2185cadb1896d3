//! Values of Helm charts: image mappings and image texts.
//!
//! No schema says where a chart keeps its images, so they are told by their form, wherever they stand, under
//! a subchart's name too:
//! - a mapping with `repository` and `tag` (`imageTag`); with `repository` alone where its key is `image` or
//!   ends in `Image`, or a registry, digest or pull policy stands beside it. `version` is the tag's key only in
//!   a mapping under such a key, `name` and `repo` are the name's only there and with a tag. A mapping with
//!   `url`, `chart`, `branch` or the like is a chart's or a Git repository;
//! - in one mapping with other things: `image` and `tag` or `imageTag`, `sidecarImage` and `sidecarImageTag`,
//!   `imageName` or `imageRepository` and `imageTag`; `defaultAirflowRepository` and `defaultAirflowTag`;
//! - a text under `image` or a key that ends in `Image`: see [`text::is_image`]. A bare word (`image: nginx`)
//!   counts in a container only: an item of a list such as `extraContainers`, or beside a pull policy;
//! - a text with a tag or digest under a key that starts with `image`, such as `imageK8S`;
//! - texts with a tag, a digest or a registry's host in lists and mappings `images`;
//! - the values of variables whose names are such keys (`{name: PROXY_IMAGE, value: ...}`), and `value` and
//!   `options` in a mapping under such a key, by the same rule;
//! - all of these in blocks of text that are YAML themselves, as charts take resources and configurations.
//!
//! Rules, and where they are from:
//! - the effective image is registry and repository. A registry that is set under `global` (`imageRegistry`,
//!   `image.registry`, `registry`) comes before the image's own: so do Bitnami's library chart
//!   (`common.images.image`), the charts of prometheus-community and of Grafana ("Overrides the Docker
//!   registry globally for all images"). It is not put before a name that starts with a host where the
//!   mapping has no key for a registry. Istio's `hub` is behind the image's own, and a name with a path
//!   stands without it (its `values.yaml` says so). The name without the global registry finds nothing, but
//!   the refusal tells the one that does;
//! - an empty tag, or none, means the chart's `appVersion`: a reference still, and the tag is written;
//! - a digest goes where a key for it stands, else behind the tag: charts that know of no digest join name
//!   and tag by `:`, so `tag: 1.2.3@sha256:...` works there. The key `sha`, and a digest of 64 hexadecimal
//!   digits, is without `sha256:` before it, as in prometheus-community's charts;
//! - `useDigest: true` beside (Cilium's charts) demands a digest, so none is taken away; with `false` a digest
//!   that stands there is not looked at, and stays;
//! - `<<` is followed, as Helm's YAML reader does: a mapping with a tag of its own has the name that `<<`
//!   brings. One that has nothing of its own is found where it is anchored, and so is an alias;
//! - texts with `{{` or `${` are filled in later; what holds one is shown and not edited.
//!
//! A tag without a name (`image: {tag: 1.2.3}` over the chart's own values) is no site, since nothing says
//! whose tag it is; a key path says it ([`crate::Target::key`] with [`crate::Target::image`]).

mod global;
mod keys;
mod mapping;
mod text;

use crate::kind::Kind;
use crate::refusal::Refusal;
use crate::site::{Fields, Form, Found, Names, Nested, Site, Slot};
use crate::syntax::{NodeId, Shape, Style, Tree};
use global::Global;
use keys::Keys;
use mapping::Standing;
use text::Around;

/// A list or mapping that is still to be looked into.
#[derive(Debug, Clone, Copy)]
struct Place<'t> {
    node: NodeId,
    standing: Standing<'t>,
    /// It is `images`, or in it: texts are images without a key that says so.
    images: bool,
    /// It is a list of containers, or an item of one.
    containers: bool,
}

/// Every image below the node.
pub(crate) fn find(tree: &Tree<'_>, root: NodeId, found: &mut Found) -> Result<(), Refusal> {
    find_in(tree, root, true, found)
}

/// Whether a block of text is a YAML file with images, such as a resource or a part of one.
fn is_file_with_images(tree: &Tree<'_>, value: NodeId) -> bool {
    let text = &*tree.node(value).text;
    if tree.node(value).shape != Shape::Scalar(Style::Block) || !text.to_ascii_lowercase().contains("image") {
        return false;
    }
    let Ok(inner) = Tree::parse(text.as_bytes()) else { return false };
    let mut found = Found::default();
    for root in inner.roots() {
        if find_in(&inner, root, false, &mut found).is_err() {
            return false;
        }
    }
    !found.sites.is_empty()
}

/// `nested` tells whether texts are looked into: what stands in one is looked into by who reads it.
fn find_in(tree: &Tree<'_>, root: NodeId, nested: bool, found: &mut Found) -> Result<(), Refusal> {
    let standing = Standing { of_image: false, root: true, global: Global::default() };
    let mut open = vec![Place { node: root, standing, images: false, containers: false }];
    while let Some(place) = open.pop() {
        match tree.node(place.node).shape {
            Shape::Mapping(_) => look_into(tree, place, nested, found, &mut open)?,
            Shape::Sequence(_) => {
                for item in tree.items(place.node) {
                    if nested && is_file_with_images(tree, item) {
                        found.nested.push(Nested { key: item, value: item, kind: Kind::HelmValues });
                    }
                    if place.images {
                        found.sites.extend(image_text(tree, Slot::item(item), Around::Named));
                    }
                    let of_image = place.images || place.standing.of_image;
                    let standing = Standing { of_image, root: false, ..place.standing };
                    open.push(Place { node: item, standing, ..place });
                }
            }
            // An alias repeats what is looked at where it stands.
            Shape::Scalar(_) | Shape::Alias(_) => {}
        }
    }
    Ok(())
}

/// The images of a mapping; what it holds is to be looked into next.
fn look_into<'t>(
    tree: &'t Tree<'_>,
    place: Place<'t>,
    nested: bool,
    found: &mut Found,
    open: &mut Vec<Place<'t>>,
) -> Result<(), Refusal> {
    let mut standing = place.standing;
    if let Ok(Some((_, global))) = tree.get(place.node, "global") {
        standing.global = standing.global.below(tree, global);
    }
    let mut named: Vec<NodeId> = Vec::new();
    let (mut pulled, mut incomplete) = (place.containers, standing.of_image && !place.images);
    let (mut images, mut variable) = (place.images, false);
    if let Some(keys) = Keys::of(tree, place.node) {
        let any = |wanted: &[&str]| wanted.iter().any(|key| keys.has(key));
        pulled |= any(&["imagePullPolicy", "pullPolicy"]);
        incomplete |= any(&mapping::REGISTRIES);
        for site in mapping::sites(tree, &keys, standing)? {
            named.extend(name_of(&site));
            found.sites.push(site);
        }
        // One image with its settings, and not names with images.
        images &= named.is_empty() && !any(&["name", "command", "args", "env"]);
        variable = is_variable(tree, &keys)?;
    }
    named.sort_unstable();
    for (key, value) in tree.pairs(place.node) {
        let name = &*tree.node(key).text;
        let of_image = text::is_image_key(name);
        let around = match of_image {
            true if !name.eq_ignore_ascii_case("image") => Some(Around::Named),
            true if incomplete => Some(Around::Part),
            true if pulled => Some(Around::Container),
            true => Some(Around::Image),
            false if images && !is_about_registry(name) => Some(Around::Named),
            false if variable && name == "value" => Some(Around::Named),
            false if text::is_one_of_several(name) => {
                let whole = text::string(tree, value).is_some_and(text::is_whole);
                whole.then_some(Around::Named)
            }
            false if place.standing.of_image && ["value", "override"].contains(&name) => Some(Around::Part),
            false => None,
        };
        if let Some(around) = around
            && named.binary_search(&value).is_err()
        {
            found.sites.extend(image_text(tree, Slot::of((key, value)), around));
        }
        if nested && is_file_with_images(tree, value) {
            found.nested.push(Nested { key, value, kind: Kind::HelmValues });
        }
        let choice = place.standing.of_image && name == "options";
        let images = text::is_images_key(name) || images || choice;
        let standing = Standing { of_image: of_image || images, root: false, global: standing.global };
        open.push(Place { node: value, standing, images, containers: text::is_containers_key(name) });
    }
    Ok(())
}

/// A mapping that is said to be an image's: its first image.
pub(crate) fn image_mapping(tree: &Tree<'_>, mapping: NodeId) -> Result<Option<Site>, Refusal> {
    let standing = Standing { of_image: true, root: false, global: Global::default() };
    let Some(keys) = Keys::of(tree, mapping) else { return Ok(None) };
    Ok(mapping::sites(tree, &keys, standing)?.into_iter().next())
}

/// A mapping that is said to be an image's, with a tag and without a name: the chart's own values have it.
pub(crate) fn tag_mapping(tree: &Tree<'_>, mapping: NodeId) -> Result<Option<Site>, Refusal> {
    Keys::of(tree, mapping).map_or(Ok(None), |keys| mapping::nameless(tree, &keys))
}

/// A text that is an image.
fn image_text(tree: &Tree<'_>, slot: Slot, around: Around) -> Option<Site> {
    let text = text::string(tree, slot.value)?;
    text::is_image(text, around).then(|| Site::joined(tree, slot)).flatten()
}

/// Whether the mapping is a variable whose name says that its value is an image: `KUBECTL_IMAGE`,
/// `RELATED_IMAGE_PROXY` (as operators have them).
fn is_variable(tree: &Tree<'_>, keys: &Keys<'_, '_>) -> Result<bool, Refusal> {
    let name = keys.slot("name")?.and_then(|slot| text::string(tree, slot.value));
    Ok(name.is_some_and(|name| text::is_image_key(name) || name.starts_with("RELATED_IMAGE_")))
}

/// The value in which the name of a site stands.
fn name_of(site: &Site) -> Option<NodeId> {
    match &site.form {
        Form::Fields(Fields { names, .. }) => match names {
            Names::Repository { repository, .. } | Names::Under { repository, .. } => Some(repository.value),
            Names::Elsewhere | Names::Beside(_) | Names::Renamed { .. } => None,
        },
        Form::Joined(_) => None,
    }
}

/// Whether a key among images holds the host or folder of all of them.
fn is_about_registry(key: &str) -> bool {
    const KEYS: [&str; 5] = ["registry", "repository", "hub", "prefix", "url"];
    KEYS.contains(&key) || key.ends_with("Registry") || key.ends_with("_registry")
}
