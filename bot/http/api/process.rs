//! `/livez`, `/readyz`, `/metrics` and `/api/v1/openapi.json`: the process itself.

use axum::{Json, extract::State, http::header, response::IntoResponse};
use gantry_core::decide::place::Step;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    http::{access::Operation, openapi, problem::Refusal, route::Route, server::Server},
    store::{StoreError, board::RegistryHealth},
};

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
        Route::get("/schema/gantry.v1.json", Operation::Probe, schema)
            .says("The JSON Schema of gantry.yaml, for editors")
            .answers::<Map<String, Value>>(200, "A JSON Schema of the draft 2020-12"),
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
    /// What is wrong all the same, and keeps nothing but itself from going on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
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
        tracing::warn!(%error, "not ready");
        missing.push(match error {
            StoreError::Full { .. } => "the disk under the database is full".to_owned(),
            StoreError::Disk { .. } => "the disk under the database failed (the log says why)".to_owned(),
            _ => "the database did not answer (the log says why)".to_owned(),
        });
    }
    if missing.is_empty() {
        let failing = server.app.board.registries().into_iter().filter(|registry| registry.failing > 0);
        let told = |registry: RegistryHealth| {
            let RegistryHealth { host, images, failing } = registry;
            format!(
                "registry {host}: {failing} of {images} images can't be read; /api/v1/repositories says why"
            )
        };
        return Ok(Json(Ready { ready: true, problems: failing.map(told).collect() }));
    }
    let hint = "A first look takes seconds. Whoever runs Gantry makes room where a disk is full, and finds other causes \
                in its log.";
    Err(Refusal::busy(missing.join("; "), hint))
}

const STEPS: [Step; 5] = [Step::Waiting, Step::Writing, Step::Proposed, Step::Merging, Step::Stopped];

async fn metrics(State(server): State<Server>) -> Result<impl IntoResponse, Refusal> {
    let (app, now) = (&server.app, server.now());
    let seconds = |since: Timestamp| now.duration_since(since).as_secs_f64().max(0.0);
    for seen in app.board.all() {
        app.metrics.repository(&seen.repository, seconds(seen.at), seen.problems.len());
        for step in STEPS {
            app.metrics.under_way(&seen.repository, step.word(), seen.under_way.at(step));
        }
    }
    for registry in app.board.registries() {
        app.metrics.registry(&registry.host, registry.images, registry.failing);
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

async fn schema() -> Json<Value> {
    Json(gantry_core::config::schema())
}

async fn description() -> Json<Value> {
    Json(openapi::document())
}
