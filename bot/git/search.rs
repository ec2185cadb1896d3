//! Commits whose messages hold a word.

use gantry_core::ids::CommitId;
use gix::{bstr::ByteSlice, prelude::FindExt as _};

use super::{error::GitError, history::CommitInfo, ids, mirror::Mirror};

impl Mirror {
    /// The commits that `head` has and `known` has not, through all parents, whose messages hold one of `words`:
    /// newest first by the committers' clocks. Only messages are read, so that the whole history is affordable.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold `head`.
    pub fn search(
        &self,
        head: &CommitId,
        known: Option<&CommitId>,
        words: &[&str],
    ) -> Result<Vec<CommitInfo>, GitError> {
        let repository = self.repository();
        let start = self.known(&repository, head)?;
        let order = gix::traverse::commit::simple::CommitTimeOrder::NewestFirst;
        let walk = repository
            .rev_walk([start])
            .with_hidden(known.and_then(ids::object))
            .sorting(gix::revision::walk::Sorting::ByCommitTime(order))
            .all()
            .map_err(|error| self.damage(&error))?;
        let mut found = Vec::new();
        let mut buffer = Vec::new();
        for step in walk {
            let id = step.map_err(|error| self.damage(&error))?.id;
            let commit = repository.objects.find_commit(&id, &mut buffer);
            let commit = commit.map_err(|error| self.damage_text(&error.to_string()))?;
            if words.iter().any(|word| commit.message.contains_str(word)) {
                match self.commit_info(&self.commit_id(&id)?) {
                    // It can't be one of ours.
                    Err(GitError::TooLarge { .. }) => {}
                    info => found.push(info?),
                }
            }
        }
        Ok(found)
    }
}
