//! The inbox: stored before it is answered, once for each key, in order.

use std::sync::Arc;

use gantry::store::{InboxId, Store as _};
use serde_json::json;

use super::at;
use crate::support::database::on_each;

#[tokio::test]
async fn the_same_key_makes_one_entry() {
    on_each(async |database| {
        let store = database.open().await;
        let payload = json!({"tag": "1.4.0", "ratio": 0.1, "text": "nul \u{0} and \u{1f680}"});
        let first = store.enqueue("build", Some("k1"), "ci", &payload, at(0)).await.unwrap();
        assert!(first.fresh && !first.conflict);

        let again = store.enqueue("build", Some("k1"), "ci", &payload, at(1)).await.unwrap();
        assert_eq!((again.id, again.fresh, again.conflict), (first.id, false, false));
        let other = store.enqueue("build", Some("k1"), "ci", &json!({"tag": "9"}), at(1)).await.unwrap();
        assert_eq!((other.id, other.fresh, other.conflict), (first.id, false, true));

        for (kind, key, owner) in [
            ("hook", Some("k1"), "ci"),
            ("build", Some("k1"), "else"),
            ("build", None, "ci"),
            ("build", None, "ci"),
        ] {
            assert!(store.enqueue(kind, key, owner, &payload, at(2)).await.unwrap().fresh);
        }
        let entry = store.entry(first.id).await.unwrap().unwrap();
        assert_eq!((entry.payload, entry.received, entry.finished), (payload, at(0), None));
        assert_eq!(store.pending(gantry::store::InboxId(0), 100).await.unwrap().len(), 5);
    })
    .await;
}

#[tokio::test]
async fn twenty_at_once_with_one_key_make_one_entry() {
    on_each(async |database| {
        let store = Arc::new(database.open().await);
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    store.enqueue("build", Some("same"), "ci", &json!({"tag": "1"}), at(0)).await.unwrap()
                })
            })
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        assert_eq!(answers.iter().filter(|answer| answer.fresh).count(), 1);
        assert!(answers.iter().all(|answer| answer.id == answers[0].id && !answer.conflict));
        assert_eq!(store.pending(gantry::store::InboxId(0), 100).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn entries_wait_in_order_until_they_are_finished_once() {
    on_each(async |database| {
        let store = database.open().await;
        let mut ids = Vec::new();
        for number in 0..5 {
            ids.push(
                store.enqueue("hook", None, "registry", &json!(number), at(9 - number)).await.unwrap().id,
            );
        }
        let waiting: Vec<InboxId> =
            store.pending(gantry::store::InboxId(0), 3).await.unwrap().iter().map(|entry| entry.id).collect();
        assert_eq!(waiting, ids[..3]);

        assert!(store.finish(ids[0], &json!({"done": true}), at(20)).await.unwrap());
        assert!(!store.finish(ids[0], &json!("late"), at(21)).await.unwrap());
        assert!(!store.finish(InboxId(999), &json!(null), at(21)).await.unwrap());
        assert_eq!(store.pending(gantry::store::InboxId(0), 100).await.unwrap()[0].id, ids[1]);
        let entry = store.entry(ids[0]).await.unwrap().unwrap();
        assert_eq!(entry.finished, Some((at(20), json!({"done": true}))));
        assert_eq!(store.entry(InboxId(999)).await.unwrap(), None);

        let health = store.health().await.unwrap();
        assert_eq!((health.pending, health.oldest_pending), (4, Some(at(5))));
    })
    .await;
}
