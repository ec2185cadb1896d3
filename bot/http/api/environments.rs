//! `GET /api/v1/environments` and `/repositories`.

use axum::{Json, extract::State};

use crate::http::{
    access::Operation,
    paging::{Paging, key},
    problem::Refusal,
    query::Asked,
    route::{AFTER, LIMIT, REPOSITORY, Route},
    server::Server,
    types::{EnvironmentView, Page, RepositoryView},
    views,
};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/environments", Operation::Read, environments)
            .says("The environments, in the pipeline's order")
            .with(const { &[AFTER, LIMIT, REPOSITORY] })
            .answers::<Page<EnvironmentView>>(200, "A page of environments"),
        Route::get("/api/v1/repositories", Operation::Read, repositories)
            .says("The infra repositories, and what people must mend in them")
            .with(const { &[AFTER, LIMIT] })
            .answers::<Page<RepositoryView>>(200, "A page of infra repositories, by name"),
    ]
}

async fn environments(
    State(server): State<Server>,
    asked: Asked,
) -> Result<Json<Page<EnvironmentView>>, Refusal> {
    let paging = Paging::of(&asked)?;
    let mut items = Vec::new();
    for seen in server.looks(asked.text("repository"))? {
        let Some(pipeline) = &seen.pipeline else { continue };
        let decided = server.decided(&seen).await?;
        for (index, stage) in pipeline.environments.iter().enumerate() {
            let key = key(&[&seen.repository, &format!("{index:06}")]);
            items.push((key, views::environment(&decided, stage)));
        }
    }
    Ok(Json(paging.cut(items)))
}

async fn repositories(
    State(server): State<Server>,
    asked: Asked,
) -> Result<Json<Page<RepositoryView>>, Refusal> {
    let items = server.app.board.all().into_iter().map(|seen| {
        let view = RepositoryView {
            repository: seen.repository.clone(),
            at: seen.at,
            settled: seen.settled,
            problems: seen.problems.clone(),
        };
        (seen.repository.clone(), view)
    });
    Ok(Json(Paging::of(&asked)?.cut(items.collect())))
}
