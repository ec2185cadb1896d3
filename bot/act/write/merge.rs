//! Merges among the commits of a branch's chain, for a forge that merges by Git.

use std::collections::{BTreeMap, HashMap};

use gantry_core::{
    facts::Place,
    ids::{BranchName, ProposalNumber},
    reason::Owner,
};

use super::{Chain, Writer, Written};
use crate::{
    forge::{
        ForgeError, Merged,
        by_git::{Mergeable, Onto, Replay, Try},
    },
    git::{Drafting, GitError, Lines},
};

/// What the forge says of the proposals that are to be merged.
pub(in crate::act) struct Merges<'a> {
    /// By their number; none where the forge merges by itself, or can't say.
    pub(in crate::act) proposals: Option<&'a HashMap<ProposalNumber, Result<Mergeable, Merged>>>,
    /// The lines of their bases, kept from push to push.
    pub(in crate::act) lines: &'a Lines,
    /// Writes down what is pushed next.
    pub(in crate::act) begin: &'a dyn Fn(&[Try]) -> Result<(), ForgeError>,
}

/// What became of one merge on the chain.
pub(super) enum Merge {
    /// It is a commit of that branch's chain.
    Made(BranchName, Try),
    /// It is left for the next push to that branch.
    Left(BranchName),
    /// There is nothing to push for it.
    Not(Written),
    /// It is not made here.
    Elsewhere,
}

impl Writer<'_> {
    /// Adds a merge to the chain of its base, which takes as many more commits as `room` says.
    pub(super) fn merge(
        &self,
        drafting: &mut Drafting<'_>,
        chains: &mut BTreeMap<BranchName, Chain>,
        place: &Place,
        number: ProposalNumber,
        room: impl Fn(&BTreeMap<BranchName, Chain>, &BranchName) -> usize,
    ) -> Result<Merge, GitError> {
        let proposal = self.facts.open_proposal(place).filter(|proposal| proposal.number == number);
        // One that says no release is not decided to be merged.
        let Some(release) = proposal.and_then(|proposal| proposal.release.clone()) else {
            return Ok(Merge::Not(Written::LostRace));
        };
        let refused =
            |message: String, owner: Owner| Ok(Merge::Not(Written::Refused(release.clone(), message, owner)));
        let Some(proposals) = self.merges.proposals else { return Ok(Merge::Elsewhere) };
        let merge = match proposals.get(&number) {
            Some(Ok(merge)) => merge,
            Some(Err(Merged::Yes { .. })) => return Ok(Merge::Not(Written::Landed(None))),
            Some(Err(Merged::Refused { message })) => return refused(message.clone(), Owner::Platform),
            Some(Err(Merged::Moved)) | None => return Ok(Merge::Not(Written::LostRace)),
        };
        if !self.facts.heads.contains_key(&merge.base) {
            let base = &merge.base;
            let message =
                format!("the branch {base} does not exist; the team must create it or correct gantry.yaml");
            return refused(message, Owner::Team);
        }
        if room(chains, &merge.base) == 0 {
            return Ok(Merge::Left(merge.base.clone()));
        }
        let chain = self.chain(chains, &merge.base)?;
        let onto = chain.head.clone();
        let replayed = self.merges.lines.at(self.mirror, &merge.base, &chain.start, |line| {
            let files = self.mirror.snapshot(&chain.at)?;
            let changed = |path: &str| chain.changed.contains(path);
            let (start, head, now) = (&chain.at, &chain.head, self.now);
            Onto { mirror: self.mirror, line, files: &files, start, head, changed: &changed, now }
                .replay(merge)
        });
        let (becomes, at) = match replayed {
            Ok(Replay::Head) => {
                chain.at.clone_from(&merge.head);
                (merge.head.clone(), self.now)
            }
            Ok(Replay::Commit(draft)) => match drafting.commit(&draft) {
                Ok(becomes) => {
                    let snapshot = self.mirror.snapshot(&chain.at)?;
                    for (path, bytes) in draft.changes {
                        if let (Some(bytes), Some(mut file)) = (bytes, snapshot.read(&path)?) {
                            file.bytes = bytes;
                            chain.files.insert(path.clone(), file);
                        }
                        chain.changed.insert(path);
                    }
                    (becomes, draft.at)
                }
                Err(error @ (GitError::Draft { .. } | GitError::TooLarge { .. })) => {
                    return refused(error.to_string(), error.owner());
                }
                Err(error) => return Err(error),
            },
            Ok(Replay::Moved) => return Ok(Merge::Not(Written::LostRace)),
            Ok(Replay::Refused(message)) => return refused(message, Owner::Platform),
            Err(error @ GitError::TooLarge { .. }) => return refused(error.to_string(), error.owner()),
            Err(error) => return Err(error),
        };
        chain.head = becomes.clone();
        chain.places.push((place.clone(), release));
        Ok(Merge::Made(merge.base.clone(), Try { number, head: merge.head.clone(), onto, becomes, at }))
    }
}
