//! What a YAML document is: a resource, a kustomization, a patch.

use crate::kind::Kind;
use crate::syntax::{NodeId, Shape, Tree};

/// The kind of a file that holds resources or a patch of them; nothing for other files.
pub(crate) fn kind_of(tree: &Tree<'_>) -> Option<Kind> {
    let mut resource = false;
    for root in tree.roots() {
        match tree.node(root).shape {
            Shape::Mapping(_) => {
                let (group, kind) = (field(tree, root, "apiVersion"), field(tree, root, "kind"));
                if group.is_some_and(|group| group.starts_with("kustomize.config.k8s.io/")) {
                    return Some(Kind::Kustomization);
                }
                resource |= group.is_some() && kind.is_some();
            }
            Shape::Sequence(_) => resource |= is_json_patch(tree, root),
            Shape::Scalar(_) | Shape::Alias(_) => {}
        }
    }
    resource.then_some(Kind::Manifest)
}

/// Whether the document is a resource and no kustomization (kustomize takes one without `apiVersion` or `kind`
/// too), so that a file may hold both.
pub(crate) fn is_other(tree: &Tree<'_>, root: NodeId) -> bool {
    let (Some(version), Some(kind)) = (field(tree, root, "apiVersion"), field(tree, root, "kind")) else {
        return false;
    };
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let own = matches!(kind, "Kustomization" | "Component") && !group.ends_with(".toolkit.fluxcd.io");
    !own && group != "kustomize.config.k8s.io"
}

/// RFC 6902: a list of operations.
pub(crate) fn is_json_patch(tree: &Tree<'_>, root: NodeId) -> bool {
    let first = tree.items(root).next();
    first.is_some_and(|item| field(tree, item, "op").is_some() && field(tree, item, "path").is_some())
}

/// The text of a key, where it stands once.
pub(crate) fn field<'t>(tree: &'t Tree<'_>, mapping: NodeId, key: &str) -> Option<&'t str> {
    tree.get(mapping, key).ok().flatten().and_then(|(_, value)| tree.string(value))
}
