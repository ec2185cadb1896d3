//! What CI says of a build.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Digest, ImageName, Tag};

/// One report of CI about one image that it built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildReport {
    /// The image.
    pub image: ImageName,
    /// The tag that it was pushed under.
    pub tag: Tag,
    /// Its digest; without it the registry is asked.
    pub digest: Option<Digest>,
    /// The source revision.
    pub revision: Option<String>,
    /// The source repository's URL.
    pub source: Option<String>,
    /// When it was built.
    #[schemars(with = "Option<String>")]
    pub created: Option<Timestamp>,
    /// How the check went.
    pub status: BuildStatus,
    /// Where people can look at the run.
    pub url: Option<String>,
    /// The check's name, `ci` unless said otherwise.
    pub check: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BuildStatus {
    /// It succeeded.
    Success,
    /// It failed: the build is never promoted.
    Failed,
    /// It runs.
    Pending,
}
