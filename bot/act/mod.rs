//! The writing side of the loop: performs effects.
//!
//! Git's part of a decision goes in one push, as much as fits ([`BatchSize`]); the forge's part is a set of wanted
//! states that is brought about beside the loop ([`Desired`]). Each effect is "make it so": it compares, then writes,
//! so that performing it again after a crash is harmless (promise 3). Whether an action succeeded is found out by the
//! next look.
//!
//! A place whose write was refused gets a failure with the words of who refused; the others go on.

mod answer;
mod batch_size;
mod change;
mod desired;
mod edits;
mod identities;
mod order;
mod prepared;
mod promoted;
mod proposal;
mod push;
mod rulings;
mod sealer;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gantry_core::{
    effects::{Effect, Promotion},
    facts::{Failure, Person, Place},
    ids::{CommitId, ReleaseId},
    reason::Owner,
};
use jiff::{SignedDuration, Timestamp};

pub use self::{batch_size::BatchSize, desired::Desired};
use self::{
    order::Order,
    proposal::{Basis, Task, open_release},
    write::{Written, Wrote, writes},
};
use crate::{
    clock::Clock,
    forge::Forge,
    git::{GitError, Lines, Mirror},
    observe::proposals::Moment,
    seal::Trust,
    speak::Renderer,
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
    /// Performs what was decided on what was seen: of Git's part as much as fits one push, while the forge's part is
    /// handed over to be brought about beside. `list` is when the list of proposals that was decided with began to be read;
    /// `batch_size` goes from one round to the next.
    pub async fn perform(
        &self,
        seen: &Seen,
        effects: &[Effect],
        list: Moment,
        desired: &Arc<Desired>,
        batch_size: &mut BatchSize,
    ) -> Acted {
        let (failures, troubles) = desired.came();
        let mut acted = Acted {
            look_again: false,
            failures: failures.into_iter().collect(),
            troubles: troubles.into_iter().collect(),
        };
        let Some(pipeline) = seen.pipeline.clone() else { return acted };
        let by_git = self.forge.merges_by_git().is_some();
        let order = Order::new(&pipeline);
        let merges = |effect: &Effect| by_git && matches!(effect, Effect::Merge { .. });
        let of_git: Vec<usize> =
            (0..effects.len()).filter(|index| writes(&effects[*index]) || merges(&effects[*index])).collect();
        let chosen = order.first(effects, &of_git, batch_size.all());
        let left = chosen.len() < of_git.len();
        let chosen: Arc<Vec<Effect>> = Arc::new(chosen.iter().map(|index| effects[*index].clone()).collect());
        desired.withdraw(&chosen.iter().map(Effect::place).collect());
        let mut heads: BTreeMap<Place, CommitId> = BTreeMap::new();
        if !chosen.is_empty() {
            match self.push(pipeline.clone(), seen, &chosen, batch_size, &mut acted.troubles).await {
                Ok(wrote) => {
                    heads = self.came(seen, &chosen, &wrote, &mut acted);
                    // What the server keeps refusing is no reason to look again at once.
                    let done = wrote.done.values().any(|written| !matches!(written, Written::Left(_)));
                    acted.look_again |= (wrote.more || left) && done;
                    desired.acted(wrote.settled.into_iter());
                }
                Err(GitError::Damaged { .. }) if self.mirror.will_mend() => acted.look_again = true,
                Err(error) => self.network(seen, &chosen, &error, &mut acted),
            }
        }
        // A proposal that is about to be merged by Git says no more.
        let merged: BTreeSet<&Place> = effects.iter().filter(|one| merges(one)).map(Effect::place).collect();
        let basis = Basis { pipeline: pipeline.clone(), facts: Arc::clone(&seen.facts) };
        let mut tasks: BTreeMap<Place, (usize, Task)> = BTreeMap::new();
        for effect in effects {
            let place = effect.place();
            let head = match effect {
                Effect::Propose { pushed: true, replaces, .. } => replaces.clone(),
                Effect::Propose { .. } => heads.get(place).cloned(),
                Effect::Describe { .. } | Effect::Close { .. } if !merged.contains(place) => None,
                Effect::Merge { .. } if !by_git => None,
                _ => continue,
            };
            if matches!(effect, Effect::Propose { .. }) && head.is_none() {
                continue;
            }
            let task =
                || Task { place: place.clone(), effects: Vec::new(), head: None, basis: basis.clone() };
            let (urgency, task) = tasks.entry(place.clone()).or_insert_with(|| (usize::MAX, task()));
            *urgency = order.urgency(effect).min(*urgency);
            task.effects.push(effect.clone());
            task.head = head.or(task.head.take());
        }
        desired.want(tasks.into_values().collect(), list);
        acted
    }

    /// What came of a push: failures, and the heads of the branches of proposals.
    fn came(
        &self,
        seen: &Seen,
        effects: &[Effect],
        wrote: &Wrote,
        acted: &mut Acted,
    ) -> BTreeMap<Place, CommitId> {
        let mut heads = BTreeMap::new();
        for (index, written) in &wrote.done {
            let Some(effect) = effects.get(*index) else { continue };
            let place = effect.place();
            match written {
                Written::LostRace => acted.look_again = true,
                Written::Refused(release, message, owner) => {
                    self.fail(seen, place, release, (message.clone(), *owner), RETRY, acted);
                }
                Written::Silent(release, message) => {
                    let why = (message.clone(), Owner::Platform);
                    self.fail(seen, place, release, why, RETRY_NETWORK, acted);
                }
                Written::Left(message) => {
                    acted.troubles.push(format!("the branch {} was not removed: {message}", place.branch()));
                }
                Written::Landed(head) => {
                    acted.look_again = true;
                    heads.extend(head.clone().map(|head| (place.clone(), head)));
                }
            }
        }
        heads
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
        let Some(pipeline) = seen.pipeline.clone() else { return };
        let basis = Basis { pipeline, facts: Arc::clone(&seen.facts) };
        let failure = self.failure(&basis, place, release, message, owner, wait);
        acted.failures.extend(failure.map(|failure| ((place.clone(), release.clone()), failure)));
    }

    /// A write that was refused, on the head that it was for.
    fn failure(
        &self,
        basis: &Basis,
        place: &Place,
        release: &ReleaseId,
        message: String,
        owner: Owner,
        wait: SignedDuration,
    ) -> Option<Failure> {
        let stage = basis.pipeline.stage(&place.environment)?;
        let head = basis.facts.heads.get(&stage.branch)?.clone();
        tracing::warn!(%place, %release, message, "a write was refused");
        Some(Failure { head, message, owner, retry: later(self.clock.now(), wait) })
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
    let basis = Basis { pipeline, facts: Arc::clone(&seen.facts) };
    let mut diffs = proposal::diffs(mirror, vec![(basis, promotion.clone())]).await;
    diffs.pop().unwrap_or_else(|| Err("nothing was compared".to_owned()))
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(now)
}
