//! The plain data that goes into the store and comes out of it.

use std::fmt;

use gantry_core::ids::{ApplicationName, BranchName, CommitId, EnvironmentName, ImageName, ReleaseId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The number of an inbox entry. Numbers rise in the order in which entries were stored and are never used
/// again, also after [`super::Store::prune`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InboxId(pub i64);

impl fmt::Display for InboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When a commit was first seen on a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstSeen {
    /// The branch.
    pub branch: BranchName,
    /// The commit.
    pub commit: CommitId,
    /// When.
    pub at: Timestamp,
}

/// What became of a request that was put into the inbox. It is on the disk in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// The entry: the new one, or the one that the same key made earlier.
    pub id: InboxId,
    /// Whether this call made the entry.
    pub fresh: bool,
    /// Whether the same key came earlier with another payload; the earlier one stands.
    pub conflict: bool,
}

/// One request in the inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its number.
    pub id: InboxId,
    /// What kind of request it is, for instance `build`.
    pub kind: String,
    /// The idempotency key of its sender.
    pub key: Option<String>,
    /// The name of the token, of the receiver or of the person that sent it.
    pub owner: String,
    /// The request.
    pub payload: Value,
    /// When it was stored.
    pub received: Timestamp,
    /// When it was dealt with and what came of it; `None` while it waits.
    pub finished: Option<(Timestamp, Value)>,
}

/// What changed in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogChanges {
    /// The number of the last change: what comes later has a higher one.
    pub last: i64,
    /// The images that have changed.
    pub images: Vec<ImageName>,
}

/// What a report of a build changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The first report of this build.
    New,
    /// The build was known and had another status.
    Changed,
    /// The build was known with this status.
    Same,
    /// A later report was recorded already; this one changed nothing.
    Older,
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// A natural key: what happened, told so that a repetition after a crash has the same key. Unique.
    pub key: String,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it: a person, a token's name, or `gantry`.
    pub actor: String,
    /// What was done, one word, for instance `promoted`.
    pub action: String,
    /// The infra repository, by its name in the settings.
    pub repository: String,
    /// The application, where it is about one.
    pub application: Option<ApplicationName>,
    /// The environment, where it is about one.
    pub environment: Option<EnvironmentName>,
    /// The release, where it is about one.
    pub release: Option<ReleaseId>,
    /// The sentence for people. The store cuts it at 4,000 characters and shows a NUL as U+FFFD.
    pub text: String,
    /// Whatever else a program may want.
    pub detail: Value,
}

/// A line of the audit log with its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number, rising in the order in which lines were stored.
    pub id: i64,
    /// The line.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

/// Which lines of the audit log are wanted; `None` asks for any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only of this application.
    pub application: Option<ApplicationName>,
    /// Only of this environment.
    pub environment: Option<EnvironmentName>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only this action.
    pub action: Option<String>,
}

/// A part of the audit log, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuditPage {
    /// The lines.
    pub entries: Vec<AuditRecord>,
    /// Give this as `after` for the next page; `None` on the last page.
    pub next: Option<i64>,
}

/// How the store stands, for `/readyz` and the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Inbox entries that wait.
    pub pending: u64,
    /// Since when the oldest of them waits.
    pub oldest_pending: Option<Timestamp>,
}

/// What [`super::Store::prune`] took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Finished inbox entries.
    pub inbox: u64,
    /// Lines of the audit log.
    pub audit: u64,
}

/// Since when a database is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Born {
    /// When it was first opened by a version that notes that.
    pub at: Timestamp,
    /// When it replaced one that was lost; none if it did not.
    pub replaced: Option<Timestamp>,
}
