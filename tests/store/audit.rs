//! The audit log: each line once, pages that do not shift, a tail that misses nothing.

use std::{sync::Arc, time::Duration};

use gantry::store::{AuditEntry, AuditFilter, Retention, Store as _};
use serde_json::json;

use super::at;
use crate::support::database::on_each;

fn line(number: i64, application: &str, environment: &str) -> AuditEntry {
    AuditEntry {
        key: format!("promoted {application} {environment} {number}"),
        at: at(number),
        actor: if number % 2 == 0 { "gantry" } else { "ana" }.into(),
        action: "promoted".into(),
        repository: "infra".into(),
        application: Some(application.parse().unwrap()),
        environment: Some(environment.parse().unwrap()),
        release: Some(format!("{number:032x}").parse().unwrap()),
        text: format!("{application} {number} is in {environment}"),
        detail: json!({"number": number}),
    }
}

#[tokio::test]
async fn many_lines_are_added_at_once_and_known_ones_take_no_number() {
    on_each(async |database| {
        let store = database.open().await;
        store.append(&line(1, "checkout", "dev")).await.unwrap();
        let lines: Vec<AuditEntry> = [2, 1, 3, 2].map(|number| line(number, "checkout", "dev")).into();
        assert_eq!(store.append_all(&lines).await.unwrap(), 2);
        assert_eq!(store.append_all(&lines).await.unwrap(), 0);
        assert_eq!(store.append_all(&[]).await.unwrap(), 0);
        store.append(&line(4, "checkout", "dev")).await.unwrap();
        let all = store.audit_since(0, 100).await.unwrap();
        let numbers: Vec<i64> = all.iter().map(|record| record.id - all[0].id).collect();
        assert_eq!(numbers, [0, 1, 2, 3]);
        let mut bad = line(6, "checkout", "dev");
        bad.actor = "x".repeat(1_000);
        assert!(store.append_all(&[line(5, "checkout", "dev"), bad]).await.is_err());
        assert_eq!(store.audit_since(0, 100).await.unwrap().len(), 4, "all of them or none");
    })
    .await;
}

#[tokio::test]
async fn a_line_is_added_once_and_read_in_pages() {
    on_each(async |database| {
        let store = database.open().await;
        for number in 0..10 {
            let place = if number < 7 { "dev" } else { "qa" };
            assert!(store.append(&line(number, "checkout", place)).await.unwrap());
        }
        let mut other = line(3, "checkout", "dev");
        other.text = "told differently".into();
        assert!(!store.append(&other).await.unwrap());

        let all = AuditFilter::default();
        let first = store.audit(&all, None, 4).await.unwrap();
        store.append(&line(10, "cart", "dev")).await.unwrap();
        let second = store.audit(&all, first.next, 4).await.unwrap();
        let third = store.audit(&all, second.next, 4).await.unwrap();
        let numbers: Vec<i64> = [&first, &second, &third]
            .iter()
            .flat_map(|page| &page.entries)
            .map(|record| record.entry.detail["number"].as_i64().unwrap())
            .collect();
        assert_eq!(numbers, (0..10).rev().collect::<Vec<_>>());
        assert_eq!(third.next, None);
        assert_eq!(first.entries[0].entry, line(9, "checkout", "qa"));

        let filter = AuditFilter {
            application: Some("checkout".parse().unwrap()),
            environment: Some("dev".parse().unwrap()),
            actor: Some("ana".into()),
            action: Some("promoted".into()),
        };
        let page = store.audit(&filter, None, 100).await.unwrap();
        assert_eq!(page.entries.len(), 3);
        let nobody = AuditFilter { actor: Some("' OR 1=1 --".into()), ..AuditFilter::default() };
        assert_eq!(store.audit(&nobody, None, 100).await.unwrap().entries, []);
    })
    .await;
}

#[tokio::test]
async fn a_reader_of_the_tail_misses_no_line_of_many_writers() {
    on_each(async |database| {
        let store = Arc::new(database.open().await);
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    for number in 0..10 {
                        store.append(&line(writer * 100 + number, "checkout", "dev")).await.unwrap();
                    }
                })
            })
            .collect();
        let (mut seen, mut last) = (0, 0);
        loop {
            // Asked before reading: what was written by then must be in what is read after.
            let ended = writers.iter().all(tokio::task::JoinHandle::is_finished);
            let lines = store.audit_since(last, 7).await.unwrap();
            assert!(lines.iter().map(|record| record.id).is_sorted());
            seen += lines.len();
            last = lines.last().map_or(last, |record| record.id);
            if ended && lines.is_empty() {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(seen, 80, "a line was passed over");
    })
    .await;
}

#[tokio::test]
async fn old_lines_and_finished_entries_are_pruned_and_numbers_not_used_again() {
    on_each(async |database| {
        let store = database.open().await;
        let mut ids = Vec::new();
        for number in 0..6 {
            store.append(&line(number * 100, "checkout", "dev")).await.unwrap();
            let id =
                store.enqueue("hook", Some(&number.to_string()), "x", &json!(1), at(0)).await.unwrap().id;
            ids.push(id);
            if number < 5 {
                store.finish(id, &json!(null), at(number * 100)).await.unwrap();
            }
        }
        let keep = Retention {
            inbox_age: Duration::from_secs(350),
            inbox_entries: 2,
            audit_age: Duration::from_secs(350),
            audit_entries: 3,
        };
        let pruned = store.prune(&keep, at(500)).await.unwrap();
        assert_eq!((pruned.inbox, pruned.audit), (3, 3));
        assert_eq!(store.audit_since(0, 100).await.unwrap().len(), 3);
        assert_eq!(
            store.pending(gantry::store::InboxId(0), 100).await.unwrap()[0].id,
            ids[5],
            "what waits is kept"
        );
        assert!(store.entry(ids[3]).await.unwrap().is_some() && store.entry(ids[2]).await.unwrap().is_none());
        let again = store.prune(&keep, at(500)).await.unwrap();
        assert_eq!((again.inbox, again.audit), (0, 0));

        store.finish(ids[5], &json!(null), at(600)).await.unwrap();
        let nothing = Retention { inbox_entries: 0, audit_entries: 0, ..keep };
        store.prune(&nothing, at(600)).await.unwrap();
        assert_eq!(store.audit_since(0, 100).await.unwrap(), []);
        let next = store.enqueue("hook", Some("0"), "x", &json!(1), at(601)).await.unwrap();
        assert!(next.fresh && next.id > ids[5]);
    })
    .await;
}
