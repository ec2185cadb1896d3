//! What people ask for, as it lies in the inbox.

use gantry_core::{
    facts::Place,
    ids::{CommitId, ProposalNumber, ReleaseId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A request of a person. It is stored before it is acknowledged, and done by the loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Promote a release.
    Promote {
        /// The repository's name.
        repository: String,
        /// Where to.
        place: Place,
        /// Which; the newest when left out.
        release: Option<ReleaseId>,
        /// Why.
        reason: String,
    },
    /// Approve a proposal.
    Approve {
        /// The repository's name.
        repository: String,
        /// Which.
        proposal: ProposalNumber,
        /// The head that the person saw.
        head: CommitId,
        /// Why.
        reason: String,
    },
    /// Close a proposal and reject its release there.
    Reject {
        /// The repository's name.
        repository: String,
        /// Which.
        proposal: ProposalNumber,
        /// Why.
        reason: String,
    },
}

impl Request {
    /// The kind under which it lies in the inbox.
    pub const KIND: &'static str = "request";

    /// The repository that it is about.
    #[must_use]
    pub fn repository(&self) -> &str {
        match self {
            Self::Promote { repository, .. }
            | Self::Approve { repository, .. }
            | Self::Reject { repository, .. } => repository,
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// It was done, or was so already.
    pub done: bool,
    /// In a sentence: what was done, or why not and who must act.
    pub text: String,
}
