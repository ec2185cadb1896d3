//! Notes: what was found out about things that never change, so that it is found out once.

use serde_json::Value;
use sqlx::Row;

use super::{Result, SqlStore, bounds};

impl SqlStore {
    pub(super) async fn put_note(&self, name: &str, value: &Value) -> Result<()> {
        bounds::name("note", name)?;
        let text = bounds::json("value", value)?;
        sqlx::query(
            "INSERT INTO note (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(text)
        .execute(&self.write)
        .await
        .map_err(|error| self.sort(error))?;
        Ok(())
    }

    pub(super) async fn one_note(&self, name: &str) -> Result<Option<Value>> {
        bounds::name("note", name)?;
        let row = sqlx::query("SELECT value FROM note WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.read)
            .await
            .map_err(|error| self.sort(error))?;
        let text: Option<String> =
            row.map(|row| row.try_get("value")).transpose().map_err(|error| self.sort(error))?;
        // A note that can't be read is one that is not there: it is found out again.
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }
}
