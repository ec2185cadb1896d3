//! Which files differ between two commits, without looking into folders that are equal.

use gantry_core::ids::CommitId;

use super::{
    error::GitError,
    mirror::Mirror,
    steps::{Changed, Differ, Paths},
};

impl Mirror {
    /// The files for which `wanted` says yes that differ between `parent` (nothing, for `None`) and `commit`,
    /// sorted by path. Paths that are not UTF-8 are left out.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold one of the two.
    pub fn changed(
        &self,
        parent: Option<&CommitId>,
        commit: &CommitId,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Changed>, GitError> {
        let repository = self.repository();
        let before = match parent {
            Some(parent) => Some(self.tree_of(&repository, self.known(&repository, parent)?)?),
            None => None,
        };
        let after = self.tree_of(&repository, self.known(&repository, commit)?)?;
        Differ::new(self, &Anywhere(wanted)).compare(before, after)
    }
}

/// Files anywhere.
struct Anywhere<'a>(&'a dyn Fn(&str) -> bool);

impl Paths for Anywhere<'_> {
    fn wants(&self, path: &str) -> bool {
        (self.0)(path)
    }

    fn enters(&self, _: &str) -> bool {
        true
    }
}
