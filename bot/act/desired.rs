//! What is wanted of the forge, by place, brought about beside the loop.
//!
//! The loop hands over what each decision wants and goes on; workers bring it about side by side, what is most
//! urgent first. The newest decision wins: what waits is replaced by each. What is under way is not begun twice, and
//! nothing more is decided for its place until a list of proposals tells what came of it. A crash loses what waits
//! without harm, for the next look finds it wanted again.
//!
//! A forge that fails is left alone for a while that grows with each failure, and a place that failed is tried again
//! at the loop's next run.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gantry_core::{
    effects::{Effect, Promotion},
    facts::{Facts, Failure, HeadStatus, Place},
    ids::{CommitId, ReleaseId},
};
use serde_json::json;
use tokio::sync::watch;

use super::{
    Actor, RETRY,
    proposal::{Basis, Outcome, Task},
};
use crate::{
    intake::request::Request,
    observe::{
        Asked,
        proposals::{Moment, Proposals},
    },
    store::{InboxId, Store, StoreError},
};

/// How many calls a forge is asked side by side, where it takes one at a time from each.
const SIDE_BY_SIDE: usize = 8;
/// How long a forge is left alone after its second failure in a row; twice as long after each further one.
const REST: Duration = Duration::from_secs(1);
/// And at most so long.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// A write that was refused, by what it was for.
pub(super) type Refused = ((Place, ReleaseId), Failure);

/// What a proposal was last found to say, on which decision: as long as nothing of it changes, it need not be
/// compared again.
#[derive(Clone, PartialEq)]
struct Said {
    promotion: Promotion,
    head: CommitId,
    title: String,
    body: String,
    statuses: Vec<HeadStatus>,
}

/// The states that are wanted of one forge.
pub struct Desired {
    actor: Arc<Actor>,
    store: Arc<dyn Store>,
    proposals: Arc<Proposals>,
    state: Mutex<State>,
    /// Changes whenever something ends.
    ended: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// By urgency and place.
    waiting: BTreeMap<(usize, Place), Task>,
    under_way: BTreeSet<Place>,
    /// When something was last done for a place.
    acted: HashMap<Place, Moment>,
    said: HashMap<Place, Said>,
    /// Places that failed in this run of the loop, with what the forge said.
    failed: BTreeMap<Place, String>,
    refused: Vec<Refused>,
    /// People's requests that are being done, and what the forge said of those that failed in this run.
    answering: BTreeSet<InboxId>,
    unanswered: BTreeMap<InboxId, String>,
    /// One of them waits for its place.
    answer_waits: bool,
    workers: usize,
    /// Failures in a row.
    strikes: u32,
    resting: Option<Instant>,
    ending: bool,
}

impl State {
    fn rests(&self) -> bool {
        self.resting.is_some_and(|until| Instant::now() < until)
    }

    /// The most urgent tasks that may begin.
    fn take(&mut self, most: usize) -> Vec<Task> {
        if self.ending || self.rests() {
            return Vec::new();
        }
        let may = |(_, place): &&(usize, Place)| {
            !self.under_way.contains(place) && !self.failed.contains_key(place)
        };
        let keys: Vec<(usize, Place)> = self.waiting.keys().filter(may).take(most).cloned().collect();
        let tasks: Vec<Task> = keys.iter().filter_map(|key| self.waiting.remove(key)).collect();
        self.under_way.extend(tasks.iter().map(|task| task.place.clone()));
        tasks
    }
}

impl Desired {
    /// Wants nothing yet.
    #[must_use]
    pub fn new(actor: Arc<Actor>, proposals: Arc<Proposals>, store: Arc<dyn Store>) -> Self {
        Self { actor, store, proposals, state: Mutex::default(), ended: watch::Sender::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run of the loop begins: what failed in the one before is tried again.
    pub fn begin(&self) {
        let mut state = self.state();
        state.failed.clear();
        state.unanswered.clear();
    }

    /// The process ends: nothing more is begun.
    pub fn close(&self) {
        self.state().ending = true;
    }

    /// Does what people asked for at proposals, each once, and says what came of it.
    pub fn answer(self: &Arc<Self>, asked: Vec<Asked>, facts: &Facts) {
        for asked in asked {
            let place = place_of(facts, &asked);
            let mut state = self.state();
            if state.ending || state.answering.contains(&asked.id) || state.unanswered.contains_key(&asked.id)
            {
                continue;
            }
            if place.as_ref().is_some_and(|place| state.under_way.contains(place)) {
                state.answer_waits = true;
                continue;
            }
            state.answering.insert(asked.id);
            state.under_way.extend(place.clone());
            drop(state);
            tokio::spawn(Arc::clone(self).answer_one(asked, place));
        }
    }

    async fn answer_one(self: Arc<Self>, asked: Asked, place: Option<Place>) {
        let (actor, id) = (Arc::clone(&self.actor), asked.id);
        let answered = tokio::spawn(async move { actor.answer(&asked).await }).await;
        let problem = match answered {
            Ok(Ok(Some(outcome))) => self.finish(id, &outcome).await.err().map(|error| error.to_string()),
            Ok(Ok(None)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        {
            let mut state = self.state();
            state.answering.remove(&id);
            if let Some(problem) = problem {
                tracing::warn!(problem, request = id.0, "a request waits for the forge");
                state.unanswered.insert(id, problem);
            }
            if let Some(place) = place {
                state.under_way.remove(&place);
                state.acted.insert(place, self.proposals.now());
            }
        }
        self.proposals.await_next();
        self.pump();
        self.ended.send_modify(|ended| *ended += 1);
    }

    /// Says what came of a request.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish(
        &self,
        id: InboxId,
        outcome: &crate::intake::request::Outcome,
    ) -> Result<(), StoreError> {
        let value = serde_json::to_value(outcome).unwrap_or_else(|_| json!({ "done": outcome.done }));
        self.store.finish(id, &value, self.actor.clock.now()).await.map(|_| ())
    }

    /// The effects for which a list that began to be read at `list` is new enough. The others are held back until
    /// the next list.
    pub fn decided_well(&self, effects: Vec<Effect>, list: Moment) -> Vec<Effect> {
        let mut state = self.state();
        state.acted.retain(|_, acted| *acted >= list);
        let (well, held): (Vec<Effect>, Vec<Effect>) = effects.into_iter().partition(|effect| {
            let place = effect.place();
            let rests = !matches!(
                effect,
                Effect::Commit { .. } | Effect::Rule { .. } | Effect::MoveRejections { .. }
            );
            let known = state.acted.get(place).is_none_or(|acted| *acted < list);
            !rests || (known && !state.under_way.contains(place))
        });
        drop(state);
        if !held.is_empty() {
            self.proposals.await_next();
        }
        well
    }

    /// Takes back what waits for these places, for something else is done for them now.
    pub(super) fn withdraw(&self, places: &BTreeSet<&Place>) {
        self.state().waiting.retain(|(_, place), _| !places.contains(place));
    }

    /// Something was done at the forge for these places.
    pub(super) fn acted(&self, places: impl Iterator<Item = Place>) {
        let moment = self.proposals.now();
        let mut state = self.state();
        let mut any = false;
        for place in places {
            state.acted.insert(place, moment);
            any = true;
        }
        drop(state);
        if any {
            self.proposals.refresh();
        }
    }

    /// Wants this and nothing else from now on, each with its urgency, the least first. It was decided with a list that
    /// began to be read at `list`: what was done for a place since makes it decided anew.
    pub(super) fn want(self: &Arc<Self>, tasks: Vec<(usize, Task)>, list: Moment) {
        let mut state = self.state();
        state.waiting.clear();
        let mut said = HashMap::new();
        for (urgency, mut task) in tasks {
            let says = state.said.remove(&task.place);
            if let Some(says) = says {
                let basis = task.basis.clone();
                task.effects.retain(|effect| saying(&basis, effect).is_none_or(|saying| saying != says));
                said.insert(task.place.clone(), says);
            }
            let known = state.acted.get(&task.place).is_none_or(|acted| *acted < list);
            if known && !task.effects.is_empty() && !state.under_way.contains(&task.place) {
                state.waiting.insert((urgency, task.place.clone()), task);
            }
        }
        // Of places that want nothing any more nothing is remembered.
        state.said = said;
        drop(state);
        self.pump();
    }

    /// Wants nothing any more: another process acts.
    pub fn rest(&self) {
        self.state().waiting.clear();
    }

    /// Begins what may begin.
    fn pump(self: &Arc<Self>) {
        let (most, at_once) = match self.actor.forge.at_once() {
            1 => (SIDE_BY_SIDE, 1),
            many => (1, many),
        };
        let mut state = self.state();
        while state.workers < most {
            let tasks = state.take(at_once);
            if tasks.is_empty() {
                return;
            }
            state.workers += 1;
            tokio::spawn(Arc::clone(self).work(tasks));
        }
    }

    async fn work(self: Arc<Self>, tasks: Vec<Task>) {
        let actor = Arc::clone(&self.actor);
        let of_worker = tasks.clone();
        let made = tokio::spawn(async move { actor.make_so(&of_worker).await }).await;
        let mut news = false;
        {
            let mut state = self.state();
            news |= std::mem::take(&mut state.answer_waits);
            state.workers -= 1;
            let mut failures = 0;
            match made {
                Ok(outcomes) => {
                    for (task, outcome) in tasks.iter().zip(outcomes) {
                        failures += usize::from(matches!(outcome, Outcome::Failed(_)));
                        news |= self.note(&mut state, task, outcome);
                    }
                }
                Err(error) => {
                    for task in &tasks {
                        state.failed.insert(task.place.clone(), error.to_string());
                    }
                    failures = tasks.len();
                    news = true;
                }
            }
            for task in &tasks {
                state.under_way.remove(&task.place);
            }
            state.strikes = if failures == tasks.len() { state.strikes + 1 } else { 0 };
            if state.strikes > 1 {
                let rest = REST.saturating_mul(2_u32.saturating_pow(state.strikes - 2)).min(LONGEST_REST);
                state.resting = Some(Instant::now() + rest);
                let later = Arc::clone(&self);
                tokio::spawn(async move {
                    tokio::time::sleep(rest).await;
                    later.pump();
                });
            }
        }
        // When all is done, the loop says so.
        if news || self.is_quiet() {
            self.proposals.await_next();
        } else {
            self.proposals.refresh();
        }
        self.pump();
        self.ended.send_modify(|ended| *ended += 1);
    }

    /// Notes what became of a task; whether the loop must hear of it even if the list stays the same.
    fn note(&self, state: &mut State, task: &Task, outcome: Outcome) -> bool {
        match outcome {
            Outcome::So { changed } => {
                if changed {
                    state.acted.insert(task.place.clone(), self.proposals.now());
                }
                let says = task.effects.iter().find_map(|effect| saying(&task.basis, effect));
                if let Some(says) = says.filter(|_| !changed) {
                    state.said.insert(task.place.clone(), says);
                }
                false
            }
            Outcome::Moved => {
                state.acted.insert(task.place.clone(), self.proposals.now());
                true
            }
            Outcome::Refused(release, message, owner) => {
                state.acted.insert(task.place.clone(), self.proposals.now());
                let failure = self.actor.failure(&task.basis, &task.place, &release, message, owner, RETRY);
                state.refused.extend(failure.map(|failure| ((task.place.clone(), release), failure)));
                true
            }
            Outcome::Failed(error) => {
                state.acted.insert(task.place.clone(), self.proposals.now());
                state.failed.insert(task.place.clone(), error.to_string());
                true
            }
        }
    }

    /// The writes that were refused since this was last asked, and what the forge says of places that failed.
    pub(super) fn came(&self) -> (Vec<Refused>, BTreeSet<String>) {
        let mut state = self.state();
        let said = state.failed.values().chain(state.unanswered.values()).cloned().collect();
        (std::mem::take(&mut state.refused), said)
    }

    /// Nothing is under way or about to begin.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let state = self.state();
        let waits = state.waiting.keys().any(|(_, place)| !state.failed.contains_key(place));
        state.under_way.is_empty()
            && state.workers == 0
            && state.answering.is_empty()
            && (!waits || state.rests() || state.ending)
    }

    /// Waits until nothing is under way or about to begin.
    pub async fn quiet(&self) {
        let mut ended = self.ended.subscribe();
        while !self.is_quiet() {
            // The sender lives as long as this does.
            let _ = ended.changed().await;
        }
    }
}

/// The place of the proposal that a request is about.
fn place_of(facts: &Facts, asked: &Asked) -> Option<Place> {
    let (Request::Approve { proposal: number, .. } | Request::Reject { proposal: number, .. }) =
        &asked.request
    else {
        return None;
    };
    let all = facts.proposals.values().flatten();
    all.into_iter().find(|proposal| proposal.number == *number).map(|proposal| proposal.place.clone())
}

/// What a proposal says, where a task would compare it.
fn saying(basis: &Basis, effect: &Effect) -> Option<Said> {
    let Effect::Describe { promotion, .. } = effect else { return None };
    let open = basis.facts.open_proposal(&promotion.place)?;
    Some(Said {
        promotion: promotion.clone(),
        head: open.head.clone(),
        title: open.title.clone(),
        body: open.body.clone(),
        statuses: open.statuses.clone(),
    })
}
