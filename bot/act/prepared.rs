//! The edits of many promotions, made beside each other before they are written one after another.
//!
//! An edit that is made ahead is one of the branch's head. It is used only where no promotion before it in the
//! chain changed a file that it read; else it is made again, on what the chain has left.

use std::collections::HashMap;

use gantry_core::{
    effects::{Effect, Promotion},
    reason::Problem,
};

use super::{
    edits::{self, FileChange},
    write::Desk,
};
use crate::git::File;

/// How many edits are held at most.
const WINDOW: usize = 1000;

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
    pub(super) fn take(&mut self, desk: &Desk<'_>, effects: &[Effect], index: usize) -> Option<Prepared> {
        if index >= self.done {
            let window = index..effects.len().min(index + WINDOW);
            self.done = window.end;
            let wanted: Vec<(usize, &Promotion)> =
                window.filter_map(|index| Some((index, promotion(&effects[index])?))).collect();
            let made = desk.mirror.each(&wanted, |reader, (index, promotion)| {
                let head = desk.facts.heads.get(&promotion.base)?;
                let mut paths = Vec::new();
                let mut read = |path: &str| {
                    paths.push(path.to_owned());
                    reader.read(head, path)
                };
                let changes = edits::of(desk.mirror, desk.pipeline, desk.facts, promotion, &mut read).ok()?;
                Some((*index, Prepared { changes, read: paths }))
            });
            self.edits = made.into_iter().flatten().collect();
        }
        self.edits.remove(&index)
    }
}

/// The promotion whose files an effect edits.
fn promotion(effect: &Effect) -> Option<&Promotion> {
    match effect {
        Effect::Commit { promotion } | Effect::Propose { promotion, pushed: false, .. } => Some(promotion),
        _ => None,
    }
}
