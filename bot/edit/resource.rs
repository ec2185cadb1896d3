//! Kubernetes resources: each document goes to the module that knows its kind.

use crate::document::{field, is_json_patch};
use crate::refusal::Refusal;
use crate::site::Found;
use crate::syntax::{NodeId, Tree};
use crate::{argocd, flux, k3s, manifest};

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
