//! What a decision says of one place, as data: the API, the page and the CLI show it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{candidates::Considered, view::Put};
use crate::{
    artifact::Release,
    effects::Effect,
    facts::{Held, Place},
    gates::{self, GateVerdict, Verdict},
    ids::ProposalNumber,
    reason::{Mark, Owner, Problem, Reason},
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
    /// What is good to know of its files and stops nothing: one that is behind the others, a Git reference of
    /// another revision than its image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Problem>,
}

/// What is said of a place, or of one release there: the same in every view.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Said<'a> {
    /// The release that it is about; none where nothing is under way.
    pub release: Option<&'a Release>,
    /// The mark.
    pub mark: Mark,
    /// How far it is, where it is under way.
    pub step: Option<Step>,
    /// Why it stands as it does; none where it moves, or all is at rest.
    pub reason: Option<&'a Reason>,
    /// Who has to act.
    pub owner: Owner,
}

impl<'a> Said<'a> {
    fn of(release: Option<&'a Release>, step: Option<Step>, reason: &'a Reason) -> Self {
        Self { release, mark: reason.mark(), step, reason: Some(reason), owner: reason.owner() }
    }
}

impl Standing {
    /// What is next here: what stops the place, else the release under way, else why there is none.
    #[must_use]
    pub fn said(&self) -> Said<'_> {
        match (self.next.first(), self.problem.as_ref().or(self.rest.as_ref())) {
            (Some(next), _) => self.said_of(next),
            (None, Some(reason)) => Said::of(None, None, reason),
            (None, None) => {
                Said { release: None, mark: Mark::Quiet, step: None, reason: None, owner: Owner::Nobody }
            }
        }
    }

    /// What is said of one of the releases under way: what stops the place stops it too.
    #[must_use]
    pub fn said_of<'a>(&'a self, next: &'a Next) -> Said<'a> {
        match &self.problem {
            Some(problem) => Said::of(Some(&next.release), Some(next.step), problem),
            None => next.said(),
        }
    }

    /// That the environment holds what it holds.
    #[must_use]
    pub fn in_place(&self) -> Reason {
        self.put.in_place(self.since)
    }

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

impl Next {
    /// What holds it back: what stops it, else the gate that fails, else one that waits.
    #[must_use]
    pub fn holding(&self) -> Option<&Reason> {
        self.reason.as_ref().or_else(|| gates::holding(&self.gates).map(|gate| &gate.reason))
    }

    /// What is said of it.
    #[must_use]
    pub fn said(&self) -> Said<'_> {
        let mark = match self.step {
            Step::Waiting | Step::Proposed => Mark::Waiting,
            Step::Writing | Step::Merging => Mark::Moving,
            Step::Stopped => Mark::Stopped,
        };
        let reason = match self.step {
            Step::Writing | Step::Merging => None,
            Step::Waiting | Step::Proposed | Step::Stopped => self.holding(),
        };
        let owner = reason.map_or(Owner::Nobody, Reason::owner);
        Said { release: Some(&self.release), mark, step: Some(self.step), reason, owner }
    }
}

/// How far a release is on its way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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

impl Step {
    /// How far a release is that is neither written nor proposed: it waits, unless something stops it.
    pub(super) fn before(refused: Option<&Reason>, gates: &[GateVerdict]) -> Self {
        let fails = gates.iter().any(|gate| gate.verdict == Verdict::Fail);
        let mark = refused.map_or(Mark::Waiting, Reason::mark);
        if fails { Self::Stopped } else { Self::of(mark).unwrap_or(Self::Stopped) }
    }

    /// How far a release is of which a reason with this mark is told; none where none is under way.
    #[must_use]
    pub fn of(mark: Mark) -> Option<Self> {
        match mark {
            Mark::Waiting => Some(Self::Waiting),
            Mark::Moving => Some(Self::Writing),
            Mark::Stopped => Some(Self::Stopped),
            Mark::Done | Mark::Quiet => None,
        }
    }

    /// The word for it, as in the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Writing => "writing",
            Self::Proposed => "proposed",
            Self::Merging => "merging",
            Self::Stopped => "stopped",
        }
    }
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
