//! `Chart.yaml` and `requirements.yaml`: the versions of dependencies.
//!
//! A version may be a range (`~1.2.0`, `>=1 <2`, `1.x.x`); setting puts the version in its place. The chart's
//! own `version` and `appVersion` are no references. A dependency whose repository is a folder (`file://`), or
//! that has none because it lies in `charts/`, comes with the chart and is none either (Helm, "Chart
//! Dependencies").
//!
//! `Chart.lock` is never edited: it holds a hash over the dependencies, and after a version has changed it is
//! the team's to run `helm dependency update`, as Helm refuses `helm dependency build` with a lock out of date.

use crate::reference::What;
use crate::refusal::Refusal;
use crate::site::{Fields, Form, Found, Site, Slot};
use crate::syntax::{NodeId, Tree};

/// The longest name with its repository; an alias may repeat a huge text many times.
pub(crate) const MAX_NAME: usize = 2048;

/// The dependencies.
pub(crate) fn find(tree: &Tree<'_>, found: &mut Found) -> Result<(), Refusal> {
    for root in tree.roots() {
        let Some((_, list)) = tree.get(root, "dependencies")? else { continue };
        for item in tree.items(list) {
            found.sites.extend(dependency(tree, item)?);
        }
    }
    Ok(())
}

/// A dependency with a version; Helm demands one of those that it fetches.
fn dependency(tree: &Tree<'_>, item: NodeId) -> Result<Option<Site>, Refusal> {
    let text = |key| Ok::<_, Refusal>(tree.get(item, key)?.and_then(|(_, value)| tree.string(value)));
    let (Some(name), Some(version)) = (text("name")?, tree.get(item, "version")?) else { return Ok(None) };
    let repository = text("repository")?.unwrap_or_default().trim_end_matches('/');
    let fetched =
        repository.contains("://") || repository.starts_with('@') || repository.starts_with("alias:");
    let long = name.is_empty() || name.len() + repository.len() > MAX_NAME;
    if !fetched || repository.starts_with("file:") || long {
        return Ok(None);
    }
    let image = full_name(repository, name);
    let fields = Fields { tag_key: "version".into(), ..Fields::tag_alone(Slot::of(version)) };
    let form = Form::Fields(fields);
    Ok(Some(Site { what: What::Chart, name: image.clone(), image, at: item, form }))
}

/// A chart by its repository, without the scheme, and its name; the name alone where the repository is an
/// alias (`@repo`, `alias:repo`), a path or not told.
pub(crate) fn full_name(repository: &str, name: &str) -> String {
    match repository.split_once("://") {
        Some(("https" | "http" | "oci", address)) => format!("{}/{name}", address.trim_end_matches('/')),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_are_named_by_repository_and_name() {
        assert_eq!(
            full_name("https://charts.example.com/stable/", "redis"),
            "charts.example.com/stable/redis"
        );
        assert_eq!(full_name("oci://ghcr.io/shop/charts", "web"), "ghcr.io/shop/charts/web");
        for repository in ["@bitnami", "alias:bitnami", "", "../web", "file://../web"] {
            assert_eq!(full_name(repository, "web"), "web");
        }
    }

    #[test]
    fn a_huge_name_behind_an_alias_is_not_copied_for_each() {
        let text = format!(
            "x: &n '{}'\ndependencies:\n- {{name: *n, version: 1, repository: 'https://a.b'}}\n",
            "n".repeat(5000)
        );
        let tree = Tree::parse(text.as_bytes()).unwrap();
        let mut found = Found::default();
        find(&tree, &mut found).unwrap();
        assert!(found.sites.is_empty());
    }
}
