//! Flux: HelmRelease values.

use crate::helm;
use crate::refusal::Refusal;
use crate::site::Found;
use crate::syntax::{NodeId, Tree};

/// The sites of one of Flux's resources.
pub(crate) fn find(tree: &Tree<'_>, root: NodeId, kind: &str, found: &mut Found) -> Result<(), Refusal> {
    if kind == "HelmRelease"
        && let Some((_, spec)) = tree.get(root, "spec")?
        && let Some((_, values)) = tree.get(spec, "values")?
    {
        helm::find(tree, values, found)?;
    }
    Ok(())
}
