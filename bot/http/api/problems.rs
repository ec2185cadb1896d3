//! `/problems` and `/problems/KIND`: what the kinds of problems mean, as JSON or, in a browser, as a page.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::{
    access::Operation,
    kinds::{self, Kind},
    problem::Refusal,
    query::Names,
    route::Route,
    server::Server,
    types::Page,
};

/// What a kind of problem means.
#[derive(Debug, Serialize, JsonSchema)]
struct Explained {
    /// Its path: the `type` of such a problem.
    #[serde(rename = "type")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What it means.
    means: &'static str,
    /// Who must act.
    who: &'static str,
    /// What they do.
    act: &'static str,
}

impl From<&Kind> for Explained {
    fn from(kind: &Kind) -> Self {
        let Kind { name, status, title, means, who, act } = *kind;
        Self { kind: format!("{}{name}", kinds::FOLDER), title, status, means, who, act }
    }
}

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get("/problems", Operation::Probe, list)
            .says("All kinds of problems")
            .answers::<Page<Explained>>(200, "What each means, and who must act"),
        Route::get("/problems/{kind}", Operation::Probe, one)
            .says("What a kind of problem means")
            .answers::<Explained>(200, "What it means, and who must act; a page for browsers")
            .media("text/html; charset=utf-8", "The same as a page"),
    ]
}

async fn list() -> Json<Page<Explained>> {
    let items: Vec<Explained> = kinds::ALL.iter().map(|kind| Explained::from(*kind)).collect();
    Json(Page { total: items.len(), items, next: None })
}

async fn one(State(server): State<Server>, names: Names, headers: HeaderMap) -> Result<Response, Refusal> {
    let wanted: String = names.get("kind")?;
    let Some(kind) = kinds::ALL.iter().find(|kind| kind.name == wanted) else {
        let hint = "See /problems for the kinds that there are.";
        return Err(Refusal::missing("there is no such kind of problem", hint));
    };
    let explained = Explained::from(*kind);
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepts.contains("text/html") {
        return Ok(Json(explained).into_response());
    }
    let html = server.app.renderer.page("page/problem.html", &explained).map_err(|error| {
        tracing::error!(%error, "the page of a problem can't be rendered");
        Refusal::ours()
    })?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
}
