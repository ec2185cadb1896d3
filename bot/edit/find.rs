//! Which module finds the sites in a kind of file; a line for each kind.

use crate::format::Format;
use crate::kind::Kind;
use crate::refusal::Refusal;
use crate::site::Found;
use crate::syntax::Tree;
use crate::target::Target;
use crate::{argocd, chart, compose, document, helm, keyed, kustomization, markers, resource};

/// What finds the references of a kind.
pub(crate) enum Finder {
    /// The shape of the YAML.
    Shape(fn(&Tree<'_>, &mut Found) -> Result<(), Refusal>),
    /// The comments of policies.
    Markers,
    /// A key path in YAML.
    Key,
    /// A key path in a format of its own.
    Format(Format),
    /// A regular expression.
    Pattern,
}

/// The finder of a kind.
pub(crate) fn finder(kind: Kind) -> Finder {
    match kind {
        Kind::Kustomization => Finder::Shape(kustomization_and_resources),
        Kind::HelmValues => Finder::Shape(helm_values),
        Kind::Manifest => Finder::Shape(|tree, found| resource::find(tree, tree.roots(), found)),
        Kind::Chart => Finder::Shape(chart::find),
        Kind::Compose => Finder::Shape(compose::find),
        Kind::ArgocdSource => Finder::Shape(argocd::find_source_file),
        Kind::Markers => Finder::Markers,
        Kind::Yaml | Kind::Json => Finder::Key,
        Kind::Toml => Finder::Format(Format::Toml),
        Kind::Dotenv => Finder::Format(Format::Dotenv),
        Kind::Hcl => Finder::Format(Format::Hcl),
        Kind::Regex => Finder::Pattern,
    }
}

/// The sites that the target means, in a YAML file.
pub(crate) fn find(target: &Target<'_>, tree: &Tree<'_>) -> Result<Found, Refusal> {
    let mut found = Found::default();
    match (finder(target.kind), target.key) {
        (Finder::Shape(find), None) => find(tree, &mut found)?,
        (Finder::Shape(find), Some(key)) => {
            find(tree, &mut found)?;
            keyed::keep(tree, key, target.create, &mut found)?;
        }
        (Finder::Markers, policy) => markers::find(tree, policy, &mut found)?,
        (Finder::Key, Some(key)) => keyed::find(tree, key, target.create, &mut found)?,
        // Only a key says what is meant; the others are no YAML.
        (Finder::Key, None) | (Finder::Format(_) | Finder::Pattern, _) => {}
    }
    Ok(found)
}

/// Other resources may stand in documents beside a kustomization.
fn kustomization_and_resources(tree: &Tree<'_>, found: &mut Found) -> Result<(), Refusal> {
    kustomization::find(tree, found)?;
    resource::find(tree, tree.roots().filter(|root| document::is_other(tree, *root)), found)
}

fn helm_values(tree: &Tree<'_>, found: &mut Found) -> Result<(), Refusal> {
    tree.roots().try_for_each(|root| helm::find(tree, root, found))
}
