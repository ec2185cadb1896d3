//! One application in one environment: what is there, what comes next, and what is wanted.

use jiff::Timestamp;

pub use super::standing::{Next, PlaceDecision, RequestOutcome, Standing, Step};
use super::{
    candidates,
    context::{Context, Target},
    order::Present,
    place_of, proposal,
    request::{self, Grant},
    rest::nothing,
    ruling,
    view::{Put, View},
};
use crate::{
    artifact::{Artifact, Release},
    config::{
        pipeline::{Application, Pipeline, Stage},
        types::Delivery,
    },
    effects::Effect,
    facts::{Facts, Held, PromotionRequest},
    reason::{Owner, Problem, Reason},
};

pub(super) fn decide(
    pipeline: &Pipeline,
    facts: &Facts,
    now: Timestamp,
    application: &Application,
    stage: &Stage,
    before: &[PlaceDecision],
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
        notes: view.seen(&stage.name).map(|seen| seen.notes.clone()).unwrap_or_default(),
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
        // What is shown is the commit's own time: from when it counts is for the gates alone.
        standing.since = Some(visit.arrival.map_or(visit.since, |arrival| arrival.at));
        standing.put = visit.put.clone();
        standing.release = visit.release.as_ref().ok().cloned();
    } else {
        standing.release = view.identify(&stage.name, holds, config, None).ok();
    }
    standing.holds.clone_from(holds);
    let apart = standing.release.iter().flat_map(|release| refs_apart(holds, release));
    standing.notes.extend(apart.collect::<Vec<_>>());

    let put = standing.put.clone();
    let release = standing.release.clone();
    let present = Present { release: release.as_ref(), holds, config, since: standing.since, put: &put };
    let considered = candidates::list(&view, stage, &present, &own);
    let context = Context { view, stage, place, present, considered: &considered, before };

    let mut effects = ruling::unwritten(&context);
    let mut requests = Vec::new();
    let mut target = considered
        .iter()
        .find(|considered| considered.ready())
        .map(|considered| Target { considered, request: None });
    for request in facts.requests.iter().filter(|request| request.place == context.place) {
        match request::grant(&context, request) {
            Grant::Now(considered) => target = Some(Target { considered, request: Some(request) }),
            // First what earlier versions wrote is moved to where it can be lifted.
            Grant::Lift(_) if facts.unmoved => {}
            Grant::Lift(effect) => effects.extend(effect),
            Grant::Answer(outcome) => requests.push((request.id, outcome)),
        }
    }
    match stage.delivery {
        Delivery::Commit => commit(&context, target, &mut standing, &mut effects),
        Delivery::PullRequest if facts.forge_silent => {
            standing.next.extend(proposal::last_known(&context));
            standing.problem = Some(Reason::ForgeSilent);
        }
        Delivery::PullRequest => proposal::decide(&context, target, &mut standing, &mut effects),
    }
    newest(&context, &mut standing);
    if facts.git_silent {
        standing.problem = Some(Reason::GitSilent);
    }
    PlaceDecision { standing, considered, effects, requests }
}

/// The Git references that are of another revision than the image that they follow.
fn refs_apart(holds: &[Held], release: &Release) -> impl Iterator<Item = Problem> {
    let of = |held: &Held| {
        let own = |artifact: &&Artifact| artifact.image == held.image && artifact.entry == held.entry;
        release.artifacts.iter().find(own)
    };
    let all = holds.iter().filter_map(move |held| Some((held, of(held)?)));
    all.flat_map(|(held, artifact)| {
        let apart = held.refs.iter().filter(|own| own.differs(artifact));
        apart.map(|own| {
            let stands = own.revision.as_deref().unwrap_or("of several revisions");
            let message = format!(
                "the Git reference to {} is {stands}, and {}:{} goes with {}; the next promotion sets it",
                own.repository,
                artifact.image,
                artifact.tag,
                own.wanted(artifact).unwrap_or_default()
            );
            Problem { file: None, line: None, column: None, message, owner: Owner::Team }
        })
    })
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
    // What was there before the first promotion is as it was found: nothing waits, and nothing is wrong.
    if let Some(reason @ Reason::NeverPromoted { .. }) = &newest.refused {
        if standing.next.is_empty() {
            standing.rest = Some(reason.clone());
        }
        return;
    }
    let reason = newest.refused.clone().or_else(|| pinned(context).filter(|_| newest.ready()));
    standing.next.push(Next {
        release: newest.release.clone(),
        step: Step::before(reason.as_ref(), &newest.gates),
        gates: newest.gates.clone(),
        reason,
        proposal: None,
    });
}

/// The open proposal of another release that a person asked for: nothing newer takes its place by itself.
fn pinned(context: &Context<'_>) -> Option<Reason> {
    let facts = context.view.facts;
    let proposal = facts.open_proposal(&context.place)?;
    let record = facts.branches.get(&context.place)?.record.as_ref()?;
    let version = record.release().version();
    Some(Reason::Pinned { by: record.by.clone()?, proposal: proposal.number, version })
}
