//! When commits were first seen on their branches.

use super::{FirstSeen, Result, SqlStore, bounds, rows};

impl SqlStore {
    pub(super) async fn load_first_seen(&self, repository: &str) -> Result<Vec<FirstSeen>> {
        let found = sqlx::query("SELECT branch, commit_id, at_ms FROM first_seen WHERE repository = $1")
            .bind(repository)
            .fetch_all(&self.read)
            .await;
        found
            .and_then(|found| {
                let read = |row| {
                    Ok(FirstSeen {
                        branch: rows::id(row, 0)?,
                        commit: rows::id(row, 1)?,
                        at: rows::time(row, 2)?,
                    })
                };
                found.iter().map(read).collect()
            })
            .map_err(|error| self.sort(error))
    }

    /// The first time stands.
    pub(super) async fn put_first_seen(
        &self,
        repository: &str,
        seen: &[FirstSeen],
        gone: &[FirstSeen],
    ) -> Result<()> {
        bounds::name("repository", repository)?;
        let mut transaction = self.begin().await?;
        for row in seen {
            sqlx::query(
                "INSERT INTO first_seen (repository, branch, commit_id, at_ms) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (repository, branch, commit_id) DO NOTHING",
            )
            .bind(repository)
            .bind(row.branch.as_str())
            .bind(row.commit.as_str())
            .bind(row.at.as_millisecond())
            .execute(&mut *transaction)
            .await
            .map_err(|error| self.sort(error))?;
        }
        for row in gone {
            sqlx::query("DELETE FROM first_seen WHERE repository = $1 AND branch = $2 AND commit_id = $3")
                .bind(repository)
                .bind(row.branch.as_str())
                .bind(row.commit.as_str())
                .execute(&mut *transaction)
                .await
                .map_err(|error| self.sort(error))?;
        }
        self.commit(transaction).await
    }
}
