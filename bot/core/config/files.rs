//! How the files of an application are written in `gantry.yaml`: those that name its images (`files`), and
//! those that are promoted with it (`config`).

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer},
    },
};

use super::{
    kinds::FileKind,
    shapes::{OneOrMany, PathOr, Rule},
};
use crate::ids::EnvironmentName;

/// An element of `files`: a path, whose kind is found by its name and content, or an entry.
pub type FileItem = PathOr<FileRule>;

/// An element of `discover`: a path pattern, or an entry.
pub type DiscoverItem = PathOr<DiscoverRule>;

/// A path pattern that finds applications in some environments only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoverRule {
    /// The pattern.
    pub path: String,
    /// The environments that it is for; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<EnvironmentName>>,
}

impl Rule for DiscoverRule {
    fn path(&self) -> &str {
        &self.path
    }
}

/// `files`: the same in every environment, or for each its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Files {
    /// A path, an entry, or a list of both.
    Same(OneOrMany<FileItem>),
    /// By the environment's name.
    By(BTreeMap<EnvironmentName, OneOrMany<FileItem>>),
}

impl Files {
    /// Every element, in whatever environments.
    pub fn all(&self) -> impl Iterator<Item = &FileItem> {
        let (same, by) = match self {
            Self::Same(list) => (Some(list), None),
            Self::By(map) => (None, Some(map.values())),
        };
        same.into_iter().chain(by.into_iter().flatten()).flat_map(OneOrMany::as_slice)
    }
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Files;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, a map with `path`, a list of them, or a map of environments")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Files, E> {
                OneOrMany::deserialize(StrDeserializer::new(text)).map(Files::Same)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Files, A::Error> {
                OneOrMany::deserialize(SeqAccessDeserializer::new(list)).map(Files::Same)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Files, A::Error> {
                let Some(first) = map.next_key::<String>()? else {
                    return Err(de::Error::invalid_length(0, &self));
                };
                // An environment can't be told from a key that is written wrong by one letter. A placeholder without
                // quotes is a map with its name.
                let of_entry = |key: &&str| strsim::damerau_levenshtein(key, &first) <= 1;
                let placeholder = ["application", "environment"].contains(&first.as_str());
                if placeholder || FileRule::KEYS.iter().any(of_entry) {
                    let entry =
                        FileRule::deserialize(MapAccessDeserializer::new(After { first: Some(first), map }))?;
                    return Ok(Files::Same(OneOrMany::One(FileItem::Entry(entry))));
                }
                let name = |text: String| text.parse::<EnvironmentName>().map_err(de::Error::custom);
                let mut by = BTreeMap::from([(name(first)?, map.next_value()?)]);
                while let Some((key, value)) = map.next_entry::<EnvironmentName, _>()? {
                    by.insert(key, value);
                }
                Ok(Files::By(by))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A map whose first key was read already.
struct After<A> {
    first: Option<String>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for After<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(first) => seed.deserialize(first.into_deserializer()).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// An element of `config`: a file, or a folder ending with `/`, or an entry.
pub type ConfigItem = PathOr<ConfigRule>;

/// A file that names images, and how they are found in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRule {
    /// The path, with `{environment}`; `*` stands for characters within a name, `**` for folders, and every file
    /// that matches is one of the application's.
    pub path: String,
    /// What kind of file it is; found by its name and content when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FileKind>,
    /// Where the value stands: a key path (`image.tag`, `spec.values."a.b"[0]`, `elements[cluster=eu].tag`), for
    /// `regex` the expression with one named group, for `markers` the policy `namespace:name`. A key path may hold
    /// `{environment}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is added where it is missing: `key`, in a YAML file whose mapping around it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<Create>,
    /// Which of the application's images a value without image name belongs to; the only one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether a value behind a YAML alias is written where its anchor stands.
    #[serde(default, skip_serializing_if = "Anchors::is_default")]
    pub anchors: Anchors,
}

impl FileRule {
    /// Its keys.
    pub const KEYS: [&str; 6] = ["path", "kind", "key", "create", "image", "anchors"];
}

/// What is added to a file where it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Create {
    /// The key, with its value.
    Key,
}

impl Rule for FileRule {
    fn path(&self) -> &str {
        &self.path
    }
}

impl FileItem {
    /// The key as written.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.entry()?.key.as_deref()
    }
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

impl Rule for ConfigRule {
    fn path(&self) -> &str {
        &self.path
    }
}

impl ConfigItem {
    /// What is kept, as written.
    #[must_use]
    pub fn keep(&self) -> &[String] {
        self.entry().map_or(&[], |rule| &rule.keep)
    }
}
