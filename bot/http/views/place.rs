//! Applications, environments and promotions under way.

use gantry_core::{
    config::pipeline::{Application, Pipeline, Stage},
    decide::{
        decide_application,
        standing::{Next, Standing},
        view::Put,
    },
    ids::{EnvironmentName, ImageName},
};
use jiff::Timestamp;

use crate::{
    http::{
        server::Decided,
        types::{ApplicationView, EnvironmentView, GateView, ImageProblem, PlaceView, PromotionView},
    },
    speak::Renderer,
    store::board::Seen,
};

/// The standings of one application, without deciding on the others.
pub(in crate::http) fn standings(
    seen: &Seen,
    pipeline: &Pipeline,
    application: &Application,
    now: Timestamp,
) -> Vec<Standing> {
    let decisions = decide_application(pipeline, &seen.facts, now, &application.name);
    decisions.into_iter().map(|decision| decision.standing).collect()
}

/// An application with these standings.
pub(in crate::http) fn application(
    renderer: &Renderer,
    seen: &Seen,
    application: &Application,
    standings: impl IntoIterator<Item = Standing>,
) -> ApplicationView {
    ApplicationView {
        repository: seen.repository.clone(),
        application: application.name.clone(),
        source: application.source.clone(),
        images: application.images.iter().map(|image| image.image.clone()).collect(),
        problems: application.images.iter().filter_map(|image| image_problem(seen, &image.image)).collect(),
        places: standings.into_iter().map(|standing| place(renderer, standing)).collect(),
    }
}

/// Why an image could not be read when its registry was last asked.
fn image_problem(seen: &Seen, image: &ImageName) -> Option<ImageProblem> {
    let look = seen.facts.looks.get(image)?;
    let message = look.problem.clone()?;
    Some(ImageProblem { image: image.clone(), at: look.at, message })
}

/// A standing with its sentence.
fn place(renderer: &Renderer, standing: Standing) -> PlaceView {
    let said = standing.said();
    let (mark, owner) = (said.mark, said.owner);
    PlaceView { version: standing.version(), text: renderer.standing(&standing), mark, owner, standing }
}

/// A release on its way, before it is told.
#[derive(Clone, Copy)]
pub(in crate::http) struct Under<'a> {
    pub(in crate::http) seen: &'a Seen,
    pub(in crate::http) standing: &'a Standing,
    pub(in crate::http) next: &'a Next,
}

/// Everything on its way in a repository.
pub(in crate::http) fn under_way(decided: &Decided) -> impl Iterator<Item = Under<'_>> {
    decided
        .decision
        .standings
        .iter()
        .flat_map(|standing| standing.next.iter().map(|next| Under { seen: &decided.seen, standing, next }))
}

/// A promotion under way, told.
pub(in crate::http) fn promotion(renderer: &Renderer, under: Under<'_>) -> PromotionView {
    let Under { seen, standing, next } = under;
    let open = seen.facts.open_proposal(&standing.place);
    let open = open.filter(|proposal| Some(proposal.number) == next.proposal);
    let gate = |verdict: &gantry_core::gates::GateVerdict| GateView {
        text: renderer.gate(verdict),
        verdict: verdict.clone(),
    };
    // The sentence is about this release, where the standing's own may be about another one.
    let own = Standing { next: vec![next.clone()], problem: None, ..standing.clone() };
    PromotionView {
        repository: seen.repository.clone(),
        place: standing.place.clone(),
        from: standing.version(),
        version: next.release.version(),
        release: next.release.id.to_string(),
        step: next.step,
        proposal: next.proposal,
        url: open.map(|proposal| proposal.url.clone()).unwrap_or_default(),
        head: open.map(|proposal| proposal.head.clone()),
        gates: next.gates.iter().map(gate).collect(),
        text: renderer.standing(&own),
        mark: own.said().mark,
        owner: own.said().owner,
    }
}

/// A stage with its numbers.
pub(in crate::http) fn environment(decided: &Decided, stage: &Stage) -> EnvironmentView {
    let here = |environment: &EnvironmentName| *environment == stage.name;
    let standings =
        || decided.decision.standings.iter().filter(move |standing| here(&standing.place.environment));
    let open = |standing: &&Standing| decided.seen.facts.open_proposal(&standing.place).is_some();
    EnvironmentView {
        repository: decided.seen.repository.clone(),
        environment: stage.name.clone(),
        after: stage.after.clone(),
        branch: stage.branch.to_string(),
        head: decided.seen.facts.heads.get(&stage.branch).cloned(),
        applications: standings().count(),
        drifted: standings().filter(|standing| matches!(standing.put, Put::Drift { .. })).count(),
        proposed: standings().filter(open).count(),
    }
}
