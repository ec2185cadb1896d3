//! Text from outside: quotes, NUL, megabytes, depth. The same answer on each database.

use gantry::store::{AuditEntry, InboxId, SqlStore, Store as _, StoreError};
use gantry_core::build::{BuildReport, BuildStatus};
use serde_json::{Value, json};

use super::{artifact, at, digest, image, tag};
use crate::support::database::{Database, on_each};

/// What tends to break a query, a page or a terminal, and must come back as it was.
const ODD: &[&str] = &[
    "it's \"quoted\"; DROP TABLE inbox; --",
    "$1 ?1 :name {} %s \\ \\x00",
    "line\r\nbreak\ttab\u{1b}[31m",
    "\u{202e}right to left\u{feff}\u{1f469}\u{200d}\u{1f680}",
];

fn is_refused<T: std::fmt::Debug>(answer: Result<T, StoreError>, field: &str) {
    match answer {
        Err(StoreError::Refused { field: named, .. }) => assert_eq!(named, field),
        other => panic!("{field}: {other:?}"),
    }
}

#[tokio::test]
async fn odd_text_comes_back_as_it_was() {
    on_each(async |database| {
        let store = database.open().await;
        for text in ODD {
            let made = store.enqueue(text, Some(text), text, &json!({*text: text}), at(0)).await.unwrap();
            assert!(made.fresh);
            let entry = store.entry(made.id).await.unwrap().unwrap();
            assert_eq!((&*entry.kind, entry.key.as_deref(), &*entry.owner), (*text, Some(*text), *text));
            assert_eq!(entry.payload, json!({*text: text}));
            assert!(store.acquire(text, text, std::time::Duration::from_secs(1), at(0)).await.unwrap());
        }
        let mut odd = artifact("checkout", "1.0.0", 1);
        odd.revision = Some(ODD[0].into());
        store.save_artifacts(std::slice::from_ref(&odd), at(0)).await.unwrap();
        let catalog = store.catalog(None).await.unwrap();
        assert_eq!(catalog.artifact_at(&image("checkout"), &tag("1.0.0")), Some(odd));
    })
    .await;
}

#[tokio::test]
async fn nul_and_length_are_refused_and_nothing_is_stored() {
    on_each(async |database| {
        let store = database.open().await;
        let long = "x".repeat(1_000_000);
        for bad in ["a\0b", "", &long] {
            is_refused(store.enqueue(bad, None, "ci", &json!(1), at(0)).await, "kind");
            is_refused(store.enqueue("build", None, bad, &json!(1), at(0)).await, "owner");
            is_refused(store.enqueue("build", Some(bad), "ci", &json!(1), at(0)).await, "idempotency key");
            is_refused(store.acquire(bad, "me", std::time::Duration::from_secs(1), at(0)).await, "lease");
            is_refused(store.release("x", bad).await, "holder");
        }
        is_refused(store.enqueue("b", None, "ci", &json!(["x".repeat(1 << 20)]), at(0)).await, "payload");
        let deep = (0..120).fold(Value::Null, |inner, _| json!([inner]));
        is_refused(store.enqueue("build", None, "ci", &deep, at(0)).await, "payload");
        is_refused(store.finish(InboxId(1), &deep, at(0)).await, "outcome");
        for bad in ["a\0b", &long] {
            let mut odd = artifact("checkout", "1.0.0", 1);
            odd.source = Some(bad.into());
            is_refused(store.save_artifacts(&[odd], at(0)).await, "source");
            let report = BuildReport {
                image: image("checkout"),
                tag: tag("1"),
                digest: Some(digest(1)),
                revision: None,
                source: None,
                created: None,
                status: BuildStatus::Success,
                url: Some(bad.into()),
                check: "ci".into(),
            };
            is_refused(store.record_build(&report, InboxId(1), at(0)).await, "url");
        }
        assert_eq!(store.pending(gantry::store::InboxId(0), 10).await.unwrap(), []);
        assert_eq!(store.catalog(None).await.unwrap().images().count(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_megabyte_of_audit_text_is_cut() {
    on_each(async |database| {
        let store = database.open().await;
        let line = AuditEntry {
            key: "k".into(),
            at: at(0),
            actor: "ana".into(),
            action: "held".into(),
            repository: "infra".into(),
            application: None,
            environment: None,
            release: None,
            text: format!("\0{}", "ä".repeat(500_000)),
            detail: Value::Null,
        };
        assert!(store.append(&line).await.unwrap());
        let text = &store.audit_since(0, 1).await.unwrap()[0].entry.text;
        assert!(text.starts_with('\u{fffd}') && text.ends_with('…'));
        assert_eq!(text.chars().count(), 4_000);
        for (field, bad) in [("audit key", "\0"), ("actor", ""), ("action", &*"x".repeat(300))] {
            let mut bad_line = line.clone();
            *match field {
                "audit key" => &mut bad_line.key,
                "actor" => &mut bad_line.actor,
                _ => &mut bad_line.action,
            } = bad.to_owned();
            is_refused(store.append(&bad_line).await, field);
        }
    })
    .await;
}

#[tokio::test]
async fn a_url_that_cannot_be_used_says_who_must_act_and_shows_no_password() {
    let blocked = Database::sqlite();
    let folder = blocked.folder.as_ref().unwrap().path().display().to_string();
    std::fs::write(format!("{folder}/file"), "x").unwrap();
    std::fs::write(format!("{folder}/no.db"), "this is not a database, it only has its name".repeat(50))
        .unwrap();
    for (url, part) in [
        ("mysql://u:hunter2@h/d".to_owned(), "settings"),
        ("hunter2".into(), "settings"),
        ("sqlite::memory:".into(), "settings"),
        ("postgres://u:hunter2@h".into(), "names no database"),
        ("postgres://u:hunter2@h/d?sslmode=hunter2x".into(), "sslmode must be"),
        ("postgres://u:hunter2@127.0.0.1:1/d".into(), "does not answer"),
        (format!("sqlite://{folder}/file/gantry.db"), "an operator must grant access"),
        (format!("sqlite://{folder}"), "an operator must grant access"),
        (format!("sqlite://{folder}/no.db"), "is damaged"),
    ] {
        let error = SqlStore::open(&url).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
