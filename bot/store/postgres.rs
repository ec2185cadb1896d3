//! What PostgreSQL needs: a checked URL, bounded statements, and UTF-8.

use std::time::Duration;

use sqlx::{
    AnyConnection, AnyPool, ConnectOptions, Connection, Executor, Row,
    any::{AnyConnectOptions, AnyPoolOptions},
};
use url::Url;

use super::StoreError;

/// For every connection. A server may have other defaults; these are what the queries were written for.
const SETTINGS: &str = "SET statement_timeout = 30000; SET lock_timeout = 10000; \
                        SET idle_in_transaction_session_timeout = 60000; SET synchronous_commit = on; \
                        SET default_transaction_isolation = 'read committed'";

/// How long a call waits for a connection, made anew or given back by another call.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections of one replica.
const MOST: u32 = 8;

/// The parameters that a URL may have. The driver would log others with their values.
const PARAMETERS: &[&str] =
    &["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "application_name", "options"];

/// The values of `sslmode`.
const MODES: &[&str] = &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// The URL, checked, and its place: `postgres://host:port/database`, without user, password and parameters.
pub(super) fn place_of(url: &str) -> Result<(Url, String), StoreError> {
    let settings = |reason: String| StoreError::Settings { reason };
    // The parser's own error names no part of the URL.
    let url = Url::parse(url).map_err(|error| settings(format!("it is not a URL ({error})")))?;
    if let Some((key, _)) = url.query_pairs().find(|(key, _)| !PARAMETERS.contains(&&**key)) {
        let key: String = key.chars().take(40).collect();
        let hint = if key == "password" || key == "user" { "; write it before the host" } else { "" };
        return Err(settings(format!("the parameter {key:?} is not known{hint}")));
    }
    // The driver's own error would repeat the value.
    if url.query_pairs().any(|(key, value)| key == "sslmode" && !MODES.contains(&&*value)) {
        return Err(settings(format!("sslmode must be one of {}", MODES.join(", "))));
    }
    if url.path().trim_start_matches('/').is_empty() {
        return Err(settings(
            "it names no database; write one after the host, as in postgres://host/gantry".into(),
        ));
    }
    let host = url.host_str().unwrap_or("localhost");
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let place = format!("postgres://{host}{port}{}", url.path());
    Ok((url, place))
}

/// The pool of a database. It makes lost connections anew by itself.
pub(super) async fn pool(url: &Url, place: &str) -> Result<AnyPool, StoreError> {
    let sort = |error: sqlx::Error| StoreError::from_driver(place, &error);
    // The parse of a URL that is one already cannot show it; the driver reads the parts when it connects.
    let options: AnyConnectOptions = url.as_str().parse().map_err(sort)?;
    // A pool tries again until its patience ends and then tells only that; one connection tells why.
    match tokio::time::timeout(PATIENCE, check(&options)).await {
        Ok(checked) => checked.map_err(sort)??,
        Err(_) => {
            let cause = format!("no answer within {} seconds", PATIENCE.as_secs());
            return Err(StoreError::Unreachable { place: place.to_owned(), cause });
        }
    }
    AnyPoolOptions::new()
        .max_connections(MOST)
        .acquire_timeout(PATIENCE)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(SETTINGS).await?;
                Ok(())
            })
        })
        .connect_with(options)
        .await
        .map_err(sort)
}

/// Connects once, and sees that all text can be stored.
async fn check(options: &AnyConnectOptions) -> Result<Result<(), StoreError>, sqlx::Error> {
    let mut first: AnyConnection = options.connect().await?;
    first.execute(SETTINGS).await?;
    let row = sqlx::query("SELECT current_setting('server_encoding')").fetch_one(&mut first).await?;
    let encoding: String = row.try_get(0)?;
    first.close().await?;
    if encoding == "UTF8" {
        return Ok(Ok(()));
    }
    let reason = format!("the database has the encoding {encoding}, Gantry needs UTF8");
    Ok(Err(StoreError::Settings { reason }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_shows_no_secret() {
        let (_, place) =
            place_of("postgres://gantry:hunter2@db.example.com:5433/gantry?sslmode=require").unwrap();
        assert_eq!(place, "postgres://db.example.com:5433/gantry");
        for bad in [
            "postgres://u:hunter2@db",
            "postgres://u:hunter2@db:99999/x",
            "postgres://u@db/x?password=hunter2",
            "postgres://u@db/x?pasword=hunter2",
            "postgres://u:hunter2@d b/x",
        ] {
            let error = place_of(bad).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.contains("settings"), "{error}");
        }
    }
}
