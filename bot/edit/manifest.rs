//! Workloads and patches of them: the images of containers.

use crate::refusal::Refusal;
use crate::site::{Found, Site, Slot};
use crate::syntax::{NodeId, Tree};

/// The containers of one resource, wherever its template nests them.
pub(crate) fn find(tree: &Tree<'_>, root: NodeId, found: &mut Found) -> Result<(), Refusal> {
    const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
    for (key, list) in pairs_below(tree, root) {
        if !LISTS.contains(&&*tree.node(key).text) {
            continue;
        }
        for item in tree.items(list) {
            found.sites.extend(tree.get(item, "image")?.and_then(|pair| Site::joined(tree, Slot::of(pair))));
        }
    }
    Ok(())
}

/// The values of a JSON patch (RFC 6902) whose path ends in `/image`.
pub(crate) fn find_in_json_patch(tree: &Tree<'_>, root: NodeId, found: &mut Found) -> Result<(), Refusal> {
    for item in tree.items(root) {
        let path = tree.get(item, "path")?.and_then(|(_, value)| tree.string(value));
        if path.is_some_and(|path| path.ends_with("/image")) {
            found.sites.extend(tree.get(item, "value")?.and_then(|pair| Site::joined(tree, Slot::of(pair))));
        }
    }
    Ok(())
}

/// Every key with its value below a node.
pub(crate) fn pairs_below(tree: &Tree<'_>, root: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> {
    tree.below(root).flat_map(|id| tree.pairs(id))
}
