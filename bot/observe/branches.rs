//! Gantry's own branches, as Git shows them.
//!
//! A branch of Gantry's holds one commit on some commit of its base. Any other commit on it is a person's,
//! and the branch is left alone from then on (promise 6).

use std::collections::BTreeMap;

use gantry_core::{
    config::pipeline::{FileEntry, Pipeline},
    facts::{Person, Place, ProposalBranch},
    ids::{BranchName, CommitId},
    promoted::ConfigEntry,
    shared::SharedMap,
};

use super::history::{is_bot, record_of};
use crate::git::{GitError, Mirror};

/// More commits than this on a branch are not read: they can't be ours.
const MOST: usize = 50;

/// What was read of a branch, with the heads that it was read at.
type Read = (CommitId, CommitId, ProposalBranch);

/// Remembers what was read at which heads, so that a branch is read again only when it or its base moved.
#[derive(Debug, Default)]
pub(super) struct Branches {
    read: BTreeMap<Place, Read>,
    /// What the last look found.
    found: SharedMap<Place, ProposalBranch>,
}

impl Branches {
    /// Reads all of Gantry's branches whose application and environment are in the pipeline.
    pub(super) fn look(
        &mut self,
        mirror: &Mirror,
        pipeline: &Pipeline,
        heads: &BTreeMap<BranchName, CommitId>,
        bot: &Person,
    ) -> Result<SharedMap<Place, ProposalBranch>, GitError> {
        let mut found = BTreeMap::new();
        let mut read = BTreeMap::new();
        for (name, head) in heads {
            let Some(place) = place_of_branch(name) else { continue };
            let Some(base) = base_of(pipeline, heads, &place) else { continue };
            let branch = match self.read.remove(&place) {
                Some((at, on, branch)) if at == *head && on == *base => branch,
                _ => look_at(mirror, pipeline, &place, head, base, bot)?,
            };
            read.insert(place.clone(), (head.clone(), base.clone(), branch.clone()));
            found.insert(place, branch);
        }
        self.read = read;
        super::update(&mut self.found, found);
        Ok(self.found.clone())
    }
}

/// `gantry/<environment>/<application>`.
fn place_of_branch(name: &BranchName) -> Option<Place> {
    let (environment, application) = name.as_str().strip_prefix("gantry/")?.split_once('/')?;
    Some(Place { application: application.parse().ok()?, environment: environment.parse().ok()? })
}

fn base_of<'a>(
    pipeline: &Pipeline,
    heads: &'a BTreeMap<BranchName, CommitId>,
    place: &Place,
) -> Option<&'a CommitId> {
    let application = pipeline.applications.get(&place.application)?;
    application.files.get(&place.environment)?;
    heads.get(&pipeline.stage(&place.environment)?.branch)
}

fn look_at(
    mirror: &Mirror,
    pipeline: &Pipeline,
    place: &Place,
    head: &CommitId,
    base: &CommitId,
    bot: &Person,
) -> Result<ProposalBranch, GitError> {
    let commits = mirror.commits_between(base, head, MOST)?;
    let ours = |commit: &crate::git::CommitInfo| {
        is_bot(&commit.committer, bot) && record_of(commit).is_some_and(|record| record.place == *place)
    };
    let foreign =
        commits.iter().find(|commit| !ours(commit)).map(|commit| (commit.id.clone(), commit.author.clone()));
    let record = commits.iter().filter_map(record_of).find(|record| record.place == *place);
    let start = mirror.merge_base(base, head)?;
    let current = commits.len() == 1
        && match &start {
            Some(start) if start == base => true,
            Some(start) => {
                let (files, config) = (files_of(pipeline, place), config_of(pipeline, place));
                mirror
                    .changed(Some(start), base, &|path| {
                        files.iter().any(|file| file.path == path)
                            || config.iter().any(|entry| entry.within(path).is_some())
                    })?
                    .is_empty()
            }
            None => false,
        };
    let at = commits.first().map_or(jiff::Timestamp::UNIX_EPOCH, |commit| commit.at);
    Ok(ProposalBranch { head: head.clone(), record, current, foreign, at })
}

fn files_of<'a>(pipeline: &'a Pipeline, place: &Place) -> &'a [FileEntry] {
    let application = pipeline.applications.get(&place.application);
    application.and_then(|application| application.files.get(&place.environment)).map_or(&[], Vec::as_slice)
}

fn config_of<'a>(pipeline: &'a Pipeline, place: &Place) -> &'a [ConfigEntry] {
    let config = pipeline.applications.get(&place.application).and_then(|app| app.config.as_ref());
    config.and_then(|config| config.entries.get(&place.environment)).map_or(&[], Vec::as_slice)
}
