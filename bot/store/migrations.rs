//! The schema, applied when the store is opened.
//!
//! One list of files for both databases. What was applied is recorded with a checksum; a database that a newer
//! Gantry has migrated is refused, not guessed at.

use std::borrow::Cow;

use sqlx::{
    AnyPool, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use super::StoreError;

/// Number, name and text of each migration, in order. A number is never used again.
const FILES: &[(i64, &str, &str)] = &[
    (1, "start", include_str!("migrations/0001_start.sql")),
    (2, "notes", include_str!("migrations/0002_notes.sql")),
    (3, "first seen", include_str!("migrations/0003_first_seen.sql")),
    (4, "catalog change", include_str!("migrations/0004_catalog_change.sql")),
];

/// Applies what is not applied yet. On PostgreSQL several replicas may do this at once: the migrator holds an
/// advisory lock; SQLite has one process.
pub(super) async fn apply(pool: &AnyPool, place: &str) -> Result<(), StoreError> {
    let migrations = FILES
        .iter()
        .map(|&(number, name, sql)| {
            Migration::new(number, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
        })
        .collect();
    let migrator = Migrator::with_migrations(migrations);
    migrator.run(pool).await.map_err(|error| StoreError::from_migration(place, &error))
}
