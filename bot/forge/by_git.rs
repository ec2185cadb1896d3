//! Merging by Git, for forges whose proposals are branches and nothing more.
//!
//! Such a forge does not merge by itself: it says what it knows of the proposals, whoever pushes makes their
//! commits on the chain of everything else that goes to the branch, and the forge writes down what came of it. So
//! a thousand merges are one push like a thousand commits.
//!
//! Promise: a merge that is pushed was written down before ([`Merging::begin`]), so that whoever looks next finds
//! out whether it landed (promise 3).

use std::collections::HashMap;

use async_trait::async_trait;
use gantry_core::ids::{BranchName, CommitId, ProposalNumber};
use jiff::Timestamp;

use super::{ForgeError, Merged};
use crate::git::{Draft, File, GitError, Line, Mirror, Person, RefResult, Snapshot, trailers};

/// Paths with their new bytes; `None` deletes the file.
type Changes = Vec<(String, Option<Vec<u8>>)>;

/// A forge that merges by Git.
#[async_trait]
pub trait MergesByGit: Send + Sync {
    /// Begins to merge proposals, each if its head is still the one given. Nobody else changes anything at the
    /// forge until the answer is dropped.
    async fn merging(
        &self,
        wanted: &[(ProposalNumber, CommitId)],
    ) -> Result<Box<dyn Merging + Send + Sync>, ForgeError>;
}

/// Merges under way.
#[async_trait]
pub trait Merging {
    /// The proposals that may be merged, and of each other one that was asked for, what is so already.
    fn proposals(&self) -> &HashMap<ProposalNumber, Result<Mergeable, Merged>>;

    /// Writes down what is pushed next.
    async fn begin(&self, tries: &[Try]) -> Result<(), ForgeError>;

    /// Writes down what came of the push; the answers are in the order of the tries.
    async fn settle(&self, results: Vec<(Try, RefResult)>) -> Result<Vec<Merged>, ForgeError>;
}

/// An open proposal, as far as its merge needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mergeable {
    /// Its number.
    pub number: ProposalNumber,
    /// Its head.
    pub head: CommitId,
    /// The branch that it goes to.
    pub base: BranchName,
    /// Who approved this head, when and why, as trailers.
    pub approvers: Vec<(String, String)>,
    /// In whose name the merge is made.
    pub committer: Person,
    /// Merges of this head that were begun: onto which head, and when.
    pub begun: Vec<(CommitId, Timestamp)>,
}

/// A merge that is pushed next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// The proposal.
    pub number: ProposalNumber,
    /// Its head.
    pub head: CommitId,
    /// The commit that it is made on.
    pub onto: CommitId,
    /// The commit on the base branch.
    pub becomes: CommitId,
    /// That commit's time.
    pub at: Timestamp,
}

/// What a merge is.
#[derive(Debug)]
pub enum Replay {
    /// The base becomes the proposal's own head.
    Head,
    /// A commit of its own, on the chain's head.
    Commit(Box<Draft>),
    /// The branch must be built anew.
    Moved,
    /// People must act.
    Refused(String),
}

/// A chain that merges are made on.
pub struct Onto<'a> {
    /// The mirror.
    pub mirror: &'a Mirror,
    /// The line of the base, at the head that the chain begins with.
    pub line: &'a mut Line,
    /// The files at that head.
    pub files: &'a Snapshot<'a>,
    /// That head.
    pub start: &'a CommitId,
    /// The chain's head.
    pub head: &'a CommitId,
    /// Whether the chain has changed a file since its start.
    pub changed: &'a dyn Fn(&str) -> bool,
    /// The time.
    pub now: Timestamp,
}

impl Onto<'_> {
    /// What the merge of a proposal is on this chain: the head itself where the base stands as it did, else its
    /// one commit, made anew on files that are as they were.
    ///
    /// # Errors
    /// What reading the mirror meets.
    pub fn replay(&mut self, merge: &Mergeable) -> Result<Replay, GitError> {
        let Some(own) = self.line.own(self.mirror, &merge.head, 2)? else { return Ok(Replay::Moved) };
        let one = own.commits.len() == 1;
        if own.start == *self.head && !own.commits.is_empty() && (merge.approvers.is_empty() || !one) {
            return Ok(Replay::Head);
        }
        let commit = match own.commits.as_slice() {
            [commit] => commit,
            // It is in the base already, which the forge's next look at Git tells.
            [] => return Ok(Replay::Moved),
            _ => {
                let why = "the branch holds more than one commit and its base has moved; whoever committed to \
                           it must merge it with git, or rebase it";
                return Ok(Replay::Refused(why.to_owned()));
            }
        };
        let Some(changes) = self.changes(&own.start, &commit.id)? else { return Ok(Replay::Moved) };
        let begun = merge.begun.iter().find(|(onto, _)| onto == self.head);
        Ok(Replay::Commit(Box::new(Draft {
            parent: self.head.clone(),
            merges: Vec::new(),
            changes,
            message: match merge.approvers.as_slice() {
                [] => commit.message.clone(),
                names => trailers::with(&commit.message, names),
            },
            author: commit.author.clone(),
            committer: merge.committer.clone(),
            at: begun.map_or(self.now, |(_, at)| *at),
        })))
    }

    /// The changes of a commit on `start`, if they can be made on the chain as well: the files that it changed
    /// are there as they were, and each keeps its mode.
    fn changes(&self, start: &CommitId, commit: &CommitId) -> Result<Option<Changes>, GitError> {
        let changed = self.mirror.changed(Some(start), commit, &|_| true)?;
        let (before, after) = (self.mirror.snapshot(start)?, self.mirror.snapshot(commit)?);
        let like = |file: &File| (file.executable, file.kind, file.id);
        let mut changes = Vec::with_capacity(changed.len());
        for file in changed {
            let (old, new) = (before.read(&file.path)?, after.read(&file.path)?);
            let now = if start == self.start { old.clone() } else { self.files.read(&file.path)? };
            if (self.changed)(&file.path) || now.as_ref().map(like) != old.as_ref().map(like) {
                return Ok(None);
            }
            let same = match (&old, &new) {
                (Some(old), Some(new)) => (old.executable, old.kind) == (new.executable, new.kind),
                (None, Some(new)) => !new.executable,
                (_, None) => true,
            };
            if !same {
                return Ok(None);
            }
            changes.push((file.path, new.map(|file| file.bytes)));
        }
        Ok(Some(changes))
    }
}
