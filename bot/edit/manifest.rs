//! Kubernetes resources and patches of them: the images of containers, and those that custom resources name.
//!
//! One walk serves all kinds of resources: containers are known by the list or key that holds them, wherever
//! a template nests it. Elsewhere `image`, `imageName` and keys that end in `Image` count where the text can only be an
//! image reference: with a tag, a digest or a registry's host. `metadata` and `status` are not looked into,
//! nor are resources that hold schemas or other files ([`OPAQUE`]), nor what a patch deletes. What containers
//! are told of other images is in [`told`].
//!
//! Every node is seen once; aliases are not followed, so a text is found where it is written.

mod told;

use std::collections::HashSet;

use crate::document::field;
use crate::helm;
use crate::oci;
use crate::refusal::Refusal;
use crate::site::{Form, Found, Joined, Names, Site, Slot};
use crate::syntax::{NodeId, Shape, Tree};

/// Lists of containers: of pods (Kubernetes `PodSpec`), and of Tekton's tasks.
const LISTS: [&str; 5] = ["containers", "initContainers", "ephemeralContainers", "steps", "sidecars"];
/// Keys of one container: Tekton's, and Argo Workflows'.
const SINGLE: [&str; 3] = ["stepTemplate", "container", "script"];
/// Resources whose texts are no references of their own: schemas, and files of others.
const OPAQUE: [&str; 3] = ["CustomResourceDefinition", "ConfigMap", "Secret"];
/// Keys that people do not write images below, or that a controller writes.
const SKIPPED: [&str; 4] = ["metadata", "status", "managedFields", "lastTriggeredImage"];

/// Where a value stands: its key (of the list, for an item) and the key around that.
#[derive(Debug, Clone, Copy, Default)]
struct Place<'t> {
    around: &'t str,
    key: &'t str,
    listed: bool,
}

impl<'t> Place<'t> {
    fn below(self, key: &'t str) -> Self {
        Self { around: self.key, key, listed: false }
    }

    fn item(self) -> Self {
        Self { listed: true, ..self }
    }

    /// One step of a JSON Pointer: a key, or a place in a list.
    fn step(self, step: &'t str) -> Self {
        let index = step == "-" || !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        if index { self.item() } else { self.below(step) }
    }

    /// Whether a mapping here is a container.
    fn is_container(self) -> bool {
        if self.listed { LISTS.contains(&self.key) } else { SINGLE.contains(&self.key) }
    }
}

/// The images of one resource, or of a part of one.
pub(crate) fn find(tree: &Tree<'_>, root: NodeId, found: &mut Found) -> Result<(), Refusal> {
    walk(tree, root, Place::default(), found)
}

fn walk<'t>(tree: &'t Tree<'_>, root: NodeId, place: Place<'t>, found: &mut Found) -> Result<(), Refusal> {
    let mut open = vec![(root, place)];
    while let Some((node, place)) = open.pop() {
        match tree.node(node).shape {
            Shape::Sequence(_) => open.extend(tree.items(node).map(|item| (item, place.item()))),
            Shape::Mapping(_) if is_opaque(tree, node) => {}
            Shape::Mapping(_) => {
                if place.listed {
                    found.sites.extend(told::mapping(tree, node, place.key)?);
                }
                let mut seen = HashSet::new();
                for (key, value) in tree.pairs(node) {
                    let name = &*tree.node(key).text;
                    if SKIPPED.contains(&name) {
                        continue;
                    }
                    if is_image_key(name) {
                        if !seen.insert(name) {
                            tree.get(node, name)?;
                        }
                        if let Some(site) = image(tree, name, (key, value), place)? {
                            found.sites.push(site);
                            continue;
                        }
                    }
                    open.push((value, place.below(name)));
                }
            }
            Shape::Scalar(_) if place.listed => found.sites.extend(told::argument(tree, node, place.key)),
            Shape::Scalar(_) | Shape::Alias(_) => {}
        }
    }
    Ok(())
}

/// Whether nothing in the mapping is a reference: a patch deletes it, or it is a resource of such a kind.
fn is_opaque(tree: &Tree<'_>, mapping: NodeId) -> bool {
    let (mut kind, mut group) = (false, false);
    for (key, value) in tree.pairs(mapping) {
        let text = || tree.string(value).unwrap_or_default();
        match &*tree.node(key).text {
            "$patch" if text() == "delete" => return true,
            "kind" => kind |= OPAQUE.contains(&text()),
            "apiVersion" => group = true,
            _ => {}
        }
    }
    kind && group
}

/// `image`, `sidecarImage`, `imageName` (CloudNativePG's); not `imagePullPolicy`.
fn is_image_key(key: &str) -> bool {
    key == "image" || key.ends_with("Image") || key == "imageName"
}

/// Whether the key's text is a name alone where it has no tag, which then stands elsewhere: the prometheus
/// operator's `baseImage`, and `imageName` as others have it.
fn is_name_key(key: &str) -> bool {
    matches!(key, "baseImage" | "imageName")
}

/// The site of the pair of an image key in a mapping at the place.
fn image(
    tree: &Tree<'_>,
    name: &str,
    pair: (NodeId, NodeId),
    place: Place<'_>,
) -> Result<Option<Site>, Refusal> {
    let (_, value) = pair;
    let plain = name == "image";
    if matches!(tree.node(value).shape, Shape::Mapping(_)) {
        if plain && place.listed && place.key == "volumes" {
            // KEP-4639: a volume that is an image.
            let reference = tree.get(value, "reference")?;
            return Ok(reference.and_then(|pair| text(tree, Slot::of(pair), true)));
        }
        return mapping(tree, value);
    }
    let site = text(tree, Slot::of(pair), plain && place.is_container());
    let whole = |site: &Site| {
        let Form::Joined(slot) = &site.form else { return true };
        let parts = slot.text(tree).map(Joined::split);
        parts.is_some_and(|parts| parts.tag.is_some() || parts.digest.is_some())
    };
    Ok(site.filter(|site| !is_name_key(name) || whole(site)))
}

/// An image as charts write it, where its repository is a name and it has a tag or digest to change.
fn mapping(tree: &Tree<'_>, mapping: NodeId) -> Result<Option<Site>, Refusal> {
    let site = helm::image_mapping(tree, mapping)?;
    Ok(site.filter(|site| match &site.form {
        Form::Joined(_) => true,
        Form::Fields(fields) => {
            matches!(fields.names, Names::Repository { .. })
                && (fields.tag.is_some() || fields.digest.is_some())
                && oci::check_name(&site.image).is_ok()
        }
    }))
}

/// A text as a site. That of a container is a reference whatever it is, unless it is blank or a variable
/// alone; any other must be a reference for sure.
fn text(tree: &Tree<'_>, slot: Slot, container: bool) -> Option<Site> {
    let text = slot.text(tree)?;
    let meant = if container { !is_variable(text) } else { is_clear(text) };
    if meant { Site::joined(tree, slot) } else { None }
}

/// A text under a key that says that it is an image, where it must be a reference.
pub(crate) fn whole_text(tree: &Tree<'_>, pair: (NodeId, NodeId)) -> Option<Site> {
    text(tree, Slot::of(pair), false)
}

/// Whether nothing but a variable or template stands there: no reference, but a place for one.
fn is_variable(text: &str) -> bool {
    let text = text.trim();
    let inside = |open: &str, close: &str| {
        let inner = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        inner.is_some_and(|inner| !inner.contains(open))
    };
    text.is_empty() || inside("${", "}") || inside("$(", ")") || inside("{{", "}}")
}

/// Whether the text can only be an image reference: one with a tag, a digest or a registry's host, or one
/// whose tag is a variable.
pub(crate) fn is_clear(text: &str) -> bool {
    if let Some(joined) = Joined::parse(text) {
        let host = text[joined.name].split_once('/').map(|(host, _)| host);
        let host = host.is_some_and(|host| host.contains(['.', ':']) || host == "localhost");
        return joined.tag.is_some() || joined.digest.is_some() || host;
    }
    let variable = ["${", "$(", "{{"].iter().filter_map(|open| text.find(open)).min();
    variable.is_some_and(|at| {
        let name = &text[Joined::split(&text[..at]).name];
        name.len() < at && name.contains('/') && oci::check_name(name).is_ok()
    })
}

/// The images in the values of a JSON patch (RFC 6902).
pub(crate) fn find_in_json_patch(tree: &Tree<'_>, root: NodeId, found: &mut Found) -> Result<(), Refusal> {
    for operation in tree.items(root) {
        let (Some("add" | "replace" | "test"), Some(path)) =
            (field(tree, operation, "op"), field(tree, operation, "path"))
        else {
            continue;
        };
        let Some(pair) = tree.get(operation, "value")? else { continue };
        let steps: Vec<String> = path.split('/').skip(1).map(unescaped).collect();
        // The values of a ConfigMap or Secret are files of others.
        let data = steps.first().is_some_and(|step| matches!(&**step, "data" | "stringData" | "binaryData"));
        if data || steps.iter().any(|step| SKIPPED.contains(&&**step)) {
            continue;
        }
        let mut place = Place::default();
        let (last, before) = steps.split_last().map_or(("", &[][..]), |(last, before)| (&**last, before));
        for step in before {
            place = place.step(step);
        }
        let reference = last == "reference" && place.key == "image" && place.around == "volumes";
        let site = match is_image_key(last) {
            true => image(tree, last, pair, place)?,
            false if reference => text(tree, Slot::of(pair), true),
            false => None,
        };
        match site {
            Some(site) => found.sites.push(site),
            None => walk(tree, pair.1, place.step(last), found)?,
        }
    }
    Ok(())
}

/// A step of a JSON Pointer (RFC 6901) without its escapes.
fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_must_be_references_are_clear() {
        let digest = format!("web@sha256:{}", "0".repeat(64));
        for text in [
            "web:1",
            "acme/web:1",
            "ghcr.io/acme/web",
            "localhost/web",
            "host:5000/web",
            &digest,
            "ghcr.io/acme/web:${TAG}",
            "acme/web:{{ .tag }}",
            "acme/web:v$(VERSION)",
            "acme/web@${DIGEST}",
        ] {
            assert!(is_clear(text), "{text}");
        }
        for text in [
            "",
            "web",
            "acme/web",
            "https://example.com/logo.png",
            "projects/acme/global/images/disk",
            "ami-0123",
            "Web:1",
            "web:",
            "${IMAGE}",
            "${REGISTRY}/web:1",
            "a: ${b}",
            "web:${TAG}",
        ] {
            assert!(!is_clear(text), "{text}");
        }
    }

    #[test]
    fn a_variable_alone_is_a_place_and_no_reference() {
        for text in ["", " ", "${IMAGE}", "$(params.image)", "{{inputs.parameters.image}}", " ${IMAGE} "] {
            assert!(is_variable(text), "{text}");
        }
        for text in ["web", "web:${TAG}", "${A}/${B}", "$(A):$(B)", "${A", "$IMAGE"] {
            assert!(!is_variable(text), "{text}");
        }
    }

    #[test]
    fn the_escapes_of_a_json_pointer_are_undone_once() {
        assert_eq!(unescaped("a~1b~0c"), "a/b~c");
        assert_eq!(unescaped("~01"), "~1");
        let place = ["spec", "containers", "-"].into_iter().fold(Place::default(), Place::step);
        assert!(place.is_container());
        assert!(!Place::default().step("containers").is_container());
        assert!(Place::default().step("script").is_container());
    }

    #[test]
    fn a_copy_of_another_file_in_a_patch_is_left_alone() {
        let text = "- {op: add, path: /data/image, value: 'a/b:1'}\n- {op: add, path: /data, value: {image: 'a/b:1'}}";
        let tree = Tree::parse(text.as_bytes()).unwrap();
        let mut found = Found::default();
        find_in_json_patch(&tree, tree.roots().next().unwrap(), &mut found).unwrap();
        assert!(found.sites.is_empty());
    }
}
