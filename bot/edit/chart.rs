//! `Chart.yaml`: the versions of its dependencies.

use crate::reference::What;
use crate::refusal::Refusal;
use crate::site::{Fields, Form, Found, Site, Slot};
use crate::syntax::Tree;

/// The dependencies.
pub(crate) fn find(tree: &Tree<'_>, found: &mut Found) -> Result<(), Refusal> {
    for root in tree.roots() {
        let Some((_, list)) = tree.get(root, "dependencies")? else { continue };
        for item in tree.items(list) {
            let (Some(name), Some(version)) = (tree.get(item, "name")?, tree.get(item, "version")?) else {
                continue;
            };
            let repository = tree.get(item, "repository")?.and_then(|(_, value)| tree.string(value));
            let Some(name) = tree.string(name.1) else { continue };
            let image = full_name(repository.unwrap_or_default(), name);
            let fields = Fields { tag_key: "version", ..Fields::tag_alone(Slot::of(version)) };
            let form = Form::Fields(fields);
            found.sites.push(Site { what: What::Chart, name: image.clone(), image, at: item, form });
        }
    }
    Ok(())
}

/// A chart by its repository, without the scheme, and its name; the name alone where the repository is an
/// alias, a path or not told.
pub(crate) fn full_name(repository: &str, name: &str) -> String {
    match repository.split_once("://") {
        Some(("https" | "http" | "oci", address)) => format!("{}/{name}", address.trim_end_matches('/')),
        _ => name.to_owned(),
    }
}
