//! Compose files: the images of services, of their image volumes, and of extensions that services take over.
//!
//! Rules: Compose specification, "services", "volumes" (`type: image`), "extensions" (`x-*`), "fragments"
//! (anchors, aliases, `<<`) and "interpolation". A fragment's image is found where it is written; what takes
//! it over has none of its own. A variable makes a site that cannot be edited, under the name before it.

use crate::document::field;
use crate::manifest::is_clear;
use crate::refusal::Refusal;
use crate::site::{Found, Joined, Site, Slot};
use crate::syntax::{NodeId, Shape, Tree};

/// Whether it has services with an image or a build.
pub(crate) fn is_compose(tree: &Tree<'_>) -> bool {
    let services = tree.roots().filter_map(|root| tree.get(root, "services").ok().flatten());
    let mut all = services.flat_map(|(_, services)| tree.pairs(services));
    all.any(|(_, service)| {
        let has = |key| matches!(tree.get(service, key), Ok(Some(_)));
        has("image") || has("build")
    })
}

/// The images of the file.
pub(crate) fn find(tree: &Tree<'_>, found: &mut Found) -> Result<(), Refusal> {
    for root in tree.roots() {
        if let Some((_, services)) = tree.get(root, "services")? {
            for (_, service) in tree.pairs(services) {
                found.sites.extend(tree.get(service, "image")?.and_then(|pair| image(tree, pair)));
                volumes(tree, service, found)?;
            }
        }
        for (key, value) in tree.pairs(root) {
            if tree.node(key).text.starts_with("x-") {
                extension(tree, value, found)?;
            }
        }
    }
    Ok(())
}

/// Volumes that are images: `{type: image, source: NAME:TAG, target: PATH}`.
fn volumes(tree: &Tree<'_>, service: NodeId, found: &mut Found) -> Result<(), Refusal> {
    let Some((_, list)) = tree.get(service, "volumes")? else { return Ok(()) };
    for item in tree.items(list) {
        if field(tree, item, "type") == Some("image") {
            found.sites.extend(tree.get(item, "source")?.and_then(|pair| image(tree, pair)));
        }
    }
    Ok(())
}

/// Parts of services in an extension, at any depth. A mapping there is a service's where something repeats
/// it; elsewhere a text must be a reference for sure.
fn extension(tree: &Tree<'_>, root: NodeId, found: &mut Found) -> Result<(), Refusal> {
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        match tree.node(node).shape {
            Shape::Sequence(_) => open.extend(tree.items(node)),
            Shape::Mapping(_) => {
                let part = tree.node(node).anchor() > 0;
                for (key, value) in tree.pairs(node) {
                    open.push(value);
                    if tree.node(key).text == "image" && (part || tree.string(value).is_some_and(is_clear)) {
                        tree.get(node, "image")?;
                        found.sites.extend(image(tree, (key, value)));
                    }
                }
            }
            Shape::Scalar(_) | Shape::Alias(_) => {}
        }
    }
    Ok(())
}

fn image(tree: &Tree<'_>, pair: (NodeId, NodeId)) -> Option<Site> {
    let mut site = Site::joined(tree, Slot::of(pair))?;
    let text = tree.string(pair.1)?;
    // What a variable holds may have slashes and colons: `repo:${TAG:-a/b}`.
    if let Some(at) = text.find('$') {
        let before = &text[..at];
        let name = &before[Joined::split(before).name];
        if name.len() < before.len() {
            site.image = name.to_owned();
            site.name = name.to_owned();
        }
    }
    Some(site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_before_a_variable_is_the_image() {
        for (text, name) in [
            ("repo:${TAG:-1.2}", "repo"),
            ("host:5000/a/b:${TAG:-x/y:z}", "host:5000/a/b"),
            ("a/b@${DIGEST}", "a/b"),
            ("a/b:v${TAG}", "a/b"),
            ("${REGISTRY:-docker.io}/a:1", "${REGISTRY:-docker.io}/a"),
        ] {
            let file = format!("services: {{web: {{image: '{text}'}}}}");
            let tree = Tree::parse(file.as_bytes()).unwrap();
            let mut found = Found::default();
            find(&tree, &mut found).unwrap();
            assert_eq!(found.sites[0].image, name, "{text}");
        }
    }
}
