//! `GET /api/v1/plan`: what would be done now, with the exact differences.

use axum::{Json, extract::State};
use gantry_core::effects::Effect;

use super::places::{difference, effect_name, writes};
use crate::http::{
    access::Operation,
    paging::{Paging, key},
    problem::Refusal,
    query::Asked,
    route::{AFTER, LIMIT, REPOSITORY, Route},
    server::Server,
    types::{ChangeView, Page},
};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/plan", Operation::Read, plan)
            .says("What would be done now; it writes nothing")
            .with(const { &[AFTER, LIMIT, REPOSITORY] })
            .answers::<Page<ChangeView>>(200, "A page of changes, by application"),
    ]
}

async fn plan(State(server): State<Server>, asked: Asked) -> Result<Json<Page<ChangeView>>, Refusal> {
    let paging = Paging::of(&asked)?;
    let mut decisions = Vec::new();
    for seen in server.looks(asked.text("repository"))? {
        decisions.push(server.decided(&seen).await?);
    }
    let mut wanted: Vec<(String, (&str, &Effect))> = Vec::new();
    for decided in &decisions {
        let repository = decided.seen.repository.as_str();
        for effect in &decided.decision.effects {
            // A proposal's text is kept up to date all the time; that changes nothing that is deployed.
            if matches!(effect, Effect::Describe { .. }) {
                continue;
            }
            let (place, name) = (effect.place(), effect_name(effect));
            let key = key(&[place.application.as_str(), place.environment.as_str(), repository, name]);
            wanted.push((key, (repository, effect)));
        }
    }
    let page = paging.cut(wanted);
    let mut items = Vec::with_capacity(page.items.len());
    for (repository, effect) in page.items {
        let diff = match writes(effect) {
            // One file that can't be edited must not hide the rest of the plan.
            Some(promotion) => difference(&server, repository, promotion).await,
            None => Ok(String::new()),
        };
        let text = server.app.renderer.effect(effect);
        let (text, diff) = match diff {
            Ok(diff) => (text, diff),
            Err(refusal) => (format!("{text} It can't be written: {}", refusal.detail()), String::new()),
        };
        items.push(ChangeView {
            repository: repository.to_owned(),
            place: effect.place().clone(),
            effect: effect_name(effect).to_owned(),
            text,
            diff,
        });
    }
    Ok(Json(Page { items, next: page.next, total: page.total }))
}
