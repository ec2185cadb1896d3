//! The database: inbox, artifacts, audit log and leases.
//!
//! Git is the truth (promise 1); what is here is a cache, an inbox and a log. Delete the database and Gantry
//! reaches the same state again; only the audit log and requests not yet dealt with are lost.
//!
//! Promises kept here:
//! - What [`Store::enqueue`] has answered is on the disk (promise 2): every commit is synchronous on both
//!   databases.
//! - Doing a thing twice is doing it once (promise 3): requests have idempotency keys, builds and audit lines
//!   natural keys, and each write is one transaction.
//! - A shorter list of tags removes nothing (promise 4): tags become gone and come back.
//! - Text from outside is bounded and free of NUL before it reaches a driver.
//!
//! Races known:
//! - Numbers of the inbox and the audit log are drawn from a row that stays locked until the commit, so a
//!   reader that goes on from the last number it saw misses nothing; writers queue behind each other for it.
//! - A list of tags is older than a report that came in while it was being read: see [`Store::mark_listed`].
//! - Leases compare times of the holders' own clocks: replicas whose clocks differ by more than the lease's
//!   length may both hold it. Every push is compare-and-swap, so this costs work and not correctness.

mod audit;
pub mod board;
mod bounds;
mod builds;
mod catalog;
mod changes;
mod error;
mod inbox;
mod keep;
mod lease;
mod migrations;
mod notes;
mod postgres;
mod rows;
mod sightings;
mod sql;
mod sqlite;
mod types;

use std::time::Duration;

use async_trait::async_trait;
use gantry_core::{
    artifact::Artifact,
    build::BuildReport,
    catalog::Catalog,
    ids::{Digest, ImageName, Tag},
};
use jiff::Timestamp;
use serde_json::Value;

pub use self::{
    error::StoreError,
    keep::Retention,
    sql::SqlStore,
    types::{
        AuditEntry, AuditFilter, AuditPage, AuditRecord, Born, CatalogChanges, Enqueued, Entry, FirstSeen,
        Health, InboxId, Pruned, Recorded,
    },
};

/// The result of a call to the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What Gantry keeps outside Git. All times are given by the caller and kept to the millisecond. Every call
/// fails with a [`StoreError`] that says who must act; a call that failed changed nothing.
#[async_trait]
pub trait Store: Send + Sync {
    /// Puts a request into the inbox; once this returns, the request is on the disk.
    ///
    /// `key` is the sender's idempotency key, unique for `kind` and `owner`: the same key again makes no new
    /// entry, and `conflict` says whether its payload differs from the first. Keys are forgotten when their
    /// entry is pruned. Kind, key and owner are at most 255 bytes, the payload is at most 1 MiB of JSON, 100
    /// levels deep.
    async fn enqueue(
        &self,
        kind: &str,
        key: Option<&str>,
        owner: &str,
        payload: &Value,
        now: Timestamp,
    ) -> Result<Enqueued>;

    /// The entries behind `after` that wait, oldest first, at most `limit`.
    async fn pending(&self, after: InboxId, limit: u32) -> Result<Vec<Entry>>;

    /// Notes that an entry was dealt with, and what came of it (bounds as for a payload). The first outcome
    /// stands: returns whether this call was the one, so also `false` for an entry that does not exist.
    async fn finish(&self, id: InboxId, outcome: &Value, now: Timestamp) -> Result<bool>;

    /// One entry, `None` where there is none or it was pruned.
    async fn entry(&self, id: InboxId) -> Result<Option<Entry>>;

    /// Records a report of a build that came in as inbox entry `entry`, received then.
    ///
    /// A build is identified by image, digest and check; of several reports the one with the highest entry
    /// stands. A report of success also makes the artifact known and points the tag at the digest, unless the
    /// tag was seen elsewhere after `received`; where the registry has described the artifact, that stands.
    /// A report without digest is refused: the registry must be asked first.
    async fn record_build(
        &self,
        report: &BuildReport,
        entry: InboxId,
        received: Timestamp,
    ) -> Result<Recorded>;

    /// Keeps artifacts as the registry describes them, and points each one's tag at its digest as of `now`.
    /// What is `None` in an artifact erases nothing.
    async fn save_artifacts(&self, artifacts: &[Artifact], now: Timestamp) -> Result<()>;

    /// Points a tag at the digest that the registry gave for it at `now`. A tag seen later than `now` keeps
    /// its digest.
    async fn point_tag(&self, image: &ImageName, tag: &Tag, digest: &Digest, now: Timestamp) -> Result<()>;

    /// Takes in a complete list of an image's tags, whose reading began at `began`. Tags not known become
    /// known without a digest; tags that are missing and were seen no later than `began` become gone; those
    /// that are back come back. Never call it with a list that may be incomplete. Writes only what changes.
    async fn mark_listed(&self, image: &ImageName, complete: &[Tag], began: Timestamp) -> Result<()>;

    /// Everything known of the given images, or of all.
    async fn catalog(&self, images: Option<&[ImageName]>) -> Result<Catalog>;

    /// Which images changed in the catalog after the change of that number; without one none, and only the number
    /// of the last change is told. A change is told after its rows can be read: to read on from the number that was
    /// told before the catalog was read misses nothing.
    async fn catalog_changes(&self, after: Option<i64>) -> Result<CatalogChanges>;

    /// Adds a line to the audit log; a line with the same key that is there already stays as it is. Returns
    /// whether this call added it. Key, actor, action and repository are at most 255 bytes, `detail` has the
    /// bounds of a payload; a text that is too long is cut.
    async fn append(&self, line: &AuditEntry) -> Result<bool>;

    /// Adds lines as [`Store::append`] does, all of them or none, in one transaction. Returns how many were added.
    async fn append_all(&self, lines: &[AuditEntry]) -> Result<usize>;

    /// Lines of the audit log, newest first, those with a number below `after` where one is given; at most
    /// `limit`, and at most 1,000.
    async fn audit(&self, filter: &AuditFilter, after: Option<i64>, limit: u32) -> Result<AuditPage>;

    /// Lines with a number above `id`, oldest first, at most `limit` and at most 1,000. Going on from the last
    /// number misses no line.
    async fn audit_since(&self, id: i64, limit: u32) -> Result<Vec<AuditRecord>>;

    /// Keeps what was found out under a name (at most 255 bytes; the value has the bounds of a payload), in place of
    /// what was kept there before. Only for what can be found out again.
    async fn note(&self, name: &str, value: &Value) -> Result<()>;

    /// What was kept under the name.
    async fn noted(&self, name: &str) -> Result<Option<Value>>;

    /// When commits of a repository were first seen on their branches.
    async fn first_seen(&self, repository: &str) -> Result<Vec<FirstSeen>>;

    /// Keeps when commits were first seen, where that is not known yet, and forgets those that are `gone`.
    async fn note_first_seen(&self, repository: &str, seen: &[FirstSeen], gone: &[FirstSeen]) -> Result<()>;

    /// Takes the lease `name` for `holder` until `now + ttl`, or prolongs it where `holder` has it already.
    /// Returns `false` while another holder's lease lasts.
    async fn acquire(&self, name: &str, holder: &str, ttl: Duration, now: Timestamp) -> Result<bool>;

    /// Gives the lease back; nothing happens where `holder` does not have it.
    async fn release(&self, name: &str, holder: &str) -> Result<()>;

    /// Since when the database is there; the first call says `now`. `used` says that Gantry ran here before it:
    /// then an empty database replaced another one, which is remembered.
    async fn born(&self, used: bool, now: Timestamp) -> Result<Born>;

    /// Takes away finished inbox entries and audit lines beyond what `keep` allows.
    async fn prune(&self, keep: &Retention, now: Timestamp) -> Result<Pruned>;

    /// Proves that the database can be read and written now.
    async fn health(&self) -> Result<Health>;
}
