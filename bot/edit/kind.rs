//! The kinds of files, what is wanted of one, and which module finds the sites in it.

use std::fmt;
use std::str::FromStr;

use crate::format::Format;
use crate::refusal::Refusal;
use crate::site::Found;
use crate::syntax::Tree;
use crate::{argocd, chart, compose, helm, keyed, kustomization, markers, resource};

/// A kind of file whose references can be edited; one module each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A kustomization or component: `images`, inline patches, charts, `?ref=` of remote resources. Other
    /// resources in documents beside it are read as [`Kind::Manifest`] reads them.
    Kustomization,
    /// Values of a Helm chart: image mappings and image texts wherever they stand.
    HelmValues,
    /// Kubernetes resources and patches of them, Flux's and Argo CD's among them.
    Manifest,
    /// `Chart.yaml`: the versions of its dependencies.
    Chart,
    /// A Compose file: the images of its services.
    Compose,
    /// `.argocd-source.yaml` and `.argocd-source-NAME.yaml`: parameters laid over an Application's source.
    ArgocdSource,
    /// Any YAML with comments `# {"$imagepolicy": "NAMESPACE:NAME"}`.
    Markers,
    /// Any YAML: the value at a key path.
    Yaml,
    /// JSON: the value at a key path.
    Json,
    /// TOML: the value at a key path.
    Toml,
    /// Lines of `NAME=value`: the value of a name.
    Dotenv,
    /// HCL of Terraform and OpenTofu: the value of an attribute, `module.api.image_tag`.
    Hcl,
    /// Any text: what the one named group (`tag`, `digest` or `image`) of a regular expression finds.
    Regex,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Kustomization,
        Self::HelmValues,
        Self::Manifest,
        Self::Chart,
        Self::Compose,
        Self::ArgocdSource,
        Self::Markers,
        Self::Yaml,
        Self::Json,
        Self::Toml,
        Self::Dotenv,
        Self::Hcl,
        Self::Regex,
    ];

    /// Its name in the configuration and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kustomization => "kustomization",
            Self::HelmValues => "helm-values",
            Self::Manifest => "manifest",
            Self::Chart => "chart",
            Self::Compose => "compose",
            Self::ArgocdSource => "argocd-source",
            Self::Markers => "markers",
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Toml => "toml",
            Self::Dotenv => "dotenv",
            Self::Hcl => "hcl",
            Self::Regex => "regex",
        }
    }

    /// Whether it is read as YAML (which JSON is a part of).
    pub(crate) fn is_yaml(self) -> bool {
        !matches!(self, Self::Toml | Self::Dotenv | Self::Hcl | Self::Regex)
    }

    /// Whether only a key tells what is meant in such a file.
    #[must_use]
    pub fn needs_key(self) -> bool {
        match self {
            Self::Yaml | Self::Json | Self::Toml | Self::Dotenv | Self::Hcl | Self::Regex => true,
            Self::Kustomization
            | Self::HelmValues
            | Self::Manifest
            | Self::Chart
            | Self::Compose
            | Self::ArgocdSource
            | Self::Markers => false,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(UnknownKind)
    }
}

/// The text names no kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no kind of file has this name")]
pub struct UnknownKind;

/// What is wanted of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// How the file is read.
    pub kind: Kind,
    /// The only place that is meant: a key path such as `image.tag`, `spec.values."a.b"[0]`, or, in a file of
    /// several documents, `#2.image.tag`. For [`Kind::Markers`] the policy, `NAMESPACE:NAME`; for
    /// [`Kind::Regex`] the expression.
    pub key: Option<&'a str>,
    /// The image that a bare value belongs to, a tag alone under a key.
    pub image: Option<&'a str>,
    /// Whether a value that is repeated by aliases may be changed where all that repeat it are of one image.
    pub follow: bool,
}

impl Target<'_> {
    /// The whole file of that kind.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self { kind, key: None, image: None, follow: false }
    }
}

/// The kind of a file by its path, with `/` between folders, and its bytes; `None` where neither tells.
#[must_use]
pub fn detect(path: &str, bytes: &[u8]) -> Option<Kind> {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name {
        // The names that kustomize looks for (`konfig.RecognizedKustomizationFileNames`).
        "kustomization.yaml" | "kustomization.yml" | "Kustomization" => return Some(Kind::Kustomization),
        "Chart.yaml" | "Chart.yml" | "requirements.yaml" => return Some(Kind::Chart),
        _ if name.starts_with(".argocd-source") => return Some(Kind::ArgocdSource),
        _ => {}
    }
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    match extension {
        "yaml" | "yml" | "json" => {}
        _ => {
            return Format::detect(path).map(|format| match format {
                Format::Toml => Kind::Toml,
                Format::Dotenv => Kind::Dotenv,
                Format::Hcl => Kind::Hcl,
            });
        }
    }
    let compose =
        |name: &str| stem == name || stem.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '-']));
    let compose = compose("compose") || compose("docker-compose");
    // A file that cannot be read tells why when it is read as what its name says.
    let Ok(tree) = Tree::parse(bytes) else { return compose.then_some(Kind::Compose) };
    if let Some(kind) = resource::kind_of(&tree) {
        return Some(kind);
    }
    // `compose-values.yaml` and `compose-deployment.yaml` may be of an application of that name.
    let services = || tree.roots().any(|root| matches!(tree.get(root, "services"), Err(_) | Ok(Some(_))));
    match extension {
        _ if compose && (!stem.contains("compose-") || services()) => Some(Kind::Compose),
        "json" => Some(Kind::Json),
        _ if compose::is_compose(&tree) => Some(Kind::Compose),
        _ if markers::has_any(&tree) => Some(Kind::Markers),
        _ => Some(Kind::HelmValues),
    }
}

/// The sites that the target means.
pub(crate) fn find(target: &Target<'_>, tree: &Tree<'_>) -> Result<Found, Refusal> {
    let mut found = Found::default();
    if target.kind == Kind::Markers {
        markers::find(tree, target.key, &mut found)?;
        return Ok(found);
    }
    if let (true, Some(key)) = (target.kind.needs_key(), target.key) {
        keyed::find(tree, key, &mut found)?;
        return Ok(found);
    }
    match target.kind {
        Kind::Kustomization => {
            kustomization::find(tree, &mut found)?;
            resource::find(tree, tree.roots().filter(|root| resource::is_other(tree, *root)), &mut found)?;
        }
        Kind::HelmValues => {
            for root in tree.roots() {
                helm::find(tree, root, &mut found)?;
            }
        }
        Kind::Manifest => resource::find(tree, tree.roots(), &mut found)?,
        Kind::Chart => chart::find(tree, &mut found)?,
        Kind::Compose => compose::find(tree, &mut found)?,
        Kind::ArgocdSource => argocd::find_source_file(tree, &mut found)?,
        Kind::Markers => {}
        // Only a key says what is meant.
        Kind::Yaml | Kind::Json | Kind::Toml | Kind::Dotenv | Kind::Hcl | Kind::Regex => {}
    }
    if let Some(key) = target.key {
        keyed::keep(tree, key, &mut found)?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_compose_in_it_is_not_yet_a_compose_file() {
        let services = "services: {web: {image: 'a/b:1'}}\n";
        let pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 'a/b:1'}]}\n";
        let values = "image: {repository: a/b, tag: '1'}\n";
        for (path, text, wanted) in [
            ("compose.yaml", services, Kind::Compose),
            ("compose.yaml", "volumes: {}\n", Kind::Compose),
            ("compose.yaml", "a: [\n", Kind::Compose),
            ("x/compose.override.yml", "x-a: &a {image: 'a/b:1'}\n", Kind::Compose),
            ("docker-compose-prod.yml", services, Kind::Compose),
            ("docker-compose-prod.yml", "services: {}\nservices: {}\n", Kind::Compose),
            ("compose-deployment.yaml", pod, Kind::Manifest),
            ("compose-values.yaml", values, Kind::HelmValues),
            ("composer.yaml", values, Kind::HelmValues),
        ] {
            assert_eq!(detect(path, text.as_bytes()), Some(wanted), "{path}: {text}");
        }
        assert_eq!(detect("values.yaml", b"a: ["), None);
    }
}
