//! The board: what was last seen of each repository, held in memory for readers.
//!
//! The loop writes it after each look; the API, the pages and the command line read it and call the same
//! `decide`. It is no database: after a restart the first look fills it again (promise 1).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use gantry_core::{
    config::pipeline::Pipeline,
    decide::{Decision, decide, decider::Tally},
    facts::Facts,
    ids::{ApplicationName, CommitId},
    reason::Problem,
};
use jiff::Timestamp;
use tokio::sync::watch;

/// The last look at one infra repository.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The repository's name in the settings.
    pub repository: String,
    /// The last good pipeline; none before the first one was read.
    pub pipeline: Option<Arc<Pipeline>>,
    /// The facts.
    pub facts: Arc<Facts>,
    /// The commit that `gantry.yaml` was read from.
    pub config_at: Option<CommitId>,
    /// What people must mend: mistakes in `gantry.yaml`, a repository or a forge that can't be reached.
    pub problems: Vec<Problem>,
    /// When the look ended.
    pub at: Timestamp,
    /// Nothing was left to do at the end of it.
    pub settled: bool,
    /// What is on its way, as decided on what was seen.
    pub under_way: Tally,
}

impl Seen {
    /// Decides on what was seen; empty without a pipeline.
    #[must_use]
    pub fn decide(&self, now: Timestamp) -> Decision {
        self.pipeline.as_ref().map(|pipeline| decide(pipeline, &self.facts, now)).unwrap_or_default()
    }
}

/// How a registry stood when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryHealth {
    /// Its host.
    pub host: String,
    /// How many images in it are watched.
    pub images: usize,
    /// How many of them could not be read.
    pub failing: usize,
}

/// The last looks at all repositories, and the wake-ups that ask for the next one.
#[derive(Debug)]
pub struct Board {
    seen: RwLock<BTreeMap<String, Arc<Seen>>>,
    expected: Vec<String>,
    generation: watch::Sender<u64>,
    wakeups: watch::Sender<u64>,
    at_work: RwLock<BTreeSet<String>>,
    registries: RwLock<Vec<RegistryHealth>>,
}

impl Board {
    /// A board for these repositories, with nothing on it.
    #[must_use]
    pub fn new(expected: Vec<String>) -> Self {
        Self {
            seen: RwLock::default(),
            expected,
            generation: watch::Sender::new(0),
            wakeups: watch::Sender::new(0),
            at_work: RwLock::default(),
            registries: RwLock::default(),
        }
    }

    /// Puts up a look.
    pub fn post(&self, seen: Seen) {
        let mut board = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        board.insert(seen.repository.clone(), Arc::new(seen));
        drop(board);
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// All looks, by the repository's name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Seen>> {
        let board = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        board.values().cloned().collect()
    }

    /// The look at the repository of that name.
    #[must_use]
    pub fn of(&self, repository: &str) -> Option<Arc<Seen>> {
        let board = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        board.get(repository).cloned()
    }

    /// The looks that hold an application of that name: one, unless two repositories use the same name.
    #[must_use]
    pub fn with(&self, application: &ApplicationName) -> Vec<Arc<Seen>> {
        let holds = |seen: &Arc<Seen>| {
            seen.pipeline.as_ref().is_some_and(|pipeline| pipeline.applications.contains_key(application))
        };
        self.all().into_iter().filter(holds).collect()
    }

    /// Each repository was looked at once: the server is ready.
    #[must_use]
    pub fn complete(&self) -> bool {
        let board = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        self.expected.iter().all(|name| board.contains_key(name))
    }

    /// The repositories that were not looked at yet.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let board = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        self.expected.iter().filter(|name| !board.contains_key(*name)).cloned().collect()
    }

    /// Puts up how the registries stand.
    pub fn note_registries(&self, registries: Vec<RegistryHealth>) {
        *self.registries.write().unwrap_or_else(PoisonError::into_inner) = registries;
    }

    /// How the registries stood when they were last asked.
    #[must_use]
    pub fn registries(&self) -> Vec<RegistryHealth> {
        self.registries.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells each new look; the number grows with each.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Asks for a look now: something came into the inbox, or into the store.
    pub fn wake(&self) {
        self.wakeups.send_modify(|wakeups| *wakeups += 1);
    }

    /// Tells each wake-up; everyone who listens hears all of them.
    #[must_use]
    pub fn wakeups(&self) -> watch::Receiver<u64> {
        self.wakeups.subscribe()
    }

    /// Says that a look at a repository has begun. Until it is posted as settled, the board is not idle.
    pub fn begin(&self, repository: &str) {
        let mut at_work = self.at_work.write().unwrap_or_else(PoisonError::into_inner);
        at_work.insert(repository.to_owned());
    }

    /// Says that the work on a repository has ended, however it ended.
    pub fn end(&self, repository: &str) {
        let mut at_work = self.at_work.write().unwrap_or_else(PoisonError::into_inner);
        at_work.remove(repository);
        drop(at_work);
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// Every repository was looked at, nothing was left to do, and nobody is at work.
    #[must_use]
    pub fn idle(&self) -> bool {
        let at_work = self.at_work.read().unwrap_or_else(PoisonError::into_inner);
        let board = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        at_work.is_empty()
            && self.expected.iter().all(|name| board.get(name).is_some_and(|seen| seen.settled))
    }
}
