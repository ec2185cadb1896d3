//! The forge's proposals, read beside the loop: a forge that is slow or silent holds up nothing but itself.
//!
//! A look takes the last list that is known and asks for a new one; when that differs, the loop is woken. Whoever
//! changed something at the forge notes when ([`Proposals::now`]), and nothing that rests on proposals is done with a
//! list that began to be read before.
//!
//! Race known: as ever, the forge is read before Git ([`super`]): a list is whole before the look that takes it
//! fetches.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gantry_core::facts::Proposal;
use tokio::sync::watch;

use crate::{
    forge::{Forge, ForgeError},
    git::Mirror,
};

/// A forge that is as quick as this is waited for: then one look does what would take two.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long the first look waits for the first list: which merges the forge knows tells from when arrivals count, and
/// a process that starts has heard of none.
const FIRST: Duration = Duration::from_secs(10);
/// How long a list may take at most.
const LONGEST: Duration = Duration::from_secs(120);

/// A moment in the order of what is read from the forge and what is done at it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// What is known of the forge's proposals.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// The last list that was read; none before the first.
    pub list: Option<Arc<Vec<Proposal>>>,
    /// When that began to be read.
    pub began: Moment,
    /// Why the last try to read it failed, if it did.
    pub error: Option<String>,
}

/// Reads the proposals of one forge.
pub struct Proposals {
    forge: Arc<dyn Forge>,
    mirror: Arc<Mirror>,
    moments: AtomicU64,
    state: Mutex<State>,
    /// The beginning of the last reading that ended.
    ended: watch::Sender<Moment>,
    /// Wakes the loop.
    wake: Arc<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    listed: Listed,
    reading: bool,
    /// Another reading is to begin after this one.
    again: bool,
    /// How long the last one took.
    took: Duration,
    /// Something was held back until there is a newer list.
    awaited: bool,
}

impl Proposals {
    /// Reads them from this forge; `wake` is called when the loop has something new to look at.
    #[must_use]
    pub fn new(forge: Arc<dyn Forge>, mirror: Arc<Mirror>, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let ended = watch::Sender::new(Moment::default());
        Self { forge, mirror, moments: AtomicU64::new(0), state: Mutex::default(), ended, wake }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the forge can answer only where Git can be read.
    #[must_use]
    pub fn rests_on_git(&self) -> bool {
        self.forge.rests_on_git()
    }

    /// A moment after all before.
    pub fn now(&self) -> Moment {
        Moment(self.moments.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// Asks for a list that begins to be read from now on.
    pub fn refresh(self: &Arc<Self>) {
        let mut state = self.state();
        if state.reading {
            state.again = true;
        } else {
            state.reading = true;
            tokio::spawn(Arc::clone(self).read());
        }
    }

    /// Wakes the loop when the next list is there, even if it is the same.
    pub fn await_next(self: &Arc<Self>) {
        self.state().awaited = true;
        self.refresh();
    }

    /// Whether a list that began to be read after `moment` has been told, or could not be.
    #[must_use]
    pub fn is_after(&self, moment: Moment) -> bool {
        *self.ended.borrow() > moment
    }

    /// Waits until [`Self::is_after`].
    pub async fn after(&self, moment: Moment) {
        // The sender lives as long as this does.
        let _ = self.ended.subscribe().wait_for(|ended| *ended > moment).await;
    }

    /// What is known now. A list is asked for, and waited for a moment where the forge is quick.
    pub async fn latest(self: &Arc<Self>) -> Listed {
        let moment = self.now();
        self.refresh();
        let patience = {
            let state = self.state();
            match (&state.listed.list, &state.listed.error) {
                (None, None) => FIRST,
                _ if state.took < PATIENCE => PATIENCE,
                _ => Duration::ZERO,
            }
        };
        // Without an answer in time, the last one is what there is.
        let _ = tokio::time::timeout(patience, self.after(moment)).await;
        self.state().listed.clone()
    }

    async fn read(self: Arc<Self>) {
        loop {
            let (began, clock) = (self.now(), Instant::now());
            let read = match tokio::time::timeout(LONGEST, self.list()).await {
                Ok(read) => read.map_err(|error| error.to_string()),
                Err(_) => Err(format!("the forge did not list its proposals within {} s", LONGEST.as_secs())),
            };
            let (woken, more) = {
                let mut state = self.state();
                let before = state.listed.clone();
                match read {
                    Ok(list) => {
                        let list = match before.list.clone().filter(|before| **before == list) {
                            Some(same) => same,
                            None => Arc::new(list),
                        };
                        state.listed = Listed { list: Some(list), began, error: None };
                    }
                    Err(error) => state.listed.error = Some(error),
                }
                let same = match (&before.list, &state.listed.list) {
                    (Some(before), Some(now)) => Arc::ptr_eq(before, now),
                    (None, None) => true,
                    _ => false,
                };
                let news = !same || before.error != state.listed.error;
                state.took = clock.elapsed();
                state.reading = state.again;
                (std::mem::take(&mut state.awaited) || news, std::mem::take(&mut state.again))
            };
            if woken {
                (self.wake)();
            }
            self.ended.send_replace(began);
            if !more {
                return;
            }
        }
    }

    async fn list(&self) -> Result<Vec<Proposal>, ForgeError> {
        match self.forge.proposals().await {
            // The local forge reads the mirror, which its next fetch makes anew.
            Err(_) if self.mirror.will_mend() => self.forge.proposals().await,
            listed => listed,
        }
    }
}
