//! Which releases people rejected: `.gantry/rejections.yaml` at the head of the default branch.
//!
//! Promise 10: a file that can't be read, or that is gone, lifts nothing. The last good list stays in force and the
//! problem is shown; after a restart the list is found in the history of the branch.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gantry_core::{
    config::pipeline::Pipeline,
    facts::{Closing, Facts, Place, Rejection},
    ids::{BranchName, CommitId},
    reason::Problem,
};

use super::rulings::RulingLog;
use crate::{
    git::{File, GitError, Kind, Mirror},
    place::{self, NoFile},
    rejections::{self, FILE, problem},
};

type List = Arc<BTreeMap<Place, Vec<Rejection>>>;

/// How many commits are read at a time in search of the last good list.
const STEP: usize = 500;

/// The last good list, and what is wrong with the present one.
#[derive(Debug, Default)]
pub(super) struct RejectionWatch {
    good: Option<List>,
    /// The default branch's head that was looked at last.
    tried: Option<CommitId>,
    /// The history has been searched for a good list.
    searched: bool,
    /// What people must mend.
    pub(super) problems: Vec<Problem>,
    /// What the commits say.
    pub(super) log: RulingLog,
}

/// Where to look.
#[derive(Clone, Copy)]
pub(super) struct Where<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) pipeline: &'a Pipeline,
    /// The default branch.
    pub(super) default: &'a BranchName,
    /// The heads of all branches.
    pub(super) heads: &'a BTreeMap<BranchName, CommitId>,
}

/// What stands at a commit.
enum Read {
    Missing,
    Good(List),
    Broken(Vec<Problem>),
}

impl RejectionWatch {
    /// Tells `facts` what is rejected. `closings` are those that people made at the forge.
    pub(super) fn look(
        &mut self,
        at: Where<'_>,
        closings: &BTreeSet<Closing>,
        facts: &mut Facts,
    ) -> Result<(), GitError> {
        let Some(head) = at.heads.get(at.default) else { return Ok(()) };
        facts.default_branch = Some(at.default.clone());
        facts.heads.insert(at.default.clone(), head.clone());
        if self.tried.as_ref() != Some(head) {
            self.take(at, head)?;
            self.tried = Some(head.clone());
        }
        let sound = self.problems.is_empty();
        facts.rejections = match &self.good {
            Some(list) => Arc::clone(list),
            None => {
                let unfiled = self.log.unfiled(at.pipeline);
                facts.unmoved = sound && !unfiled.is_empty();
                Arc::new(rejections::by_place(unfiled))
            }
        };
        let listed: BTreeSet<Closing> = facts.rejections.values().flatten().filter_map(closing).collect();
        if !closings.is_subset(&listed) {
            self.follow(at)?;
        }
        // Nothing is written to a file that is not understood.
        facts.recorded = sound.then(|| Arc::new(self.log.recorded()));
        Ok(())
    }

    fn follow(&mut self, at: Where<'_>) -> Result<(), GitError> {
        let mut followed: BTreeSet<&BranchName> =
            at.pipeline.environments.iter().map(|s| &s.branch).collect();
        followed.insert(at.default);
        for branch in followed {
            if let Some(head) = at.heads.get(branch) {
                self.log.follow(at.mirror, branch, head)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, at: Where<'_>, head: &CommitId) -> Result<(), GitError> {
        match read(at.mirror, head)? {
            Read::Good(list) => {
                (self.good, self.searched) = (Some(list), false);
                self.problems.clear();
                return Ok(());
            }
            Read::Broken(problems) => self.problems = problems,
            Read::Missing => {
                self.follow(at)?;
                if self.good.is_none() && !self.log.filed() {
                    self.problems.clear();
                    return Ok(());
                }
                let message = "the file is gone from the default branch; the last list stays in force until it is \
                               there again; to lift all rejections, commit it with `rejections: []`";
                self.problems = vec![problem(None, message)];
            }
        }
        if self.good.is_none() && !self.searched {
            self.follow(at)?;
            self.good = last_good(at.mirror, head)?;
            self.searched = true;
        }
        Ok(())
    }
}

fn closing(rejection: &Rejection) -> Option<Closing> {
    Some((rejection.proposal?, rejection.release.clone()))
}

/// The latest list in the history that could be read.
fn last_good(mirror: &Mirror, head: &CommitId) -> Result<Option<List>, GitError> {
    let mut from = Some(head.clone());
    while let Some(start) = from.take() {
        let commits = mirror.log(&start, None, STEP)?;
        for commit in &commits {
            if let Read::Good(list) = read(mirror, &commit.id)? {
                return Ok(Some(list));
            }
        }
        let last = commits.last().filter(|_| commits.len() == STEP);
        from = last.and_then(|last| last.parents.first().cloned());
    }
    Ok(None)
}

fn read(mirror: &Mirror, commit: &CommitId) -> Result<Read, GitError> {
    let file = match mirror.snapshot(commit)?.read(FILE) {
        Err(error @ GitError::TooLarge { .. }) => {
            return Ok(Read::Broken(vec![problem(None, error.to_string())]));
        }
        found => found?,
    };
    Ok(match file {
        None => Read::Missing,
        Some(File { kind: Kind::Regular, bytes, .. }) => match rejections::read(&bytes) {
            Ok(list) => Read::Good(Arc::new(rejections::by_place(list))),
            Err(problems) => Read::Broken(problems),
        },
        Some(File { kind: Kind::Symlink, .. }) => odd(NoFile::Symlink),
        Some(File { kind: Kind::Submodule, .. }) => odd(NoFile::Submodule),
        Some(File { kind: Kind::LfsPointer, .. }) => odd(NoFile::LfsPointer),
    })
}

fn odd(what: NoFile) -> Read {
    Read::Broken(vec![place::not_a_file(FILE, what)])
}
