//! `/livez`, `/readyz`, `/metrics` and `/api/v1/openapi.json`: the process itself.

use axum::{Json, extract::State, http::header, response::IntoResponse};
use gantry_core::decide::place::Step;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::{access::Operation, openapi, problem::Refusal, route::Route, server::Server, views};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get("/livez", Operation::Probe, live)
            .says("Whether the process answers")
            .answers::<Alive>(200, "It does"),
        Route::get("/readyz", Operation::Probe, ready)
            .says("Whether every infra repository was looked at and the database can be written")
            .answers::<Ready>(200, "It is ready; otherwise 503 says what is missing"),
        Route::get("/metrics", Operation::ReadMetrics, metrics)
            .says("The numbers for monitoring")
            .media("text/plain; version=0.0.4; charset=utf-8", "The numbers, as Prometheus reads them"),
        Route::get("/api/v1/openapi.json", Operation::Probe, description)
            .says("This document")
            .answers::<Map<String, Value>>(200, "An OpenAPI 3.1 document"),
    ]
}

/// The answer of `/livez`.
#[derive(Debug, Serialize, JsonSchema)]
struct Alive {
    /// Always true.
    alive: bool,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize, JsonSchema)]
struct Ready {
    /// Always true: a server that is not ready answers with a problem.
    ready: bool,
}

async fn live() -> Json<Alive> {
    Json(Alive { alive: true })
}

async fn ready(State(server): State<Server>) -> Result<Json<Ready>, Refusal> {
    if server.app.stopping.is_cancelled() {
        return Err(Refusal::busy(
            "the server is ending",
            "Another replica answers, or this one in a moment.",
        ));
    }
    let mut missing: Vec<String> = server
        .app
        .board
        .missing()
        .into_iter()
        .map(|name| format!("the infra repository {name} was not looked at yet"))
        .collect();
    if let Err(error) = server.app.store.health().await {
        tracing::warn!(%error, "not ready: the database did not answer");
        missing.push("the database did not answer (the log says why)".to_owned());
    }
    if missing.is_empty() {
        return Ok(Json(Ready { ready: true }));
    }
    let hint = "A first look takes seconds; if it goes on, whoever runs Gantry finds the cause in its log.";
    Err(Refusal::busy(missing.join("; "), hint))
}

const STEPS: [Step; 5] = [Step::Waiting, Step::Writing, Step::Proposed, Step::Merging, Step::Stopped];

async fn metrics(State(server): State<Server>) -> Result<impl IntoResponse, Refusal> {
    let (app, now) = (&server.app, server.now());
    let seconds = |since: Timestamp| now.duration_since(since).as_secs_f64().max(0.0);
    for seen in app.board.all() {
        app.metrics.repository(&seen.repository, seconds(seen.at), seen.problems.len());
        let decided = server.decided(&seen).await?;
        for step in STEPS {
            let count = views::under_way(&decided).filter(|under| under.next.step == step).count();
            app.metrics.under_way(&seen.repository, views::step_name(step), count);
        }
    }
    // The other numbers matter most when the database doesn't answer.
    match app.store.health().await {
        Ok(health) => app.metrics.inbox(health.pending, health.oldest_pending.map_or(0.0, seconds)),
        Err(error) => tracing::warn!(%error, "no numbers of the inbox: the database did not answer"),
    }
    let free = server.event_clients.available_permits();
    app.metrics.event_clients(app.limits.event_clients.saturating_sub(free));
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render()))
}

async fn description() -> Json<Value> {
    Json(openapi::document())
}
