//! Leases: which replica does a piece of work, told by a row with an end.

use std::time::Duration;

use jiff::Timestamp;

use super::{Result, SqlStore, bounds};

impl SqlStore {
    /// One statement: of two that meet in it, the database lets the second see what the first wrote.
    pub(super) async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<bool> {
        bounds::name("lease", name)?;
        bounds::name("holder", holder)?;
        let now = now.as_millisecond();
        let end = now.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        let taken = sqlx::query(
            "INSERT INTO lease (name, holder, expires_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_ms = excluded.expires_ms \
             WHERE lease.holder = excluded.holder OR lease.expires_ms <= $4",
        )
        .bind(name)
        .bind(holder)
        .bind(end)
        .bind(now)
        .execute(&self.write)
        .await
        .map_err(|error| self.sort(error))?;
        Ok(taken.rows_affected() == 1)
    }

    pub(super) async fn give_lease_back(&self, name: &str, holder: &str) -> Result<()> {
        bounds::name("lease", name)?;
        bounds::name("holder", holder)?;
        sqlx::query("DELETE FROM lease WHERE name = $1 AND holder = $2")
            .bind(name)
            .bind(holder)
            .execute(&self.write)
            .await
            .map_err(|error| self.sort(error))?;
        Ok(())
    }
}
