//! Effects as plain data: what `decide` wants done and `act` does.
//!
//! Each effect is "make it so": whoever performs it compares first and writes only what differs, so that
//! performing it twice, or again after a crash, is harmless (promise 3).

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifact::Release,
    facts::{Place, Rejected},
    gates::GateVerdict,
    ids::{BranchName, CommitId, ProposalNumber, ReleaseId},
    reason::Reason,
};

/// One release of one application on its way into one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Promotion {
    /// Where to.
    pub place: Place,
    /// The environment's branch.
    pub base: BranchName,
    /// What.
    pub release: Release,
    /// What the environment holds now, if it is known as a release.
    pub from: Option<ReleaseId>,
    /// The version that it holds now, for the subject line.
    pub from_version: String,
    /// What the gates said.
    pub gates: Vec<GateVerdict>,
    /// The CI checks that have succeeded for all of its artifacts, asked for by a gate or not.
    pub checks: Vec<String>,
    /// The person who asked for it; none when Gantry does it by itself.
    pub by: Option<String>,
}

/// Something to be made so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// The environment's branch holds the release, by one commit.
    Commit {
        /// The promotion.
        promotion: Promotion,
    },
    /// One proposal is open for it, on a branch that holds one commit.
    Propose {
        /// The promotion.
        promotion: Promotion,
        /// The open proposal that is updated in place.
        update: Option<ProposalNumber>,
        /// The branch's present head, which is replaced; none if the branch does not exist.
        replaces: Option<CommitId>,
        /// The branch holds the right commit already; only the proposal is missing or out of date.
        pushed: bool,
    },
    /// The proposal's text and statuses say what the gates say.
    Describe {
        /// The promotion.
        promotion: Promotion,
        /// The proposal.
        proposal: ProposalNumber,
    },
    /// The proposal is merged, if its head is still this one.
    Merge {
        /// Where to.
        place: Place,
        /// The proposal.
        proposal: ProposalNumber,
        /// Its head.
        head: CommitId,
    },
    /// The proposal is closed, because it has become pointless. This is no rejection.
    Close {
        /// Where it went.
        place: Place,
        /// The proposal.
        proposal: ProposalNumber,
        /// Why.
        because: Reason,
    },
    /// A branch of Gantry's that nothing needs any more is gone, if its head is still this one.
    Prune {
        /// Whose it was.
        place: Place,
        /// Its head.
        head: CommitId,
    },
    /// A rejection stands in `.gantry/rejections.yaml`, or does so no more.
    Rule {
        /// Where.
        place: Place,
        /// The branch of the file.
        base: BranchName,
        /// Which release.
        release: ReleaseId,
        /// Its version, for the subject line.
        version: String,
        /// `true` rejects, `false` lifts.
        rejects: bool,
        /// Who said so.
        by: String,
        /// When.
        #[schemars(with = "String")]
        at: Timestamp,
        /// Why.
        reason: String,
        /// The closed proposal that said so.
        proposal: Option<ProposalNumber>,
    },
    /// The rejections that commits of earlier versions record stand in `.gantry/rejections.yaml`, which is not there
    /// yet.
    MoveRejections {
        /// The place of the first one.
        place: Place,
        /// The branch of the file.
        base: BranchName,
        /// All of them.
        rejections: Vec<Rejected>,
    },
}

impl Effect {
    /// Which application and environment it is for.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::Commit { promotion }
            | Self::Propose { promotion, .. }
            | Self::Describe { promotion, .. } => &promotion.place,
            Self::Merge { place, .. }
            | Self::Close { place, .. }
            | Self::Prune { place, .. }
            | Self::Rule { place, .. }
            | Self::MoveRejections { place, .. } => place,
        }
    }
}
