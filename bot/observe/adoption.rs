//! Which arrivals were there before `gantry.yaml` first named their place: as found.
//!
//! What stood in a place when a team began with Gantry is nobody's promotion and no drift either. It is shown as what
//! it is; no gate opens or closes by it. So what can't be told at a fair price (a history too long, a version that
//! doesn't read) is not as found, and it is looked for only where what stands there is nobody's promotion.

use std::collections::{BTreeMap, HashMap};

use gantry_core::{
    config::{self, pipeline::Pipeline},
    facts::{Place, PlaceFacts},
    ids::{BranchName, CommitId},
    shared::SharedMap,
};
use jiff::Timestamp;

use super::config::FILE;
use crate::git::{BlobId, GitError, Mirror};

/// How many first-parent commits of the default branch are gone through at most.
const MOST: usize = 20_000;
/// How many are read at once.
const STEP: usize = 500;
/// How many versions of the config are read at most, the oldest first.
const VERSIONS: usize = 40;

/// A version of the config.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Version {
    at: Timestamp,
    blob: BlobId,
    /// Where its commit stands among the others: a later one has a higher number.
    order: i64,
}

/// The versions of `gantry.yaml`, and which places each was the first to name.
#[derive(Debug, Default)]
pub(super) struct Adoption {
    /// Up to where the default branch was read.
    head: Option<CommitId>,
    /// Oldest first.
    versions: Vec<Version>,
    /// Whether the oldest version is the first one.
    whole: bool,
    /// The first-parent commits that were gone through, in their order.
    order: HashMap<CommitId, i64>,
    /// Which version first named a place; none where that can't be told.
    named: BTreeMap<Place, Option<Version>>,
}

impl Adoption {
    /// Marks those arrivals of places with new ones that were there before their place was named.
    pub(super) fn mark(
        &mut self,
        mirror: &Mirror,
        pipeline: &Pipeline,
        (default, head): (&BranchName, &CommitId),
        touched: &[Place],
        places: &mut SharedMap<Place, PlaceFacts>,
    ) -> Result<(), GitError> {
        let is_open = |place: &&Place| {
            let last = places.get(*place).and_then(|facts| facts.history.first());
            last.is_some_and(|last| last.record.is_none() && !last.first)
        };
        let open: Vec<Place> = touched.iter().filter(is_open).cloned().collect();
        if open.is_empty() {
            return Ok(());
        }
        self.read(mirror, head)?;
        self.name(mirror, pipeline, default, &open)?;
        for place in &open {
            let Some(Some(version)) = self.named.get(place) else { continue };
            let on_default = pipeline.stage(&place.environment).is_some_and(|stage| stage.branch == *default);
            for arrival in places.get_mut(place).into_iter().flat_map(|facts| &mut facts.history) {
                let before = match self.order.get(&arrival.commit) {
                    // Another branch's commits stand in no order with the config's: their own times are for show.
                    _ if !on_default => arrival.at < version.at,
                    Some(order) => *order < version.order,
                    None => true,
                };
                arrival.found = before && arrival.record.is_none();
            }
        }
        Ok(())
    }

    /// Brings the versions up to the default branch's head.
    fn read(&mut self, mirror: &Mirror, head: &CommitId) -> Result<(), GitError> {
        if self.head.as_ref() == Some(head) {
            return Ok(());
        }
        if let Some(last) = self.head.take() {
            let commits = mirror.log(head, Some(&last), MOST)?;
            if commits.last().is_some_and(|oldest| oldest.parents.first() == Some(&last)) {
                let mut order = self.order.values().copied().max().unwrap_or_default();
                for commit in commits.iter().rev() {
                    order += 1;
                    self.order.insert(commit.id.clone(), order);
                    let blob = mirror.snapshot(&commit.id)?.id(FILE)?;
                    let newest = self.versions.last().map(|version| version.blob);
                    if let Some(blob) = blob.filter(|blob| newest != Some(*blob)) {
                        self.versions.push(Version { at: commit.at, blob, order });
                    }
                }
                self.head = Some(head.clone());
                return Ok(());
            }
        }
        *self = Self::default();
        let (mut next, mut order) = (Some(head.clone()), 0);
        'walk: while let Some(from) = next.take().filter(|_| self.order.len() < MOST) {
            let commits = mirror.log(&from, None, STEP)?;
            for commit in &commits {
                let Some(blob) = mirror.snapshot(&commit.id)?.id(FILE)? else {
                    self.whole = true;
                    break 'walk;
                };
                order -= 1;
                self.order.insert(commit.id.clone(), order);
                // Newest first here: an older commit with the same bytes is the one that brought them.
                match self.versions.last_mut().filter(|version| version.blob == blob) {
                    Some(version) => *version = Version { at: commit.at, blob, order },
                    None => self.versions.push(Version { at: commit.at, blob, order }),
                }
            }
            next = commits.last().and_then(|oldest| oldest.parents.first().cloned());
            self.whole = next.is_none();
        }
        self.versions.reverse();
        self.head = Some(head.clone());
        Ok(())
    }

    /// Finds the version that first named each of the places.
    fn name(
        &mut self,
        mirror: &Mirror,
        pipeline: &Pipeline,
        default: &BranchName,
        places: &[Place],
    ) -> Result<(), GitError> {
        let mut open: Vec<&Place> = places.iter().filter(|place| !self.named.contains_key(*place)).collect();
        let mut trees: BTreeMap<BranchName, Vec<String>> = BTreeMap::new();
        for place in &open {
            let files = pipeline.applications.get(&place.application).map(|app| &app.files);
            let files = files.and_then(|files| files.get(&place.environment));
            let Some(stage) = pipeline.stage(&place.environment) else { continue };
            let tree = trees.entry(stage.branch.clone()).or_default();
            tree.extend(files.into_iter().flatten().map(|file| file.path.clone()));
        }
        for (index, version) in self.versions.iter().take(VERSIONS).enumerate() {
            if open.is_empty() {
                break;
            }
            let Some(bytes) = mirror.blob(&version.blob)? else { continue };
            let Ok(parsed) = config::parse(&bytes, FILE) else { continue };
            let Ok(then) = parsed.pipeline(default, &trees) else { continue };
            let names = |place: &Place| {
                let application = then.applications.get(&place.application);
                application.is_some_and(|application| application.files.contains_key(&place.environment))
            };
            let (named, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(|place| names(place));
            // The oldest version that was read need not be the first one.
            let known = (self.whole || index > 0).then_some(*version);
            self.named.extend(named.into_iter().map(|place| (place.clone(), known)));
            open = rest;
        }
        self.named.extend(open.into_iter().map(|place| (place.clone(), None)));
        Ok(())
    }
}
