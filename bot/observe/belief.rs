//! Which records in Git are believed (promise 11).
//!
//! A record is a claim. It is believed where its seal is one of a trusted key, of this repository, this branch and
//! this very commit; everything else is somebody's commit, however it is dressed up.
//!
//! - A commit that Gantry pushed itself is told by its parent, its tree and its time.
//! - A proposal's commit is told by what it does to the files, so that a forge may squash or rebase it, and by the
//!   commit that it was made on, behind which its seal is not looked for.
//! - A seal counts once on a branch, for the oldest commit that carries it rightly: what somebody repeats after a
//!   revert is no promotion.
//!
//! What can't be judged (a history too long, a change too large) is not believed.

mod ledger;

use gantry_core::{
    facts::{Held, Place, Record},
    ids::{BranchName, CommitId},
    record,
};
use jiff::Timestamp;

pub(crate) use self::ledger::Ledger;
use crate::{
    git::{CommitInfo, GitError, Mirror, trailers},
    seal::{Binding, BoundFile, KeyId, Seal, Trust},
};

/// How many older uses of one seal are looked at; beyond it nothing is believed.
const USES: usize = 16;

/// The record in a commit's trailers, believed or not.
pub(crate) fn claim_of(commit: &CommitInfo) -> Option<Record> {
    record::read_record(&trailers::parse(&commit.message))
}

/// The files hold what the record says. One that says something else was not written for this change.
pub(crate) fn holds(record: &Record, held: &[Held]) -> bool {
    record.artifacts.iter().all(|artifact| held.iter().any(|held| held.is(artifact)))
}

/// A record that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Believed {
    /// What it says.
    pub(crate) record: Record,
    /// Whose seal it has.
    pub(crate) key: KeyId,
    /// The commit that carries it: the one that was judged, or one that it merged.
    pub(crate) carrier: CommitId,
    /// When it was written, of a commit that Gantry pushed to the branch itself.
    pub(crate) sealed_at: Option<Timestamp>,
}

/// What a commit's trailers are worth for one place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Word {
    /// The record that is believed.
    pub(crate) believed: Option<Believed>,
    /// Its trailers, or those of a commit that it merged, say that they are a promotion's for the place.
    pub(crate) claimed: bool,
}

impl Word {
    /// The same with its record under another name; `claimed` is what was claimed before.
    pub(crate) fn under(self, claimed: bool, own: impl Fn(Record) -> Option<Record>) -> Self {
        let renamed = |believed: Believed| Some(Believed { record: own(believed.record)?, ..believed });
        let believed = self.believed.and_then(renamed);
        Self { claimed: believed.is_none() && (claimed || self.claimed), believed }
    }
}

/// Judges the commits of one branch.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    /// The repository.
    pub(crate) mirror: &'a Mirror,
    /// Whose seals are believed.
    pub(crate) trust: &'a Trust,
    /// The branch.
    pub(crate) branch: &'a BranchName,
}

/// A seal with what it has to be a seal of.
struct Claim {
    sealed: record::Sealed,
    seal: Seal,
}

fn claim(commit: &CommitInfo) -> Option<Claim> {
    let sealed = record::read_seal(&trailers::parse(&commit.message))?;
    let seal = sealed.seal.parse().ok()?;
    Some(Claim { sealed, seal })
}

impl Judge<'_> {
    /// What a first-parent commit of the branch says of a place. `merged` are the commits that it merged; `holds`
    /// tells whether the files hold what a record says.
    pub(crate) fn word(
        &self,
        ledger: &mut Ledger,
        place: &Place,
        commit: &CommitInfo,
        merged: &[CommitInfo],
        holds: &dyn Fn(&Record) -> bool,
    ) -> Result<Word, GitError> {
        let mut word = Word::default();
        for told in std::iter::once(commit).chain(merged) {
            let Some(record) = claim_of(told).filter(|record| record.place == *place) else { continue };
            word.claimed = true;
            if !holds(&record) {
                continue;
            }
            let Some(claim) = claim(told) else { continue };
            if !self.seals(told, &claim)? {
                continue;
            }
            // A commit that Gantry pushed stands on its own parent, so it can't stand anywhere else.
            let own = told.id == commit.id && claim.sealed.base.is_none();
            if own || self.first_use(ledger, commit, told, &claim)? {
                word.believed = Some(Believed {
                    record,
                    key: claim.seal.key,
                    carrier: told.id.clone(),
                    sealed_at: own.then_some(told.at),
                });
                word.claimed = false;
                break;
            }
        }
        Ok(word)
    }

    /// Whether a commit on a proposal's branch that goes to this one is as Gantry made it.
    pub(crate) fn is_proposal(&self, commit: &CommitInfo) -> Result<bool, GitError> {
        let Some(claim) = claim(commit) else { return Ok(false) };
        let base = claim.sealed.base.as_ref();
        Ok(base.is_some() && base == commit.parents.first() && self.seals(commit, &claim)?)
    }

    /// Whether the seal is one of this commit, wherever on the branch it stands.
    fn seals(&self, commit: &CommitInfo, claim: &Claim) -> Result<bool, GitError> {
        let Claim { sealed, seal } = claim;
        if !self.trust.knows(&seal.key) {
            return Ok(false);
        }
        let branch = self.branch.as_str();
        match (&sealed.base, commit.parents.as_slice()) {
            (None, [parent]) => {
                let tree = self.mirror.tree(&commit.id)?;
                let (parent, seconds) = (parent.as_str(), commit.at.as_second());
                let binding = Binding::Commit { parent, tree: &tree, seconds };
                Ok(self.trust.verifies(seal, branch, binding, &sealed.trailers))
            }
            (Some(base), [parent, ..]) => {
                let changed = match self.mirror.changed(Some(parent), &commit.id, &|_| true) {
                    Err(GitError::TooLarge { .. }) => return Ok(false),
                    changed => changed?,
                };
                let id = |id: Option<crate::git::BlobId>| id.map(|id| id.to_string());
                let files: Vec<BoundFile> = changed
                    .into_iter()
                    .map(|file| BoundFile { path: file.path, before: id(file.before), after: id(file.after) })
                    .collect();
                let binding = Binding::Proposal { base: base.as_str(), files: &files };
                Ok(self.trust.verifies(seal, branch, binding, &sealed.trailers))
            }
            (None, _) | (Some(_), []) => Ok(false),
        }
    }

    /// Whether no older commit of the branch carries the seal rightly.
    fn first_use(
        &self,
        ledger: &mut Ledger,
        commit: &CommitInfo,
        told: &CommitInfo,
        claim: &Claim,
    ) -> Result<bool, GitError> {
        let Some(since) = claim.sealed.base.as_ref().or(told.parents.first()) else { return Ok(false) };
        if !ledger.reaches(self.mirror, &commit.id, since)? {
            return Ok(false);
        }
        for (index, (on, carrier)) in ledger.uses(&claim.seal).enumerate() {
            if *on == commit.id {
                return Ok(true);
            }
            if index == USES {
                return Ok(false);
            }
            let older = self.mirror.commit_info(carrier)?;
            let same = self::claim(&older).filter(|older| older.seal == claim.seal);
            if let Some(same) = same
                && self.seals(&older, &same)?
            {
                return Ok(false);
            }
        }
        Ok(false)
    }
}
