//! The first-parent line of a branch, kept in memory as far back as somebody asked.
//!
//! Whether a commit is in a branch, and what a branch of one's own has over it, is mostly told by this line alone:
//! a proposal stands on a commit of it. A search for common ancestors would walk as far back as the oldest branch
//! of the repository, for each proposal again.
//!
//! Promise: an answer from the line is the one that the search gives. Where the line cannot tell, because of a
//! merge or for its length, the search is made.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use gantry_core::ids::{BranchName, CommitId};
use gix::{ObjectId, hashtable::HashMap as IdMap};

use super::{CommitInfo, error::GitError, ids, mirror::Mirror};

/// How many commits are read back at most; what stands on an older one is searched for.
const LONGEST: usize = 20_000;
/// How many commits of its own a branch may have until its line is met.
const OWN: usize = 64;
/// How many new commits bring a line up to its branch; beyond this it is read anew.
const FOLLOWED: usize = 5_000;

/// The lines of several branches, for one who asks again and again.
#[derive(Debug, Default)]
pub struct Lines(Mutex<HashMap<BranchName, Line>>);

impl Lines {
    /// Works with the line of a branch, brought up to `head`.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold it, and what `work` meets.
    pub fn at<T>(
        &self,
        mirror: &Mirror,
        branch: &BranchName,
        head: &CommitId,
        work: impl FnOnce(&mut Line) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.entry(branch.clone()).or_default();
        line.follow(mirror, head)?;
        work(line)
    }
}

/// The line of one branch. It follows the branch from look to look.
#[derive(Debug, Default)]
pub struct Line {
    /// Where each commit stands: newer ones are higher.
    heights: IdMap<ObjectId, i64>,
    /// The heights of merges.
    merges: BTreeSet<i64>,
    head: Option<(ObjectId, i64)>,
    /// What comes next below, and its height.
    next: Option<(ObjectId, i64)>,
}

/// What a commit has over a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The newest common ancestor.
    pub start: CommitId,
    /// The commits that the line has not, newest first, at most as many as were asked for.
    pub commits: Vec<CommitInfo>,
}

impl Line {
    /// Brings the line up to `head`.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold it.
    pub fn follow(&mut self, mirror: &Mirror, head: &CommitId) -> Result<(), GitError> {
        if self.head.is_some_and(|(known, _)| Some(known) == ids::object(head)) {
            return Ok(());
        }
        let repository = mirror.repository();
        let tip = mirror.known(&repository, head)?;
        let mut new = Vec::new();
        let mut next = Some(tip);
        while let Some(id) = next.filter(|_| self.head.is_some() && new.len() < FOLLOWED) {
            // What was taken back stays behind as if it were of the line: so only the old head will do.
            if self.head.is_some_and(|(known, _)| known == id) {
                break;
            }
            let parents = mirror.parents(&repository, id)?;
            next = parents.first().copied();
            new.push((id, parents.len() > 1));
        }
        match self.head.filter(|(known, _)| next == Some(*known)) {
            Some((_, mut height)) => {
                for (id, merge) in new.into_iter().rev() {
                    height += 1;
                    self.put(id, height, merge);
                }
                self.head = Some((tip, height));
            }
            None => {
                *self = Self { head: Some((tip, 0)), next: Some((tip, 0)), ..Self::default() };
            }
        }
        Ok(())
    }

    fn put(&mut self, id: ObjectId, height: i64, merge: bool) {
        self.heights.insert(id, height);
        if merge {
            self.merges.insert(height);
        }
    }

    /// The height of a commit of the line; `None` for one that is not on it as far as it is read.
    fn height(
        &mut self,
        mirror: &Mirror,
        repository: &gix::Repository,
        id: ObjectId,
    ) -> Result<Option<i64>, GitError> {
        loop {
            if let Some(height) = self.heights.get(&id) {
                return Ok(Some(*height));
            }
            let Some((next, height)) = self.next.filter(|_| self.heights.len() < LONGEST) else {
                return Ok(None);
            };
            let parents = mirror.parents(repository, next)?;
            self.put(next, height, parents.len() > 1);
            self.next = parents.first().map(|parent| (*parent, height - 1));
        }
    }

    /// The commits from `head` down to the first one of the line, which is not among them, and that one; `None`
    /// where the line cannot tell. A merge above it may have brought them in already.
    fn branch_off(
        &mut self,
        mirror: &Mirror,
        repository: &gix::Repository,
        head: ObjectId,
    ) -> Result<Option<(Vec<ObjectId>, ObjectId)>, GitError> {
        let mut own = Vec::new();
        let mut next = head;
        while own.len() <= OWN {
            // Most have one commit: its parent is looked for before the line is read to its end for itself.
            let known = self.heights.get(&next).copied();
            let height = match known {
                None if own.is_empty() => None,
                known => known.map_or_else(|| self.height(mirror, repository, next), |h| Ok(Some(h)))?,
            };
            if height.is_some() {
                // Reading on may have met it: then it is of the line itself.
                if let Some(met) = own.iter().position(|id| self.heights.contains_key(id)) {
                    let start = own[met];
                    own.truncate(met);
                    return Ok(Some((own, start)).filter(|(own, start)| self.tells(own, start)));
                }
                return Ok(Some((own, next)).filter(|(own, start)| self.tells(own, start)));
            }
            let parents = mirror.parents(repository, next)?;
            let [parent] = parents[..] else { return Ok(None) };
            own.push(next);
            next = parent;
        }
        Ok(None)
    }

    /// Whether no merge above `start` can have brought in what stands on it.
    fn tells(&self, own: &[ObjectId], start: &ObjectId) -> bool {
        let height = self.heights.get(start).copied().unwrap_or(i64::MIN);
        own.is_empty() || self.merges.range(height.saturating_add(1)..).next().is_none()
    }

    /// Whether `commit` is the head or comes before it. One that the mirror does not hold does not.
    ///
    /// # Errors
    /// What reading the mirror meets.
    pub fn holds(&mut self, mirror: &Mirror, commit: &CommitId) -> Result<bool, GitError> {
        let repository = mirror.repository();
        let Some((tip, _)) = self.head else { return Ok(false) };
        let Some(id) = ids::object(commit).filter(|id| repository.has_object(*id)) else { return Ok(false) };
        if let Some((own, _)) = self.branch_off(mirror, &repository, id)? {
            return Ok(own.is_empty());
        }
        mirror.is_ancestor(commit, &mirror.commit_id(&tip)?)
    }

    /// What `head` has over the line, `most` commits of it at most; `None` where the two have nothing in common.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold it.
    pub fn own(&mut self, mirror: &Mirror, head: &CommitId, most: usize) -> Result<Option<Own>, GitError> {
        let repository = mirror.repository();
        let id = mirror.known(&repository, head)?;
        let Some((tip, _)) = self.head else { return Ok(None) };
        if let Some((own, start)) = self.branch_off(mirror, &repository, id)? {
            let commits = own.into_iter().take(most).map(|id| Ok(mirror.info(&repository, id)?.0));
            let commits = commits.collect::<Result<_, GitError>>()?;
            return Ok(Some(Own { start: mirror.commit_id(&start)?, commits }));
        }
        let tip = mirror.commit_id(&tip)?;
        let Some(start) = mirror.merge_base(&tip, head)? else { return Ok(None) };
        Ok(Some(Own { start, commits: mirror.commits_between(&tip, head, most)? }))
    }

    /// The commits of the line above `before`, where there are at most `most` and no merge is among them: then
    /// they are all that came since. `None` where the line cannot tell.
    ///
    /// # Errors
    /// What reading the mirror meets.
    pub fn since(
        &mut self,
        mirror: &Mirror,
        before: &CommitId,
        most: usize,
    ) -> Result<Option<Vec<CommitId>>, GitError> {
        let repository = mirror.repository();
        let Some((tip, top)) = self.head else { return Ok(None) };
        let Some(before) = ids::object(before) else { return Ok(None) };
        let Some(height) = self.height(mirror, &repository, before)? else { return Ok(None) };
        let new = usize::try_from(top - height).unwrap_or(usize::MAX);
        if new > most || self.merges.range(height + 1..).next().is_some() {
            return Ok(None);
        }
        let mut commits = Vec::with_capacity(new);
        let mut next = tip;
        while next != before {
            commits.push(mirror.commit_id(&next)?);
            match mirror.parents(&repository, next)?.first() {
                Some(parent) => next = *parent,
                None => return Ok(None),
            }
        }
        Ok(Some(commits))
    }
}
