//! Seals the commits that Gantry makes.
//!
//! The seal is the last trailer of a record. It covers the trailers as they stand in the finished message, so that
//! what is read back is what was sealed.
//!
//! Promise: the time of a sealed commit is never before that of an earlier sealed one on its branch, so that a
//! server's clock that is behind does not let a soak end early. Times of people's commits count for nothing here: a
//! date far ahead would stop every soak.

use std::{collections::BTreeMap, sync::Arc};

use gantry_core::{
    config::pipeline::Pipeline,
    facts::Facts,
    ids::{BranchName, CommitId},
    record,
};
use jiff::Timestamp;

use super::change::FileChange;
use crate::{
    git::{BlobId, Draft, Drafting, GitError, trailers},
    seal::{Binding, BoundFile, Trust},
};

/// Seals commits on top of what was seen.
pub(super) struct Sealer {
    trust: Arc<Trust>,
    /// The time of the newest sealed arrival on each branch.
    newest: BTreeMap<BranchName, Timestamp>,
}

impl Sealer {
    /// For commits on the branches as they were seen.
    pub(super) fn new(trust: Arc<Trust>, pipeline: &Pipeline, facts: &Facts) -> Self {
        let mut newest: BTreeMap<BranchName, Timestamp> = BTreeMap::new();
        for (place, seen) in facts.places.iter() {
            let sealed = seen.history.iter().find(|arrival| arrival.record.is_some());
            let (Some(stage), Some(sealed)) = (pipeline.stage(&place.environment), sealed) else { continue };
            let time = newest.entry(stage.branch.clone()).or_insert(sealed.since);
            *time = sealed.since.max(*time);
        }
        Self { trust, newest }
    }

    /// The trailers that say where a record belongs.
    pub(super) fn belonging(&self, base: Option<&CommitId>) -> Vec<(String, String)> {
        record::belonging_trailers(self.trust.repository(), base)
    }

    /// Makes a commit that is pushed to `branch`.
    pub(super) fn commit(
        &self,
        drafting: &mut Drafting<'_>,
        branch: &BranchName,
        mut draft: Draft,
    ) -> Result<CommitId, GitError> {
        if let Some(newest) = self.newest.get(branch) {
            draft.at = draft.at.max(*newest);
        }
        drafting.commit_saying(&draft, |tree| {
            let parent = draft.parent.as_str();
            let binding = Binding::Commit { parent, tree, seconds: draft.at.as_second() };
            self.sealed(branch, binding, &draft.message)
        })
    }

    /// Makes the commit of a proposal that goes to `branch`.
    pub(super) fn proposal(
        &self,
        drafting: &mut Drafting<'_>,
        branch: &BranchName,
        draft: &Draft,
        files: &[BoundFile],
    ) -> Result<CommitId, GitError> {
        drafting.commit_saying(draft, |_| {
            let binding = Binding::Proposal { base: draft.parent.as_str(), files };
            self.sealed(branch, binding, &draft.message)
        })
    }

    fn sealed(&self, branch: &BranchName, binding: Binding<'_>, message: &str) -> Result<String, String> {
        let ours = record::to_seal(&trailers::parse(message));
        let seal = self.trust.seal(branch.as_str(), binding, &ours).map_err(|error| error.to_string())?;
        Ok(match seal {
            Some(seal) => trailers::with(message, &[(record::SEAL.to_owned(), seal.to_string())]),
            None => message.to_owned(),
        })
    }
}

/// What the changes do to the files, as a seal binds it.
pub(super) fn bound(changes: &[FileChange]) -> Vec<BoundFile> {
    let id = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(BlobId::of).map(|id| id.to_string());
    let changed = changes.iter().map(|change| BoundFile {
        path: change.path.clone(),
        before: id(&change.before),
        after: id(&change.after),
    });
    let mut files: Vec<BoundFile> = changed.filter(|file| file.before != file.after).collect();
    files.sort();
    files
}
