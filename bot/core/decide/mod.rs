//! The heart: one pure function of config, facts and time.
//!
//! For each application in each environment it says what is there, what comes next, what the gates say and
//! why, and which effects are wanted. It does no I/O and reads no clock; the server, `gantry plan`,
//! `gantry why` and the tests call this same function (promise 8).
//!
//! - `view` turns what files and commits say into releases and stays.
//! - `order` tells whether a release is newer than what an environment holds (promise 4).
//! - `candidates` lists the releases that may come next, newest first, each with its gates.
//! - `leftover` closes what belongs to nothing any more.
//! - `request` weighs what people ask for, `proposal` what becomes of an open proposal, and `rest` says why nothing
//!   comes next.
//! - `explain` tells `why` which release a place speaks of.
//! - `standing` is what is said of a place.
//! - `place` joins them into a standing and its effects.
//! - `decider` remembers what was decided, and decides anew where something changed.

mod builds;
pub mod candidates;
mod context;
pub mod decider;
pub(crate) mod explain;
pub mod leftover;
mod order;
pub mod place;
mod proposal;
mod put;
mod rejected;
mod request;
mod rest;
mod ruling;
pub mod standing;
mod together;
pub mod view;

use jiff::Timestamp;

use crate::{
    config::pipeline::{Application, Pipeline},
    decide::standing::{PlaceDecision, RequestOutcome, Standing},
    effects::Effect,
    facts::{Facts, Place, Rejected},
    ids::{ApplicationName, EnvironmentName},
};

/// What is to be said and done now.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// One for each application in each of its environments, in the pipeline's order.
    pub standings: Vec<Standing>,
    /// What is wanted; at most one change for each place.
    pub effects: Vec<Effect>,
    /// What became of the promotions that people asked for; those still under way are absent.
    pub requests: Vec<(i64, RequestOutcome)>,
    /// When time alone will change the decision.
    pub next_look: Option<Timestamp>,
}

/// Decides for the whole pipeline.
#[must_use]
pub fn decide(pipeline: &Pipeline, facts: &Facts, now: Timestamp) -> Decision {
    let mut decision = Decision { effects: moved(facts).into_iter().collect(), ..Decision::default() };
    for application in pipeline.applications.values() {
        let Decision { standings, effects, requests, next_look } = of(pipeline, facts, now, application);
        decision.standings.extend(standings);
        decision.effects.extend(effects);
        decision.requests.extend(requests);
        decision.next_look = decision.next_look.into_iter().chain(next_look).min();
    }
    decision.effects.extend(leftover::effects(pipeline, facts));
    decision.requests.extend(leftover::requests(pipeline, facts));
    decision
}

/// Decides for one application in all of its environments; `None` if it isn't in the pipeline.
#[must_use]
pub fn decision_of(
    pipeline: &Pipeline,
    facts: &Facts,
    now: Timestamp,
    application: &ApplicationName,
) -> Option<Decision> {
    Some(of(pipeline, facts, now, pipeline.applications.get(application)?))
}

fn of(pipeline: &Pipeline, facts: &Facts, now: Timestamp, application: &Application) -> Decision {
    let mut decision = Decision::default();
    for place in decide_stages(pipeline, facts, now, application, None) {
        let (standing, effects, requests) = place.into_parts();
        let looks = standing.next.iter().flat_map(|next| &next.gates).filter_map(|gate| gate.until);
        decision.next_look = looks.chain(standing.retry()).chain(decision.next_look).min();
        decision.standings.push(standing);
        if !facts.git_silent {
            decision.effects.extend(effects);
        }
        decision.requests.extend(requests);
    }
    decision
}

/// The move of rejections from commits of earlier versions into the file, which comes before anything else is
/// written to it.
#[must_use]
pub fn moved(facts: &Facts) -> Option<Effect> {
    let all = facts.rejections.iter().flat_map(|(place, list)| list.iter().map(move |one| (place, one)));
    let rejections: Vec<Rejected> =
        all.map(|(place, one)| Rejected { place: place.clone(), rejection: one.clone() }).collect();
    let place = rejections.first()?.place.clone();
    let base = facts.default_branch.clone()?;
    (facts.unmoved && !facts.git_silent).then_some(Effect::MoveRejections { place, base, rejections })
}

/// Decides for one application: its environments in the pipeline's order.
#[must_use]
pub fn decide_application(
    pipeline: &Pipeline,
    facts: &Facts,
    now: Timestamp,
    application: &ApplicationName,
) -> Vec<PlaceDecision> {
    let application = pipeline.applications.get(application);
    application.map(|application| decide_stages(pipeline, facts, now, application, None)).unwrap_or_default()
}

/// Decides for one place; `None` if the application or the environment isn't in the pipeline.
#[must_use]
pub fn decide_place(
    pipeline: &Pipeline,
    facts: &Facts,
    now: Timestamp,
    application: &ApplicationName,
    environment: &EnvironmentName,
) -> Option<PlaceDecision> {
    let application = pipeline.applications.get(application)?;
    pipeline.stage(environment)?;
    let decisions = decide_stages(pipeline, facts, now, application, Some(environment));
    decisions.into_iter().next_back().filter(|last| last.standing.place.environment == *environment)
}

/// Decides for the environments of an application, each with the decisions before it; ends with `last`.
fn decide_stages(
    pipeline: &Pipeline,
    facts: &Facts,
    now: Timestamp,
    application: &Application,
    last: Option<&EnvironmentName>,
) -> Vec<PlaceDecision> {
    let mut decisions = Vec::new();
    for stage in &pipeline.environments {
        if application.files.contains_key(&stage.name) {
            let decision = place::decide(pipeline, facts, now, application, stage, &decisions);
            decisions.push(decision);
        }
        if last == Some(&stage.name) {
            break;
        }
    }
    decisions
}

/// The place of an application and an environment.
#[must_use]
pub fn place_of(application: &ApplicationName, environment: &EnvironmentName) -> Place {
    Place { application: application.clone(), environment: environment.clone() }
}
