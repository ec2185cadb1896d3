//! Infra repositories: fetch, read, commit, push.

mod ancestry;
mod broken;
mod commit;
mod cost;
mod fetch;
mod gone;
mod helper;
mod http;
mod line;
mod proxy;
mod push;
mod races;
mod sign;
mod ssh;

use std::path::PathBuf;

use gantry::git::{Draft, Mirror, Person, RefUpdate, Remote};
use gantry_core::ids::CommitId;

use crate::support::git_repository::Bare;

/// A mirror in a folder that goes with it.
pub(crate) struct Own {
    pub(crate) mirror: Mirror,
    folder: tempfile::TempDir,
}

impl Own {
    pub(crate) fn of(remote: Remote) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mirror = Mirror::open(remote, &folder.path().join("mirror")).expect("it opens");
        Self { mirror, folder }
    }

    pub(crate) fn of_bare(bare: &Bare) -> Self {
        Self::of(remote(bare))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("mirror")
    }

    /// As after a restart of the process.
    pub(crate) fn reopened(self, remote: Remote) -> Self {
        let Self { mirror, folder } = self;
        drop(mirror);
        let mirror = Mirror::open(remote, &folder.path().join("mirror")).expect("it opens again");
        Self { mirror, folder }
    }
}

pub(crate) fn remote(bare: &Bare) -> Remote {
    Remote::new(&format!("file://{}", bare.path().display())).expect("a URL")
}

/// A draft of the bot on `parent` with one file.
pub(crate) fn draft(parent: &CommitId, path: &str, bytes: &[u8]) -> Draft {
    let bot = Person { name: "Gantry".into(), email: "gantry@example.com".into() };
    Draft {
        parent: parent.clone(),
        merges: Vec::new(),
        changes: vec![(path.into(), Some(bytes.to_vec()))],
        message: format!("promote(dev): {path}\n\nGantry-Environment: dev\n"),
        author: bot.clone(),
        committer: bot,
        at: "2026-11-21T10:00:00Z".parse().expect("a time"),
    }
}

pub(crate) fn update(branch: &str, old: Option<&CommitId>, new: Option<&CommitId>) -> RefUpdate {
    RefUpdate { branch: branch.into(), old: old.cloned(), new: new.cloned() }
}
