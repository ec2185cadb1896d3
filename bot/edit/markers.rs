//! Flux's marker comments: `# {"$imagepolicy": "NAMESPACE:NAME[:tag|:name|:digest]"}`.

use crate::refusal::Refusal;
use crate::site::Found;
use crate::syntax::Tree;

/// Whether a marker stands in the file.
pub(crate) fn has_any(tree: &Tree<'_>) -> bool {
    tree.text().contains("\"$imagepolicy\"")
}

/// The values with a marker, of the policy alone where one is told.
pub(crate) fn find(_tree: &Tree<'_>, _policy: Option<&str>, _found: &mut Found) -> Result<(), Refusal> {
    Ok(())
}
