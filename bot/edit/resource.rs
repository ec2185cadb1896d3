//! Kubernetes resources: each document goes to the module that knows its kind.

use crate::kind::Kind;
use crate::refusal::Refusal;
use crate::site::Found;
use crate::syntax::{NodeId, Shape, Tree};
use crate::{argocd, flux, k3s, manifest};

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

/// The sites of the documents, and of every item where a document is a list of resources.
pub(crate) fn find(
    tree: &Tree<'_>,
    documents: impl Iterator<Item = NodeId>,
    found: &mut Found,
) -> Result<(), Refusal> {
    let mut resources: Vec<NodeId> = Vec::new();
    let mut open: Vec<NodeId> = documents.collect();
    while let Some(root) = open.pop() {
        match tree.get(root, "items")? {
            Some((_, items)) if field(tree, root, "kind").is_some_and(|kind| kind.ends_with("List")) => {
                open.extend(tree.items(items));
            }
            _ => resources.push(root),
        }
    }
    let repositories = flux::Repositories::among(tree, &resources);
    for root in resources {
        if is_json_patch(tree, root) {
            manifest::find_in_json_patch(tree, root, found)?;
            continue;
        }
        let group = field(tree, root, "apiVersion").and_then(|version| version.split_once('/'));
        let kind = field(tree, root, "kind").unwrap_or_default();
        match group.map(|(group, _)| group) {
            Some(group) if group.ends_with(".toolkit.fluxcd.io") => {
                flux::find(tree, root, kind, &repositories, found)?;
            }
            Some("argoproj.io") if matches!(kind, "Application" | "ApplicationSet") => {
                argocd::find(tree, root, kind, found)?;
            }
            Some("helm.cattle.io") if matches!(kind, "HelmChart" | "HelmChartConfig") => {
                k3s::find(tree, root, found)?;
            }
            _ => manifest::find(tree, root, found)?,
        }
    }
    Ok(())
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
