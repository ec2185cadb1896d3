//! What happened to an application, from Git.

use gantry_core::{
    config::pipeline::{Application, Pipeline},
    decide::view::{Put, View, Visit},
    facts::{Arrival, Held, Ruling},
    ids::EnvironmentName,
};
use jiff::Timestamp;

use crate::{
    http::{
        paging::{key, latest_first},
        types::HistoryView,
    },
    speak::Renderer,
    store::board::Seen,
};

/// The lines of an application's history, each with its key: the newest first.
pub(in crate::http) fn history(
    renderer: &Renderer,
    seen: &Seen,
    pipeline: &Pipeline,
    application: &Application,
    only: Option<&EnvironmentName>,
    now: Timestamp,
) -> Vec<(String, HistoryView)> {
    let view = View { pipeline, facts: &seen.facts, application, now };
    let mut lines = Vec::new();
    for stage in pipeline.environments.iter().filter(|stage| only.is_none_or(|name| stage.name == *name)) {
        let Some(facts) = view.seen(&stage.name) else { continue };
        let visits = view.visits(&stage.name);
        for (visit, arrival) in visits.iter().zip(&facts.history) {
            lines.push(arrived(renderer, &stage.name, visit, arrival));
        }
        for ruling in &facts.rulings {
            lines.push(ruled(renderer, &stage.name, ruling, &visits));
        }
    }
    let key_of = |(line, kind): (HistoryView, &str)| {
        let at = latest_first(Some(line.at));
        (key(&[&at, line.environment.as_str(), line.commit.as_str(), kind]), line)
    };
    lines.into_iter().map(key_of).collect()
}

fn arrived(
    renderer: &Renderer,
    environment: &EnvironmentName,
    visit: &Visit<'_>,
    arrival: &Arrival,
) -> (HistoryView, &'static str) {
    let held = || arrival.holds.iter().map(Held::version).collect::<Vec<_>>().join("+");
    let release = visit.release.as_ref().ok();
    let line = HistoryView {
        at: arrival.at,
        environment: environment.clone(),
        version: release.map_or_else(held, gantry_core::artifact::Release::version),
        release: release.map(|release| release.id.to_string()),
        put: Some(visit.put.clone()),
        commit: arrival.commit.clone(),
        text: renderer.put(&visit.put),
    };
    let kind = if matches!(visit.put, Put::Promotion { .. }) { "promotion" } else { "change" };
    (line, kind)
}

fn ruled(
    renderer: &Renderer,
    environment: &EnvironmentName,
    ruling: &Ruling,
    visits: &[Visit<'_>],
) -> (HistoryView, &'static str) {
    let mut known = visits.iter().filter_map(|visit| visit.release.as_ref().ok());
    let known = known.find(|release| release.id == ruling.release);
    let line = HistoryView {
        at: ruling.at,
        environment: environment.clone(),
        version: known.map_or_else(|| ruling.release.short().to_owned(), |release| release.version()),
        release: Some(ruling.release.to_string()),
        put: None,
        commit: ruling.commit.clone(),
        text: renderer.ruling(ruling),
    };
    (line, "ruling")
}
