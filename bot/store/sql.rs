//! The store on a SQL database: opening it, transactions, and the trait.

use std::{fmt, path::PathBuf, time::Duration};

use async_trait::async_trait;
use gantry_core::{
    artifact::Artifact,
    build::BuildReport,
    catalog::Catalog,
    ids::{Digest, ImageName, Tag},
};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::{Any, AnyPool, Row, Transaction};

use super::{
    AuditEntry, AuditFilter, AuditPage, AuditRecord, Born, CatalogChanges, Enqueued, Entry, FirstSeen,
    Health, InboxId, Pruned, Recorded, Result, Retention, Store, StoreError, migrations, postgres, sqlite,
};

/// A store on SQLite or PostgreSQL. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct SqlStore {
    /// For everything that writes: one connection on SQLite.
    pub(super) write: AnyPool,
    /// For what only reads; on PostgreSQL the same pool.
    pub(super) read: AnyPool,
    /// The SQLite file.
    pub(super) file: Option<PathBuf>,
    place: String,
}

impl fmt::Debug for SqlStore {
    /// Shows the place only: the pools' own text holds the URL with its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("place", &self.place).finish_non_exhaustive()
    }
}

impl SqlStore {
    /// Opens the database of a URL and applies migrations: `sqlite:PATH`, `sqlite:///ABSOLUTE/PATH` (the file
    /// and its parents are made) or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    ///
    /// # Errors
    /// The URL cannot be used, the database cannot be reached, is full, refuses access, is damaged, or was
    /// made by a newer Gantry. No error shows the URL's password.
    pub async fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let store = match url.split_once(':') {
            Some(("sqlite", rest)) => {
                let path = sqlite::file_of(rest)?;
                // Making directories may block; it happens once, before anything is served.
                let file = sqlite::create(&path)?;
                let place = file.display().to_string();
                let pools = sqlite::pools(&file).await;
                let (write, read) = pools.map_err(|error| StoreError::from_driver(&place, &error))?;
                Self { write, read, file: Some(file), place }
            }
            Some(("postgres" | "postgresql", _)) => {
                let (url, place) = postgres::place_of(url)?;
                let pool = postgres::pool(&url, &place).await?;
                Self { write: pool.clone(), read: pool, file: None, place }
            }
            _ => {
                let reason = "it must begin with sqlite: or postgres:".to_owned();
                return Err(StoreError::Settings { reason });
            }
        };
        migrations::apply(&store.write, &store.place).await?;
        Ok(store)
    }

    /// The database's name for people: the file, or `postgres://host:port/database` without user and password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Closes all connections; calls that run are finished first. Not needed for durability.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// Sorts an error of the driver.
    pub(super) fn sort(&self, error: sqlx::Error) -> StoreError {
        StoreError::from_driver(&self.place, &error)
    }

    /// Begins a transaction that writes. On SQLite it takes the write lock at once: one that began as a reader
    /// could not wait for the lock later (SQLITE_BUSY_SNAPSHOT).
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Any>> {
        let begun = match self.file {
            Some(_) => self.write.begin_with("BEGIN IMMEDIATE").await,
            None => self.write.begin().await,
        };
        begun.map_err(|error| self.sort(error))
    }

    /// Ends a transaction; once this returns, what it wrote is on the disk.
    pub(super) async fn commit(&self, transaction: Transaction<'static, Any>) -> Result<()> {
        transaction.commit().await.map_err(|error| self.sort(error))
    }

    /// Draws the next number of a counter. Its row stays locked until the transaction ends.
    pub(super) async fn draw(
        &self,
        transaction: &mut Transaction<'static, Any>,
        counter: &str,
    ) -> Result<i64> {
        let row = sqlx::query("UPDATE counter SET last = last + 1 WHERE name = $1 RETURNING last")
            .bind(counter)
            .fetch_one(&mut **transaction)
            .await;
        row.and_then(|row| row.try_get(0)).map_err(|error| self.sort(error))
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn enqueue(
        &self,
        kind: &str,
        key: Option<&str>,
        owner: &str,
        payload: &Value,
        now: Timestamp,
    ) -> Result<Enqueued> {
        self.put_request(kind, key, owner, payload, now).await
    }

    async fn pending(&self, after: InboxId, limit: u32) -> Result<Vec<Entry>> {
        self.waiting_entries(after, limit).await
    }

    async fn finish(&self, id: InboxId, outcome: &Value, now: Timestamp) -> Result<bool> {
        self.finish_entry(id, outcome, now).await
    }

    async fn entry(&self, id: InboxId) -> Result<Option<Entry>> {
        self.one_entry(id).await
    }

    async fn record_build(
        &self,
        report: &BuildReport,
        entry: InboxId,
        received: Timestamp,
    ) -> Result<Recorded> {
        self.put_build(report, entry, received).await
    }

    async fn save_artifacts(&self, artifacts: &[Artifact], now: Timestamp) -> Result<()> {
        self.put_artifacts(artifacts, now).await
    }

    async fn point_tag(&self, image: &ImageName, tag: &Tag, digest: &Digest, now: Timestamp) -> Result<()> {
        self.put_tag(image, tag, digest, now).await
    }

    async fn mark_listed(&self, image: &ImageName, complete: &[Tag], began: Timestamp) -> Result<()> {
        self.put_list(image, complete, began).await
    }

    async fn catalog(&self, images: Option<&[ImageName]>) -> Result<Catalog> {
        self.load_catalog(images).await
    }

    async fn catalog_changes(&self, after: Option<i64>) -> Result<CatalogChanges> {
        self.changed_since(after).await
    }

    async fn append(&self, line: &AuditEntry) -> Result<bool> {
        Ok(self.put_lines(std::slice::from_ref(line)).await? == 1)
    }

    async fn append_all(&self, lines: &[AuditEntry]) -> Result<usize> {
        self.put_lines(lines).await
    }

    async fn audit(&self, filter: &AuditFilter, after: Option<i64>, limit: u32) -> Result<AuditPage> {
        self.audit_page(filter, after, limit).await
    }

    async fn audit_since(&self, id: i64, limit: u32) -> Result<Vec<AuditRecord>> {
        self.lines_above(id, limit).await
    }

    async fn note(&self, name: &str, value: &Value) -> Result<()> {
        self.put_note(name, value).await
    }

    async fn noted(&self, name: &str) -> Result<Option<Value>> {
        self.one_note(name).await
    }

    async fn first_seen(&self, repository: &str) -> Result<Vec<FirstSeen>> {
        self.load_first_seen(repository).await
    }

    async fn note_first_seen(&self, repository: &str, seen: &[FirstSeen], gone: &[FirstSeen]) -> Result<()> {
        self.put_first_seen(repository, seen, gone).await
    }

    async fn acquire(&self, name: &str, holder: &str, ttl: Duration, now: Timestamp) -> Result<bool> {
        self.take_lease(name, holder, ttl, now).await
    }

    async fn release(&self, name: &str, holder: &str) -> Result<()> {
        self.give_lease_back(name, holder).await
    }

    async fn prune(&self, keep: &Retention, now: Timestamp) -> Result<Pruned> {
        self.prune_old(keep, now).await
    }

    async fn born(&self, used: bool, now: Timestamp) -> Result<Born> {
        self.take_age(used, now).await
    }

    async fn health(&self) -> Result<Health> {
        self.check_health().await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
    use tempfile::TempDir;

    use super::*;

    async fn store() -> (TempDir, SqlStore) {
        let folder = TempDir::new().unwrap();
        let store = SqlStore::open(&format!("sqlite://{}/s.db", folder.path().display())).await.unwrap();
        (folder, store)
    }

    /// The writer is one connection, so a pragma stays in force.
    async fn pragma(store: &SqlStore, text: &str) {
        store.write.execute(AssertSqlSafe(format!("PRAGMA {text}"))).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_loses_nothing() {
        let (_folder, store) = store().await;
        pragma(&store, "max_page_count = 60").await;
        let payload = json!({ "text": "x".repeat(10_000) });
        let mut stored = 0;
        let error = loop {
            match store.enqueue("build", None, "ci", &payload, Timestamp::UNIX_EPOCH).await {
                Ok(_) => stored += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert!(error.is_temporary() && error.to_string().contains("make room"), "{error}");
        let kept = store.pending(InboxId(0), 1000).await.unwrap();
        assert!(stored > 5 && kept.iter().all(|entry| entry.payload == payload));
        assert_eq!(kept.len(), stored);
        pragma(&store, "max_page_count = 1000000").await;
        let made = store.enqueue("build", None, "ci", &payload, Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(usize::try_from(made.id.0).unwrap(), stored + 1, "what failed used no number");
    }

    #[tokio::test]
    async fn another_process_that_keeps_the_lock_is_told() {
        let (folder, store) = store().await;
        pragma(&store, "busy_timeout = 1").await;
        let url = format!("sqlite://{}/s.db?mode=rw", folder.path().display());
        let mut other = AnyConnection::connect(&url).await.unwrap();
        other.execute("BEGIN IMMEDIATE").await.unwrap();
        let payload = json!(1);
        let error = store.enqueue("build", None, "ci", &payload, Timestamp::UNIX_EPOCH).await.unwrap_err();
        assert!(matches!(error, StoreError::Busy { .. }), "{error}");
        store.pending(InboxId(0), 1).await.unwrap();
        other.execute("ROLLBACK").await.unwrap();
        assert!(store.enqueue("build", None, "ci", &payload, Timestamp::UNIX_EPOCH).await.unwrap().fresh);
    }

    #[tokio::test]
    async fn nothing_shows_the_url() {
        let (_folder, store) = store().await;
        assert!(!format!("{store:?}").contains("sqlite:"), "{store:?}");
    }
}
