//! Thousands of images: the catalog loads at once, and a poll that brings nothing writes nothing.

use std::{io::Write as _, time::Instant};

use gantry::store::Store as _;
use serde_json::json;

use super::{artifact, at, image, tag};
use crate::support::database::on_each;

/// Prints a figure past the capture of the test harness.
fn figure(what: &str, kind: bool, since: Instant) {
    let kind = if kind { "PostgreSQL" } else { "SQLite" };
    let line = format!("measured: {what} on {kind}: {:.0} ms\n", since.elapsed().as_secs_f64() * 1000.0);
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_hundred_thousand_artifacts_are_kept_and_loaded() {
    on_each(async |database| {
        let (store, kind) = (database.open().await, database.is_postgres());
        let all: Vec<_> =
            (0..100_000_u64).map(|n| artifact(&format!("app-{}", n / 50), &format!("1.{n}.0"), n)).collect();
        let start = Instant::now();
        store.save_artifacts(&all, at(0)).await.unwrap();
        figure("100,000 artifacts saved", kind, start);

        let start = Instant::now();
        let catalog = store.catalog(None).await.unwrap();
        figure("100,000 artifacts and tags loaded", kind, start);
        assert_eq!(catalog.images().count(), 2_000);
        assert_eq!(catalog.tags_of(&image("app-7")).count(), 50);
        assert_eq!(catalog.artifact_at(&image("app-1999"), &tag("1.99999.0")), Some(all[99_999].clone()));

        let start = Instant::now();
        let one = store.catalog(Some(&[image("app-7")])).await.unwrap();
        figure("one image of these loaded", kind, start);
        assert_eq!(one.images().count(), 1);

        let start = Instant::now();
        store.save_artifacts(&all[..10_000], at(9)).await.unwrap();
        figure("10,000 unchanged artifacts saved again", kind, start);

        let start = Instant::now();
        for number in 0..200 {
            store.enqueue("build", None, "ci", &json!({"number": number}), at(0)).await.unwrap();
        }
        figure("200 requests put into the inbox, each on the disk", kind, start);
    })
    .await;
}
