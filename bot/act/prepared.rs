//! The edits of many promotions, made beside each other before they are written one after another.
//!
//! An edit that is made ahead is one of the branch's head. It is used only where no promotion before it in the
//! chain changed a file that it read; else it is made again, on what the chain has left.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use gantry_core::{
    config::pipeline::Pipeline,
    effects::{Effect, Promotion},
    facts::Facts,
    ids::BranchName,
    reason::Problem,
};

use super::{change::FileChange, edits};
use crate::git::{File, Mirror};

/// How many edits are held at most.
const WINDOW: usize = 1000;
/// About how many bytes of files they hold at most, before and after; what is beyond is edited in its turn.
const MOST: usize = 64 << 20;

/// What an edit is made of.
#[derive(Clone, Copy)]
pub(super) struct Basis<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) pipeline: &'a Pipeline,
    pub(super) facts: &'a Facts,
}

/// An edit on a branch's head.
pub(super) struct Prepared {
    pub(super) changes: Result<Vec<FileChange>, Problem>,
    read: Vec<String>,
}

impl Prepared {
    /// Whether it holds where these files differ from the head's.
    pub(super) fn holds(&self, changed: &HashMap<String, File>) -> bool {
        !self.read.iter().any(|path| changed.contains_key(path))
    }
}

/// Edits made ahead, by the effect's index.
#[derive(Default)]
pub(super) struct Ahead {
    edits: HashMap<usize, Prepared>,
    /// Effects before this one were looked at.
    done: usize,
}

impl Ahead {
    /// The edit of the effect at `index`; with it those of the next ones are made. `None` where it has none, or
    /// Git has something to say, which is heard when it is made again.
    ///
    /// `room` tells how many more commits a branch takes in this round: edits of those that are left out would be
    /// made for nothing, in the very race that they are left out for.
    pub(super) fn take(
        &mut self,
        basis: Basis<'_>,
        effects: &[Effect],
        index: usize,
        room: impl Fn(&BranchName) -> usize,
    ) -> Option<Prepared> {
        if index >= self.done {
            let window = index..effects.len().min(index + WINDOW);
            self.done = window.end;
            let (mut commits, mut files) = (HashMap::new(), HashSet::new());
            let wanted: Vec<(usize, &Promotion)> = window
                .filter_map(|index| {
                    let promotion = promotion(&effects[index])?;
                    if matches!(effects[index], Effect::Commit { .. }) {
                        let count: &mut usize = commits.entry(&promotion.base).or_default();
                        *count += 1;
                        if *count > room(&promotion.base) || !first_of_its_files(basis, promotion, &mut files)
                        {
                            return None;
                        }
                    }
                    Some((index, promotion))
                })
                .collect();
            self.edits.clear();
            let held = AtomicUsize::new(0);
            let made = basis.mirror.each(&wanted, |reader, (index, promotion)| {
                if held.load(Ordering::Relaxed) > MOST {
                    return None;
                }
                let head = basis.facts.heads.get(&promotion.base)?;
                let mut paths = Vec::new();
                let mut read = |path: &str| {
                    paths.push(path.to_owned());
                    reader.read(head, path)
                };
                let changes =
                    edits::of(basis.mirror, basis.pipeline, basis.facts, promotion, &mut read).ok()?;
                held.fetch_add(changes.iter().flatten().map(FileChange::weight).sum(), Ordering::Relaxed);
                Some((*index, Prepared { changes, read: paths }))
            });
            self.edits = made.into_iter().flatten().collect();
        }
        self.edits.remove(&index)
    }
}

/// Whether no promotion before it in the window writes to one of its files: only the first edit of a file that
/// several promotions share is one of the head's.
fn first_of_its_files<'a>(
    basis: Basis<'a>,
    promotion: &'a Promotion,
    seen: &mut HashSet<(&'a BranchName, &'a str)>,
) -> bool {
    let application = basis.pipeline.applications.get(&promotion.place.application);
    let files = application.and_then(|application| application.files.get(&promotion.place.environment));
    let mut paths: Vec<&str> = files.into_iter().flatten().map(|entry| entry.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    // All are noted, so no short circuit.
    paths.into_iter().filter(|path| !seen.insert((&promotion.base, *path))).count() == 0
}

/// The promotion whose files an effect edits.
fn promotion(effect: &Effect) -> Option<&Promotion> {
    match effect {
        Effect::Commit { promotion } | Effect::Propose { promotion, pushed: false, .. } => Some(promotion),
        _ => None,
    }
}
