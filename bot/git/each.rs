//! Work on many files at once, on all processors.
//!
//! To read a file and to edit it takes no turn of anything else: what a series of commits waits for most is
//! done beside each other. Each thread has handles of its own; what they read is shared by the mirror's caches.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use gantry_core::ids::CommitId;

use super::{
    error::GitError,
    mirror::Mirror,
    snapshot::{File, Snapshot},
};

/// Fewer than this many for each thread are not worth starting it.
const WORTH: usize = 32;
/// The most threads, each with handles and caches of its own.
const MAX_THREADS: usize = 8;
/// How many commits a thread looks at before it forgets them.
const SNAPSHOTS: usize = 8;
/// How many items a thread takes at once.
const PIECE: usize = 16;

/// Reads files at several commits. For one thread.
pub struct Reader<'a> {
    mirror: &'a Mirror,
    snapshots: HashMap<CommitId, Snapshot<'a>>,
}

impl Reader<'_> {
    /// As [`Snapshot::read`] at that commit.
    ///
    /// # Errors
    /// As [`Mirror::snapshot`] and [`Snapshot::read`].
    pub fn read(&mut self, commit: &CommitId, path: &str) -> Result<Option<File>, GitError> {
        self.snapshot(commit)?.read(path)
    }

    /// As [`Mirror::snapshot`], which is kept for a while.
    ///
    /// # Errors
    /// As [`Mirror::snapshot`].
    pub fn snapshot(&mut self, commit: &CommitId) -> Result<&Snapshot<'_>, GitError> {
        if !self.snapshots.contains_key(commit) {
            if self.snapshots.len() >= SNAPSHOTS {
                self.snapshots.clear();
            }
            let snapshot = self.mirror.snapshot(commit)?;
            self.snapshots.insert(commit.clone(), snapshot);
        }
        Ok(&self.snapshots[commit])
    }
}

impl Mirror {
    /// Does `work` for each item; the results are in the order of the items.
    pub fn each<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&mut Reader<'_>, &T) -> R + Sync,
    ) -> Vec<R> {
        let processors = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let threads = processors.min(items.len() / WORTH).max(1);
        let next = AtomicUsize::new(0);
        let run = || {
            let mut reader = Reader { mirror: self, snapshots: HashMap::new() };
            let mut done: Vec<(usize, R)> = Vec::new();
            loop {
                let start = next.fetch_add(PIECE, Ordering::Relaxed);
                let Some(piece) = items.get(start..items.len().min(start + PIECE)) else { return done };
                if piece.is_empty() {
                    return done;
                }
                done.extend(piece.iter().enumerate().map(|(at, item)| (start + at, work(&mut reader, item))));
            }
        };
        let mut done = thread::scope(|scope| {
            // Where no thread can be had, this one does all.
            let start = || thread::Builder::new().name("git-read".into()).spawn_scoped(scope, run).ok();
            let others: Vec<_> = (1..threads).filter_map(|_| start()).collect();
            let mut done = run();
            for other in others {
                done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            done
        });
        done.sort_unstable_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, result)| result).collect()
    }
}
