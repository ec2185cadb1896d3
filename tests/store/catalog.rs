//! Tags come, go and come back; what is known only grows.

use gantry::store::Store as _;
use gantry_core::catalog::{Catalog, TagState};

use super::{artifact, at, digest, image, tag};
use crate::support::database::on_each;

/// The tags of an image with their states, as one line.
fn states(catalog: &Catalog, name: &str) -> String {
    let one = |state| match state {
        TagState::Reported => "reported",
        TagState::Listed => "listed",
        TagState::Gone => "gone",
    };
    let tags: Vec<String> =
        catalog.tags_of(&image(name)).map(|(tag, fact)| format!("{tag} {}", one(fact.state))).collect();
    tags.join(", ")
}

#[tokio::test]
async fn a_tag_missing_from_a_complete_list_is_gone_until_it_is_back() {
    on_each(async |database| {
        let store = database.open().await;
        let (one, two, three) = (tag("1.0.0"), tag("2.0.0"), tag("3.0.0"));
        store.save_artifacts(&[artifact("checkout", "1.0.0", 1)], at(1)).await.unwrap();
        store.mark_listed(&image("checkout"), &[one.clone(), two.clone()], at(2)).await.unwrap();
        let catalog = store.catalog(None).await.unwrap();
        assert_eq!(states(&catalog, "checkout"), "1.0.0 listed, 2.0.0 listed");
        assert_eq!(catalog.digest_of(&image("checkout"), &two), None);

        store.mark_listed(&image("checkout"), &[two.clone(), three], at(3)).await.unwrap();
        let catalog = store.catalog(None).await.unwrap();
        assert_eq!(states(&catalog, "checkout"), "1.0.0 gone, 2.0.0 listed, 3.0.0 listed");
        assert_eq!(
            catalog.digest_of(&image("checkout"), &one),
            Some(&digest(1)),
            "a gone tag keeps its digest"
        );

        store.mark_listed(&image("checkout"), &[one, two], at(4)).await.unwrap();
        let catalog = store.catalog(None).await.unwrap();
        assert_eq!(states(&catalog, "checkout"), "1.0.0 listed, 2.0.0 listed, 3.0.0 gone");
        store.mark_listed(&image("checkout"), &[], at(5)).await.unwrap();
        let catalog = store.catalog(None).await.unwrap();
        assert_eq!(states(&catalog, "checkout"), "1.0.0 gone, 2.0.0 gone, 3.0.0 gone");
    })
    .await;
}

#[tokio::test]
async fn a_tag_seen_while_the_list_was_read_is_not_gone() {
    on_each(async |database| {
        let store = database.open().await;
        store.save_artifacts(&[artifact("checkout", "1.0.0", 1)], at(10)).await.unwrap();
        store.mark_listed(&image("checkout"), &[], at(9)).await.unwrap();
        assert_eq!(states(&store.catalog(None).await.unwrap(), "checkout"), "1.0.0 listed");
    })
    .await;
}

#[tokio::test]
async fn a_tag_points_where_it_was_seen_last() {
    on_each(async |database| {
        let store = database.open().await;
        for (number, seconds) in [(1, 5), (2, 9), (3, 7)] {
            store.point_tag(&image("checkout"), &tag("latest"), &digest(number), at(seconds)).await.unwrap();
        }
        let catalog = store.catalog(None).await.unwrap();
        assert_eq!(catalog.digest_of(&image("checkout"), &tag("latest")), Some(&digest(2)));
        assert_eq!(catalog.artifact(&image("checkout"), &digest(2)), None, "a digest alone is no artifact");
    })
    .await;
}

#[tokio::test]
async fn a_catalog_of_some_images_holds_these_only() {
    on_each(async |database| {
        let store = database.open().await;
        let all: Vec<_> = (0..450).map(|n| artifact(&format!("app-{n}"), "1.0.0", n)).collect();
        store.save_artifacts(&all, at(0)).await.unwrap();
        // The same ones twice in one call, and again: still one of each.
        let twice: Vec<_> = all.iter().chain(&all).cloned().collect();
        store.save_artifacts(&twice, at(1)).await.unwrap();
        assert_eq!(store.catalog(None).await.unwrap().images().count(), 450);
        let some: Vec<_> = (0..300).map(|n| image(&format!("app-{n}"))).collect();
        let catalog = store.catalog(Some(&some)).await.unwrap();
        assert_eq!(catalog.images().count(), 300);
        assert_eq!(catalog.artifact_at(&some[299], &tag("1.0.0")), Some(all[299].clone()));
        assert_eq!(store.catalog(Some(&[])).await.unwrap(), Catalog::default());
        store.save_artifacts(&[], at(2)).await.unwrap();
    })
    .await;
}
