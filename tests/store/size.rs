//! Thousands of images: the catalog loads at once. The figures are printed; `GANTRY_TEST_ARTIFACTS=100000` and
//! an optimised build give those worth quoting.

use std::{io::Write as _, time::Instant};

use gantry::store::Store as _;
use serde_json::json;

use super::{artifact, at, image};
use crate::support::database::on_each;

/// Prints a figure past the capture of the test harness.
fn figure(what: &str, kind: bool, since: Instant) {
    let kind = if kind { "PostgreSQL" } else { "SQLite" };
    let line = format!("measured: {what} on {kind}: {:.0} ms\n", since.elapsed().as_secs_f64() * 1000.0);
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Tags of one image.
const TAGS: usize = 50;

#[tokio::test]
async fn many_artifacts_are_kept_and_loaded() {
    let count = std::env::var("GANTRY_TEST_ARTIFACTS").map_or(10_000, |text| text.parse::<usize>().unwrap());
    on_each(move |database| async move {
        let (store, kind) = (database.open().await, database.is_postgres());
        let all: Vec<_> = (0..count)
            .map(|n| artifact(&format!("app-{}", n / TAGS), &format!("1.{n}.0"), n.try_into().unwrap()))
            .collect();
        let start = Instant::now();
        store.save_artifacts(&all, at(0)).await.unwrap();
        figure(&format!("{count} artifacts saved"), kind, start);

        let start = Instant::now();
        let catalog = store.catalog(None).await.unwrap();
        figure(&format!("{count} artifacts and as many tags loaded"), kind, start);
        assert_eq!(catalog.images().count(), count.div_ceil(TAGS));
        assert_eq!(catalog.tags_of(&image("app-7")).count(), TAGS);
        let last = all.last().unwrap();
        assert_eq!(catalog.artifact_at(&last.image, &last.tag).as_ref(), Some(last));

        let start = Instant::now();
        let one = store.catalog(Some(&[image("app-7")])).await.unwrap();
        figure("one image of these loaded", kind, start);
        assert_eq!(one.images().count(), 1);

        let start = Instant::now();
        store.save_artifacts(&all, at(9)).await.unwrap();
        figure(&format!("{count} unchanged artifacts saved again"), kind, start);

        let start = Instant::now();
        for number in 0..200 {
            store.enqueue("build", None, "ci", &json!({"number": number}), at(0)).await.unwrap();
        }
        figure("200 requests put into the inbox one by one", kind, start);

        let start = Instant::now();
        let requests = (0..200_i64).map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                store.enqueue("build", None, "ci", &json!({"number": number}), at(0)).await.unwrap()
            })
        });
        for request in requests.collect::<Vec<_>>() {
            assert!(request.await.unwrap().fresh);
        }
        figure("200 requests put into the inbox at once", kind, start);
    })
    .await;
}
