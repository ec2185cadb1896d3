//! Leases: one holder at a time.

use std::{sync::Arc, time::Duration};

use gantry::store::Store as _;

use super::at;
use crate::support::database::on_each;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn of_two_holders_one_has_the_lease_until_it_ends_or_is_given_back() {
    on_each(async |database| {
        let store = database.open().await;
        assert!(store.acquire("loop", "a", MINUTE, at(0)).await.unwrap());
        assert!(!store.acquire("loop", "b", MINUTE, at(59)).await.unwrap());
        assert!(store.acquire("loop", "a", MINUTE, at(59)).await.unwrap(), "the holder prolongs it");
        assert!(!store.acquire("loop", "b", MINUTE, at(60)).await.unwrap());
        assert!(store.acquire("loop", "b", MINUTE, at(119)).await.unwrap(), "it has ended");
        store.release("loop", "a").await.unwrap();
        assert!(!store.acquire("loop", "a", MINUTE, at(120)).await.unwrap(), "only the holder gives it back");
        store.release("loop", "b").await.unwrap();
        assert!(store.acquire("loop", "a", Duration::MAX, at(120)).await.unwrap());
        assert!(!store.acquire("loop", "b", MINUTE, at(1_000_000_000)).await.unwrap());
        assert!(store.acquire("other", "b", MINUTE, at(0)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn of_twenty_at_once_one_gets_the_lease() {
    on_each(async |database| {
        // Two stores on one database, as two replicas have.
        let stores = [Arc::new(database.open().await), Arc::new(database.open().await)];
        for round in 0..3 {
            let tasks: Vec<_> = (0..20)
                .map(|number| {
                    let store = Arc::clone(&stores[number % 2]);
                    let holder = number.to_string();
                    tokio::spawn(async move {
                        store.acquire("loop", &holder, MINUTE, at(round * 100)).await.unwrap()
                    })
                })
                .collect();
            let mut holders = 0;
            for task in tasks {
                holders += usize::from(task.await.unwrap());
            }
            assert_eq!(holders, 1, "round {round}");
        }
    })
    .await;
}
