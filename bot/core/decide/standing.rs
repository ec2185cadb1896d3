//! What a decision says of one place, as data: the API, the page and the CLI show it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{candidates::Considered, view::Put};
use crate::{
    artifact::Release,
    effects::Effect,
    facts::{Held, Place},
    gates::GateVerdict,
    ids::ProposalNumber,
    reason::Reason,
};

/// Where one application stands in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// Which.
    pub place: Place,
    /// What its files hold.
    pub holds: Vec<Held>,
    /// The release that this is, if it is known as one.
    pub release: Option<Release>,
    /// Since when.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// How it came.
    pub put: Put,
    /// What comes next: what is proposed or written, and the newest release if that is another one.
    pub next: Vec<Next>,
    /// What stops it altogether.
    pub problem: Option<Reason>,
    /// Why nothing comes next, where nothing does.
    pub rest: Option<Reason>,
}

impl Standing {
    pub(super) fn retry(&self) -> Option<Timestamp> {
        match &self.problem {
            Some(Reason::WriteRefused { retry, .. }) => Some(*retry),
            _ => None,
        }
    }

    /// What it holds, as people write it.
    #[must_use]
    pub fn version(&self) -> String {
        match &self.release {
            Some(release) => release.version(),
            None => self.holds.iter().map(Held::version).collect::<Vec<_>>().join("+"),
        }
    }
}

/// A release on its way in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Next {
    /// Which.
    pub release: Release,
    /// How far it is.
    pub step: Step,
    /// What the gates say.
    pub gates: Vec<GateVerdict>,
    /// What stops it apart from its gates.
    pub reason: Option<Reason>,
    /// Its proposal.
    pub proposal: Option<ProposalNumber>,
}

/// How far a release is on its way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Its gates don't pass yet.
    Waiting,
    /// It is written, or proposed, now.
    Writing,
    /// Its proposal is open.
    Proposed,
    /// Its proposal is merged now.
    Merging,
    /// It doesn't go on by itself.
    Stopped,
}

/// What became of a promotion that a person asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum RequestOutcome {
    /// The environment holds it, or its proposal is open.
    Done {
        /// Which of the two.
        reason: Reason,
    },
    /// It can't be done.
    Refused {
        /// Why.
        reason: Reason,
    },
}

/// The decision for one place.
#[derive(Debug, Clone)]
pub struct PlaceDecision {
    /// What is said.
    pub standing: Standing,
    /// The releases that were looked at, newest first.
    pub considered: Vec<Considered>,
    /// What is wanted.
    pub effects: Vec<Effect>,
    /// What became of people's requests.
    pub requests: Vec<(i64, RequestOutcome)>,
}

impl PlaceDecision {
    pub(super) fn into_parts(self) -> (Standing, Vec<Effect>, Vec<(i64, RequestOutcome)>) {
        (self.standing, self.effects, self.requests)
    }
}
