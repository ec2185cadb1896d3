//! When Gantry first saw commits on their branches: from when they count, where nothing better is known.
//!
//! A committer's date is what whoever makes the commit wants it to be. So an arrival counts from a time that nobody
//! can choose (promise 11): of a sealed commit of Gantry's own, its time; of a sealed proposal that the forge says it
//! merged with this commit, the forge's time; of everything else, when Gantry first saw it. After the loss of the
//! database that is now.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use gantry_core::{
    facts::{Arrival, Place, Proposal, ProposalState},
    ids::{BranchName, CommitId},
};
use jiff::{SignedDuration, Timestamp};

use super::belief::Believed;
use crate::store::FirstSeen;

/// What is older and no arrival any more is forgotten.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 200);

/// What a forge says of merges: by branch, and by the commit that it names.
type Merges = HashMap<(BranchName, CommitId), (Place, Timestamp)>;

/// When commits were first seen.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    known: HashMap<(BranchName, CommitId), Timestamp>,
    /// Not in the database yet.
    fresh: Vec<FirstSeen>,
    /// To be taken out of the database.
    gone: Vec<FirstSeen>,
    merges: Merges,
    now: Timestamp,
    /// The time of the newest sealed commit of Gantry's on each branch: nothing after it is older.
    sealed: BTreeMap<BranchName, Timestamp>,
    /// Branches that somebody set back or rewrote: what is not on them any more comes anew when it comes again.
    rewritten: BTreeSet<BranchName>,
}

impl Sightings {
    /// What the database knows.
    pub(super) fn load(rows: Vec<FirstSeen>) -> Self {
        let known = rows.into_iter().map(|row| ((row.branch, row.commit), row.at)).collect();
        Self { known, ..Self::default() }
    }

    /// A look begins.
    pub(super) fn begin(&mut self, now: Timestamp, proposals: &[Proposal]) {
        self.now = now;
        let merged = |proposal: &Proposal| match &proposal.state {
            ProposalState::Merged { at, commit: Some(commit), .. } => {
                Some(((proposal.base.clone(), commit.clone()), (proposal.place.clone(), *at)))
            }
            ProposalState::Merged { .. } | ProposalState::Open | ProposalState::Closed { .. } => None,
        };
        self.merges = proposals.iter().filter_map(merged).collect();
    }

    /// When the look began.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// The branch was set back or rewritten.
    pub(super) fn rewritten(&mut self, branch: &BranchName) {
        self.rewritten.insert(branch.clone());
    }

    /// From when an arrival counts. Commits of a branch are given oldest first.
    pub(super) fn since(
        &mut self,
        branch: &BranchName,
        place: &Place,
        commit: &CommitId,
        believed: Option<&Believed>,
    ) -> Timestamp {
        if let Some(sealed) = believed.and_then(|believed| believed.sealed_at) {
            let newest = self.sealed.entry(branch.clone()).or_insert(sealed);
            *newest = sealed.max(*newest);
            return sealed;
        }
        let seen = self.first(branch, commit);
        let Some(believed) = believed else { return seen };
        let merged = [commit, &believed.carrier].into_iter().find_map(|id| {
            let (of, at) = self.merges.get(&(branch.clone(), id.clone()))?;
            (of == place).then_some(*at)
        });
        merged.unwrap_or(seen)
    }

    fn first(&mut self, branch: &BranchName, commit: &CommitId) -> Timestamp {
        let key = (branch.clone(), commit.clone());
        if let Some(seen) = self.known.get(&key) {
            return *seen;
        }
        // A clock that is behind must not let it count from before.
        let at = self.sealed.get(branch).map_or(self.now, |sealed| self.now.max(*sealed));
        self.known.insert(key, at);
        self.fresh.push(FirstSeen { branch: branch.clone(), commit: commit.clone(), at });
        at
    }

    /// What has to be written down, and what may be forgotten, of the arrivals that there are.
    pub(super) fn changes<'a>(
        &mut self,
        arrivals: impl Iterator<Item = (&'a BranchName, &'a Arrival)>,
    ) -> (Vec<FirstSeen>, Vec<FirstSeen>) {
        let (fresh, mut gone) = (std::mem::take(&mut self.fresh), std::mem::take(&mut self.gone));
        let rewritten = std::mem::take(&mut self.rewritten);
        if fresh.is_empty() && rewritten.is_empty() {
            return (fresh, gone);
        }
        let stale = |((branch, _), at): &(&(BranchName, CommitId), &Timestamp)| {
            rewritten.contains(branch) || self.now.duration_since(**at) > KEPT
        };
        // Only these are looked for among the arrivals, which are many.
        let mut passed: BTreeMap<BranchName, HashSet<CommitId>> = BTreeMap::new();
        let rows = fresh.iter().map(|row| (&row.branch, &row.commit));
        for (branch, commit) in rows.chain(self.known.iter().filter(stale).map(|(key, _)| (&key.0, &key.1))) {
            passed.entry(branch.clone()).or_default().insert(commit.clone());
        }
        for (branch, arrival) in arrivals {
            if let Some(commits) = passed.get_mut(branch) {
                commits.remove(&arrival.commit);
            }
        }
        let is_passed = |row: &FirstSeen| passed.get(&row.branch).is_some_and(|of| of.contains(&row.commit));
        let (never, fresh): (Vec<_>, Vec<_>) = fresh.into_iter().partition(is_passed);
        // What came and went within one look is not in the database.
        for row in never {
            self.known.remove(&(row.branch, row.commit));
        }
        for (branch, commits) in passed {
            for commit in commits {
                let key = (branch.clone(), commit);
                if let Some(at) = self.known.remove(&key) {
                    gone.push(FirstSeen { branch: key.0, commit: key.1, at });
                }
            }
        }
        (fresh, gone)
    }

    /// The database did not take them: they are told again.
    pub(super) fn again(&mut self, fresh: Vec<FirstSeen>, gone: Vec<FirstSeen>) {
        self.fresh.extend(fresh);
        self.gone.extend(gone);
    }
}
