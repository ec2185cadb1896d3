//! Git's part of effects: one push, the merges of a forge that merges by Git among it.

use std::sync::Arc;

use gantry_core::{
    config::pipeline::Pipeline,
    effects::Effect,
    facts::Facts,
    ids::{CommitId, ProposalNumber},
};

use super::{
    Actor,
    batch_size::BatchSize,
    identities::Identities,
    sealer::Sealer,
    write::{Merges, Trouble, Writer, Wrote},
};
use crate::{
    forge::{
        ForgeError,
        by_git::{Merging, Try},
    },
    git::GitError,
    store::board::Seen,
};

/// The merges under way at a forge that merges by Git; none where there are none.
type Underway = Option<Arc<dyn Merging + Send + Sync>>;

impl Actor {
    /// Git's part of all effects in one push, the merges of a forge that merges by Git among them.
    pub(super) async fn push(
        &self,
        pipeline: Arc<Pipeline>,
        seen: &Seen,
        effects: &Arc<Vec<Effect>>,
        batch_size: &mut BatchSize,
        troubles: &mut Vec<String>,
    ) -> Result<Wrote, GitError> {
        let merging = self.merging(effects).await.unwrap_or_else(|error| {
            troubles.push(error.to_string());
            None
        });
        let wrote = self
            .write(pipeline.clone(), Arc::clone(&seen.facts), effects.clone(), batch_size, &merging)
            .await;
        let wrote = match wrote {
            // The merges can't be written down; everything else goes without them.
            Err(Trouble::Forge(error)) => {
                troubles.push(error.to_string());
                let facts = Arc::clone(&seen.facts);
                self.write(pipeline, facts, effects.clone(), batch_size, &None).await
            }
            wrote => wrote,
        };
        let mut wrote = match wrote {
            Ok(wrote) => wrote,
            Err(Trouble::Git(error)) => return Err(error),
            Err(Trouble::Forge(error)) => return Err(GitError::unfinished(error)),
        };
        if let Some(merging) = merging
            && !wrote.merged.is_empty()
        {
            let merges = effects.iter().filter(|effect| matches!(effect, Effect::Merge { .. }));
            wrote.settled = merges.map(|effect| effect.place().clone()).collect();
            if let Err(error) = merging.settle(std::mem::take(&mut wrote.merged)).await {
                // Written down before, they are found by the next look.
                troubles.push(error.to_string());
            }
        }
        Ok(wrote)
    }

    /// What the forge knows of the proposals that are to be merged by Git; none where there is nothing to merge.
    async fn merging(&self, effects: &[Effect]) -> Result<Underway, ForgeError> {
        let merges = effects.iter().filter_map(|effect| match effect {
            Effect::Merge { proposal, head, .. } => Some((*proposal, head.clone())),
            _ => None,
        });
        let merges: Vec<(ProposalNumber, CommitId)> = merges.collect();
        match self.forge.merges_by_git().filter(|_| !merges.is_empty()) {
            Some(forge) => Ok(Some(Arc::from(forge.merging(&merges).await?))),
            None => Ok(None),
        }
    }

    async fn write(
        &self,
        pipeline: Arc<Pipeline>,
        facts: Arc<Facts>,
        effects: Arc<Vec<Effect>>,
        batch_size: &mut BatchSize,
        merging: &Underway,
    ) -> Result<Wrote, Trouble> {
        let mut taken = std::mem::take(batch_size);
        let (mirror, renderer, now) = (Arc::clone(&self.mirror), self.renderer.clone(), self.clock.now());
        let (lines, merging) = (Arc::clone(&self.lines), merging.clone());
        let identities = Identities {
            author: self.author.clone(),
            committer: self.bot.clone(),
            people: Arc::clone(&self.people),
        };
        let trust = Arc::clone(&self.trust);
        let runtime = tokio::runtime::Handle::current();
        let work = move || {
            let sealer = Sealer::new(trust, &pipeline, &facts);
            let begin = |tries: &[Try]| match &merging {
                Some(merging) => runtime.block_on(merging.begin(tries)),
                None => Ok(()),
            };
            let writer = Writer {
                mirror: &mirror,
                pipeline: &pipeline,
                facts: &facts,
                renderer: &renderer,
                identities: &identities,
                sealer: &sealer,
                merges: Merges {
                    proposals: merging.as_ref().map(|merging| merging.proposals()),
                    lines: &lines,
                    begin: &begin,
                },
                now,
            };
            let result = writer.write(&effects, &mut taken);
            (result, taken)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok((result, learned)) => {
                *batch_size = learned;
                result
            }
            Err(error) => Err(GitError::unfinished(error).into()),
        }
    }
}
