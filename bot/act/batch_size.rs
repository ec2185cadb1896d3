//! How many promotions go to a branch at once.
//!
//! A push that takes long loses its race against everybody who commits faster than that, again and again. So
//! after a lost race at most half as many go next time, down to one, and twice as many again after each that
//! landed. What is left out is wanted again at the next look, which follows at once.
//!
//! And a push holds up whatever comes in meanwhile: so all that goes in one is bounded by the time that it takes
//! ([`LONGEST`]), as the last ones have shown.

use std::{collections::BTreeMap, time::Duration};

use gantry_core::ids::BranchName;

/// How long one push with all that belongs to it is meant to take: a build that comes in meanwhile waits for the
/// rest of this one, and then for its own.
const LONGEST: Duration = Duration::from_millis(300);
/// How many changes go in the first push, of which nothing is known.
const FIRST: usize = 200;
/// However slow the server is, so many go.
const FEWEST: usize = 25;
/// However fast it is, no more.
const MOST: usize = 1_000;

/// What the last pushes teach for the next ones. Kept from round to round; nothing is lost with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSize {
    most: BTreeMap<BranchName, usize>,
    all: usize,
}

impl Default for BatchSize {
    fn default() -> Self {
        Self { most: BTreeMap::new(), all: FIRST }
    }
}

/// How a push to a branch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    /// With so many commits, while some were left out or not.
    Landed {
        /// Whether there was more to write.
        more: bool,
    },
    /// Somebody was faster than so many commits.
    Lost {
        /// How many.
        commits: usize,
    },
    /// It was refused, which fewer would be too.
    Refused,
}

impl BatchSize {
    /// The most commits that go to the branch now.
    pub(super) fn most(&self, branch: &BranchName) -> usize {
        self.most.get(branch).copied().unwrap_or(usize::MAX)
    }

    /// The most changes that go in one push now: commits, and branches set or removed.
    pub(super) fn all(&self) -> usize {
        self.all
    }

    /// Learns how long a push of so many changes took.
    pub(super) fn took(&mut self, changes: usize, time: Duration) {
        if changes == 0 {
            return;
        }
        let fitting = LONGEST.as_secs_f64() / time.as_secs_f64().max(0.001) * changes as f64;
        let fitting = (fitting as usize).clamp(FEWEST, MOST);
        // A few changes tell little of what many take, and one slow push nothing of the next one.
        self.all = match fitting >= self.all {
            true if changes * 2 < self.all => self.all,
            true => fitting.min(self.all * 2),
            false => fitting.max(self.all / 2),
        };
    }

    /// Learns from a push.
    pub(super) fn learn(&mut self, branch: &BranchName, went: Went) {
        let most = match went {
            Went::Lost { commits } => Some((commits / 2).max(1)),
            Went::Landed { more: true } => self.most.get(branch).map(|most| most.saturating_mul(2)),
            Went::Landed { more: false } | Went::Refused => None,
        };
        match most {
            Some(most) => self.most.insert(branch.clone(), most),
            None => self.most.remove(branch),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halved_by_each_lost_race_and_doubled_by_each_landing() {
        let branch: BranchName = "main".parse().unwrap();
        let mut batch_size = BatchSize::default();
        let mut after = |went| {
            batch_size.learn(&branch, went);
            batch_size.most(&branch)
        };
        assert_eq!(after(Went::Landed { more: true }), usize::MAX, "nobody was in the way");
        assert_eq!(after(Went::Lost { commits: 1000 }), 500);
        // Some of the 500 had nothing to write: what counts is what was in the push.
        assert_eq!(after(Went::Lost { commits: 5 }), 2);
        assert_eq!(after(Went::Lost { commits: 2 }), 1);
        assert_eq!(after(Went::Lost { commits: 1 }), 1);
        assert_eq!(after(Went::Landed { more: true }), 2);
        assert_eq!(after(Went::Landed { more: true }), 4);
        assert_eq!(after(Went::Refused), usize::MAX);
        after(Went::Lost { commits: 8 });
        assert_eq!(after(Went::Landed { more: false }), usize::MAX);
        assert_eq!(batch_size, BatchSize::default());
    }

    #[test]
    fn a_push_that_takes_long_is_followed_by_smaller_ones() {
        let mut batch_size = BatchSize::default();
        let mut after = |changes, millis| {
            batch_size.took(changes, Duration::from_millis(millis));
            batch_size.all()
        };
        assert_eq!(after(200, 300), 200, "as meant");
        assert_eq!(after(200, 30_000), 100, "one alone halves it at most");
        assert_eq!(after(100, 30_000), 50);
        assert_eq!(after(50, 30_000), FEWEST);
        assert_eq!(after(25, 30_000), FEWEST);
        assert_eq!(after(1, 1), FEWEST, "one change tells little");
        assert_eq!(after(25, 75), 50);
        assert_eq!(after(50, 100), 100);
        assert_eq!(after(0, 1), 100, "nothing was pushed");
        for _ in 0..10 {
            after(MOST, 1);
        }
        assert_eq!(after(MOST, 1), MOST);
    }
}
