//! `GET /api/v1/applications/{app}/history` and `/releases`.

use axum::{Json, extract::State};

use super::Found;
use crate::http::{
    access::Operation,
    paging::Paging,
    problem::Refusal,
    query::{Asked, Names},
    route::{AFTER, ENVIRONMENT, LIMIT, REPOSITORY, Route},
    server::Server,
    types::{HistoryView, Page, ReleaseView},
    views,
};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/applications/{app}/history", Operation::Read, history)
            .says("What an application's environments have held, and what was rejected, from Git")
            .with(const { &[AFTER, LIMIT, ENVIRONMENT, REPOSITORY] })
            .answers::<Page<HistoryView>>(200, "A page of its history, newest first"),
        Route::get("/api/v1/applications/{app}/releases", Operation::Read, releases)
            .says("The releases of an application that are in one of its environments, were, or may come")
            .with(const { &[AFTER, LIMIT, REPOSITORY] })
            .answers::<Page<ReleaseView>>(200, "A page of its releases, the one built last first"),
    ]
}

async fn history(
    State(server): State<Server>,
    names: Names,
    asked: Asked,
) -> Result<Json<Page<HistoryView>>, Refusal> {
    let paging = Paging::of(&asked)?;
    let only = asked.get("environment")?;
    let found = Found::find(&server, names.get("app")?, asked.text("repository"))?;
    let renderer = &server.app.renderer;
    let now = server.now();
    let lines =
        views::history(renderer, &found.seen, &found.pipeline, found.application()?, only.as_ref(), now);
    Ok(Json(paging.cut(lines)))
}

async fn releases(
    State(server): State<Server>,
    names: Names,
    asked: Asked,
) -> Result<Json<Page<ReleaseView>>, Refusal> {
    let paging = Paging::of(&asked)?;
    let found = Found::find(&server, names.get("app")?, asked.text("repository"))?;
    let list = views::releases(&found.seen, &found.pipeline, found.application()?, server.now());
    Ok(Json(paging.cut(list)))
}
