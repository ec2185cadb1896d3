//! What changed in the catalog is told, and nothing is where nothing did.

use gantry::store::{InboxId, Store};
use gantry_core::build::{BuildReport, BuildStatus};

use super::{artifact, at, digest, image, tag};
use crate::support::database::on_each;

fn report(name: &str, number: u64) -> BuildReport {
    BuildReport {
        image: image(name),
        tag: tag("1.0.0"),
        digest: Some(digest(number)),
        revision: None,
        source: None,
        created: None,
        status: BuildStatus::Success,
        check: "ci".to_owned(),
        url: None,
    }
}

/// The images that changed after `number`, which goes on.
async fn since(store: &dyn Store, number: &mut i64) -> Vec<String> {
    let changes = store.catalog_changes(Some(*number)).await.unwrap();
    *number = changes.last;
    changes.images.iter().map(|image| image.as_str().rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_way_into_the_catalog_is_a_change_and_a_repetition_is_none() {
    on_each(async |database| {
        let store = database.open().await;
        let mut number = store.catalog_changes(None).await.unwrap().last;
        assert_eq!(since(&store, &mut number).await, [] as [&str; 0]);
        let described = [artifact("basket", "1.0.0", 1), artifact("checkout", "1.0.0", 2)];
        store.save_artifacts(&described, at(1)).await.unwrap();
        assert_eq!(since(&store, &mut number).await, ["basket", "checkout"]);
        store.save_artifacts(&described, at(2)).await.unwrap();
        assert_eq!(since(&store, &mut number).await, [] as [&str; 0], "it was known");
        store.point_tag(&image("basket"), &tag("latest"), &digest(1), at(3)).await.unwrap();
        assert_eq!(since(&store, &mut number).await, ["basket"]);
        store.point_tag(&image("basket"), &tag("latest"), &digest(1), at(4)).await.unwrap();
        assert_eq!(since(&store, &mut number).await, [] as [&str; 0]);
        store.mark_listed(&image("checkout"), &[tag("1.0.0"), tag("2.0.0")], at(5)).await.unwrap();
        assert_eq!(since(&store, &mut number).await, ["checkout"]);
        store.mark_listed(&image("checkout"), &[tag("1.0.0"), tag("2.0.0")], at(6)).await.unwrap();
        assert_eq!(since(&store, &mut number).await, [] as [&str; 0]);
        store.record_build(&report("search", 3), InboxId(1), at(7)).await.unwrap();
        store.record_build(&report("basket", 4), InboxId(2), at(8)).await.unwrap();
        assert_eq!(since(&store, &mut number).await, ["search", "basket"], "in the order of the changes");

        // Another process sees them too, and one that starts now needs none of them.
        let other = database.open().await;
        let mut none = 0;
        assert_eq!(since(&other, &mut none).await, ["checkout", "search", "basket"]);
        assert_eq!(other.catalog_changes(None).await.unwrap().last, number);
    })
    .await;
}

/// Whoever reads on from the last number misses nothing, however many write.
#[tokio::test]
async fn changes_by_many_writers_are_all_told() {
    on_each(async |database| {
        let store = database.open().await;
        let writers: Vec<_> = (0..40_u64)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    let described = [artifact(&format!("app{writer}"), "1.0.0", writer)];
                    store.save_artifacts(&described, at(1)).await.unwrap();
                })
            })
            .collect();
        let (mut number, mut told) = (0, Vec::new());
        for writer in writers {
            told.extend(since(&store, &mut number).await);
            writer.await.unwrap();
        }
        told.extend(since(&store, &mut number).await);
        told.sort();
        let mut all: Vec<String> = (0..40).map(|writer| format!("app{writer}")).collect();
        all.sort();
        assert_eq!(told, all);
    })
    .await;
}
