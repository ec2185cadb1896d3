//! Who committed what: first-parent history, what one head has over another, common ancestors.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashSet},
};

use gantry_core::ids::CommitId;
use gix::{ObjectId, bstr::ByteSlice};
use jiff::Timestamp;

use super::{error::GitError, ids, mirror::Mirror};

/// The most bytes of a commit that is read: 1 MiB.
const MAX_COMMIT: u64 = 1 << 20;

pub use gantry_core::facts::Person;

/// A commit as it is written. Text from people: bytes that are not UTF-8 are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// The commit.
    pub id: CommitId,
    /// What it was made on; more than one for a merge.
    pub parents: Vec<CommitId>,
    /// Who wrote the change.
    pub author: Person,
    /// Who made the commit.
    pub committer: Person,
    /// When it was committed, by the committer's clock; never trusted for order.
    pub at: Timestamp,
    /// The first paragraph of the message in one line.
    pub subject: String,
    /// The whole message.
    pub message: String,
}

impl Mirror {
    /// The commits from `head` back along first parents, newest first, without `stop_at` and what comes
    /// after it, at most `limit`.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold `head`.
    pub fn log(
        &self,
        head: &CommitId,
        stop_at: Option<&CommitId>,
        limit: usize,
    ) -> Result<Vec<CommitInfo>, GitError> {
        let repository = self.repository();
        let mut next = Some(self.known(&repository, head)?);
        let stop = stop_at.and_then(ids::object);
        let mut log = Vec::new();
        while let Some(id) = next.take() {
            if log.len() >= limit || stop == Some(id) {
                break;
            }
            let (info, parents) = self.info(&repository, id)?;
            next = parents.first().copied();
            log.push(info);
        }
        Ok(log)
    }

    /// The commits that `head` has and `base` has not, through all parents, newest first by the committers'
    /// clocks, at most `limit`.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold one of the two.
    pub fn commits_between(
        &self,
        base: &CommitId,
        head: &CommitId,
        limit: usize,
    ) -> Result<Vec<CommitInfo>, GitError> {
        let repository = self.repository();
        let (base, head) = (self.known(&repository, base)?, self.known(&repository, head)?);
        let own: HashSet<ObjectId> =
            self.difference(&repository, &[head], &[base])?.own.into_iter().collect();
        // A commit before its parents, and of several the newest.
        let mut next = BinaryHeap::new();
        let mut seen = HashSet::new();
        let mut commits: Vec<CommitInfo> = Vec::new();
        let mut reached = vec![head];
        while commits.len() < limit {
            for id in reached.drain(..).filter(|id| own.contains(id)) {
                if seen.insert(id) {
                    let (info, parents) = self.info(&repository, id)?;
                    next.push(Dated { at: info.at, turn: usize::MAX - seen.len(), info, parents });
                }
            }
            let Some(Dated { info, parents, .. }) = next.pop() else { break };
            commits.push(info);
            reached = parents;
        }
        Ok(commits)
    }

    /// One commit.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold it.
    pub fn commit_info(&self, id: &CommitId) -> Result<CommitInfo, GitError> {
        let repository = self.repository();
        let id = self.known(&repository, id)?;
        Ok(self.info(&repository, id)?.0)
    }

    /// The best common ancestor, `None` for unrelated commits.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold one of the two.
    pub fn merge_base(&self, one: &CommitId, two: &CommitId) -> Result<Option<CommitId>, GitError> {
        let repository = self.repository();
        let (one, two) = (self.known(&repository, one)?, self.known(&repository, two)?);
        let found = match self.difference(&repository, &[one], &[two])?.boundary[..] {
            [] => None,
            [base] => Some(base),
            // The two were merged into each other before: which is best takes another walk.
            _ => repository.merge_base(one, two).map_err(|error| self.damage(&error))?.map(gix::Id::detach),
        };
        match found {
            Some(base) => Ok(Some(self.commit_id(&base)?)),
            None => Ok(None),
        }
    }

    /// Whether `ancestor` is `head` or comes before it.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold one of the two.
    pub fn is_ancestor(&self, ancestor: &CommitId, head: &CommitId) -> Result<bool, GitError> {
        Ok(self.merge_base(ancestor, head)?.as_ref() == Some(ancestor))
    }

    /// The parents of a commit that the mirror holds.
    pub(super) fn parents(
        &self,
        repository: &gix::Repository,
        id: ObjectId,
    ) -> Result<Vec<ObjectId>, GitError> {
        let commit = repository.find_commit(id).map_err(|error| self.damage(&error))?;
        Ok(commit.parent_ids().map(gix::Id::detach).collect())
    }

    pub(super) fn info(
        &self,
        repository: &gix::Repository,
        id: ObjectId,
    ) -> Result<(CommitInfo, Vec<ObjectId>), GitError> {
        let header = repository.find_header(id).map_err(|error| self.damage(&error))?;
        if header.size() > MAX_COMMIT {
            return Err(self.too_large(format!("commit {id}"), format!("{} MiB", MAX_COMMIT >> 20)));
        }
        let commit = repository.find_commit(id).map_err(|error| self.damage(&error))?;
        let parents: Vec<ObjectId> = commit.parent_ids().map(gix::Id::detach).collect();
        // A commit whose signature lines are odd is still a commit: it only has nobody and no time.
        let author = commit.author().map(|who| person(&who)).unwrap_or_else(|_| nobody());
        let (committer, at) = match commit.committer() {
            Ok(who) => (person(&who), Timestamp::from_second(who.seconds()).unwrap_or(Timestamp::UNIX_EPOCH)),
            Err(_) => (nobody(), Timestamp::UNIX_EPOCH),
        };
        let message = commit.message_raw().map_err(|error| self.damage(&error))?.to_str_lossy().into_owned();
        let subject = subject(&message);
        let mut ids = Vec::with_capacity(parents.len());
        for parent in &parents {
            ids.push(self.commit_id(parent)?);
        }
        let info =
            CommitInfo { id: self.commit_id(&id)?, parents: ids, author, committer, at, subject, message };
        Ok((info, parents))
    }
}

/// A commit that waits for its turn.
struct Dated {
    at: Timestamp,
    /// Of one second, what was reached first comes first.
    turn: usize,
    info: CommitInfo,
    parents: Vec<ObjectId>,
}

impl PartialEq for Dated {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Dated {}

impl PartialOrd for Dated {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Dated {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.turn).cmp(&(other.at, other.turn))
    }
}

fn person(who: &gix::actor::SignatureRef<'_>) -> Person {
    Person {
        name: who.name.to_str_lossy().trim().to_owned(),
        email: who.email.to_str_lossy().trim().to_owned(),
    }
}

fn nobody() -> Person {
    Person { name: String::new(), email: String::new() }
}

/// The first paragraph in one line, as `git log --format=%s` shows it.
fn subject(message: &str) -> String {
    let lines = message.trim_start_matches(['\n', '\r']).lines();
    lines.take_while(|line| !line.trim().is_empty()).map(str::trim).collect::<Vec<_>>().join(" ")
}
