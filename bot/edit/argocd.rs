//! Argo CD: Application, ApplicationSet and `.argocd-source` files.

use crate::kind::Kind;
use crate::refusal::Refusal;
use crate::site::{Found, Nested};
use crate::syntax::{NodeId, Tree};

/// The sites of an Application or ApplicationSet.
pub(crate) fn find(tree: &Tree<'_>, root: NodeId, _kind: &str, found: &mut Found) -> Result<(), Refusal> {
    let Some((_, spec)) = tree.get(root, "spec")? else { return Ok(()) };
    let Some((_, source)) = tree.get(spec, "source")? else { return Ok(()) };
    find_source(tree, source, found)
}

/// `.argocd-source.yaml`: parts of a source at the root.
pub(crate) fn find_source_file(tree: &Tree<'_>, found: &mut Found) -> Result<(), Refusal> {
    for root in tree.roots() {
        find_source(tree, root, found)?;
    }
    Ok(())
}

fn find_source(tree: &Tree<'_>, source: NodeId, found: &mut Found) -> Result<(), Refusal> {
    let Some((_, helm)) = tree.get(source, "helm")? else { return Ok(()) };
    if let Some((key, value)) = tree.get(helm, "values")? {
        found.nested.push(Nested { key, value, kind: Kind::HelmValues });
    }
    Ok(())
}
