//! The kinds of files.
//!
//! A new YAML kind is one module that finds sites, a line here and a line in `find`; a format that is not YAML
//! is one module of `format` and the same two lines.

use std::fmt;
use std::str::FromStr;

/// How the references of a kind are told.
#[derive(PartialEq)]
enum Told {
    /// By the shape of the file.
    Shape,
    /// By a key in YAML, of which JSON is a part.
    Key,
    /// By a key or an expression, in a format that is not YAML.
    Other,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $told:ident;)*) => {
        /// A kind of file whose references can be edited; one module each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$kind),*];

            /// Its name in the configuration and on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            fn told(self) -> Told {
                match self {
                    $(Self::$kind => Told::$told,)*
                }
            }
        }
    };
}

kinds! {
    /// A kustomization or component: `images`, inline patches, charts, `?ref=` of remote resources. Other
    /// resources in documents beside it are read as [`Kind::Manifest`] reads them.
    Kustomization = "kustomization", Shape;
    /// Values of a Helm chart: image mappings and image texts wherever they stand.
    HelmValues = "helm-values", Shape;
    /// Kubernetes resources and patches of them, Flux's and Argo CD's among them.
    Manifest = "manifest", Shape;
    /// `Chart.yaml`: the versions of its dependencies.
    Chart = "chart", Shape;
    /// A Compose file: the images of its services.
    Compose = "compose", Shape;
    /// `.argocd-source.yaml` and `.argocd-source-NAME.yaml`: parameters laid over an Application's source.
    ArgocdSource = "argocd-source", Shape;
    /// Any YAML with comments `# {"$imagepolicy": "NAMESPACE:NAME"}`.
    Markers = "markers", Shape;
    /// Any YAML: the value at a key path.
    Yaml = "yaml", Key;
    /// JSON: the value at a key path.
    Json = "json", Key;
    /// TOML: the value at a key path.
    Toml = "toml", Other;
    /// Lines of `NAME=value`: the value of a name.
    Dotenv = "dotenv", Other;
    /// HCL of Terraform and OpenTofu: the value of an attribute, `module.api.image_tag`.
    Hcl = "hcl", Other;
    /// Any text: what the one named group (`tag`, `digest` or `image`) of a regular expression finds.
    Regex = "regex", Other;
}

impl Kind {
    /// Whether it is read as YAML (which JSON is a part of).
    pub(crate) fn is_yaml(self) -> bool {
        self.told() != Told::Other
    }

    /// Whether only a key tells what is meant in such a file.
    #[must_use]
    pub fn needs_key(self) -> bool {
        self.told() != Told::Shape
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
