//! How the files of an application are written in `gantry.yaml`: those that name its images (`files`), and
//! those that are promoted with it (`config`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    kinds::FileKind,
    shapes::{PathOr, Rule},
};

/// An element of `files`: a path, whose kind is found by its name and content, or an entry.
pub type FileItem = PathOr<FileRule>;

/// An element of `config`: a file, or a folder ending with `/`, or an entry.
pub type ConfigItem = PathOr<ConfigRule>;

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
