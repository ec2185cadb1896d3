//! How the files of an application are written in `gantry.yaml`: a path, a list of paths, or entries with more
//! to say.

use std::{fmt, marker::PhantomData};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        self, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, StrDeserializer},
    },
};

/// One element or a list of elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "OneOrMany{T}")]
pub enum OneOrMany<T> {
    /// `files: a.yaml`
    One(T),
    /// `files: [a.yaml, b.yaml]`
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// As a slice, whichever way it was written.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// An element of `files`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum FileItem {
    /// A path; its kind is found by its name and content.
    Path(String),
    /// A path with more to say.
    Entry(FileRule),
}

impl FileItem {
    /// The path as written, with its placeholders.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::Entry(rule) => &rule.path,
        }
    }

    /// The key as written.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Path(_) => None,
            Self::Entry(rule) => rule.key.as_deref(),
        }
    }
}

/// A file that names images, and how they are found in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRule {
    /// The path, with `{environment}`.
    pub path: String,
    /// What kind of file it is; found by its name and content when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FileKind>,
    /// Where the value stands: a key path (`image.tag`, `spec.values."a.b"[0]`), for `regex` the expression
    /// with one named group, for `markers` the policy `namespace:name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Which of the application's images a value without image name belongs to; the only one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether a value behind a YAML alias is written where its anchor stands.
    #[serde(default, skip_serializing_if = "Anchors::is_default")]
    pub anchors: Anchors,
}

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

/// What is done with a value behind a YAML alias.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Anchors {
    /// It is refused, and the anchor's other users are named.
    #[default]
    Refuse,
    /// It is written where its anchor stands, if all users of the anchor are of the same image.
    Follow,
}

impl Anchors {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// An element of `config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ConfigItem {
    /// A file, or a folder ending with `/`.
    Path(String),
    /// One of which a part stays the environment's own.
    Entry(ConfigRule),
}

impl ConfigItem {
    /// The path as written, with its placeholders.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::Entry(rule) => &rule.path,
        }
    }

    /// What is kept, as written.
    #[must_use]
    pub fn keep(&self) -> &[String] {
        match self {
            Self::Path(_) => &[],
            Self::Entry(rule) => &rule.keep,
        }
    }
}

/// A file or folder that is promoted, and what stays the environment's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigRule {
    /// The path, with `{environment}`; a folder's ends with `/`.
    pub path: String,
    /// What stays the environment's own. Of a folder, files: paths within it, with `*` within a name and `**`
    /// for folders. Of a YAML or JSON file, values: key paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
}

impl<'de> Deserialize<'de> for ConfigItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ConfigItem;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or a map with `path`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ConfigItem, E> {
                Ok(ConfigItem::Path(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ConfigItem, A::Error> {
                ConfigRule::deserialize(MapAccessDeserializer::new(map)).map(ConfigItem::Entry)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, a map with `path`, or a list of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
                T::deserialize(StrDeserializer::new(text)).map(OneOrMany::One)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneOrMany<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany<T>, A::Error> {
                let mut many = Vec::new();
                while let Some(element) = list.next_element()? {
                    many.push(element);
                }
                Ok(OneOrMany::Many(many))
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<'de> Deserialize<'de> for FileItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = FileItem;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or a map with `path`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<FileItem, E> {
                Ok(FileItem::Path(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FileItem, A::Error> {
                FileRule::deserialize(MapAccessDeserializer::new(map)).map(FileItem::Entry)
            }
        }

        deserializer.deserialize_any(Either)
    }
}
