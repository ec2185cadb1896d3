//! How what an environment holds came there.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{facts::Person, ids::CommitId, reason::Reason};

/// How what an environment holds came there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Put {
    /// By a promotion.
    Promotion {
        /// Its commit.
        commit: CommitId,
        /// The person who asked for it, where one did.
        by: Option<String>,
    },
    /// It has been there since the file appeared.
    Initial {
        /// The commit.
        commit: CommitId,
        /// Its author.
        by: Person,
    },
    /// Its config was changed in an environment where builds arrive, which is where config starts.
    Config {
        /// The commit.
        commit: CommitId,
        /// Its author.
        by: Person,
    },
    /// It stood there before `gantry.yaml` first named the place: as found, and no fault of anybody's.
    Found {
        /// The commit that put it there.
        commit: CommitId,
        /// Its author.
        by: Person,
        /// That commit's own time.
        #[schemars(with = "String")]
        at: Timestamp,
    },
    /// By a commit that is no promotion: drift.
    Drift {
        /// The commit.
        commit: CommitId,
        /// Its author.
        by: Person,
        /// It carries the trailers of a promotion, which Gantry did not seal.
        #[serde(default)]
        claimed: bool,
    },
    /// The history that was read does not reach back to it.
    Unknown,
}

impl Put {
    /// That it is in place, as far as is known since `since`.
    pub(super) fn in_place(&self, since: Option<Timestamp>) -> Reason {
        match self {
            Self::Found { by, at, commit: _ } => {
                Reason::InPlace { since: Some(*at), at_least: false, found_by: Some(by.name.clone()) }
            }
            Self::Unknown => Reason::InPlace { since, at_least: true, found_by: None },
            Self::Promotion { .. } | Self::Initial { .. } | Self::Config { .. } | Self::Drift { .. } => {
                Reason::InPlace { since, at_least: false, found_by: None }
            }
        }
    }
}
