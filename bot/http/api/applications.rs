//! `GET /api/v1/applications`: what runs where.

use std::sync::Arc;

use axum::{Json, extract::State};
use gantry_core::{
    decide::{
        place::{Standing, Step},
        view::Put,
    },
    ids::{ApplicationName, EnvironmentName},
    reason::Mark,
};

use super::Found;
use crate::{
    http::{
        access::Operation,
        paging::{Paging, key},
        problem::Refusal,
        query::{Asked, Names},
        route::{AFTER, ENVIRONMENT, Kind, LIMIT, Parameter, Q, REPOSITORY, Route},
        server::Server,
        types::{ApplicationView, Page},
        views,
    },
    store::board::Seen,
};

const STATES: &[&str] = &["drift", "proposed", "waiting", "stopped"];
const STATE: Parameter = Parameter {
    name: "state",
    says: "Only applications that are so in one of their environments (in that one, with `environment`).",
    kind: Kind::OneOf(STATES),
};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/applications", Operation::Read, list)
            .says("Applications with what each environment holds and what comes next")
            .with(const { &[AFTER, LIMIT, Q, ENVIRONMENT, STATE, REPOSITORY] })
            .answers::<Page<ApplicationView>>(200, "A page of applications, by name"),
        Route::get("/api/v1/applications/{app}", Operation::Read, one)
            .says("One application with all of its environments")
            .with(const { &[REPOSITORY] })
            .answers::<ApplicationView>(200, "The application"),
    ]
}

/// What applications are looked for; shared with the overview page.
pub(in crate::http) struct Filter {
    pub(in crate::http) q: Option<String>,
    pub(in crate::http) environment: Option<EnvironmentName>,
    pub(in crate::http) state: Option<String>,
    pub(in crate::http) repository: Option<String>,
}

impl Filter {
    /// By a part of the name alone.
    pub(in crate::http) fn by_name(q: Option<&str>) -> Self {
        Self { q: q.map(str::to_lowercase), environment: None, state: None, repository: None }
    }

    fn of(asked: &Asked) -> Result<Self, Refusal> {
        let state = asked.text("state").map(str::to_owned);
        if let Some(state) = state.as_deref().filter(|state| !STATES.contains(state)) {
            let detail = format!("the parameter `state` is {state:?}");
            let hint = format!("It is one of {}.", STATES.join(", "));
            return Err(Refusal::malformed(detail, &hint).field("state"));
        }
        Ok(Self {
            q: asked.text("q").map(str::to_lowercase),
            environment: asked.get("environment")?,
            state,
            repository: asked.text("repository").map(str::to_owned),
        })
    }

    /// By the name alone.
    pub(in crate::http) fn names(&self, name: &ApplicationName) -> bool {
        self.q.as_ref().is_none_or(|q| name.as_str().to_lowercase().contains(q))
    }

    fn is_wanted(&self, standing: &Standing) -> bool {
        let here = self.environment.as_ref().is_none_or(|name| standing.place.environment == *name);
        here && self.state.as_deref().is_none_or(|state| is(standing, state))
    }
}

fn is(standing: &Standing, state: &str) -> bool {
    match state {
        "drift" => matches!(standing.put, Put::Drift { .. }),
        "proposed" => standing.next.iter().any(|next| next.proposal.is_some()),
        "waiting" => standing.next.iter().any(|next| next.step == Step::Waiting),
        _ => {
            standing.said().mark == Mark::Stopped
                || standing.next.iter().any(|next| next.step == Step::Stopped)
        }
    }
}

/// An application on the board, not decided on.
pub(in crate::http) type Listed = (Arc<Seen>, ApplicationName);

/// The applications that pass the filter, each with its key. Only a filter by state decides on all of them.
pub(in crate::http) async fn listed(
    server: &Server,
    filter: &Filter,
) -> Result<Vec<(String, Listed)>, Refusal> {
    let mut found = Vec::new();
    for seen in server.looks(filter.repository.as_deref())? {
        let Some(pipeline) = &seen.pipeline else { continue };
        let decided = match filter.state {
            Some(_) => Some(server.decided(&seen).await?),
            None => None,
        };
        for application in pipeline.applications.values().filter(|one| filter.names(&one.name)) {
            let wanted = match (&decided, &filter.environment) {
                (Some(decided), _) => {
                    decided.standings(&application.name).iter().any(|standing| filter.is_wanted(standing))
                }
                (None, Some(environment)) => application.files.contains_key(environment),
                (None, None) => true,
            };
            if wanted {
                let key = key(&[application.name.as_str(), &seen.repository]);
                found.push((key, (seen.clone(), application.name.clone())));
            }
        }
    }
    Ok(found)
}

async fn list(State(server): State<Server>, asked: Asked) -> Result<Json<Page<ApplicationView>>, Refusal> {
    let (paging, filter) = (Paging::of(&asked)?, Filter::of(&asked)?);
    let page = paging.cut(listed(&server, &filter).await?);
    let now = server.now();
    let items = page.items.iter().filter_map(|(seen, name)| {
        let pipeline = seen.pipeline.as_deref()?;
        let application = pipeline.applications.get(name)?;
        let standings = views::standings(seen, pipeline, application, now);
        let shown = standings.into_iter().filter(|standing| {
            filter.environment.as_ref().is_none_or(|wanted| standing.place.environment == *wanted)
        });
        Some(views::application(&server.app.renderer, seen, application, shown))
    });
    Ok(Json(Page { items: items.collect(), next: page.next.clone(), total: page.total }))
}

async fn one(
    State(server): State<Server>,
    names: Names,
    asked: Asked,
) -> Result<Json<ApplicationView>, Refusal> {
    let found = Found::find(&server, names.get("app")?, asked.text("repository"))?;
    let application = found.application()?;
    let standings = views::standings(&found.seen, &found.pipeline, application, server.now());
    Ok(Json(views::application(&server.app.renderer, &found.seen, application, standings)))
}
