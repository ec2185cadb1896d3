//! The kinds of files in which images are named, and what an entry of each kind has to say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of file in which images are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A kustomization or a component: its `images` list.
    Kustomization,
    /// Helm values, in a file of their own or within a Flux HelmRelease.
    HelmValues,
    /// A Kubernetes manifest, a list of them or a patch: the containers' images.
    Manifest,
    /// A `Chart.yaml`: the versions of its dependencies.
    Chart,
    /// A Compose file: the services' images.
    Compose,
    /// An Argo CD Application, ApplicationSet or `.argocd-source` file.
    ArgocdSource,
    /// Flux marker comments: `# {"$imagepolicy": "namespace:name"}`.
    Markers,
    /// Any YAML file, by key path.
    Yaml,
    /// Any JSON file, by key path.
    Json,
    /// Any TOML file, by key path.
    Toml,
    /// A dotenv file, by variable.
    Dotenv,
    /// Terraform or OpenTofu, by attribute path.
    Hcl,
    /// Any text, by a regular expression with one named group.
    Regex,
}

impl FileKind {
    /// Its name, as written in `gantry.yaml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
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

    /// Whether an entry of this kind must, may or must not have a `key`.
    #[must_use]
    pub const fn key(self) -> Needs {
        match self {
            Self::Yaml | Self::Json | Self::Toml | Self::Dotenv | Self::Hcl | Self::Regex => Needs::Always,
            Self::HelmValues | Self::Markers => Needs::Maybe,
            // Here the image's own name tells where its version stands.
            Self::Kustomization | Self::Manifest | Self::Chart | Self::Compose | Self::ArgocdSource => {
                Needs::Never
            }
        }
    }

    /// Whether it is YAML, which alone has anchors.
    #[must_use]
    pub const fn is_yaml(self) -> bool {
        match self {
            Self::Kustomization
            | Self::HelmValues
            | Self::Manifest
            | Self::Chart
            | Self::Compose
            | Self::ArgocdSource
            | Self::Markers
            | Self::Yaml => true,
            Self::Json | Self::Toml | Self::Dotenv | Self::Hcl | Self::Regex => false,
        }
    }
}

/// Whether something is to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// It must be.
    Always,
    /// It may be.
    Maybe,
    /// It must not be: it would have no meaning.
    Never,
}
