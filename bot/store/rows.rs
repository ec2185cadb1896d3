//! Reads rows. What does not parse is damage, for every value was checked before it was written.

use std::{error::Error, str::FromStr};

use jiff::Timestamp;
use serde_json::Value;
use sqlx::{Row, any::AnyRow};

use super::bounds;

/// A result before the database's name is joined to its error.
pub(super) type Read<T> = Result<T, sqlx::Error>;

fn damaged(error: impl Into<Box<dyn Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

/// A text that must be there.
pub(super) fn text(row: &AnyRow, column: usize) -> Read<&str> {
    row.try_get(column)
}

/// A text that may be missing.
pub(super) fn maybe_text(row: &AnyRow, column: usize) -> Read<Option<&str>> {
    row.try_get(column)
}

/// An identifier, checked again.
pub(super) fn id<T>(row: &AnyRow, column: usize) -> Read<T>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    text(row, column)?.parse().map_err(damaged)
}

/// An identifier that may be missing.
pub(super) fn maybe_id<T>(row: &AnyRow, column: usize) -> Read<Option<T>>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    maybe_text(row, column)?.map(str::parse).transpose().map_err(damaged)
}

/// A time.
pub(super) fn time(row: &AnyRow, column: usize) -> Read<Timestamp> {
    bounds::time(row.try_get(column)?).map_err(damaged)
}

/// A time that may be missing.
pub(super) fn maybe_time(row: &AnyRow, column: usize) -> Read<Option<Timestamp>> {
    row.try_get::<Option<i64>, _>(column)?.map(bounds::time).transpose().map_err(damaged)
}

/// A JSON value.
pub(super) fn json(row: &AnyRow, column: usize) -> Read<Value> {
    serde_json::from_str(text(row, column)?).map_err(damaged)
}

/// A value that has no meaning here.
pub(super) fn unknown(what: &str, value: &str) -> sqlx::Error {
    damaged(format!("{value:?} is no {what}"))
}

/// A count, which no database gives below zero.
pub(super) fn count(row: &AnyRow, column: usize) -> Read<u64> {
    row.try_get::<i64, _>(column)?.try_into().map_err(damaged)
}
