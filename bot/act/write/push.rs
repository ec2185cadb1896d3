//! The push: everything that was made, in one conversation, and what came of each part of it.

use std::collections::{BTreeMap, HashMap};

use gantry_core::{ids::BranchName, ids::CommitId, ids::ReleaseId, reason::Owner};

use super::{Chain, Planned, Trouble, Written, merge::Merges};
use crate::{
    forge::by_git::Try,
    git::{Drafting, RefResult, RefUpdate},
};

/// What is pushed.
pub(super) struct Push<'a> {
    pub(super) drafting: Drafting<'a>,
    pub(super) chains: BTreeMap<BranchName, Chain>,
    /// The effects whose commits are in a chain, in its order.
    pub(super) of_chain: Vec<(usize, BranchName)>,
    pub(super) planned: Vec<(usize, Planned)>,
    /// The merges among the chains' commits, with their branch.
    pub(super) tries: Vec<(BranchName, Try)>,
}

/// What came of it, by the effect's index, and of each merge.
pub(super) type Pushed = (BTreeMap<usize, Written>, Vec<(Try, RefResult)>);

impl Push<'_> {
    /// Pushes, after the merges were written down. Adds to what is `done` already.
    pub(super) fn run(
        self,
        merges: &Merges<'_>,
        mut done: BTreeMap<usize, Written>,
    ) -> Result<Pushed, Trouble> {
        let Self { drafting, chains, of_chain, planned, tries } = self;
        let mut updates: Vec<RefUpdate> = chains
            .iter()
            .filter(|(_, chain)| chain.head != chain.start)
            .map(|(branch, chain)| RefUpdate {
                branch: branch.to_string(),
                old: Some(chain.start.clone()),
                new: Some(chain.head.clone()),
            })
            .collect();
        updates.extend(planned.iter().map(|(_, plan)| plan.update.clone()));
        if updates.is_empty() {
            return Ok((done, Vec::new()));
        }
        if !tries.is_empty() {
            let tries: Vec<Try> = tries.iter().map(|(_, merge)| merge.clone()).collect();
            (merges.begin)(&tries).map_err(Trouble::Forge)?;
        }
        let outcomes: HashMap<String, RefResult> =
            drafting.push(&updates)?.into_iter().map(|outcome| (outcome.branch, outcome.result)).collect();
        let answer = |branch: &str, head: Option<CommitId>, release: Option<&ReleaseId>| {
            match (outcomes.get(branch), release) {
                (Some(RefResult::Landed), _) => Written::Landed(head),
                (Some(RefResult::Refused { message }), Some(release)) => {
                    Written::Refused(release.clone(), message.clone(), Owner::Platform)
                }
                (Some(RefResult::Unfinished { message }), Some(release)) => {
                    Written::Silent(release.clone(), message.clone())
                }
                // At once it would be refused again, and again.
                (Some(RefResult::Refused { message } | RefResult::Unfinished { message }), None) => {
                    Written::Left(message.clone())
                }
                (Some(RefResult::LostRace { .. }) | None, _) => Written::LostRace,
            }
        };
        let mut positions: HashMap<&BranchName, usize> = HashMap::new();
        for (index, branch) in &of_chain {
            let Some(chain) = chains.get(branch) else { continue };
            let position = positions.entry(branch).or_default();
            let release = chain.places.get(*position).map(|(_, release)| release);
            *position += 1;
            done.insert(*index, answer(branch.as_str(), None, release));
        }
        for (index, plan) in planned {
            let release = plan.places.first().map(|(_, release)| release);
            done.insert(index, answer(&plan.update.branch, plan.head, release));
        }
        let lost = RefResult::LostRace { now: None };
        let result = |branch: &BranchName| outcomes.get(branch.as_str()).unwrap_or(&lost).clone();
        let tries = tries.into_iter().map(|(branch, merge)| (merge, result(&branch))).collect();
        Ok((done, tries))
    }
}
