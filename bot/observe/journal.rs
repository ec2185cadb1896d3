//! The audit log, written from what was observed.
//!
//! A line is written when an observation shows something new, never when something is done: a crash between
//! an action and its line loses nothing, because the next look sees what was done. Lines have natural keys, so
//! that seeing twice is writing once (promise 3).

use std::collections::HashSet;

use gantry_core::{
    decide::view::{Put, View},
    facts::{Approval, Place, Proposal, ProposalState},
    reason::Problem,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    speak::{Event, Renderer},
    store::{AuditEntry, Store, StoreError, board::Seen},
};

/// At the first look, older things are history and not news.
const NEWS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Notes what is new in `seen` against the look before.
pub(super) async fn note(
    store: &dyn Store,
    renderer: &Renderer,
    before: Option<&Seen>,
    seen: &Seen,
) -> Result<(), StoreError> {
    let mut lines = Vec::new();
    arrivals(renderer, before, seen, &mut lines);
    proposals(renderer, before, seen, &mut lines);
    problems(before, seen, &mut lines);
    lines.sort_by_key(|line| line.at);
    store.append_all(&lines).await.map(drop)
}

fn line(seen: &Seen, key: String, at: Timestamp, actor: &str, action: &str, text: String) -> AuditEntry {
    AuditEntry {
        key,
        at,
        actor: actor.chars().take(200).collect(),
        action: action.to_owned(),
        repository: seen.repository.clone(),
        application: None,
        environment: None,
        release: None,
        text,
        detail: Value::Null,
    }
}

fn of_place(mut line: AuditEntry, place: &Place) -> AuditEntry {
    line.application = Some(place.application.clone());
    line.environment = Some(place.environment.clone());
    line
}

fn arrivals(renderer: &Renderer, before: Option<&Seen>, seen: &Seen, lines: &mut Vec<AuditEntry>) {
    let Some(pipeline) = &seen.pipeline else { return };
    let places = &seen.facts.places;
    let changed: Vec<&Place> = match before {
        Some(before) => before.facts.places.differing(places),
        None => places.keys().collect(),
    };
    for place in changed {
        let Some(facts) = places.get(place) else { continue };
        let known = before.and_then(|before| before.facts.places.get(place));
        let known: HashSet<_> =
            known.into_iter().flat_map(|known| &known.history).map(|a| &a.commit).collect();
        let fresh = facts.history.iter().any(|arrival| !known.contains(&arrival.commit));
        let Some(application) = pipeline.applications.get(&place.application).filter(|_| fresh) else {
            continue;
        };
        let view = View { pipeline, facts: &seen.facts, application, now: seen.at };
        for (arrival, visit) in facts.history.iter().zip(view.visits(&place.environment)) {
            let old = before.is_none() && seen.at.duration_since(arrival.at) > NEWS;
            if old || known.contains(&arrival.commit) {
                continue;
            }
            let (action, actor) = match &visit.put {
                Put::Promotion { by, .. } => ("promoted", by.clone().unwrap_or_else(|| "gantry".to_owned())),
                Put::Drift { by, .. } => ("drifted", by.name.clone()),
                Put::Config { by, .. } => ("configured", by.name.clone()),
                Put::Initial { .. } | Put::Found { .. } | Put::Unknown => continue,
            };
            let version = match &visit.release {
                Ok(release) => release.version(),
                Err(_) => {
                    arrival.holds.iter().map(gantry_core::facts::Held::version).collect::<Vec<_>>().join("+")
                }
            };
            let key = format!("{action}:{}:{}:{place}", seen.repository, arrival.commit);
            let text = renderer.arrived(place, &version, &visit.put);
            let mut line = of_place(line(seen, key, arrival.at, &actor, action, text), place);
            line.release = visit.release.as_ref().ok().map(|release| release.id.clone());
            line.detail = json!({ "commit": arrival.commit, "version": version });
            lines.push(line);
        }
    }
}

fn proposals(renderer: &Renderer, before: Option<&Seen>, seen: &Seen, lines: &mut Vec<AuditEntry>) {
    let places = &seen.facts.proposals;
    let changed: Vec<&Place> = match before {
        Some(before) => before.facts.proposals.differing(places),
        None => places.keys().collect(),
    };
    for proposal in changed.into_iter().filter_map(|place| places.get(place)).flatten() {
        let known = before.and_then(|before| before.facts.proposals.get(&proposal.place));
        let known = known.into_iter().flatten().find(|known| known.number == proposal.number);
        if known == Some(proposal) {
            continue;
        }
        let closed = match &proposal.state {
            ProposalState::Open => None,
            ProposalState::Merged { at, by, .. } => Some((*at, Event::Merged, by)),
            ProposalState::Closed { at, by, by_gantry: true, .. } => Some((*at, Event::Closed, by)),
            ProposalState::Closed { at, by, .. } => Some((*at, Event::Rejected, by)),
        };
        let newest = closed.map_or(proposal.opened, |(at, ..)| at);
        if before.is_none() && seen.at.duration_since(newest) > NEWS {
            continue;
        }
        if known.is_none() {
            lines.push(about(renderer, seen, proposal, Event::Proposed, "gantry", proposal.opened, None));
        } else if known.is_some_and(|known| known.release != proposal.release) {
            lines.push(about(renderer, seen, proposal, Event::Updated, "gantry", seen.at, None));
        }
        for approval in &proposal.approvals {
            let by = approval.by.as_str();
            lines.push(about(renderer, seen, proposal, Event::Approved, by, approval.at, Some(approval)));
        }
        if let Some((at, event, actor)) = closed {
            lines.push(about(renderer, seen, proposal, event, actor, at, None));
        }
    }
}

fn about(
    renderer: &Renderer,
    seen: &Seen,
    proposal: &Proposal,
    event: Event,
    actor: &str,
    at: Timestamp,
    approval: Option<&Approval>,
) -> AuditEntry {
    let action = event.name();
    let release = proposal.release.as_ref().map(|release| release.short().to_owned()).unwrap_or_default();
    let part = approval.map_or_else(|| release.clone(), |given| format!("{}:{actor}", given.head));
    let key = match event {
        Event::Updated | Event::Approved => {
            format!("{action}:{}:{}:{part}", seen.repository, proposal.number)
        }
        _ => format!("{action}:{}:{}", seen.repository, proposal.number),
    };
    let reason = match &proposal.state {
        _ if event == Event::Approved => approval.map_or("", |given| given.reason.as_str()),
        ProposalState::Closed { reason, .. } if matches!(event, Event::Closed | Event::Rejected) => {
            reason.as_str()
        }
        _ => "",
    };
    let text = renderer.event(event, proposal.number, &proposal.title, actor, reason);
    let mut line = of_place(line(seen, key, at, actor, action, text), &proposal.place);
    line.release.clone_from(&proposal.release);
    line.detail = json!({ "proposal": proposal.number, "url": proposal.url });
    line
}

fn problems(before: Option<&Seen>, seen: &Seen, lines: &mut Vec<AuditEntry>) {
    let known: &[Problem] = before.map_or(&[], |before| &before.problems);
    for problem in seen.problems.iter().filter(|problem| !known.contains(problem)) {
        let text = problem.to_string();
        let key = format!("problem:{}:{}", seen.repository, seen.at);
        let digest: String = text.chars().take(100).collect();
        lines.push(line(seen, format!("{key}:{digest}"), seen.at, "gantry", "problem", text));
    }
    for problem in known.iter().filter(|problem| !seen.problems.contains(problem)) {
        let text = problem.to_string();
        let digest: String = text.chars().take(100).collect();
        let key = format!("mended:{}:{}:{digest}", seen.repository, seen.at);
        lines.push(line(seen, key, seen.at, "gantry", "mended", text));
    }
}
