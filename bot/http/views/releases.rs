//! The releases of an application, and the one that a person means.

use std::collections::BTreeMap;

use gantry_core::{
    artifact::Release,
    config::pipeline::{Application, Pipeline},
    decide::{decide_application, view::View},
    ids::{EnvironmentName, ReleaseId},
};
use jiff::Timestamp;

use crate::{
    http::{
        paging::{key, latest_first},
        problem::Refusal,
        types::ReleaseView,
    },
    store::board::Seen,
};

/// A release that is known, and where it is.
struct Known {
    release: Release,
    /// The same bytes under other tags.
    others: Vec<Release>,
    in_place: Vec<EnvironmentName>,
}

/// Everything that was in one of the environments or is considered for it.
fn known(
    seen: &Seen,
    pipeline: &Pipeline,
    application: &Application,
    now: Timestamp,
) -> BTreeMap<ReleaseId, Known> {
    let view = View { pipeline, facts: &seen.facts, application, now };
    let mut found: BTreeMap<ReleaseId, Known> = BTreeMap::new();
    let mut add = |release: &Release, place: Option<&EnvironmentName>| {
        let fresh = || Known { release: release.clone(), others: Vec::new(), in_place: Vec::new() };
        let known = found.entry(release.id.clone()).or_insert_with(fresh);
        known.in_place.extend(place.cloned());
        let is = |other: &Release| other.version() == release.version();
        if !is(&known.release) && !known.others.iter().any(is) {
            known.others.push(release.clone());
        }
    };
    for decision in decide_application(pipeline, &seen.facts, now, &application.name) {
        let environment = &decision.standing.place.environment;
        if let Some(release) = &decision.standing.release {
            add(release, Some(environment));
        }
        decision.considered.iter().for_each(|considered| add(&considered.release, None));
        for visit in view.visits(environment) {
            if let Ok(release) = &visit.release {
                add(release, None);
            }
        }
    }
    found
}

/// The releases of an application, each with its key: the one built last first.
pub(in crate::http) fn releases(
    seen: &Seen,
    pipeline: &Pipeline,
    application: &Application,
    now: Timestamp,
) -> Vec<(String, ReleaseView)> {
    let tell = |Known { release, in_place, .. }: Known| {
        let at = latest_first(release.built());
        (key(&[&at, release.id.as_str()]), ReleaseView { version: release.version(), release, in_place })
    };
    known(seen, pipeline, application, now).into_values().map(tell).collect()
}

/// How many digits of a release id are enough to mean it.
const SHORTEST: usize = 6;

/// How many releases a refusal lists.
const LISTED: usize = 10;

/// The release that a person means by a tag, a digest or the beginning of a release id.
///
/// # Errors
/// 422 if it is none that is known, or one of several.
pub(in crate::http) fn pick(
    seen: &Seen,
    pipeline: &Pipeline,
    application: &Application,
    subject: &str,
    now: Timestamp,
) -> Result<Release, Refusal> {
    let known = known(seen, pipeline, application, now);
    let by_id = |release: &Release| subject.len() >= SHORTEST && release.id.as_str().starts_with(subject);
    let by_name = |release: &Release| {
        release.version() == subject
            || release.artifacts.iter().any(|a| a.tag.as_str() == subject || a.digest.as_str() == subject)
    };
    let list = |releases: &mut dyn Iterator<Item = &Release>| {
        let line = |release: &Release| format!("{} ({})", release.version(), release.id.short());
        releases.take(LISTED).map(line).collect::<Vec<_>>().join(", ")
    };
    let mut meant = known
        .values()
        .filter(|known| by_id(&known.release) || by_name(&known.release) || known.others.iter().any(by_name))
        .map(|known| &known.release);
    match (meant.next(), meant.next()) {
        (Some(one), None) => Ok(one.clone()),
        (None, _) => {
            let shown: String = subject.chars().take(100).collect();
            let detail = format!("no release of {} is known as {shown:?}", application.name);
            let some = list(&mut known.values().map(|known| &known.release));
            let hint = match some.as_str() {
                "" => "No release is known; report a build first.".to_owned(),
                some => format!(
                    "Give a tag, a digest or at least {SHORTEST} digits of a release id. Known are: {some}."
                ),
            };
            Err(Refusal::senseless(detail, &hint).field("release"))
        }
        (Some(one), Some(other)) => {
            let choices = list(&mut [one, other].into_iter().chain(meant));
            let detail = format!("{subject:?} means several releases of {}", application.name);
            let hint = format!("Give the release id of one of them: {choices}.");
            Err(Refusal::senseless(detail, &hint).field("release"))
        }
    }
}
