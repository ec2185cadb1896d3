//! The board: what was last seen of each repository, held in memory for readers.
//!
//! The loop writes it after each look; the API, the pages and the command line read it and call the same
//! `decide`. It is no database: after a restart the first look fills it again (promise 1).

use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
};

use gantry_core::{
    config::pipeline::Pipeline,
    decide::{Decision, decide},
    facts::Facts,
    ids::{ApplicationName, CommitId},
    reason::Problem,
};
use jiff::Timestamp;
use tokio::sync::{Notify, watch};

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
}

impl Seen {
    /// Decides on what was seen; empty without a pipeline.
    #[must_use]
    pub fn decide(&self, now: Timestamp) -> Decision {
        self.pipeline.as_ref().map(|pipeline| decide(pipeline, &self.facts, now)).unwrap_or_default()
    }
}

/// The last looks at all repositories, and the bell that asks for the next one.
#[derive(Debug)]
pub struct Board {
    seen: RwLock<BTreeMap<String, Arc<Seen>>>,
    expected: Vec<String>,
    generation: watch::Sender<u64>,
    bell: Notify,
}

impl Board {
    /// A board for these repositories, with nothing on it.
    #[must_use]
    pub fn new(expected: Vec<String>) -> Self {
        Self { seen: RwLock::default(), expected, generation: watch::Sender::new(0), bell: Notify::new() }
    }

    /// Puts up a look.
    pub fn post(&self, seen: Seen) {
        let mut board = self.seen.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        board.insert(seen.repository.clone(), Arc::new(seen));
        drop(board);
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// All looks, by the repository's name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Seen>> {
        let board = self.seen.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        board.values().cloned().collect()
    }

    /// The look at the repository of that name.
    #[must_use]
    pub fn of(&self, repository: &str) -> Option<Arc<Seen>> {
        let board = self.seen.read().unwrap_or_else(std::sync::PoisonError::into_inner);
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
        let board = self.seen.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.expected.iter().all(|name| board.contains_key(name))
    }

    /// Tells each new look; the number grows with each.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Asks for a look now: something came into the inbox.
    pub fn ring(&self) {
        self.bell.notify_waiters();
        self.bell.notify_one();
    }

    /// Waits until somebody asks for a look.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }
}
