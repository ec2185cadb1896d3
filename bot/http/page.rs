//! `/` and its assets: the overview, rendered here from the renderer's templates.
//!
//! Only the applications of the shown page are decided on; open proposals are found without deciding.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use gantry_core::{config::pipeline::Pipeline, decide::place::Standing, facts::Place, ids::ApplicationName};
use url::form_urlencoded;

use super::{
    access::Operation,
    api::applications::{Filter, listed},
    paging::Paging,
    problem::Refusal,
    query::Asked,
    route::{AFTER, LIMIT, Q, Route},
    server::Server,
    types::PromotionView,
    views::{self, Under},
};
use crate::{
    speak::page::{
        ApplicationInput, EnvironmentInput, Overview, OverviewInput, PlaceInput, ProposalInput,
        RepositoryInput,
    },
    store::board::Seen,
};

/// How many open proposals of applications on other pages the first page shows.
const PROPOSALS: usize = 50;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/", Operation::Read, overview)
            .says("The overview page")
            .with(const { &[AFTER, LIMIT, Q] })
            .media("text/html; charset=utf-8", "The page"),
        Route::get("/assets/style.css", Operation::Probe, style)
            .says("The page's style")
            .media("text/css; charset=utf-8", "The style sheet"),
        Route::get("/assets/icon.svg", Operation::Probe, icon)
            .says("The page's icon")
            .media("image/svg+xml", "The icon"),
    ]
}

/// One infra repository's part of the page, owned, so that the page's input can borrow from it.
struct Part<'a> {
    seen: &'a Seen,
    pipeline: Option<&'a Pipeline>,
    applications: Vec<(ApplicationName, Vec<(Standing, String)>)>,
    proposals: Vec<PromotionView>,
}

async fn overview(State(server): State<Server>, asked: Asked) -> Result<Response, Refusal> {
    let paging = Paging::of(&asked)?;
    let filter = Filter::by_name(asked.text("q"));
    let page = paging.cut(listed(&server, &filter).await?);
    let now = server.now();
    let renderer = &server.app.renderer;

    let mut shown: BTreeMap<&str, BTreeSet<&ApplicationName>> = BTreeMap::new();
    for (seen, name) in &page.items {
        shown.entry(&seen.repository).or_default().insert(name);
    }
    let looks = server.app.board.all();
    let mut parts = Vec::new();
    let mut room = if paging.after.is_none() { PROPOSALS } else { 0 };
    for seen in &looks {
        let pipeline = seen.pipeline.as_deref();
        let names = shown.remove(seen.repository.as_str()).unwrap_or_default();
        let mut part = Part { seen, pipeline, applications: Vec::new(), proposals: Vec::new() };
        let Some(pipeline) = pipeline else {
            parts.push(part);
            continue;
        };
        let (mut here, mut elsewhere): (Vec<&Place>, Vec<&Place>) = seen
            .facts
            .proposals
            .keys()
            .filter(|place| filter.names(&place.application) && seen.facts.open_proposal(place).is_some())
            .partition(|place| names.contains(&place.application));
        elsewhere.truncate(room);
        room -= elsewhere.len();
        here.append(&mut elsewhere);
        for place in here {
            let decision = gantry_core::decide::decide_place(
                pipeline,
                &seen.facts,
                now,
                &place.application,
                &place.environment,
            );
            let Some(standing) = decision.map(|decision| decision.standing) else { continue };
            for next in standing.next.iter().filter(|next| next.proposal.is_some()) {
                part.proposals.push(views::promotion(renderer, Under { seen, standing: &standing, next }));
            }
        }
        for name in names {
            let Some(application) = pipeline.applications.get(name) else { continue };
            let standings = views::standings(seen, pipeline, application, now);
            let told = standings.into_iter().map(|standing| {
                let text = renderer.standing(&standing);
                (standing, text)
            });
            part.applications.push((name.clone(), told.collect()));
        }
        parts.push(part);
    }
    let next = page.next.as_deref().map(|after| href(&asked, Some(after)));
    let first = paging.after.as_ref().map(|_| href(&asked, None));
    let repositories: Vec<RepositoryInput<'_>> = parts.iter().map(repository).collect();
    let context = Overview::new(&OverviewInput {
        now,
        server: "",
        repositories: &repositories,
        next: next.as_deref(),
        first: first.as_deref(),
        total: page.total,
    });
    let html = renderer.page("page/overview.html", &context).map_err(|error| {
        tracing::error!(%error, "the overview page can't be rendered");
        Refusal::ours()
    })?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
}

fn repository<'a>(part: &'a Part<'a>) -> RepositoryInput<'a> {
    let stages = part.pipeline.map(|pipeline| pipeline.environments.as_slice()).unwrap_or_default();
    RepositoryInput {
        name: &part.seen.repository,
        at: Some(part.seen.at),
        settled: part.seen.settled,
        problems: &part.seen.problems,
        environments: stages
            .iter()
            .map(|stage| EnvironmentInput { name: &stage.name, branch: stage.branch.as_str() })
            .collect(),
        applications: part
            .applications
            .iter()
            .map(|(name, standings)| ApplicationInput {
                name,
                source: part
                    .pipeline
                    .and_then(|pipeline| pipeline.applications.get(name))
                    .and_then(|application| application.source.as_deref()),
                places: standings.iter().map(|(standing, text)| PlaceInput { standing, text }).collect(),
            })
            .collect(),
        proposals: part.proposals.iter().map(proposal).collect(),
    }
}

fn proposal(view: &PromotionView) -> ProposalInput<'_> {
    ProposalInput {
        place: &view.place,
        from: &view.from,
        version: &view.version,
        step: view.step,
        number: view.proposal,
        url: &view.url,
        gates: view.gates.iter().map(|gate| (&gate.verdict, gate.text.as_str())).collect(),
        text: &view.text,
    }
}

/// The address of another page of the same search.
fn href(asked: &Asked, after: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in ["q", "limit"] {
        if let Some(value) = asked.text(name) {
            query.append_pair(name, value);
        }
    }
    if let Some(after) = after {
        query.append_pair("after", after);
    }
    let query = query.finish();
    if query.is_empty() { "/".to_owned() } else { format!("/?{query}") }
}

async fn style(State(server): State<Server>) -> Result<Response, Refusal> {
    asset(&server, "page/style.css", "text/css; charset=utf-8")
}

async fn icon(State(server): State<Server>) -> Result<Response, Refusal> {
    asset(&server, "page/icon.svg", "image/svg+xml")
}

fn asset(server: &Server, name: &str, kind: &'static str) -> Result<Response, Refusal> {
    let text = server.app.renderer.asset(name).ok_or_else(Refusal::no_such_path)?.to_owned();
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=300")];
    Ok((headers, text).into_response())
}
