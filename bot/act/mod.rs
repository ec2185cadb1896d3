//! The writing side of the loop: performs effects.
//!
//! First everything that goes to Git, in one push; then what goes to the forge. Each effect is "make it so":
//! it compares, then writes, so that performing it again after a crash is harmless (promise 3). Nothing is
//! remembered here: whether an action succeeded is found out by the next look. Only how much goes in one push is
//! learned from one round for the next ([`BatchSize`]).
//!
//! A place whose write was refused gets a failure with the words of who refused; the others go on.

mod answer;
mod batch_size;
mod change;
mod edits;
mod identities;
mod order;
mod prepared;
mod promoted;
mod rulings;
mod sealer;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gantry_core::{
    artifact::Release,
    config::pipeline::Pipeline,
    decide::{decide_place, decider::Wanted},
    effects::{Effect, Promotion},
    facts::{Facts, Failure, Person, Place, Proposal},
    ids::{CommitId, ProposalNumber, ReleaseId},
    reason::Owner,
};
use jiff::{SignedDuration, Timestamp};

pub use self::batch_size::BatchSize;
use self::{
    identities::Identities,
    order::Order,
    sealer::Sealer,
    write::{Merges, Trouble, Writer, Written, Wrote, writes},
};
use crate::{
    clock::Clock,
    forge::{
        Draft, Forge, ForgeError, Merged,
        by_git::{Merging, Try},
    },
    git::{GitError, Lines, Mirror},
    seal::Trust,
    speak::{ProposalText, Renderer},
    store::board::Seen,
};

/// After this time a refused write is tried again, even if nothing changed.
const RETRY: SignedDuration = SignedDuration::from_mins(5);
/// After this time one is tried again that failed for the network.
const RETRY_NETWORK: SignedDuration = SignedDuration::from_secs(20);

/// Performs effects on one infra repository.
pub struct Actor {
    /// Its mirror.
    pub mirror: Arc<Mirror>,
    /// Where its proposals live.
    pub forge: Arc<dyn Forge>,
    /// What is said.
    pub renderer: Renderer,
    /// Who writes promotions.
    pub author: Person,
    /// Who makes the commits.
    pub bot: Person,
    /// The e-mail addresses of people, by the names under which they ask.
    pub people: Arc<BTreeMap<String, String>>,
    /// What seals its records.
    pub trust: Arc<Trust>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The lines of the branches that are merged into, kept from round to round.
    pub lines: Arc<Lines>,
}

/// The merges under way at a forge that merges by Git; none where there are none.
type Underway = Option<Arc<dyn Merging + Send + Sync>>;

/// What came of performing effects.
#[derive(Debug, Default)]
pub struct Acted {
    /// Something is different now, or somebody else was faster: look again at once.
    pub look_again: bool,
    /// Writes that were refused.
    pub failures: BTreeMap<(Place, ReleaseId), Failure>,
    /// What could not be reached.
    pub troubles: Vec<String>,
}

impl Actor {
    /// Performs what was decided on what was seen: as much of it as fits one push. `batch_size` goes from one
    /// round to the next.
    pub async fn perform(&self, seen: &Seen, decision: &Wanted, batch_size: &mut BatchSize) -> Acted {
        let mut acted = Acted::default();
        let Some(pipeline) = seen.pipeline.clone() else { return acted };
        if decision.effects.is_empty() {
            return acted;
        }
        let by_git = self.forge.merges_by_git().is_some();
        let order = Order::new(&pipeline);
        let pushed = |effect: &Effect| writes(effect) || (by_git && matches!(effect, Effect::Merge { .. }));
        let indices = |wanted: bool| -> Vec<usize> {
            let all = decision.effects.iter().enumerate();
            all.filter(|(_, effect)| pushed(effect) == wanted).map(|(index, _)| index).collect()
        };
        let (to_push, others) = (indices(true), indices(false));
        let chosen = order.first(&decision.effects, &to_push, batch_size.all());
        let more_to_push = chosen.len() < to_push.len();
        // What goes to the forge alone follows what is pushed. A proposal that is merged now says no more.
        let merged: BTreeSet<&Place> = chosen
            .iter()
            .filter_map(|index| match &decision.effects[*index] {
                Effect::Merge { place, .. } => Some(place),
                _ => None,
            })
            .collect();
        let mut others = order.first(&decision.effects, &others, usize::MAX);
        others.retain(|index| !merged.contains(decision.effects[*index].place()));
        let effects: Vec<Effect> =
            chosen.iter().chain(&others).map(|index| decision.effects[*index].clone()).collect();
        let effects = Arc::new(effects);
        let wrote = self.push(pipeline.clone(), seen, &effects, batch_size, &mut acted).await;
        let Wrote { done: written, more, .. } = match wrote {
            Ok(wrote) => wrote,
            Err(GitError::Damaged { .. }) if self.mirror.will_mend() => {
                acted.look_again = true;
                return acted;
            }
            Err(error) => {
                self.network(seen, &effects, &error, &mut acted);
                return acted;
            }
        };
        // What the server keeps refusing is no reason to look again at once.
        let done = written.values().any(|written| !matches!(written, Written::Left(_)));
        acted.look_again = (more || more_to_push) && done;
        for (index, effect) in effects.iter().enumerate() {
            match written.get(&index) {
                Some(Written::LostRace) => {
                    acted.look_again = true;
                    continue;
                }
                Some(Written::Refused(release, message, owner)) => {
                    let why = (message.clone(), *owner);
                    self.fail(seen, effect.place(), release, why, RETRY, &mut acted);
                    continue;
                }
                Some(Written::Silent(release, message)) => {
                    let why = (message.clone(), Owner::Platform);
                    self.fail(seen, effect.place(), release, why, RETRY_NETWORK, &mut acted);
                    continue;
                }
                Some(Written::Left(message)) => {
                    let branch = effect.place().branch();
                    acted.troubles.push(format!("the branch {branch} was not removed: {message}"));
                    continue;
                }
                Some(Written::Landed(_)) => acted.look_again = true,
                None => {}
            }
            let from = present(&pipeline, &seen.facts, self.clock.now(), effect);
            let head = match written.get(&index) {
                Some(Written::Landed(head)) => head.as_ref(),
                _ => None,
            };
            if let Err(error) = self.at_forge(seen, &pipeline, effect, head, from.as_ref(), &mut acted).await
            {
                acted.troubles.push(error.to_string());
            }
        }
        acted
    }

    /// Git's part of all effects in one push, the merges of a forge that merges by Git among them.
    async fn push(
        &self,
        pipeline: Arc<Pipeline>,
        seen: &Seen,
        effects: &Arc<Vec<Effect>>,
        batch_size: &mut BatchSize,
        acted: &mut Acted,
    ) -> Result<Wrote, GitError> {
        let merging = self.merging(effects).await.unwrap_or_else(|error| {
            acted.troubles.push(error.to_string());
            None
        });
        let wrote = self
            .write(pipeline.clone(), Arc::clone(&seen.facts), effects.clone(), batch_size, &merging)
            .await;
        let wrote = match wrote {
            // The merges can't be written down; everything else goes without them.
            Err(Trouble::Forge(error)) => {
                acted.troubles.push(error.to_string());
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
            && let Err(error) = merging.settle(std::mem::take(&mut wrote.merged)).await
        {
            // Written down before, they are found by the next look.
            acted.troubles.push(error.to_string());
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

    /// The forge's part of an effect. `head` is the head of the branch that was pushed for it.
    async fn at_forge(
        &self,
        seen: &Seen,
        pipeline: &Pipeline,
        effect: &Effect,
        head: Option<&CommitId>,
        from: Option<&Release>,
        acted: &mut Acted,
    ) -> Result<(), ForgeError> {
        match effect {
            Effect::Propose { promotion, update, .. } => {
                let Some(head) = head else { return Ok(()) };
                let draft = self.draft(seen, pipeline, promotion, *update, head, from).await;
                let number = match update {
                    Some(number) => {
                        self.forge.describe(*number, &draft).await?;
                        *number
                    }
                    None => self.forge.open(&draft).await?,
                };
                let statuses = self.renderer.statuses(&promotion.gates);
                self.forge.set_statuses(number, head, &statuses).await
            }
            Effect::Describe { promotion, proposal } => {
                let Some(open) = seen.facts.open_proposal(&promotion.place) else { return Ok(()) };
                let draft = self.draft(seen, pipeline, promotion, Some(*proposal), &open.head, from).await;
                if open.title != draft.title || open.body != draft.body {
                    self.forge.describe(*proposal, &draft).await?;
                    acted.look_again = true;
                }
                let mut statuses = self.renderer.statuses(&promotion.gates);
                statuses.sort();
                let mut present = open.statuses.clone();
                present.sort();
                if present != statuses {
                    self.forge.set_statuses(*proposal, &open.head, &statuses).await?;
                    acted.look_again = true;
                }
                Ok(())
            }
            // Those of a forge that merges by Git were pushed.
            Effect::Merge { .. } if self.forge.merges_by_git().is_some() => Ok(()),
            Effect::Merge { place, proposal, head } => {
                match self.forge.merge(*proposal, head).await? {
                    Merged::Yes { .. } | Merged::Moved => acted.look_again = true,
                    Merged::Refused { message } => {
                        if let Some(release) = open_release(&seen.facts, place, *proposal) {
                            self.fail(seen, place, &release, (message, Owner::Platform), RETRY, acted);
                        }
                    }
                }
                Ok(())
            }
            Effect::Close { proposal, because, .. } => {
                self.forge.close(*proposal, &self.renderer.close_comment(because)).await?;
                acted.look_again = true;
                Ok(())
            }
            Effect::Commit { .. }
            | Effect::Rule { .. }
            | Effect::MoveRejections { .. }
            | Effect::Prune { .. } => Ok(()),
        }
    }

    /// What the proposal is to say.
    async fn draft(
        &self,
        seen: &Seen,
        pipeline: &Pipeline,
        promotion: &Promotion,
        number: Option<ProposalNumber>,
        head: &CommitId,
        from: Option<&Release>,
    ) -> Draft {
        let diff = diff(&self.mirror, seen, promotion).await.unwrap_or_default();
        let application = pipeline.applications.get(&promotion.place.application);
        let source = application.and_then(|application| application.source.as_deref());
        let text = ProposalText { promotion, number, from, source, diff: &diff };
        let (title, body) = self.renderer.proposal(&text);
        Draft {
            place: promotion.place.clone(),
            branch: promotion.place.branch(),
            head: head.clone(),
            base: promotion.base.clone(),
            release: promotion.release.id.clone(),
            title,
            body,
        }
    }

    fn fail(
        &self,
        seen: &Seen,
        place: &Place,
        release: &ReleaseId,
        (message, owner): (String, Owner),
        wait: SignedDuration,
        acted: &mut Acted,
    ) {
        let stage = seen.pipeline.as_ref().and_then(|pipeline| pipeline.stage(&place.environment));
        let Some(head) = stage.and_then(|stage| seen.facts.heads.get(&stage.branch)) else { return };
        let retry = later(self.clock.now(), wait);
        tracing::warn!(%place, %release, message, "a write was refused");
        let failure = Failure { head: head.clone(), message, owner, retry };
        acted.failures.insert((place.clone(), release.clone()), failure);
    }

    /// Nothing could be pushed: every place that wanted to says so.
    fn network(&self, seen: &Seen, effects: &[Effect], error: &GitError, acted: &mut Acted) {
        acted.troubles.push(error.to_string());
        for effect in effects {
            let release = match effect {
                Effect::Commit { promotion } | Effect::Propose { promotion, .. } => &promotion.release.id,
                Effect::Rule { release, .. } => release,
                Effect::Merge { place, proposal, .. } if self.forge.merges_by_git().is_some() => {
                    match open_release(&seen.facts, place, *proposal) {
                        Some(release) => &release.clone(),
                        None => continue,
                    }
                }
                Effect::Describe { .. }
                | Effect::MoveRejections { .. }
                | Effect::Merge { .. }
                | Effect::Close { .. }
                | Effect::Prune { .. } => continue,
            };
            let why = (error.to_string(), error.owner());
            self.fail(seen, effect.place(), release, why, RETRY_NETWORK, acted);
        }
    }
}

/// The exact difference that a promotion makes on the present head of its branch.
///
/// # Errors
/// Why there is none, as a sentence for people.
pub async fn diff(mirror: &Arc<Mirror>, seen: &Seen, promotion: &Promotion) -> Result<String, String> {
    let pipeline = seen.pipeline.clone().ok_or("gantry.yaml was not read yet")?;
    let head = seen.facts.heads.get(&promotion.base).cloned();
    let head = head.ok_or_else(|| format!("there is no branch {}", promotion.base))?;
    let (mirror, promotion, facts) = (Arc::clone(mirror), promotion.clone(), Arc::clone(&seen.facts));
    let work = move || {
        let snapshot = mirror.snapshot(&head)?;
        edits::of(&mirror, &pipeline, &facts, &promotion, &mut |path| snapshot.read(path))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(Ok(changes))) => Ok(change::unified(&changes)),
        Ok(Ok(Err(problem))) => Err(problem.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The release that the place of a proposal holds now.
fn present(pipeline: &Pipeline, facts: &Facts, now: Timestamp, effect: &Effect) -> Option<Release> {
    let (Effect::Propose { promotion, .. } | Effect::Describe { promotion, .. }) = effect else {
        return None;
    };
    let Place { application, environment } = &promotion.place;
    decide_place(pipeline, facts, now, application, environment)?.standing.release
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(now)
}

fn open_release(facts: &Facts, place: &Place, number: ProposalNumber) -> Option<ReleaseId> {
    let same = |proposal: &&Proposal| proposal.number == number;
    facts.open_proposal(place).filter(same).and_then(|proposal| proposal.release.clone())
}
