//! Tags whose digests are asked for beside the loop: what a build without a digest waits for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gantry_core::ids::{Digest, ImageName, Tag};
use tokio::sync::{Semaphore, watch};

/// How many tags of one host are asked for side by side; others wait for their turn, and no other host for them.
const OF_A_HOST: usize = 4;

/// What a tag points to.
pub enum Resolved {
    /// This.
    Digest(Digest),
    /// The registry has no such tag, or no registry of the settings holds the image.
    Missing,
    /// The registry does not answer now, and may later.
    Silent(String),
    /// The registry gives an answer that waiting does not better.
    Refused(String),
}

/// An image and its tag.
type Key = (ImageName, Tag);

/// What is being asked, and what was told and not taken yet.
pub(super) struct Resolving {
    state: Mutex<State>,
    /// How many are being asked.
    asked: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    /// `None` while it is asked.
    tags: HashMap<Key, Option<Resolved>>,
    hosts: HashMap<String, Arc<Semaphore>>,
}

/// Whether a tag must be asked for.
pub(super) enum Begun {
    /// It was told, and is forgotten here.
    Told(Resolved),
    /// It is being asked for.
    Asked,
    /// It is to be asked for now, when the host has a turn.
    Now(Arc<Semaphore>),
}

impl Default for Resolving {
    fn default() -> Self {
        Self { state: Mutex::default(), asked: watch::Sender::new(0) }
    }
}

impl Resolving {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to ask for a tag, unless that is under way or done.
    pub(super) fn begin(&self, key: &Key) -> Begun {
        let mut state = self.state();
        match state.tags.remove(key) {
            Some(Some(told)) => return Begun::Told(told),
            Some(None) => {
                state.tags.insert(key.clone(), None);
                return Begun::Asked;
            }
            None => {}
        }
        state.tags.insert(key.clone(), None);
        let permits = state.hosts.entry(key.0.host().to_owned());
        let permits = Arc::clone(permits.or_insert_with(|| Arc::new(Semaphore::new(OF_A_HOST))));
        drop(state);
        self.asked.send_modify(|asked| *asked += 1);
        Begun::Now(permits)
    }

    /// Keeps what was told; with nothing told it is asked for anew the next time.
    pub(super) fn tell(&self, key: &Key, told: Option<Resolved>) {
        let mut state = self.state();
        match told {
            Some(told) => drop(state.tags.insert(key.clone(), Some(told))),
            None => drop(state.tags.remove(key)),
        }
    }

    /// One has been asked for, and whoever waits for it was woken.
    pub(super) fn end(&self) {
        self.asked.send_modify(|asked| *asked -= 1);
    }

    /// Waits until nothing is being asked.
    pub(super) async fn quiet(&self) {
        // The sender lives as long as this does.
        let _ = self.asked.subscribe().wait_for(|asked| *asked == 0).await;
    }
}
