//! Which commits of a branch carry which seals, as far back as was needed so far.

use std::collections::{HashMap, HashSet, VecDeque};

use gantry_core::{ids::CommitId, record};

use crate::{
    git::{CommitInfo, GitError, Mirror, trailers},
    seal::Seal,
};

/// How many first-parent commits are gone through at most. A proposal whose base is further back is not believed.
const MOST: usize = 100_000;
/// How many are read at once.
const STEP: usize = 500;
/// How many new ones are taken in at once; with more of them it begins anew at the head, step by step.
const NEW: usize = 5_000;
/// How many commits a merge may bring that are searched for seals.
const MERGED: usize = 200;

/// A first-parent commit, and the commit that carries a seal: itself, or one that it merged.
type Use = (CommitId, CommitId);

/// The seals of one branch, from its head back to some commit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// The branch's head.
    head: Option<CommitId>,
    /// The newest commit that was gone through.
    newest: Option<CommitId>,
    /// Where to go on; none behind the first commit of all.
    next: Option<CommitId>,
    /// What was gone through, merged commits included.
    known: HashSet<CommitId>,
    /// How many first-parent commits that is.
    read: usize,
    /// The uses of each seal, oldest first.
    uses: HashMap<[u8; 16], VecDeque<Use>>,
}

impl Ledger {
    /// The branch has this head now. Nothing is read until it is needed.
    pub(crate) fn follow(&mut self, head: &CommitId) {
        self.head = Some(head.clone());
    }

    /// Goes back until both commits were met; `false` where they are not, or not within reach.
    pub(super) fn reaches(
        &mut self,
        mirror: &Mirror,
        commit: &CommitId,
        since: &CommitId,
    ) -> Result<bool, GitError> {
        self.catch_up(mirror, commit)?;
        while !(self.known.contains(commit) && self.known.contains(since)) {
            let Some(next) = self.next.take().filter(|_| self.read < MOST) else { return Ok(false) };
            let commits = mirror.log(&next, None, STEP)?;
            for older in &commits {
                for used in self.enter(mirror, older)? {
                    self.uses.entry(used.0).or_default().push_front(used.1);
                }
            }
            self.next = commits.last().and_then(|oldest| oldest.parents.first().cloned());
        }
        Ok(true)
    }

    /// Takes in what came since the newest commit; begins anew where the branch was rewritten.
    fn catch_up(&mut self, mirror: &Mirror, commit: &CommitId) -> Result<(), GitError> {
        let head = self.head.clone().unwrap_or_else(|| commit.clone());
        if self.newest.as_ref() == Some(&head) {
            return Ok(());
        }
        if let Some(newest) = self.newest.take() {
            let commits = mirror.log(&head, Some(&newest), NEW)?;
            if commits.last().is_some_and(|oldest| oldest.parents.first() == Some(&newest)) {
                for newer in commits.iter().rev() {
                    for used in self.enter(mirror, newer)? {
                        self.uses.entry(used.0).or_default().push_back(used.1);
                    }
                }
                self.newest = Some(head);
                return Ok(());
            }
        }
        *self =
            Self { head: self.head.take(), next: Some(head.clone()), newest: Some(head), ..Self::default() };
        Ok(())
    }

    /// The seals of a first-parent commit and of what it merged.
    fn enter(&mut self, mirror: &Mirror, commit: &CommitInfo) -> Result<Vec<([u8; 16], Use)>, GitError> {
        let merged = match commit.parents.as_slice() {
            [parent, _, ..] => mirror.commits_between(parent, &commit.id, MERGED)?,
            _ => Vec::new(),
        };
        self.read += 1;
        self.known.insert(commit.id.clone());
        let mut found = Vec::new();
        for told in std::iter::once(commit).chain(&merged) {
            self.known.insert(told.id.clone());
            let sealed = record::read_seal(&trailers::parse(&told.message));
            if let Some(Ok(seal)) = sealed.map(|sealed| sealed.seal.parse::<Seal>()) {
                found.push((seal.mark(), (commit.id.clone(), told.id.clone())));
            }
        }
        Ok(found)
    }

    /// The uses of a seal in what was gone through, oldest first.
    pub(super) fn uses(&self, seal: &Seal) -> impl Iterator<Item = &Use> {
        self.uses.get(&seal.mark()).into_iter().flatten()
    }
}
