//! What a stretch of a branch's history did to the places on it, as the files show it.
//!
//! Files are read on all processors, each only where a commit changed it; what came of it is then gone through from
//! the oldest commit to the newest.

use std::collections::{BTreeMap, BTreeSet};

use gantry_core::{
    config::pipeline::Pipeline,
    facts::{Held, Place},
    ids::{BranchName, CommitId, ConfigId},
    promoted::ConfigState,
    reason::Problem,
};

use super::{
    contents,
    promoted::ConfigTree,
    wanted::{Wanted, files_of},
};
use crate::{
    git::{GitError, Mirror, Step},
    place,
};

/// What the files of a place hold, or why they can't be read.
pub(super) type Contents = Result<place::Contents, Problem>;

/// A change of what a place holds.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// The commit.
    pub(super) commit: CommitId,
    /// What the files held after it.
    pub(super) holds: Vec<Held>,
    /// The promoted config files after it.
    pub(super) state: Option<ConfigState>,
    /// All files of the place came with it.
    pub(super) appeared: bool,
}

/// What is known of a place before a stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Before {
    /// What it held.
    pub(super) holds: Vec<Held>,
    /// Which config.
    pub(super) config: Option<ConfigId>,
}

/// What became of the places whose files a stretch changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    /// The changes of what they hold, oldest first.
    pub(super) moments: Vec<(Place, Moment)>,
    /// What their files hold at the end.
    pub(super) contents: BTreeMap<Place, Contents>,
}

/// Some of the first-parent commits of a branch.
#[derive(Clone, Copy)]
pub(super) struct Stretch<'a> {
    /// The repository.
    pub(super) mirror: &'a Mirror,
    /// The pipeline.
    pub(super) pipeline: &'a Pipeline,
    /// The branch.
    pub(super) branch: &'a BranchName,
    /// What matters on it.
    pub(super) wanted: &'a Wanted,
    /// The commits that changed something of it, newest first.
    pub(super) steps: &'a [Step],
}

/// A reading of the files of one place at one commit.
struct Job<'a> {
    place: &'a Place,
    commit: &'a CommitId,
}

/// What is read for one place at one step, by number.
struct Visit<'a> {
    place: &'a Place,
    /// At the commit's parent, where what was there before is not known.
    before: Option<usize>,
    after: usize,
    appeared: bool,
}

impl<'a> Stretch<'a> {
    /// Goes through it. `config` are the promoted files before the oldest commit, and those after the newest one
    /// then. `known` tells what places held before; of others it is read.
    pub(super) fn go(
        &self,
        config: &mut ConfigTree,
        known: &dyn Fn(&Place) -> Option<Before>,
    ) -> Result<Outcome, GitError> {
        let (jobs, visits) = self.plan(known);
        let mut contents = self.read(&jobs)?;
        let mut held: BTreeMap<&Place, Option<Before>> = BTreeMap::new();
        let mut outcome = Outcome::default();
        for (step, visits) in self.steps.iter().rev().zip(visits) {
            let state = |config: &ConfigTree, place: &Place, at: &CommitId| {
                let application = self.pipeline.applications.get(&place.application);
                application.map_or(Ok(None), |app| config.state(app, &place.environment, at))
            };
            for visit in &visits {
                if held.contains_key(visit.place) {
                    continue;
                }
                let before = match (known(visit.place), visit.before.map(|job| contents[job].take())) {
                    (Some(before), _) => Some(before),
                    (None, Some(Some(Ok(place::Contents { held: holds, .. })))) => {
                        let config = state(config, visit.place, &step.commit).ok().flatten();
                        Some(Before { holds, config: config.and_then(|state| state.id) })
                    }
                    // What could not be read before counts as nothing: the change is shown rather than not.
                    (None, _) => None,
                };
                held.insert(visit.place, before);
            }
            if self.wanted.any_config() {
                config.take(&step.changed, &self.mirror.snapshot(&step.commit)?, self.wanted)?;
            }
            for visit in visits {
                let Some(after) = contents[visit.after].take() else { continue };
                outcome.contents.insert(visit.place.clone(), after.clone());
                // A file that can't be read is a problem as long as it stands there, and no change of what the
                // environment holds: who mends it brings nothing new.
                let Ok(place::Contents { held: holds, .. }) = after else { continue };
                let Ok(state) = state(config, visit.place, &step.commit) else { continue };
                let now = Before { config: state.as_ref().and_then(|state| state.id.clone()), holds };
                let last = held.entry(visit.place).or_default();
                if last.as_ref() == Some(&now) {
                    continue;
                }
                let (commit, appeared) = (step.commit.clone(), visit.appeared);
                let moment = Moment { commit, holds: now.holds.clone(), state, appeared };
                outcome.moments.push((visit.place.clone(), moment));
                *last = Some(now);
            }
        }
        Ok(outcome)
    }

    /// What the files of these places hold at a commit.
    pub(super) fn contents_at(
        &self,
        commit: &CommitId,
        places: &BTreeSet<&'a Place>,
    ) -> Result<BTreeMap<Place, Contents>, GitError> {
        let jobs: Vec<Job<'_>> = places.iter().map(|place| Job { place, commit }).collect();
        let contents = self.read(&jobs)?;
        let found = jobs.iter().zip(contents);
        Ok(found.filter_map(|(job, contents)| Some((job.place.clone(), contents?))).collect())
    }

    /// What has to be read: the jobs, and by step, oldest first, what becomes of them.
    fn plan(&self, known: &dyn Fn(&Place) -> Option<Before>) -> (Vec<Job<'a>>, Vec<Vec<Visit<'a>>>) {
        let (mut jobs, mut visits) = (Vec::new(), Vec::with_capacity(self.steps.len()));
        let mut met: BTreeSet<&Place> = BTreeSet::new();
        for step in self.steps.iter().rev() {
            let places: BTreeSet<&'a Place> =
                step.changed.iter().flat_map(|change| self.wanted.places(&change.path)).collect();
            let mut here = Vec::with_capacity(places.len());
            for place in places {
                let Some((_, files)) = files_of(self.pipeline, place) else { continue };
                let came = |path: &str| {
                    let at = step.changed.binary_search_by(|change| change.path.as_str().cmp(path));
                    at.is_ok_and(|at| step.changed[at].before.is_none())
                };
                let appeared = files.iter().all(|file| came(&file.path));
                let mut before = None;
                if met.insert(place)
                    && !appeared
                    && known(place).is_none()
                    && let Some(parent) = &step.parent
                {
                    before = Some(jobs.len());
                    jobs.push(Job { place, commit: parent });
                }
                here.push(Visit { place, before, after: jobs.len(), appeared });
                jobs.push(Job { place, commit: &step.commit });
            }
            visits.push(here);
        }
        (jobs, visits)
    }

    fn read(&self, jobs: &[Job<'_>]) -> Result<Vec<Option<Contents>>, GitError> {
        let read = self.mirror.each(jobs, |reader, job| {
            let Some((application, files)) = files_of(self.pipeline, job.place) else { return Ok(None) };
            contents::read(reader.snapshot(job.commit)?, self.branch, application, files).map(Some)
        });
        read.into_iter().collect()
    }
}
