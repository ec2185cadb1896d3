//! What happened to an application, from Git.

use gantry_core::{
    config::pipeline::{Application, Pipeline},
    decide::place_of,
    decide::view::{Put, View, Visit},
    facts::{Approval, Arrival, Held, Proposal, Rejection},
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
        let place = place_of(&application.name, &stage.name);
        for (visit, arrival) in visits.iter().zip(&facts.history) {
            lines.push(arrived(renderer, &stage.name, visit, arrival));
        }
        for proposal in seen.facts.proposals.get(&place).into_iter().flatten() {
            lines.extend(proposal.approvals.iter().map(|given| approved(renderer, proposal, given, &visits)));
        }
        for rejection in seen.facts.rejections_of(&place) {
            lines.push(rejected(renderer, &stage.name, rejection));
        }
    }
    let key_of = |(line, kind): (HistoryView, &str)| {
        let at = latest_first(Some(line.at));
        let commit = line.commit.as_ref().map_or("", |commit| commit.as_str());
        let release = line.release.as_deref().unwrap_or_default();
        (key(&[&at, line.environment.as_str(), commit, release, kind]), line)
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
        commit: Some(arrival.commit.clone()),
        text: renderer.put(&visit.put),
    };
    let kind = if matches!(visit.put, Put::Promotion { .. }) { "promotion" } else { "change" };
    (line, kind)
}

fn approved(
    renderer: &Renderer,
    proposal: &Proposal,
    approval: &Approval,
    visits: &[Visit<'_>],
) -> (HistoryView, &'static str) {
    let mut known = visits.iter().filter_map(|visit| visit.release.as_ref().ok());
    let known = proposal.release.as_ref().and_then(|id| known.find(|release| release.id == *id));
    let short = || proposal.release.as_ref().map_or("", |id| id.short()).to_owned();
    let line = HistoryView {
        at: approval.at,
        environment: proposal.place.environment.clone(),
        version: known.map_or_else(short, gantry_core::artifact::Release::version),
        release: proposal.release.as_ref().map(ToString::to_string),
        put: None,
        commit: Some(approval.head.clone()),
        text: renderer.approval(proposal.number, approval),
    };
    (line, "approval")
}

fn rejected(
    renderer: &Renderer,
    environment: &EnvironmentName,
    rejection: &Rejection,
) -> (HistoryView, &'static str) {
    let line = HistoryView {
        at: rejection.at,
        environment: environment.clone(),
        version: rejection.version.clone(),
        release: Some(rejection.release.to_string()),
        put: None,
        commit: None,
        text: renderer.rejection(rejection),
    };
    (line, "rejection")
}
