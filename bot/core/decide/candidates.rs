//! The releases that may come next into an environment, newest first, each with what the gates say.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::{
    order::{self, Came, Order, Present},
    view::{View, Visit},
};
use crate::{
    artifact::{Artifact, Release},
    catalog::TagState,
    config::pipeline::{Image, Stage},
    facts::{Place, ProposalState},
    gates::{self, GateVerdict, Stay, Subject},
    ids::{EnvironmentName, ReleaseId},
    reason::Reason,
    select::Candidate as Tagged,
};

/// A release that was looked at for an environment.
#[derive(Debug, Clone)]
pub struct Considered {
    /// The release.
    pub release: Release,
    /// What the gates say; empty where it was out of the question before they were asked.
    pub gates: Vec<GateVerdict>,
    /// Why it is out of the question; none if only the gates decide.
    pub refused: Option<Reason>,
}

impl Considered {
    /// It may be written now.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.refused.is_none() && gates::all_pass(&self.gates)
    }
}

/// A release on its way to an environment, before it is compared with what is there.
struct Found {
    release: Release,
    /// When it had entered all environments before; none for a build.
    came: Option<Timestamp>,
    stays: Vec<Stay>,
    /// A person took it out of an environment before.
    withdrawn: Option<Reason>,
}

/// How many of the newest builds of an image are looked at behind ones that failed.
const DEPTH: usize = 50;

impl Considered {
    /// It stands behind what the environment holds: of interest only to who asks for it by name.
    pub(super) fn is_past(&self) -> bool {
        matches!(self.refused, Some(Reason::OlderThanHeld { .. }))
    }
}

/// Everything that could come into `stage`, newest first; what stands behind what it holds is refused.
pub(super) fn list(
    view: &View<'_>,
    stage: &Stage,
    present: &Present<'_>,
    own: &[Visit<'_>],
) -> Vec<Considered> {
    let upstream = view.pipeline.upstream(view.application, stage);
    let found: Vec<Found> = if upstream.is_empty() {
        let build = |release| Found { release, came: None, stays: Vec::new(), withdrawn: None };
        builds(view, present).into_iter().map(build).collect()
    } else {
        arrived(view, &upstream)
    };
    let place = Place { application: view.application.name.clone(), environment: stage.name.clone() };
    let mut list = Vec::new();
    let mut behind: Option<String> = None;
    let mut passed_held = false;
    let held = present.release.and_then(|held| found.iter().position(|found| found.release.id == held.id));
    for (index, Found { release, came, stays, withdrawn }) in found.into_iter().enumerate() {
        let came = Came { at: came, after: held.map(|held| index < held) };
        let order = order::compare(view.application, &release, came, present);
        if order == Order::Same {
            passed_held = true;
            continue;
        }
        let refused = match (order, rejection(view, &place, &release.id)) {
            (_, Some(rejected)) => Some(rejected),
            (Order::Older, None) => Some(Reason::OlderThanHeld { held: held_version(present) }),
            (Order::Unordered, None) => Some(Reason::Unordered { held: held_version(present) }),
            (Order::Newer | Order::Same, None) => withdrawn
                .or_else(|| displaced(stage, own, &release.id))
                .or_else(|| passed_held.then(|| Reason::OlderThanHeld { held: held_version(present) }))
                .or_else(|| behind.clone().map(|version| Reason::BehindRejected { version })),
        };
        if order == Order::Newer && matches!(refused, Some(Reason::Rejected { .. })) {
            behind.get_or_insert_with(|| release.version());
        }
        let gates = verdicts(view, stage, &release, &stays);
        list.push(Considered { release, gates, refused });
        if upstream.is_empty() && (passed_held || order == Order::Older) {
            break;
        }
    }
    list
}

/// Asks all gates of `stage` for a release.
pub(super) fn verdicts(
    view: &View<'_>,
    stage: &Stage,
    release: &Release,
    stays: &[Stay],
) -> Vec<GateVerdict> {
    let subject = Subject { release, stays, catalog: &view.facts.catalog, now: view.now };
    stage.gates.iter().map(|gate| gates::ask(gate, subject)).collect()
}

/// The stays of a release in the environments before `stage`.
pub(super) fn stays(view: &View<'_>, stage: &Stage, release: &ReleaseId) -> Vec<Stay> {
    let upstream = view.pipeline.upstream(view.application, stage);
    upstream.iter().map(|name| View::stay(name, &view.visits(name), release)).collect()
}

fn held_version(present: &Present<'_>) -> String {
    match present.release {
        Some(release) => release.version(),
        None => present.holds.iter().map(crate::facts::Held::version).collect::<Vec<_>>().join("+"),
    }
}

/// Releases made of the known builds, newest first. With several images there is one: of each image the newest,
/// or what is held of it where that is newer, so that one image never holds the others back.
fn builds(view: &View<'_>, present: &Present<'_>) -> Vec<Release> {
    let name = &view.application.name;
    // Builds arrive beside the config that is there.
    let made = |artifacts| Release::with_config(name.clone(), artifacts, present.config.cloned());
    if view.application.images.iter().any(|image| undescribed(view, image) > 0) {
        return Vec::new();
    }
    if let [only] = &view.application.images[..] {
        let ranked = ranked(view, only).into_iter();
        return ranked.map(|artifact| made(vec![artifact])).collect();
    }
    let newest = |image: &Image| {
        let held = present.release.and_then(|r| image.artifact(&r.artifacts));
        match (ranked(view, image).into_iter().next(), held) {
            (Some(newest), Some(held)) => {
                let order = image.select.compare((&newest.tag, newest.built), (&held.tag, held.built));
                Some(if order == Some(Ordering::Less) { held.clone() } else { newest })
            }
            (newest, held) => newest.or_else(|| held.cloned()),
        }
    };
    let artifacts: Option<Vec<Artifact>> = view.application.images.iter().map(newest).collect();
    artifacts.map(made).into_iter().collect()
}

/// The builds of one image that the config selects, newest first, without those that CI says failed.
fn ranked(view: &View<'_>, image: &Image) -> Vec<Artifact> {
    let catalog = &view.facts.catalog;
    let candidates = catalog
        .tags_of(&image.image)
        .filter(|(tag, fact)| fact.state != TagState::Gone && image.select.matches(tag))
        .filter_map(|(tag, _)| catalog.artifact_at(&image.image, tag))
        .map(|artifact| Artifact { entry: image.entry.clone(), ..artifact })
        .filter(|artifact| catalog.failure(&image.image, &artifact.digest).is_none())
        .map(|artifact| Tagged { tag: artifact.tag.clone(), built: artifact.built, payload: artifact });
    let mut ranked = image.select.rank(candidates.collect());
    ranked.truncate(DEPTH);
    ranked.into_iter().map(|candidate| candidate.payload).collect()
}

/// How many listed tags of an image must be described before one can be called the newest (promise 4).
pub(super) fn undescribed(view: &View<'_>, image: &Image) -> usize {
    if !image.select.needs_build_time() {
        return 0;
    }
    let tags = view.facts.catalog.tags_of(&image.image);
    let listed = tags.filter(|(_, fact)| fact.state != TagState::Gone && fact.digest.is_none());
    listed.filter(|(tag, _)| image.select.matches(tag)).count()
}

/// The releases that have been in all of `upstream`, the last arrived first, with why one was taken out by a
/// person.
fn arrived(view: &View<'_>, upstream: &[EnvironmentName]) -> Vec<Found> {
    let visits: Vec<_> = upstream.iter().map(|name| (name, view.visits(name))).collect();
    let Some((_, first)) = visits.first() else { return Vec::new() };
    let mut found: Vec<Found> = Vec::new();
    for release in first.iter().filter_map(|visit| visit.release.as_ref().ok()) {
        if found.iter().any(|known| known.release.id == release.id) {
            continue;
        }
        let stays: Vec<Stay> = visits.iter().map(|(name, v)| View::stay(name, v, &release.id)).collect();
        if stays.iter().any(|stay| stay.since.is_none()) {
            continue;
        }
        let withdrawn = visits.iter().find_map(|(name, visits)| taken_out(name, visits, &release.id));
        let came = stays.iter().filter_map(|stay| stay.since).max();
        found.push(Found { release: release.clone(), came, stays, withdrawn });
    }
    // Stable: releases of one second stay in the order of the first environment's history.
    found.sort_by_key(|found| std::cmp::Reverse(found.came));
    found
}

fn taken_out(name: &EnvironmentName, visits: &[Visit<'_>], release: &ReleaseId) -> Option<Reason> {
    let visit = visits.iter().find(|visit| visit.release.as_ref().is_ok_and(|found| found.id == *release))?;
    visit.displaced.map(|arrival| Reason::Withdrawn {
        environment: name.clone(),
        by: arrival.author.name.clone(),
        commit: arrival.commit.clone(),
    })
}

/// A person's commit took the release out of this very environment (promise 6): it does not come back by
/// itself.
fn displaced(stage: &Stage, own: &[Visit<'_>], release: &ReleaseId) -> Option<Reason> {
    taken_out(&stage.name, own, release)
}

/// The rejection of a release in a place that is in force: one in Git, or a proposal that was closed by a person
/// and is not in Git yet.
pub(super) fn rejection(view: &View<'_>, place: &Place, release: &ReleaseId) -> Option<Reason> {
    for proposal in view.facts.proposals.get(place).into_iter().flatten() {
        if let ProposalState::Closed { at, by, by_gantry: false, reason } = &proposal.state
            && proposal.release.as_ref() == Some(release)
            && !view.facts.is_recorded(place, proposal.number, release)
        {
            return Some(Reason::Rejected { by: by.clone(), at: *at, reason: reason.clone() });
        }
    }
    let mut rejections = view.facts.rejections_of(place).iter();
    rejections.find(|rejection| rejection.release == *release).map(|rejection| Reason::Rejected {
        by: rejection.by.clone(),
        at: rejection.at,
        reason: rejection.reason.clone(),
    })
}
