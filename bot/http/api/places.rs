//! `GET /api/v1/applications/{app}/environments/{env}/why` and `/diff`.

use axum::{Json, extract::State};
use gantry_core::{
    catalog::Catalog,
    config::{pipeline::Stage, types::Delivery},
    decide::{decide_place, place::Standing, place_of},
    effects::{Effect, Promotion},
    facts::{Facts, Place},
    ids::EnvironmentName,
    reason::Reason,
    why::why,
};

use super::Found;
use crate::http::{
    access::Operation,
    problem::Refusal,
    query::{Asked, Names},
    route::{REPOSITORY, Route, text},
    server::Server,
    types::{ChangeView, WhyView},
    views,
};
use crate::{
    observe::{BUILD_REFUSED, CONFIG_FILE},
    store::AuditFilter,
};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/applications/{app}/environments/{env}/why", Operation::Read, tell)
            .says("Why a build is not in an environment yet, or that it is")
            .with(const { &[
                text("build", "A tag, a digest or the beginning of a release id; the newest when left out."),
                REPOSITORY,
            ] })
            .answers::<WhyView>(200, "The answer, with the way that led to it"),
        Route::get("/api/v1/applications/{app}/environments/{env}/diff", Operation::Read, diff)
            .says("What a promotion into an environment would change, to the byte")
            .with(const { &[
                text("release", "A tag, a digest or the beginning of a release id; what comes next when left out."),
                REPOSITORY,
            ] })
            .answers::<ChangeView>(200, "The change; the effect `none` where nothing comes next"),
    ]
}

/// The word for no effect.
const NONE: &str = "none";

async fn tell(State(server): State<Server>, names: Names, asked: Asked) -> Result<Json<WhyView>, Refusal> {
    let found = Found::find(&server, names.get("app")?, asked.text("repository"))?;
    let environment: EnvironmentName = names.get("env")?;
    let subject = asked.text("build");
    let answer = why(&found.pipeline, &found.seen.facts, server.now(), &found.name, &environment, subject)
        .map_err(|_| not_there(&found, &environment))?;
    let renderer = &server.app.renderer;
    let file = Some(CONFIG_FILE);
    let problems = found.seen.problems.iter().filter(|problem| problem.file.as_deref() == file);
    let refused = match subject.filter(|_| matches!(answer.reasons[..], [Reason::NeverSeen { .. }, ..])) {
        Some(subject) => refused(&server, &found, subject).await?,
        None => None,
    };
    Ok(Json(WhyView {
        text: renderer.why(&answer),
        refused,
        step_texts: renderer.why_steps(&answer),
        problems: problems.cloned().collect(),
        why: answer,
    }))
}

/// The latest refusal of a reported build of the application, among the last ones.
async fn refused(server: &Server, found: &Found, subject: &str) -> Result<Option<String>, Refusal> {
    let filter = AuditFilter { action: Some(BUILD_REFUSED.to_owned()), ..AuditFilter::default() };
    let page = server.app.store.audit(&filter, None, 500).await?;
    let images = found.application().map(|application| &application.images).ok();
    let line = page.entries.into_iter().map(|record| record.entry).find(|line| {
        let image = line.detail["image"].as_str();
        let own = images.is_some_and(|images| images.iter().any(|own| image == Some(own.image.as_str())));
        own && line.detail["tag"].as_str() == Some(subject)
    });
    Ok(line.map(|line| line.text))
}

/// The application is not in that environment.
pub(super) fn not_there(found: &Found, environment: &EnvironmentName) -> Refusal {
    let stages = found.pipeline.environments.iter();
    let files = found.application().map(|application| &application.files).ok();
    let names: Vec<&str> = stages
        .filter(|stage| files.is_some_and(|files| files.contains_key(&stage.name)))
        .map(|stage| stage.name.as_str())
        .collect();
    let detail = format!("{} is not in an environment {environment}", found.name);
    let hint = format!("Its environments are {}; its owner adds one in gantry.yaml.", names.join(", "));
    Refusal::missing(detail, &hint).field("environment")
}

async fn diff(State(server): State<Server>, names: Names, asked: Asked) -> Result<Json<ChangeView>, Refusal> {
    let found = Found::find(&server, names.get("app")?, asked.text("repository"))?;
    let environment: EnvironmentName = names.get("env")?;
    let now = server.now();
    let (pipeline, facts) = (&found.pipeline, &found.seen.facts);
    let missing = || not_there(&found, &environment);
    let decision = decide_place(pipeline, facts, now, &found.name, &environment).ok_or_else(missing)?;
    let stage = pipeline.stage(&environment).ok_or_else(missing)?;
    let place = place_of(&found.name, &environment);
    let renderer = &server.app.renderer;

    let wanted = decision.effects.iter().find_map(writes);
    let promotion = match asked.text("release") {
        Some(subject) => {
            let release = views::pick(&found.seen, pipeline, found.application()?, subject, now)?;
            let considered = decision.considered.iter().find(|one| one.release.id == release.id);
            let gates = considered.map(|one| one.gates.clone()).unwrap_or_default();
            Some(promotion(&facts.catalog, &decision.standing, stage, &place, release, gates))
        }
        None => wanted.cloned().or_else(|| {
            let next = decision.standing.next.first()?;
            let (release, gates) = (next.release.clone(), next.gates.clone());
            Some(promotion(&facts.catalog, &decision.standing, stage, &place, release, gates))
        }),
    };
    let repository = found.seen.repository.clone();
    let Some(promotion) = promotion else {
        let text = renderer.standing(&decision.standing);
        return Ok(Json(ChangeView {
            repository,
            place,
            effect: NONE.to_owned(),
            text,
            diff: String::new(),
        }));
    };
    let diff = difference(&server, &repository, &promotion).await?;
    let wanted = decision
        .effects
        .into_iter()
        .find(|effect| writes(effect).is_some_and(|wanted| wanted.release.id == promotion.release.id));
    let here = decision.standing.release.as_ref().is_some_and(|here| here.id == promotion.release.id);
    // Without a planner there is no difference to go by.
    let same = here || (server.app.planner.is_some() && diff.is_empty());
    let effect = match wanted {
        Some(effect) => Ok(effect),
        None if same => Err(decision.standing.in_place()),
        None => would(facts, stage, promotion),
    };
    let (name, text, diff) = match effect {
        Ok(effect) => (effect_name(&effect), renderer.effect(&effect), diff),
        Err(reason) => (NONE, renderer.reason(&reason), String::new()),
    };
    Ok(Json(ChangeView { repository, place, effect: name.to_owned(), text, diff }))
}

/// The effect that brings a promotion, once its gates let it; or why there will be none.
fn would(facts: &Facts, stage: &Stage, promotion: Promotion) -> Result<Effect, Reason> {
    if stage.delivery == Delivery::Commit {
        return Ok(Effect::Commit { promotion });
    }
    let place = promotion.place.clone();
    if let Some((commit, by)) = facts.branches.get(&place).and_then(|branch| branch.foreign.as_ref()) {
        return Err(Reason::TakenOver { by: by.name.clone(), commit: commit.clone() });
    }
    Ok(match facts.open_proposal(&place) {
        // The change is on the proposal already: nothing is left but to merge it.
        Some(open) if open.release.as_ref() == Some(&promotion.release.id) => {
            Effect::Merge { place, proposal: open.number, head: open.head.clone() }
        }
        open => {
            let update = open.map(|proposal| proposal.number);
            Effect::Propose { promotion, update, replaces: None, pushed: false }
        }
    })
}

fn promotion(
    catalog: &Catalog,
    standing: &Standing,
    stage: &Stage,
    place: &Place,
    release: gantry_core::artifact::Release,
    gates: Vec<gantry_core::gates::GateVerdict>,
) -> Promotion {
    Promotion {
        place: place.clone(),
        base: stage.branch.clone(),
        checks: catalog.passed(&release.artifacts),
        release,
        from: standing.release.as_ref().map(|release| release.id.clone()),
        from_version: standing.version(),
        gates,
        by: None,
    }
}

/// The promotion that an effect writes to files.
pub(super) fn writes(effect: &Effect) -> Option<&Promotion> {
    match effect {
        Effect::Commit { promotion } | Effect::Propose { promotion, .. } => Some(promotion),
        Effect::Describe { .. }
        | Effect::Merge { .. }
        | Effect::Close { .. }
        | Effect::Prune { .. }
        | Effect::Rule { .. }
        | Effect::MoveRejections { .. } => None,
    }
}

/// The word for an effect, as in the API.
pub(super) fn effect_name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Commit { .. } => "commit",
        Effect::Propose { .. } => "propose",
        Effect::Describe { .. } => "describe",
        Effect::Merge { .. } => "merge",
        Effect::Close { .. } => "close",
        Effect::Prune { .. } => "prune",
        Effect::Rule { .. } => "rule",
        Effect::MoveRejections { .. } => "move-rejections",
    }
}

/// The exact difference of a promotion.
///
/// # Errors
/// 409 with what hinders it, for instance a file that can't be edited.
pub(super) async fn difference(
    server: &Server,
    repository: &str,
    promotion: &Promotion,
) -> Result<String, Refusal> {
    let Some(planner) = &server.app.planner else { return Ok(String::new()) };
    planner.diff(repository, promotion).await.map_err(|error| {
        let detail = format!("{}: {error}", promotion.place);
        Refusal::conflict(detail, "Whoever owns the file named must mend it in the infra repository.")
    })
}
