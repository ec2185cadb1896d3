//! What was acknowledged is there after the worst: no close, a kill, a lost connection.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use gantry::store::{SqlStore, Store as _, StoreError};
use serde_json::json;

use super::at;
use crate::support::database::{Database, on_each, run};

/// Makes the test below a writer that never ends, on the database that it names.
const WRITER: &str = "GANTRY_TEST_STORE_WRITER";

#[tokio::test]
async fn it_opens_twice_without_a_close_and_migrates_once() {
    on_each(async |database| {
        let first = database.open().await;
        let made = first.enqueue("build", Some("k"), "ci", &json!(1), at(0)).await.unwrap();
        let second = database.open().await;
        assert_eq!(second.pending(gantry::store::InboxId(0), 10).await.unwrap()[0].id, made.id);
        assert!(!second.enqueue("build", Some("k"), "ci", &json!(1), at(0)).await.unwrap().fresh);
        drop(first);
        second.close().await;
        assert_eq!(database.open().await.pending(gantry::store::InboxId(0), 10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn two_replicas_may_start_at_once() {
    on_each(async |database| {
        if database.is_postgres() {
            let (one, two) = tokio::join!(SqlStore::open(&database.url), SqlStore::open(&database.url));
            one.unwrap().health().await.unwrap();
            two.unwrap().health().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    on_each(async |database| {
        database.open().await.close().await;
        let url =
            if database.is_postgres() { database.url.clone() } else { format!("{}?mode=rw", database.url) };
        run(
            &url,
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 9999, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1"
                .into(),
        )
        .await;
        let error = SqlStore::open(&database.url).await.unwrap_err();
        assert!(matches!(error, StoreError::OtherVersion { .. }), "{error}");
        assert!(error.to_string().contains("9999"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_copy_of_the_files_of_a_running_store_is_whole() {
    let database = Database::sqlite();
    let store = database.open().await;
    for number in 0..50 {
        store.enqueue("build", None, "ci", &json!(number), at(number)).await.unwrap();
    }
    let copy = Database::sqlite();
    let folder = |database: &Database| database.folder.as_ref().unwrap().path().join("deep/er");
    std::fs::create_dir_all(folder(&copy)).unwrap();
    for name in ["gantry.db", "gantry.db-wal"] {
        std::fs::copy(folder(&database).join(name), folder(&copy).join(name)).unwrap();
    }
    assert_eq!(copy.open().await.pending(gantry::store::InboxId(0), 100).await.unwrap().len(), 50);
}

#[tokio::test]
async fn what_a_killed_process_had_acknowledged_is_there() {
    if let Ok(url) = std::env::var(WRITER) {
        return write_for_ever(&url).await;
    }
    on_each(async |database| {
        for round in 1..=3 {
            let acknowledged = tokio::task::spawn_blocking({
                let url = database.url.clone();
                move || write_and_kill(&url, 20)
            })
            .await
            .unwrap();
            let store = database.open().await;
            let stored: Vec<i64> = store
                .pending(gantry::store::InboxId(0), 10_000)
                .await
                .unwrap()
                .iter()
                .map(|entry| entry.id.0)
                .collect();
            assert!(acknowledged.iter().all(|id| stored.contains(id)), "round {round}");
            assert!(stored.is_sorted());
        }
    })
    .await;
}

/// Starts this very test as a writer, kills it without warning after some acknowledgements, and returns all of
/// them.
fn write_and_kill(url: &str, after: usize) -> Vec<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::durable::what_a_killed_process_had_acknowledged_is_there", "--nocapture"])
        .env(WRITER, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < after {
        let line = lines.next().expect("the writer ended by itself").unwrap();
        acknowledged.extend(stored(&line));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| stored(&line)));
    acknowledged
}

/// The number that a line acknowledges; a line cut in two by the kill acknowledges nothing.
fn stored(line: &str) -> Option<i64> {
    line.strip_prefix("stored ")?.strip_suffix('.')?.parse().ok()
}

async fn write_for_ever(url: &str) {
    let store = SqlStore::open(url).await.unwrap();
    let mut out = std::io::stdout();
    loop {
        let made =
            store.enqueue("build", None, "ci", &json!({"text": "x".repeat(3_000)}), at(0)).await.unwrap();
        writeln!(out, "stored {}.", made.id).unwrap();
    }
}

#[tokio::test]
async fn a_lost_connection_is_made_anew() {
    on_each(async |database| {
        if !database.is_postgres() {
            return;
        }
        let store = database.open().await;
        store.enqueue("build", None, "ci", &json!(1), at(0)).await.unwrap();
        for _ in 0..3 {
            run(
                &database.url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    .into(),
            )
            .await;
            store.enqueue("build", None, "ci", &json!(2), at(1)).await.unwrap();
        }
        assert_eq!(store.pending(gantry::store::InboxId(0), 10).await.unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_removed_file_is_noticed() {
    let database = Database::sqlite();
    let store = database.open().await;
    store.health().await.unwrap();
    std::fs::remove_dir_all(database.folder.as_ref().unwrap().path().join("deep")).unwrap();
    let error = store.health().await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let database = Database::sqlite();
    let _store = database.open().await;
    let folder = database.folder.as_ref().unwrap().path().join("deep/er");
    for name in ["gantry.db", "gantry.db-wal"] {
        let mode = std::fs::metadata(folder.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
