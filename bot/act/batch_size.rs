//! How many promotions go to a branch at once.
//!
//! A push that takes long loses its race against everybody who commits faster than that, again and again. So
//! after a lost race at most half as many go next time, down to one, and twice as many again after each that
//! landed. What is left out is wanted again at the next look, which follows at once.

use std::collections::BTreeMap;

use gantry_core::ids::BranchName;

/// What the last pushes teach for the next ones. Kept from round to round; nothing is lost with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchSize {
    most: BTreeMap<BranchName, usize>,
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
}
