//! The inbox: requests from outside, kept until they are dealt with.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::{Row, any::AnyRow};

use super::{Enqueued, Entry, InboxId, Result, SqlStore, StoreError, bounds, rows};

/// The columns of an entry, in the order in which [`read`] takes them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, request_key, owner, payload, received_ms, finished_ms, outcome FROM inbox ",
            $rest
        )
    };
}

fn read(row: &AnyRow) -> rows::Read<Entry> {
    let finished = match rows::maybe_time(row, 6)? {
        Some(at) => Some((at, rows::json(row, 7)?)),
        None => None,
    };
    Ok(Entry {
        id: InboxId(row.try_get(0)?),
        kind: rows::text(row, 1)?.to_owned(),
        key: rows::maybe_text(row, 2)?.map(str::to_owned),
        owner: rows::text(row, 3)?.to_owned(),
        payload: rows::json(row, 4)?,
        received: rows::time(row, 5)?,
        finished,
    })
}

impl SqlStore {
    pub(super) async fn put_request(
        &self,
        kind: &str,
        key: Option<&str>,
        owner: &str,
        payload: &Value,
        now: Timestamp,
    ) -> Result<Enqueued> {
        bounds::name("kind", kind)?;
        bounds::name("owner", owner)?;
        let text = bounds::json("payload", payload)?;
        if let Some(key) = key {
            bounds::name("idempotency key", key)?;
            // Most repetitions end here, without a turn at the writer.
            if let Some(earlier) = self.earlier(kind, key, owner, &text).await? {
                return Ok(earlier);
            }
        }
        let mut transaction = self.begin().await?;
        let id = self.draw(&mut transaction, "inbox").await?;
        let made = sqlx::query(
            "INSERT INTO inbox (id, kind, request_key, owner, payload, received_ms) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (kind, owner, request_key) DO NOTHING",
        )
        .bind(id)
        .bind(kind)
        .bind(key)
        .bind(owner)
        .bind(&text)
        .bind(now.as_millisecond())
        .execute(&mut *transaction)
        .await
        .map_err(|error| self.sort(error))?;
        if made.rows_affected() == 1 {
            self.commit(transaction).await?;
            return Ok(Enqueued { id: InboxId(id), fresh: true, conflict: false });
        }
        // Another call with the same key was first; it held the counter's row, so it has committed.
        transaction.rollback().await.map_err(|error| self.sort(error))?;
        let earlier = match key {
            Some(key) => self.earlier(kind, key, owner, &text).await?,
            None => None,
        };
        earlier.ok_or_else(|| StoreError::Busy {
            place: self.place().to_owned(),
            cause: "a request with the same idempotency key was taken away meanwhile".into(),
        })
    }

    /// The entry that this key made earlier. Payloads are compared as read back from text, for a number may
    /// change its last digit on the way.
    async fn earlier(&self, kind: &str, key: &str, owner: &str, payload: &str) -> Result<Option<Enqueued>> {
        let found = sqlx::query(select!("WHERE kind = $1 AND owner = $2 AND request_key = $3"))
            .bind(kind)
            .bind(owner)
            .bind(key)
            .fetch_optional(&self.read)
            .await
            .and_then(|row| row.as_ref().map(read).transpose())
            .map_err(|error| self.sort(error))?;
        Ok(found.map(|entry| {
            let same = serde_json::from_str::<Value>(payload).is_ok_and(|payload| payload == entry.payload);
            Enqueued { id: entry.id, fresh: false, conflict: !same }
        }))
    }

    pub(super) async fn waiting_entries(&self, after: InboxId, limit: u32) -> Result<Vec<Entry>> {
        let found = sqlx::query(select!("WHERE finished_ms IS NULL AND id > $1 ORDER BY id LIMIT $2"))
            .bind(after.0)
            .bind(i64::from(limit))
            .fetch_all(&self.read)
            .await;
        found.and_then(|found| found.iter().map(read).collect()).map_err(|error| self.sort(error))
    }

    pub(super) async fn one_entry(&self, id: InboxId) -> Result<Option<Entry>> {
        sqlx::query(select!("WHERE id = $1"))
            .bind(id.0)
            .fetch_optional(&self.read)
            .await
            .and_then(|row| row.as_ref().map(read).transpose())
            .map_err(|error| self.sort(error))
    }

    pub(super) async fn finish_entry(&self, id: InboxId, outcome: &Value, now: Timestamp) -> Result<bool> {
        let text = bounds::json("outcome", outcome)?;
        let done = sqlx::query(
            "UPDATE inbox SET finished_ms = $1, outcome = $2 WHERE id = $3 AND finished_ms IS NULL",
        )
        .bind(now.as_millisecond())
        .bind(text)
        .bind(id.0)
        .execute(&self.write)
        .await
        .map_err(|error| self.sort(error))?;
        Ok(done.rows_affected() == 1)
    }
}
