//! The loop of one infra repository: look, decide, act, and again until nothing is left to do.
//!
//! Level-triggered: what starts a round (a timer, a wake-up) never says what to do. A process that dies
//! anywhere in a round loses nothing: the next one looks at the world as it is.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gantry_core::{
    decide::{
        decider::{Decider, Wanted},
        leftover,
        place::RequestOutcome,
    },
    facts::{Failure, Place},
    ids::ReleaseId,
};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{
    act::{Actor, BatchSize, Desired},
    clock::Clock,
    git::Limits,
    intake::request::{Outcome, Request},
    observe::{Asked, Observer, proposals::Proposals},
    store::{
        InboxId, Store, StoreError,
        board::{Board, Seen},
    },
};

/// More rounds in a row than this mean that two of us undo each other's work, or a person is very busy: take
/// a breath, and say so.
const ROUNDS: usize = 100;
/// That breath.
const BREATH: SignedDuration = SignedDuration::from_secs(1);
/// How long this process is the one that acts, unless it says so again.
const LEASE: Duration = Duration::from_secs(60);
/// How often the mirror is looked after.
const MAINTENANCE: SignedDuration = SignedDuration::from_hours(1);

/// The loop of one infra repository.
pub struct Engine {
    /// The repository's name.
    pub repository: String,
    /// Reads.
    pub observer: Observer,
    /// Writes.
    pub actor: Arc<Actor>,
    /// What is wanted of the forge.
    pub desired: Arc<Desired>,
    /// The forge's proposals.
    pub proposals: Arc<Proposals>,
    /// The database.
    pub store: Arc<dyn Store>,
    /// Where the last look is put up.
    pub board: Arc<Board>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// This installation's name: it holds the lease, also after a restart.
    pub holder: String,
    /// Writes that were refused.
    pub failures: BTreeMap<(Place, ReleaseId), Failure>,
    /// How much goes to each branch in one push.
    pub batch_size: BatchSize,
    /// What was decided, so that only what changed is decided on again.
    pub decider: Decider,
    /// When the mirror was last looked after.
    pub maintained: Option<Timestamp>,
    /// The end: between two steps, nothing more is begun.
    pub stop: CancellationToken,
}

impl Engine {
    /// Looks and acts until nothing is left to do now. Answers when time alone will change something.
    ///
    /// # Errors
    /// The database's.
    pub async fn run_until_settled(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.board.begin(&self.repository);
        self.desired.begin();
        let result = self.rounds().await;
        if !self.stop.is_cancelled() {
            self.maintain().await;
        }
        self.board.end(&self.repository);
        result
    }

    /// The same, and goes on until nothing is under way beside the loop either: at the forge, or at a registry.
    ///
    /// # Errors
    /// The database's.
    pub async fn run_until_quiet(&mut self) -> Result<(), StoreError> {
        loop {
            let mut wakeups = self.board.wakeups();
            wakeups.mark_unchanged();
            self.run_until_settled().await?;
            self.desired.quiet().await;
            self.observer.quiet().await;
            let moment = self.proposals.now();
            self.proposals.refresh();
            self.proposals.after(moment).await;
            let settled = self.board.of(&self.repository).is_none_or(|seen| seen.settled);
            if settled && self.desired.is_quiet() && !wakeups.has_changed().unwrap_or(false) {
                return Ok(());
            }
        }
    }

    /// Keeps the mirror small, between looks. What fails is tried again at the next hour.
    async fn maintain(&mut self) {
        let now = self.clock.now();
        let last = *self.maintained.get_or_insert(now);
        if now.duration_since(last) < MAINTENANCE {
            return;
        }
        self.maintained = Some(now);
        let mirror = Arc::clone(&self.actor.mirror);
        match tokio::task::spawn_blocking(move || mirror.maintain(Limits::default())).await {
            Ok(Ok(true)) => tracing::info!(repository = self.repository, "the mirror was made anew, smaller"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => {
                tracing::warn!(repository = self.repository, %error, "the mirror was not maintained")
            }
            Err(error) => {
                tracing::warn!(repository = self.repository, %error, "the mirror was not maintained")
            }
        }
    }

    async fn rounds(&mut self) -> Result<Option<Timestamp>, StoreError> {
        for _ in 0..ROUNDS {
            if self.stop.is_cancelled() {
                return Ok(None);
            }
            let (again, next) = self.round().await?;
            if !again {
                return Ok(next);
            }
        }
        tracing::warn!(
            repository = self.repository,
            "still not settled after {ROUNDS} rounds; going on in a moment"
        );
        Ok(self.clock.now().checked_add(BREATH).ok())
    }

    async fn round(&mut self) -> Result<(bool, Option<Timestamp>), StoreError> {
        let now = self.clock.now();
        let lease = format!("engine:{}", self.repository);
        let acts = self.store.acquire(&lease, &self.holder, LEASE, now).await?;
        // A look changes nothing: one that is given up at the end leaves nothing half done.
        let stop = self.stop.clone();
        let look = tokio::select! {
            look = self.observer.look(&self.failures) => look?,
            () = stop.cancelled() => return Ok((false, None)),
        };
        if look.took_builds {
            self.board.wake();
        }
        let mut seen = look.seen;
        let now = self.clock.now();
        let decision = match &seen.pipeline {
            Some(pipeline) => self.decider.decide(pipeline, &seen.facts, now),
            None => Wanted::default(),
        };
        seen.under_way = decision.under_way.clone();
        self.observer.want(&decision);
        if !acts {
            self.desired.rest();
            seen.settled = true;
            self.board.post(seen);
            return Ok((false, decision.next_look));
        }
        let mut asked = Vec::with_capacity(look.asked.len());
        for one in look.asked {
            match self.refusal(&one, &seen) {
                Some(outcome) => self.desired.finish(one.id, &outcome).await?,
                None => asked.push(one),
            }
        }
        self.desired.answer(asked, &seen.facts);
        self.finish_wishes(&decision).await?;
        let (mut again, mut held) = (false, false);
        if !self.stop.is_cancelled() {
            let wanted = decision.effects.len();
            let effects = self.desired.decided_well(decision.effects, look.list);
            held = effects.len() < wanted;
            let acted =
                self.actor.perform(&seen, &effects, look.list, &self.desired, &mut self.batch_size).await;
            again = acted.look_again;
            self.failures.retain(|(place, _), failure| still_stands(&seen, place, failure, now));
            again |= acted.failures.iter().any(|(key, failure)| self.failures.get(key) != Some(failure));
            self.failures.extend(acted.failures);
            for trouble in acted.troubles {
                seen.problems.push(gantry_core::reason::Problem {
                    file: None,
                    line: None,
                    column: None,
                    message: trouble,
                    owner: gantry_core::reason::Owner::Platform,
                });
            }
        }
        seen.settled = !again && !held && self.desired.is_quiet();
        self.board.post(seen);
        Ok((again, decision.next_look))
    }

    /// An approval of what belongs to no place of the pipeline would be forgotten.
    fn refusal(&self, asked: &Asked, seen: &Seen) -> Option<Outcome> {
        let (Request::Approve { proposal: number, .. }, Some(pipeline)) = (&asked.request, &seen.pipeline)
        else {
            return None;
        };
        let mut proposals = seen.facts.proposals.values().flatten();
        let proposal = proposals.find(|proposal| proposal.number == *number)?;
        let gone = leftover::gone(pipeline, &proposal.place)?;
        Some(Outcome { done: false, text: self.actor.renderer.reason(&gone) })
    }

    async fn finish_wishes(&self, decision: &Wanted) -> Result<(), StoreError> {
        for (id, outcome) in &decision.requests {
            let (done, reason) = match outcome {
                RequestOutcome::Done { reason } => (true, reason),
                RequestOutcome::Refused { reason } => (false, reason),
            };
            let outcome = Outcome { done, text: self.actor.renderer.reason(reason) };
            self.desired.finish(InboxId(*id), &outcome).await?;
        }
        Ok(())
    }
}

/// A failure is forgotten when its time has come or when the branch moved on.
fn still_stands(seen: &Seen, place: &Place, failure: &Failure, now: Timestamp) -> bool {
    let stage = seen.pipeline.as_ref().and_then(|pipeline| pipeline.stage(&place.environment));
    let head = stage.and_then(|stage| seen.facts.heads.get(&stage.branch));
    failure.retry > now && head == Some(&failure.head)
}
