//! Compose files: the images of services.

use crate::refusal::Refusal;
use crate::site::{Found, Site, Slot};
use crate::syntax::Tree;

/// Whether it has services with an image or a build.
pub(crate) fn is_compose(tree: &Tree<'_>) -> bool {
    let services = tree.roots().filter_map(|root| tree.get(root, "services").ok().flatten());
    let mut all = services.flat_map(|(_, services)| tree.pairs(services));
    all.any(|(_, service)| {
        let has = |key| matches!(tree.get(service, key), Ok(Some(_)));
        has("image") || has("build")
    })
}

/// The image of every service.
pub(crate) fn find(tree: &Tree<'_>, found: &mut Found) -> Result<(), Refusal> {
    for root in tree.roots() {
        let Some((_, services)) = tree.get(root, "services")? else { continue };
        for (_, service) in tree.pairs(services) {
            found
                .sites
                .extend(tree.get(service, "image")?.and_then(|pair| Site::joined(tree, Slot::of(pair))));
        }
    }
    Ok(())
}
