//! The audit log: lines are added and never changed.

use sqlx::{Any, AssertSqlSafe, Row, Transaction, any::AnyRow};

use super::{AuditEntry, AuditFilter, AuditPage, AuditRecord, Result, SqlStore, bounds, rows};

/// The most lines of one page.
const PAGE_MAX: u32 = 1_000;

/// The columns of a line, in the order in which [`read`] takes them.
const SELECT: &str = "SELECT id, entry_key, at_ms, actor, action, repository, application, environment, \
                      release_id, body, detail FROM audit";

fn read(row: &AnyRow) -> rows::Read<AuditRecord> {
    Ok(AuditRecord {
        id: row.try_get(0)?,
        entry: AuditEntry {
            key: rows::text(row, 1)?.to_owned(),
            at: rows::time(row, 2)?,
            actor: rows::text(row, 3)?.to_owned(),
            action: rows::text(row, 4)?.to_owned(),
            repository: rows::text(row, 5)?.to_owned(),
            application: rows::maybe_id(row, 6)?,
            environment: rows::maybe_id(row, 7)?,
            release: rows::maybe_id(row, 8)?,
            text: rows::text(row, 9)?.to_owned(),
            detail: rows::json(row, 10)?,
        },
    })
}

impl SqlStore {
    pub(super) async fn put_lines(&self, lines: &[AuditEntry]) -> Result<usize> {
        let mut new = Vec::with_capacity(lines.len());
        for line in lines {
            let named = [
                ("audit key", &line.key),
                ("actor", &line.actor),
                ("action", &line.action),
                ("repository", &line.repository),
            ];
            for (field, text) in named {
                bounds::name(field, text)?;
            }
            let detail = bounds::json("detail", &line.detail)?;
            if !self.has_line(&line.key).await? {
                new.push((line, detail));
            }
        }
        if new.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.begin().await?;
        let mut added = 0;
        for (line, detail) in new {
            added += usize::from(self.put_line(&mut transaction, line, detail).await?);
        }
        if added == 0 {
            // Dropped without a commit, the transaction gives its numbers back.
            return Ok(0);
        }
        self.commit(transaction).await?;
        Ok(added)
    }

    async fn put_line(
        &self,
        transaction: &mut Transaction<'static, Any>,
        line: &AuditEntry,
        detail: String,
    ) -> Result<bool> {
        // Taken apart, so that a new field cannot be forgotten here.
        let AuditEntry {
            key,
            at,
            actor,
            action,
            repository,
            application,
            environment,
            release,
            text,
            detail: _,
        } = line;
        // The number is the next one, and is taken only by a line that is new: the counter's row is locked before,
        // so that two who add the same line wait for each other.
        let id = self.draw(transaction, "audit").await?;
        let made = sqlx::query(
            "INSERT INTO audit (id, entry_key, at_ms, actor, action, repository, application, environment, \
             release_id, body, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (entry_key) DO NOTHING",
        )
        .bind(id)
        .bind(key)
        .bind(at.as_millisecond())
        .bind(actor)
        .bind(action)
        .bind(repository)
        .bind(application.as_ref().map(AsRef::<str>::as_ref))
        .bind(environment.as_ref().map(AsRef::<str>::as_ref))
        .bind(release.as_ref().map(AsRef::<str>::as_ref))
        .bind(bounds::sentence(text))
        .bind(detail)
        .execute(&mut **transaction)
        .await
        .map_err(|error| self.sort(error))?;
        if made.rows_affected() == 0 {
            let back = sqlx::query("UPDATE counter SET last = last - 1 WHERE name = 'audit'");
            back.execute(&mut **transaction).await.map_err(|error| self.sort(error))?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Whether a line with this key is there; a repetition then needs no turn at the writer.
    async fn has_line(&self, key: &str) -> Result<bool> {
        let found = sqlx::query("SELECT id FROM audit WHERE entry_key = $1")
            .bind(key)
            .fetch_optional(&self.read)
            .await;
        found.map(|row| row.is_some()).map_err(|error| self.sort(error))
    }

    pub(super) async fn audit_page(
        &self,
        filter: &AuditFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<AuditPage> {
        let AuditFilter { application, environment, actor, action } = filter;
        let wanted = [
            ("application", application.as_ref().map(AsRef::<str>::as_ref)),
            ("environment", environment.as_ref().map(AsRef::<str>::as_ref)),
            ("actor", actor.as_deref()),
            ("action", action.as_deref()),
        ];
        let wanted: Vec<(&'static str, &str)> =
            wanted.into_iter().filter_map(|(column, value)| value.map(|value| (column, value))).collect();
        // Only the columns' own names and numbers are spliced in.
        let mut sql = format!("{SELECT} WHERE id < $1");
        for (index, (column, value)) in wanted.iter().enumerate() {
            bounds::name(column, value)?;
            sql.push_str(&format!(" AND {column} = ${}", index + 2));
        }
        let limit = limit.clamp(1, PAGE_MAX);
        // One more than asked for tells whether there is a next page.
        sql.push_str(&format!(" ORDER BY id DESC LIMIT {}", u64::from(limit) + 1));
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(after.unwrap_or(i64::MAX));
        for (_, value) in wanted {
            query = query.bind(value);
        }
        let mut entries = self.lines(query).await?;
        let more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let next = if more { entries.last().map(|record| record.id) } else { None };
        Ok(AuditPage { entries, next })
    }

    pub(super) async fn lines_above(&self, id: i64, limit: u32) -> Result<Vec<AuditRecord>> {
        let sql = format!("{SELECT} WHERE id > $1 ORDER BY id LIMIT $2");
        let limit = i64::from(limit.clamp(1, PAGE_MAX));
        self.lines(sqlx::query(AssertSqlSafe(sql)).bind(id).bind(limit)).await
    }

    async fn lines(
        &self,
        query: sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments>,
    ) -> Result<Vec<AuditRecord>> {
        let found = query.fetch_all(&self.read).await;
        found.and_then(|found| found.iter().map(read).collect()).map_err(|error| self.sort(error))
    }
}
