//! The releases that may come next into an environment, newest first, each with what the gates say.

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::Timestamp;

use super::{
    builds::ranked,
    order::{self, Came, Compared, Order, Present},
    rejected::rejection,
    together,
    view::{View, Visit},
};
use crate::{
    artifact::{Artifact, Release},
    catalog::TagState,
    config::{
        pipeline::{Image, Stage},
        types::Gate,
    },
    gates::{self, GateVerdict, Stay, Subject},
    ids::{EnvironmentName, ReleaseId},
    reason::{OrderBy, Reason},
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
    /// Why it doesn't go on from the environments before by itself.
    held_back: Option<Reason>,
    /// It was never promoted into one of the environments before.
    uncounted: bool,
}

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
        let build =
            |release| Found { release, came: None, stays: Vec::new(), held_back: None, uncounted: false };
        builds(view, present).into_iter().map(build).collect()
    } else {
        arrived(view, &upstream)
    };
    let mut list = Vec::new();
    let mut behind: Option<String> = None;
    let mut passed_held = false;
    let position = |id: &ReleaseId| found.iter().position(|found| found.release.id == *id);
    let held = present.release.and_then(|held| position(&held.id));
    let taken: Vec<(&Visit<'_>, Option<usize>)> = taken_out(view, own)
        .into_iter()
        .map(|visit| (visit, visit.release.as_ref().ok().and_then(|out| position(&out.id))))
        .collect();
    let older = |order| Reason::OlderThanHeld { held: present.version(), order };
    for (index, Found { release, came, stays, held_back, uncounted }) in found.iter().enumerate() {
        let came = |after: Option<usize>| Came { at: *came, after: after.map(|after| index < after) };
        let Compared { order, by } = order::compare(view.application, release, came(held), present);
        if order == Order::Same {
            passed_held = true;
            continue;
        }
        let not_back =
            || taken.iter().find_map(|(visit, at)| not_back(view, stage, visit, release, came(*at)));
        let refused = match (order, rejection(view, &stage.name, release)) {
            (_, Some(rejected)) => Some(rejected.reason),
            (Order::Older, None) => Some(older(by)),
            (Order::Unordered, None) => Some(Reason::Unordered { held: present.version() }),
            (Order::Newer | Order::Same, None) => held_back
                .clone()
                .or_else(not_back)
                .or_else(|| passed_held.then(|| older(OrderBy::Arrival)))
                .or_else(|| behind.clone().map(|version| Reason::BehindRejected { version })),
        };
        if order == Order::Newer && matches!(refused, Some(Reason::Rejected { .. })) {
            behind.get_or_insert_with(|| release.version());
        }
        let skipped = if *uncounted { skipped(view, stage, release) } else { Vec::new() };
        let gates = verdicts(view, stage, release, stays, &skipped);
        list.push(Considered { release: release.clone(), gates, refused });
        if upstream.is_empty() && (passed_held || order == Order::Older) {
            break;
        }
    }
    list
}

/// Asks all gates of `stage` for a release, and those of the environments on the way that it skipped: whoever
/// takes it past one is asked what would have been asked there.
pub(super) fn verdicts(
    view: &View<'_>,
    stage: &Stage,
    release: &Release,
    stays: &[Stay],
    skipped: &[&Stage],
) -> Vec<GateVerdict> {
    let subject = Subject { release, stays, catalog: &view.facts.catalog, now: view.now };
    let mut all: Vec<GateVerdict> = stage.gates.iter().map(|gate| gates::ask(gate, subject)).collect();
    for skipped in skipped {
        let stays = self::stays(view, skipped, &release.id);
        let subject = Subject { stays: &stays, ..subject };
        all.extend(skipped.gates.iter().map(|gate| {
            let verdict = gates::ask(gate, subject);
            GateVerdict { gate: format!("{}/{}", skipped.name, verdict.gate), ..verdict }
        }));
    }
    all.extend(gates::ask_registry(view.facts, subject));
    if view.starts(&stage.name)
        && let Some(lost) = view.facts.reports_lost
        && reports(view)
    {
        all.extend(gates::ask_reports(lost, subject));
    }
    all
}

/// The environments before `stage` that a release was not promoted into, though it was to pass their gates.
pub(super) fn skipped<'a>(view: &View<'a>, stage: &Stage, release: &Release) -> Vec<&'a Stage> {
    let mut found: Vec<&Stage> = Vec::new();
    let mut open = view.pipeline.upstream(view.application, stage);
    while let Some(name) = open.pop() {
        let Some(before) = view.pipeline.stage(&name) else { continue };
        if found.iter().any(|known| known.name == name) {
            continue;
        }
        let visits = view.visits(&name);
        let there = visits.iter().any(|visit| visit.is_of(&release.id));
        if there && view.uncounted(&name, &visits, &release.id).is_none() {
            continue;
        }
        found.push(before);
        open.extend(view.pipeline.upstream(view.application, before));
    }
    // In the pipeline's order, whatever way led to them.
    view.pipeline.environments.iter().filter(|stage| found.iter().any(|f| f.name == stage.name)).collect()
}

/// Whether CI reports the builds of this application: a promotion of it had passed a check, or a gate asks for
/// one.
fn reports(view: &View<'_>) -> bool {
    let stages = view.pipeline.environments.iter();
    let mut stages = stages.filter(|stage| view.application.files.contains_key(&stage.name));
    stages.any(|stage| {
        let history = view.seen(&stage.name).map_or(&[][..], |seen| &seen.history);
        stage.gates.iter().any(|gate| matches!(gate, Gate::Checks(_)))
            || history.iter().filter_map(|arrival| arrival.record.as_ref()).any(|r| !r.checks.is_empty())
    })
}

/// The stays of a release in the environments before `stage`.
pub(super) fn stays(view: &View<'_>, stage: &Stage, release: &ReleaseId) -> Vec<Stay> {
    let upstream = view.pipeline.upstream(view.application, stage);
    upstream.iter().map(|name| View::stay(name, &view.visits(name), release)).collect()
}

/// A release that is known here, though it is no candidate: one that was here, or a build.
pub(super) fn known(
    view: &View<'_>,
    present: &Present<'_>,
    environment: &EnvironmentName,
    id: &ReleaseId,
) -> Option<Release> {
    let was = view.visits(environment).into_iter().filter_map(|visit| visit.release.ok());
    was.chain(builds(view, present)).find(|release| release.id == *id)
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
    let mut sets: BTreeMap<usize, Option<Vec<Artifact>>> = BTreeMap::new();
    let mut artifacts = Vec::with_capacity(view.application.images.len());
    for image in &view.application.images {
        let artifact = match image.together {
            None => newest(image),
            Some(group) => {
                let set = sets.entry(group).or_insert_with(|| together::newest(view, present, group));
                set.as_ref().and_then(|set| image.artifact(set)).cloned()
            }
        };
        let Some(artifact) = artifact else { return Vec::new() };
        artifacts.push(artifact);
    }
    vec![made(artifacts)]
}

/// How many listed tags of an image must be described before one can be called the newest (promise 4).
pub(crate) fn undescribed(view: &View<'_>, image: &Image) -> usize {
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
        let out = |(name, visits): &(&EnvironmentName, Vec<Visit<'_>>)| withdrawn(name, visits, &release.id);
        let uncounted =
            |(name, visits): &(&EnvironmentName, Vec<Visit<'_>>)| view.uncounted(name, visits, &release.id);
        let uncounted = visits.iter().find_map(uncounted);
        let (held_back, uncounted) = (visits.iter().find_map(out).or(uncounted.clone()), uncounted.is_some());
        let came = stays.iter().filter_map(|stay| stay.since).max();
        found.push(Found { release: release.clone(), came, stays, held_back, uncounted });
    }
    // Stable: releases of one second stay in the order of the first environment's history.
    found.sort_by_key(|found| std::cmp::Reverse(found.came));
    found
}

/// A person's commit ended the last stay of the release in an environment.
fn withdrawn(name: &EnvironmentName, visits: &[Visit<'_>], release: &ReleaseId) -> Option<Reason> {
    let visit = visits.iter().find(|visit| visit.is_of(release))?;
    visit.displaced.map(|arrival| Reason::Withdrawn {
        environment: name.clone(),
        by: arrival.author.name.clone(),
        commit: arrival.commit.clone(),
    })
}

/// The stays that a person's commit ended and that nothing brought back since: neither the release itself nor a
/// newer one has been there later.
fn taken_out<'v, 'a>(view: &View<'_>, own: &'v [Visit<'a>]) -> Vec<&'v Visit<'a>> {
    let back = |out: &Visit<'_>, later: &Visit<'_>| {
        let Ok(release) = &later.release else { return false };
        let compared = order::compare(view.application, release, Came::default(), &out.present());
        matches!(compared.order, Order::Same | Order::Newer)
    };
    let mut found = Vec::new();
    for (index, visit) in own.iter().enumerate() {
        if visit.displaced.is_some() && !own[..index].iter().any(|later| back(visit, later)) {
            found.push(visit);
        }
    }
    found
}

/// Why a release does not come into `stage` by itself after `out` was taken out of it (promise 6): only what is
/// newer than that does.
fn not_back(
    view: &View<'_>,
    stage: &Stage,
    out: &Visit<'_>,
    release: &Release,
    came: Came,
) -> Option<Reason> {
    let arrival = out.displaced?;
    let (environment, by, commit) = (stage.name.clone(), arrival.author.name.clone(), arrival.commit.clone());
    if out.is_of(&release.id) {
        return Some(Reason::Withdrawn { environment, by, commit });
    }
    let newer = order::compare(view.application, release, came, &out.present()).order == Order::Newer;
    (!newer).then(|| Reason::TakenBack { environment, version: out.present().version(), by, commit })
}
