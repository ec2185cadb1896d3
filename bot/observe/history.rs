//! How what an environment holds came there: read from the commits.
//!
//! The first-parent history of a branch is what was on it at each time. It is read once, newest commit last,
//! and from then on only the new commits are. A branch that was force-pushed, or a pipeline whose files
//! changed, is read again from the beginning.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gantry_core::{
    config::pipeline::{Application, FileEntry, Pipeline},
    facts::{Arrival, Held, Person, Place, Record},
    ids::{BranchName, CommitId},
    promoted::{ConfigEntry, ConfigState},
};
use jiff::Timestamp;

use super::{
    belief::{Judge, Ledger, Word, holds as holds_what},
    contents,
    promoted::ConfigTree,
    sightings::Sightings,
};
use crate::{
    git::{CommitInfo, GitError, Mirror},
    seal::Trust,
};

/// How many commits of a branch are read at the first look. Older rejections and arrivals are not seen.
const DEPTH: usize = 20_000;
/// How many changes of one place are kept; the gates look at the last few.
const KEPT: usize = 50;
/// How many commits a merge may bring that are searched for trailers.
const MERGED: usize = 200;

/// The files of one branch that matter, and whose they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wanted {
    /// The files that name images.
    files: BTreeMap<String, BTreeSet<Place>>,
    /// The promoted files, and folders with their last `/`.
    config: BTreeMap<String, BTreeSet<Place>>,
    /// What is promoted of each place, `keep` included.
    entries: BTreeMap<Place, Vec<ConfigEntry>>,
}

impl Wanted {
    /// Whether anything on the branch is promoted as config.
    pub(super) fn any_config(&self) -> bool {
        !self.config.is_empty()
    }

    /// Whether the file may be promoted as config.
    pub(super) fn is_config(&self, path: &str) -> bool {
        self.config_places(path).next().is_some()
    }

    /// The keys of a promoted file whose values are kept. A path belongs to one entry only: `config` is refused
    /// where two claim it.
    pub(super) fn keys(&self, path: &str) -> &[String] {
        let owners = self.config.get(path).into_iter().flatten();
        let mut entries = owners.filter_map(|place| self.entries.get(place)).flatten();
        entries.find(|entry| entry.path == path).map_or(&[], ConfigEntry::keys)
    }

    fn config_places(&self, path: &str) -> impl Iterator<Item = &Place> {
        let folders = if self.config.is_empty() { "" } else { path };
        let ends = folders.match_indices('/').map(|(at, _)| at + 1).chain([folders.len()]);
        ends.filter_map(move |end| self.config.get(path.get(..end)?)).flatten()
    }

    fn has(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.is_config(path)
    }

    fn places(&self, path: &str) -> impl Iterator<Item = &Place> {
        self.files.get(path).into_iter().flatten().chain(self.config_places(path))
    }
}

/// What arrivals are judged by.
pub(super) struct Belief<'a> {
    /// Whose seals are believed.
    pub(super) trust: &'a Trust,
    /// From when arrivals count.
    pub(super) sightings: &'a mut Sightings,
}

/// What the history of one branch says.
#[derive(Debug, Clone, Default)]
pub(super) struct BranchHistory {
    head: Option<CommitId>,
    wanted: Wanted,
    ledger: Ledger,
    /// The newest arrival of each place when it was last looked at whether it was found there.
    pub(super) marked: BTreeMap<Place, CommitId>,
    /// By place, newest first.
    pub(super) arrivals: BTreeMap<Place, Vec<Arrival>>,
    /// The promoted files at the head.
    pub(super) config: ConfigTree,
    /// Where the config of each arrival stands, in the same order.
    pub(super) states: BTreeMap<Place, Vec<Option<ConfigState>>>,
}

/// The files that matter on each branch.
pub(super) fn wanted(pipeline: &Pipeline) -> BTreeMap<BranchName, Wanted> {
    let mut wanted: BTreeMap<BranchName, Wanted> = BTreeMap::new();
    for application in pipeline.applications.values() {
        for stage in &pipeline.environments {
            let place = gantry_core::decide::place_of(&application.name, &stage.name);
            for file in application.files.get(&stage.name).into_iter().flatten() {
                let on_branch = wanted.entry(stage.branch.clone()).or_default();
                on_branch.files.entry(file.path.clone()).or_default().insert(place.clone());
            }
            let config = application.config.as_ref().and_then(|config| config.entries.get(&stage.name));
            if let Some(entries) = config {
                let on_branch = wanted.entry(stage.branch.clone()).or_default();
                for entry in entries {
                    on_branch.config.entry(entry.path.clone()).or_default().insert(place.clone());
                }
                on_branch.entries.insert(place, entries.clone());
            }
        }
    }
    wanted
}

impl BranchHistory {
    /// Brings it up to `head`.
    pub(super) fn follow(
        &mut self,
        mirror: &Mirror,
        pipeline: &Pipeline,
        branch: &BranchName,
        wanted: &Wanted,
        head: &CommitId,
        belief: &mut Belief<'_>,
    ) -> Result<(), GitError> {
        if self.head.as_ref() == Some(head) && self.wanted == *wanted {
            return Ok(());
        }
        let before = self.head.take();
        let known = before.clone().filter(|_| self.wanted == *wanted);
        let mut commits = mirror.log(head, known.as_ref(), DEPTH)?;
        let joins =
            |commits: &[CommitInfo]| commits.last().is_none_or(|c| c.parents.first() == known.as_ref());
        if known.is_none() || !joins(&commits) {
            if known.is_some() {
                commits = mirror.log(head, None, DEPTH)?;
            }
            let config = match commits.last() {
                Some(oldest) => ConfigTree::list(&mirror.snapshot(&oldest.id)?, wanted)?,
                None => ConfigTree::default(),
            };
            if before.is_some_and(|before| !mirror.is_ancestor(&before, head).unwrap_or_default()) {
                belief.sightings.rewritten(branch);
            }
            *self = Self { wanted: wanted.clone(), config, ..Self::default() };
        }
        self.ledger.follow(head);
        for commit in commits.iter().rev() {
            self.take(mirror, pipeline, branch, commit, belief)?;
        }
        self.head = Some(head.clone());
        Ok(())
    }

    fn take(
        &mut self,
        mirror: &Mirror,
        pipeline: &Pipeline,
        branch: &BranchName,
        commit: &CommitInfo,
        belief: &mut Belief<'_>,
    ) -> Result<(), GitError> {
        let judge = Judge { mirror, trust: belief.trust, branch };
        let parent = commit.parents.first();
        let changed = mirror.changed(parent, &commit.id, &|path| self.wanted.has(path))?;
        let merged = if commit.parents.len() > 1 {
            let parent = parent.unwrap_or(&commit.id);
            mirror.commits_between(parent, &commit.id, MERGED)?
        } else {
            Vec::new()
        };
        if changed.is_empty() {
            return Ok(());
        }
        let places: BTreeSet<Place> =
            changed.iter().flat_map(|change| self.wanted.places(&change.path)).cloned().collect();
        let snapshot = mirror.snapshot(&commit.id)?;
        self.config.take(&changed, &snapshot, &self.wanted)?;
        for place in places {
            let Some((application, files)) = files_of(pipeline, &place) else { continue };
            // A file that can't be read is a problem as long as it stands there, and no change of what the
            // environment holds: who mends it brings nothing new.
            let Ok(holds) = contents::read(&snapshot, branch, application, files)? else { continue };
            let state = self.config.state(application, &place.environment, &commit.id);
            let Ok(state) = state else { continue };
            let appeared = files
                .iter()
                .all(|file| changed.iter().any(|change| change.path == file.path && change.before.is_none()));
            let config = state.as_ref().and_then(|state| state.id.clone());
            let last = self.arrivals.get(&place).and_then(|list| list.first());
            if last.is_some_and(|last| last.holds == holds && last.config == config) {
                continue;
            }
            let holding = |record: &Record| holds_what(record, &holds);
            let mut word = judge.word(&mut self.ledger, &place, commit, &merged, &holding)?;
            for name in &application.was {
                // What was recorded under an old name is this application's.
                if word.believed.is_none() {
                    let former = gantry_core::decide::place_of(name, &place.environment);
                    let told = judge.word(&mut self.ledger, &former, commit, &merged, &holding)?;
                    word = told.under(word.claimed, |record| application.own(record));
                }
            }
            let since = belief.sightings.since(branch, &place, &commit.id, word.believed.as_ref());
            self.arrive(place, holds, state, commit, word, since, appeared);
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of an arrival, each from elsewhere")]
    fn arrive(
        &mut self,
        place: Place,
        holds: Vec<Held>,
        state: Option<ConfigState>,
        commit: &CommitInfo,
        word: Word,
        since: Timestamp,
        appeared: bool,
    ) {
        let config = state.as_ref().and_then(|state| state.id.clone());
        let states = self.states.entry(place.clone()).or_default();
        let list = self.arrivals.entry(place).or_default();
        states.insert(0, state);
        states.truncate(KEPT);
        list.insert(
            0,
            Arrival {
                commit: commit.id.clone(),
                at: commit.at,
                since,
                author: commit.author.clone(),
                subject: commit.subject.clone(),
                holds,
                config,
                record: word.believed.map(|believed| Arc::new(believed.record)),
                claimed: word.claimed,
                found: false,
                first: appeared,
            },
        );
        list.truncate(KEPT);
        // What was there before it counts from no later: it may have been seen for the first time only now.
        for before in list.iter_mut().skip(1).take_while(|before| before.since > since) {
            before.since = since;
        }
    }
}

fn files_of<'a>(pipeline: &'a Pipeline, place: &Place) -> Option<(&'a Application, &'a [FileEntry])> {
    let application = pipeline.applications.get(&place.application)?;
    application.files.get(&place.environment).map(|files| (application, files.as_slice()))
}

/// Somebody as Git names them.
pub(super) fn is_bot(person: &Person, bot: &Person) -> bool {
    person.email == bot.email
}
