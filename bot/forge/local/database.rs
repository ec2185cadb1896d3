//! The local forge's SQLite file: opening, schema, and errors that say who must act.
//!
//! Unlike Gantry's own database this one is no cache: proposals, approvals and rejections exist nowhere else.
//! So every commit waits for the disk, and a file that is not ours or is damaged is refused, never made anew.

use std::{
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

use sqlx::{
    Executor, Row, Sqlite, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::forge::ForgeError;

/// Marks a file as a local forge's (`PRAGMA application_id`, the letters `GFOR`).
const APPLICATION: i64 = 1_195_790_162;

/// The schema's steps in order; the file's `user_version` counts those that it has.
const STEPS: &[&str] = &[include_str!("schema/0001_start.sql"), include_str!("schema/0002_reasons.sql")];

/// How long a statement waits while another process, such as a backup, holds the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// Rows that the driver's thread may be ahead of us: lists have thousands, and each wait is a change of thread.
const ROWS: usize = 1_000;

/// The open file. One connection: whoever works on the forge holds its lock, so a second would only wait.
#[derive(Debug)]
pub(super) struct Database {
    pool: SqlitePool,
    /// The forge's name in errors: "the local forge FILE".
    name: String,
}

impl Database {
    /// Opens the file, makes it where there is none (readable for its owner only), and brings its schema up to date.
    pub(super) async fn open(path: &Path) -> Result<Self, ForgeError> {
        let name = format!("the local forge {}", path.display());
        create(path).map_err(|error| ForgeError::Unavailable {
            forge: name.clone(),
            message: format!(
                "the file can't be opened: {error}; the platform engineer must grant Gantry access to it"
            ),
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE)
            .foreign_keys(true)
            .row_buffer_size(ROWS)
            .pragma("trusted_schema", "OFF");
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options)
            .await;
        let pool = pool.map_err(|error| sorted(&name, &error))?;
        let database = Self { pool, name };
        database.migrate().await?;
        Ok(database)
    }

    async fn migrate(&self) -> Result<(), ForgeError> {
        let mut transaction = self.begin().await?;
        let row = sqlx::query(
            "SELECT (SELECT application_id FROM pragma_application_id), \
                    (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)",
        )
        .fetch_one(&mut *transaction)
        .await;
        let row = self.read(row)?;
        let application: i64 = self.read(row.try_get(0))?;
        let version: i64 = self.read(row.try_get(1))?;
        let objects: i64 = self.read(row.try_get(2))?;
        if application != APPLICATION && (application, version, objects) != (0, 0, 0) {
            return Err(self.unavailable(
                "the file is another program's database; the platform engineer must name another file",
            ));
        }
        let done = usize::try_from(version).ok().filter(|&done| done <= STEPS.len());
        let Some(done) = done else {
            return Err(self.unavailable(&format!(
                "the file has schema version {version} of a newer Gantry; the platform engineer must run that one"
            )));
        };
        for step in &STEPS[done..] {
            let applied = transaction.execute(*step).await;
            self.read(applied)?;
        }
        self.commit(transaction).await
    }

    /// The connection, for reading. It waits for its turn.
    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Begins a transaction that takes the write lock at once.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, ForgeError> {
        let begun = self.pool.begin_with("BEGIN IMMEDIATE").await;
        self.read(begun)
    }

    /// Ends a transaction; once this returns, what it wrote is on the disk.
    pub(super) async fn commit(&self, transaction: Transaction<'static, Sqlite>) -> Result<(), ForgeError> {
        let committed = transaction.commit().await;
        self.read(committed)
    }

    /// Sorts the driver's error.
    pub(super) fn read<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, ForgeError> {
        result.map_err(|error| sorted(&self.name, &error))
    }

    /// An error in the forge's name.
    pub(super) fn unavailable(&self, message: &str) -> ForgeError {
        ForgeError::Unavailable { forge: self.name.clone(), message: message.to_owned() }
    }

    /// What was asked can't be done as it was asked.
    pub(super) fn invalid(&self, message: impl Into<String>) -> ForgeError {
        ForgeError::Invalid { forge: self.name.clone(), message: message.into() }
    }
}

fn create(path: &Path) -> std::io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    Ok(())
}

/// SQLite's extended result codes keep the primary code in the low byte (sqlite.org/rescode.html).
fn sorted(name: &str, error: &sqlx::Error) -> ForgeError {
    let code = match error {
        sqlx::Error::Database(inner) => inner.code().and_then(|code| code.parse::<u32>().ok()),
        _ => None,
    };
    let act = match (code.map(|code| code & 0xff), error) {
        (Some(5 | 6), _) => {
            "Gantry tries again; if this stays, the platform engineer must see which process holds the file"
        }
        (Some(13), _) => "the platform engineer must make room on its disk",
        (Some(3 | 8 | 14 | 23), _) => "the platform engineer must grant Gantry access to the file",
        (Some(10 | 11 | 26), _) | (_, sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }) => {
            "the file is damaged: the platform engineer must restore it from a backup"
        }
        (_, sqlx::Error::PoolTimedOut) => "Gantry tries again by itself",
        _ => "this is a fault in Gantry, please report it",
    };
    let cause: String =
        error.to_string().chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect();
    ForgeError::Unavailable { forge: name.to_owned(), message: format!("{cause}; {act}") }
}
