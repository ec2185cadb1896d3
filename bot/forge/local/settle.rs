//! What Git made of the open proposals since the last look: people work on branches with plain Git, and a merge
//! of Gantry's own may have landed without Gantry learning of it.
//!
//! The rules, in this order, for a proposal that is open in the database:
//! 1. Its last seen head, or the commit of a merge that was begun, is in the base: merged. This holds also when
//!    the branch has moved on or is gone.
//! 2. Its branch is there with another head. Is that in the base: merged, if it came there since the last look;
//!    closed, if it was there before, for somebody has set the branch back and emptied the proposal. Else the
//!    proposal has a new head.
//! 3. Its branch is gone: merged, if the base's files hold what the branch made of them (a squash or a rebase);
//!    else closed by whoever deleted the branch.
//!
//! Nothing is concluded while the base branch is missing: a repository that was emptied or replaced by mistake
//! must not turn into thousands of rejections.

use std::collections::{HashMap, HashSet};

use gantry_core::ids::{BranchName, CommitId};

use super::rows::Watched;
use crate::git::{GitError, Heads, Lines, Mirror};

/// Shown as the one who merged where plain Git did; Git does not tell who pushed.
const WITH_GIT: &str = "someone, with git";
/// Shown as the one who closed.
const BY_DELETING: &str = "someone, by deleting the branch";
/// Shown as the one who closed.
const BY_EMPTYING: &str = "someone, by setting the branch back";

/// What became of one open proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// As at the last look.
    Same,
    /// Open, with this head.
    Head(CommitId),
    /// In the base branch.
    Merged {
        /// The commit on the base branch.
        commit: CommitId,
        /// The person; `None` is Gantry itself.
        by: Option<&'static str>,
    },
    /// Closed by a person.
    Closed { by: &'static str, reason: String },
}

/// One look at the repository.
pub(super) struct Look<'a> {
    mirror: &'a Mirror,
    heads: &'a Heads,
    lines: &'a Lines,
    /// The commits of a base branch (second) since it had another head (first).
    since: HashMap<(CommitId, CommitId), Option<HashSet<CommitId>>>,
}

impl<'a> Look<'a> {
    pub(super) fn new(mirror: &'a Mirror, heads: &'a Heads, lines: &'a Lines) -> Self {
        Self { mirror, heads, lines, since: HashMap::new() }
    }

    /// The head of a branch now.
    pub(super) fn head(&self, branch: &BranchName) -> Option<&'a CommitId> {
        self.heads.branches.get(branch.as_str())
    }

    /// What became of a proposal.
    pub(super) fn fate(&mut self, watched: &Watched) -> Result<Fate, GitError> {
        let Some(base) = self.head(&watched.base) else {
            return Ok(Fate::Same);
        };
        for commit in &watched.tries {
            if self.landed(commit, base, watched)? {
                return Ok(Fate::Merged { commit: commit.clone(), by: None });
            }
        }
        if self.landed(&watched.head, base, watched)? {
            return Ok(Fate::Merged { commit: watched.head.clone(), by: Some(WITH_GIT) });
        }
        match self.head(&watched.branch) {
            Some(head) if *head == watched.head => Ok(Fate::Same),
            Some(head) if self.contains(watched, base, head)? => {
                let before = match &watched.base_head {
                    Some(before) => contains(self.mirror, before, head)?,
                    None => false,
                };
                Ok(if before {
                    let reason = format!(
                        "{} was set to {}, which {} held already",
                        watched.branch,
                        head.short(),
                        watched.base
                    );
                    Fate::Closed { by: BY_EMPTYING, reason }
                } else {
                    Fate::Merged { commit: head.clone(), by: Some(WITH_GIT) }
                })
            }
            Some(head) => Ok(Fate::Head(head.clone())),
            None if holds(self.mirror, base, &watched.head)? => {
                Ok(Fate::Merged { commit: base.clone(), by: Some(WITH_GIT) })
            }
            None => {
                let reason =
                    format!("{} at {} is gone from the repository", watched.branch, watched.head.short());
                Ok(Fate::Closed { by: BY_DELETING, reason })
            }
        }
    }

    /// Whether a commit that was not in the base at the last look is in it now. Thousands of proposals share
    /// a base, so the base's new commits are listed once.
    fn landed(&mut self, commit: &CommitId, base: &CommitId, watched: &Watched) -> Result<bool, GitError> {
        let Some(before) = &watched.base_head else {
            return self.contains(watched, base, commit);
        };
        if before == base {
            return Ok(false);
        }
        let key = (before.clone(), base.clone());
        if !self.since.contains_key(&key) {
            self.since.insert(key.clone(), self.new_commits(watched, before, base)?);
        }
        match self.since.get(&key) {
            Some(Some(new)) => Ok(new.contains(commit)),
            _ => self.contains(watched, base, commit),
        }
    }

    /// Whether the base holds a commit.
    fn contains(&self, watched: &Watched, base: &CommitId, commit: &CommitId) -> Result<bool, GitError> {
        self.lines.at(self.mirror, &watched.base, base, |line| line.holds(self.mirror, commit))
    }

    /// The commits that `base` has over `before`, or `None` where they can't be listed.
    fn new_commits(
        &self,
        watched: &Watched,
        before: &CommitId,
        base: &CommitId,
    ) -> Result<Option<HashSet<CommitId>>, GitError> {
        let line = self
            .lines
            .at(self.mirror, &watched.base, base, |line| line.since(self.mirror, before, LISTED))?;
        if let Some(commits) = line {
            return Ok(Some(commits.into_iter().collect()));
        }
        match self.mirror.commits_between(before, base, LISTED) {
            Ok(commits) if commits.len() == LISTED => Ok(None),
            Ok(commits) => Ok(Some(commits.into_iter().map(|commit| commit.id).collect())),
            // The base was rewritten and the mirror made anew since.
            Err(GitError::NoCommit { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// How many new commits of a base are listed at once; beyond this each proposal is looked up by itself.
const LISTED: usize = 20_000;

/// Whether `commit` is `head` or comes before it. One that the mirror does not hold is in no branch.
fn contains(mirror: &Mirror, head: &CommitId, commit: &CommitId) -> Result<bool, GitError> {
    match mirror.is_ancestor(commit, head) {
        Err(GitError::NoCommit { .. }) => Ok(false),
        result => result,
    }
}

/// Whether the base's files are what the branch made of those that it changed.
fn holds(mirror: &Mirror, base: &CommitId, head: &CommitId) -> Result<bool, GitError> {
    let start = match mirror.merge_base(base, head) {
        Ok(Some(start)) => start,
        Ok(None) | Err(GitError::NoCommit { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let paths: HashSet<String> =
        mirror.changed(Some(&start), head, &|_| true)?.into_iter().map(|changed| changed.path).collect();
    let differing = mirror.changed(Some(base), head, &|path| paths.contains(path))?;
    Ok(!paths.is_empty() && differing.is_empty())
}
