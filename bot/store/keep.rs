//! Housekeeping: what is kept for how long, and whether the database is well.

use std::time::Duration;

use jiff::Timestamp;

use super::{Born, Health, Pruned, Result, SqlStore, StoreError, rows, sqlite};

/// How much is kept. What is waiting in the inbox is always kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// How long a finished inbox entry is kept, and with it its idempotency key.
    pub inbox_age: Duration,
    /// How many finished inbox entries are kept at most; the oldest go first.
    pub inbox_entries: u32,
    /// How long a line of the audit log is kept, counted from when it happened.
    pub audit_age: Duration,
    /// How many lines of the audit log are kept at most; the oldest go first.
    pub audit_entries: u32,
}

impl Default for Retention {
    /// Inbox: 7 days and 20,000 entries. Audit log: 400 days, so that a year can be shown whole, and 500,000 lines.
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            inbox_age: Duration::from_secs(7 * DAY),
            inbox_entries: 20_000,
            audit_age: Duration::from_secs(400 * DAY),
            audit_entries: 500_000,
        }
    }
}

impl SqlStore {
    pub(super) async fn prune_old(&self, keep: &Retention, now: Timestamp) -> Result<Pruned> {
        let before = |age: Duration| {
            now.as_millisecond().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
        };
        let inbox = self.delete("DELETE FROM inbox WHERE finished_ms < $1", before(keep.inbox_age)).await?
            + self
                .delete(
                    "DELETE FROM inbox WHERE finished_ms IS NOT NULL AND id <= (SELECT id FROM inbox \
                     WHERE finished_ms IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET $1)",
                    keep.inbox_entries.into(),
                )
                .await?;
        let audit = self.delete("DELETE FROM audit WHERE at_ms < $1", before(keep.audit_age)).await?
            + self
                .delete(
                    "DELETE FROM audit WHERE id <= (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET $1)",
                    keep.audit_entries.into(),
                )
                .await?;
        Ok(Pruned { inbox, audit })
    }

    /// Notes the time of the first call, and whether the database replaced another one. Of two replicas that start
    /// at once the first one's word stands.
    pub(super) async fn take_age(&self, used: bool, now: Timestamp) -> Result<Born> {
        let insert = "INSERT INTO counter (name, last) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        let note = |name: &'static str| sqlx::query(insert).bind(name).bind(now.as_millisecond());
        let first = note("born").execute(&self.write).await.map_err(|error| self.sort(error))?;
        if first.rows_affected() > 0 && used {
            let rows = sqlx::query(
                "SELECT (SELECT COUNT(*) FROM inbox) + (SELECT COUNT(*) FROM artifact) \
                 + (SELECT COUNT(*) FROM audit)",
            );
            let row = rows.fetch_one(&self.write).await;
            let known = row.and_then(|row| rows::count(&row, 0)).map_err(|error| self.sort(error))?;
            if known == 0 {
                note("replaced").execute(&self.write).await.map_err(|error| self.sort(error))?;
            }
        }
        let times = sqlx::query(
            "SELECT MIN(CASE WHEN name = 'born' THEN last END), MIN(CASE WHEN name = 'replaced' THEN last END) \
             FROM counter",
        );
        let row = times.fetch_one(&self.read).await;
        row.and_then(|row| {
            Ok(Born { at: rows::maybe_time(&row, 0)?.unwrap_or(now), replaced: rows::maybe_time(&row, 1)? })
        })
        .map_err(|error| self.sort(error))
    }

    async fn delete(&self, sql: &'static str, bound: i64) -> Result<u64> {
        let done = sqlx::query(sql).bind(bound).execute(&self.write).await;
        done.map(|done| done.rows_affected()).map_err(|error| self.sort(error))
    }

    /// A write is part of it: ready means that a request could be stored, which a full disk or a standby
    /// server shows only when written to.
    pub(super) async fn check_health(&self) -> Result<Health> {
        if let Some(file) = &self.file
            && let Err(error) = tokio::fs::metadata(file).await
        {
            let place = self.place().to_owned();
            return Err(StoreError::Damaged {
                place,
                cause: format!("the file is not there any more: {error}"),
            });
        }
        if let Some(file) = self.file.clone()
            && let Ok(room) = tokio::task::spawn_blocking(move || sqlite::room(&file)).await
        {
            room?;
        }
        sqlx::query("UPDATE counter SET last = last + 1 WHERE name = 'probe'")
            .execute(&self.write)
            .await
            .map_err(|error| self.sort(error))?;
        let row = sqlx::query("SELECT COUNT(*), MIN(received_ms) FROM inbox WHERE finished_ms IS NULL")
            .fetch_one(&self.read)
            .await;
        row.and_then(|row| {
            Ok(Health { pending: rows::count(&row, 0)?, oldest_pending: rows::maybe_time(&row, 1)? })
        })
        .map_err(|error| self.sort(error))
    }
}
