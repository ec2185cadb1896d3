//! The paths of each branch, sorted, so that those with a common beginning are found at once.

use std::{borrow::Cow, collections::BTreeMap};

use crate::ids::BranchName;

/// The paths of each branch.
pub(super) struct Trees<'t>(BTreeMap<&'t BranchName, Cow<'t, [String]>>);

impl<'t> Trees<'t> {
    pub(super) fn of(trees: &'t BTreeMap<BranchName, Vec<String>>) -> Self {
        let sorted = |paths: &'t Vec<String>| {
            if paths.is_sorted() {
                return Cow::Borrowed(paths.as_slice());
            }
            let mut paths = paths.clone();
            paths.sort_unstable();
            Cow::Owned(paths)
        };
        Self(trees.iter().map(|(branch, paths)| (branch, sorted(paths))).collect())
    }

    /// The paths of a branch that begin so.
    pub(super) fn below(&self, branch: &BranchName, beginning: &str) -> &[String] {
        let paths = self.0.get(branch).map_or(&[][..], |paths| paths);
        let from = &paths[paths.partition_point(|path| path.as_str() < beginning)..];
        &from[..from.partition_point(|path| path.starts_with(beginning))]
    }

    /// Whether a file stands there; for a path that ends in `/`, any below it.
    pub(super) fn has(&self, branch: &BranchName, path: &str) -> bool {
        let found = self.below(branch, path).first();
        found.is_some_and(|found| path.ends_with('/') || found == path)
    }
}
