//! One application in one environment: what is there, what comes next, and what is wanted.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    candidates::{self, Considered},
    order::Present,
    place_of, proposal,
    request::{self, Grant},
    view::{Put, View},
};
use crate::{
    artifact::Release,
    config::{
        pipeline::{Application, Pipeline, Stage},
        types::Delivery,
    },
    effects::{Effect, Promotion},
    facts::{Facts, Held, Place, PromotionRequest, ProposalState},
    gates::GateVerdict,
    ids::{ProposalNumber, ReleaseId},
    reason::{Owner, Problem, Reason},
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

/// A release that is to be written, and who asked for it.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) considered: &'a Considered,
    pub(super) request: Option<&'a PromotionRequest>,
}

/// What the functions of one place share.
pub(super) struct Context<'a> {
    pub(super) view: View<'a>,
    pub(super) stage: &'a Stage,
    pub(super) place: Place,
    pub(super) present: Present<'a>,
    pub(super) considered: &'a [Considered],
}

impl Context<'_> {
    pub(super) fn promotion(
        &self,
        release: &Release,
        gates: Vec<GateVerdict>,
        request: Option<&PromotionRequest>,
    ) -> Promotion {
        let held = self.present.holds.iter().map(Held::version).collect::<Vec<_>>().join("+");
        Promotion {
            place: self.place.clone(),
            base: self.stage.branch.clone(),
            release: release.clone(),
            from: self.present.release.map(|release| release.id.clone()),
            from_version: self.present.release.map_or(held, Release::version),
            gates,
            checks: self.view.facts.catalog.passed(&release.artifacts),
            by: request.map(|request| request.by.clone()),
        }
    }

    /// The refusal of the last try to write this release on this very head, while it is not time to try again.
    pub(super) fn refused(&self, release: &ReleaseId) -> Option<Reason> {
        let failure = self.view.facts.failures.get(&(self.place.clone(), release.clone()))?;
        let head = self.view.facts.heads.get(&self.stage.branch)?;
        (failure.head == *head && failure.retry > self.view.now).then(|| Reason::WriteRefused {
            message: failure.message.clone(),
            owner: failure.owner,
            retry: failure.retry,
        })
    }
}

pub(super) fn decide(
    pipeline: &Pipeline,
    facts: &Facts,
    now: Timestamp,
    application: &Application,
    stage: &Stage,
) -> PlaceDecision {
    let view = View { pipeline, facts, application, now };
    let place = place_of(&application.name, &stage.name);
    let mut standing = Standing {
        place: place.clone(),
        holds: Vec::new(),
        release: None,
        since: None,
        put: Put::Unknown,
        next: Vec::new(),
        problem: None,
        rest: None,
    };
    let holds = match view.seen(&stage.name).map(|seen| &seen.contents) {
        Some(Ok(holds)) => holds,
        Some(Err(problem)) => return broken(standing, facts, problem.clone()),
        None => {
            let message = format!("branch {} has not been read yet", stage.branch);
            let problem = Problem { file: None, line: None, column: None, message, owner: Owner::Nobody };
            return broken(standing, facts, problem);
        }
    };
    let config = view.seen(&stage.name).and_then(|seen| seen.config.as_ref()?.id.as_ref());
    let own = view.visits(&stage.name);
    if let Some(visit) = own.first() {
        standing.since = Some(visit.since);
        standing.put = visit.put.clone();
        standing.release = visit.release.as_ref().ok().cloned();
    } else {
        standing.release = view.identify(&stage.name, holds, config, None).ok();
    }
    standing.holds.clone_from(holds);

    let put = standing.put.clone();
    let release = standing.release.clone();
    let present = Present { release: release.as_ref(), holds, config, since: standing.since, put: &put };
    let considered = candidates::list(&view, stage, &present, &own);
    let context = Context { view, stage, place, present, considered: &considered };

    let mut effects = rulings(&context);
    let mut requests = Vec::new();
    let mut target = considered
        .iter()
        .find(|considered| considered.ready())
        .map(|considered| Target { considered, request: None });
    for request in facts.requests.iter().filter(|request| request.place == context.place) {
        match request::grant(&context, request) {
            Grant::Now(considered) => target = Some(Target { considered, request: Some(request) }),
            Grant::Lift(effect) => effects.push(*effect),
            Grant::Answer(outcome) => requests.push((request.id, outcome)),
        }
    }
    match stage.delivery {
        Delivery::Commit => commit(&context, target, &mut standing, &mut effects),
        Delivery::PullRequest if facts.forge_silent => standing.problem = Some(Reason::ForgeSilent),
        Delivery::PullRequest => proposal::decide(&context, target, &mut standing, &mut effects),
    }
    newest(&context, &mut standing);
    PlaceDecision { standing, considered, effects, requests }
}

fn broken(mut standing: Standing, facts: &Facts, problem: Problem) -> PlaceDecision {
    let reason = Reason::Broken { problem };
    let refused =
        |request: &PromotionRequest| (request.id, RequestOutcome::Refused { reason: reason.clone() });
    let requests =
        facts.requests.iter().filter(|request| request.place == standing.place).map(refused).collect();
    standing.problem = Some(reason.clone());
    PlaceDecision { standing, considered: Vec::new(), effects: Vec::new(), requests }
}

/// Delivery by commit: the ready release is written.
fn commit(
    context: &Context<'_>,
    target: Option<Target<'_>>,
    standing: &mut Standing,
    effects: &mut Vec<Effect>,
) {
    let Some(Target { considered, request }) = target else { return };
    let mut next = Next {
        release: considered.release.clone(),
        step: Step::Writing,
        gates: considered.gates.clone(),
        reason: None,
        proposal: None,
    };
    if let Some(reason) = context.refused(&considered.release.id) {
        next.step = Step::Stopped;
        standing.problem = Some(reason.clone());
        next.reason = Some(reason);
    } else {
        let promotion = context.promotion(&considered.release, considered.gates.clone(), request);
        effects.push(Effect::Commit { promotion });
    }
    standing.next.push(next);
}

/// Adds the newest release, where it is not what is under way, or says why there is none.
fn newest(context: &Context<'_>, standing: &mut Standing) {
    let Some(newest) = context.considered.iter().find(|considered| !considered.is_past()) else {
        if standing.next.is_empty() {
            standing.rest = Some(nothing(context));
        }
        return;
    };
    if standing.next.iter().any(|next| next.release.id == newest.release.id) {
        return;
    }
    standing.next.push(Next {
        release: newest.release.clone(),
        step: if newest.refused.is_some() { Step::Stopped } else { Step::Waiting },
        gates: newest.gates.clone(),
        reason: newest.refused.clone(),
        proposal: None,
    });
}

/// Why there is no candidate at all.
pub(super) fn nothing(context: &Context<'_>) -> Reason {
    let view = &context.view;
    let upstream = view.pipeline.upstream(view.application, context.stage);
    for environment in &upstream {
        if let Some(Err(reason)) = view.visits(environment).into_iter().next().map(|visit| visit.release) {
            return reason;
        }
    }
    if upstream.is_empty() {
        for image in &view.application.images {
            let missing = candidates::undescribed(view, image);
            if missing > 0 {
                return Reason::ListIncomplete { image: image.image.clone(), missing };
            }
        }
    }
    if upstream.is_empty() && context.present.release.is_none() {
        for image in &view.application.images {
            if !view.facts.catalog.tags_of(&image.image).any(|(tag, _)| image.select.matches(tag)) {
                let problem = view.facts.looks.get(&image.image).and_then(|look| look.problem.clone());
                return Reason::NoBuild { image: image.image.clone(), problem };
            }
        }
    }
    Reason::NothingNewer
}

/// People's closings that are not in Git yet are written there (promise 1).
fn rulings(context: &Context<'_>) -> Vec<Effect> {
    let facts = context.view.facts;
    let known = facts.places.get(&context.place).map_or(&[][..], |seen| &seen.rulings);
    let proposals = facts.proposals.get(&context.place).into_iter().flatten();
    proposals
        .filter_map(|proposal| match (&proposal.state, &proposal.release) {
            (ProposalState::Closed { by, by_gantry: false, reason, .. }, Some(release)) => {
                let recorded =
                    known.iter().any(|r| r.proposal == Some(proposal.number) && r.release == *release);
                let seen = context.considered.iter().find(|considered| considered.release.id == *release);
                (!recorded && context.refused(release).is_none()).then(|| Effect::Rule {
                    place: context.place.clone(),
                    base: context.stage.branch.clone(),
                    release: release.clone(),
                    version: seen.map_or_else(|| release.short().to_owned(), |seen| seen.release.version()),
                    rejects: true,
                    by: by.clone(),
                    reason: reason.clone(),
                    proposal: Some(proposal.number),
                })
            }
            _ => None,
        })
        .collect()
}
