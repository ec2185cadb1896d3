//! Builds: the same report is the same build, a later one replaces it, CI fills gaps only.

use gantry::store::{InboxId, Recorded, Store as _, StoreError};
use gantry_core::{
    build::{BuildReport, BuildStatus},
    catalog::TagState,
};

use super::{artifact, at, digest, image, tag};
use crate::support::database::on_each;

fn report(status: BuildStatus) -> BuildReport {
    BuildReport {
        image: image("checkout"),
        tag: tag("1.4.0"),
        digest: Some(digest(1)),
        revision: Some("0f3c".into()),
        source: None,
        created: Some(at(-60)),
        status,
        url: Some("https://ci.example.com/1".into()),
        check: "ci".into(),
    }
}

#[tokio::test]
async fn the_latest_report_of_a_build_stands() {
    on_each(async |database| {
        let store = database.open().await;
        for (entry, status, seconds, recorded) in [
            (1, BuildStatus::Pending, 1, Recorded::New),
            (3, BuildStatus::Success, 3, Recorded::Changed),
            (3, BuildStatus::Success, 3, Recorded::Same),
            (5, BuildStatus::Success, 5, Recorded::Same),
            (2, BuildStatus::Failed, 2, Recorded::Older),
        ] {
            let got = store.record_build(&report(status), InboxId(entry), at(seconds)).await.unwrap();
            assert_eq!(got, recorded, "entry {entry}");
        }
        let catalog = store.catalog(None).await.unwrap();
        let check = catalog.check(&image("checkout"), &digest(1), "ci").unwrap();
        assert_eq!((check.status, check.at), (BuildStatus::Success, at(3)));
        let known = catalog.artifact_at(&image("checkout"), &tag("1.4.0")).unwrap();
        assert_eq!((known.revision.as_deref(), known.built), (Some("0f3c"), Some(at(-60))));
        assert!(!catalog.artifact(&image("checkout"), &digest(1)).unwrap().described);
        let (_, fact) = catalog.tags_of(&image("checkout")).next().unwrap();
        assert_eq!((fact.state, fact.seen), (TagState::Reported, at(3)));

        let failed = report(BuildStatus::Failed);
        assert_eq!(store.record_build(&failed, InboxId(6), at(6)).await.unwrap(), Recorded::Changed);
        let catalog = store.catalog(Some(&[image("checkout")])).await.unwrap();
        let check = catalog.check(&image("checkout"), &digest(1), "ci").unwrap();
        assert_eq!((check.status, check.at), (BuildStatus::Failed, at(6)));
    })
    .await;
}

#[tokio::test]
async fn a_failed_build_is_recorded_and_points_no_tag() {
    on_each(async |database| {
        let store = database.open().await;
        store.record_build(&report(BuildStatus::Failed), InboxId(1), at(1)).await.unwrap();
        let catalog = store.catalog(None).await.unwrap();
        assert_eq!(catalog.tags_of(&image("checkout")).count(), 0);
        assert_eq!(catalog.artifact(&image("checkout"), &digest(1)), None);
        let checks: Vec<_> = catalog.checks_of(&image("checkout"), &digest(1)).collect();
        assert_eq!((checks[0].0, checks[0].1.status), ("ci", BuildStatus::Failed));
        assert_eq!(checks[0].1.tag, tag("1.4.0"));
    })
    .await;
}

#[tokio::test]
async fn what_the_registry_says_stands_over_what_ci_says() {
    on_each(async |database| {
        let store = database.open().await;
        let described = artifact("checkout", "1.4.0", 1);
        store.save_artifacts(std::slice::from_ref(&described), at(10)).await.unwrap();
        store.record_build(&report(BuildStatus::Success), InboxId(1), at(11)).await.unwrap();
        let known = |catalog: gantry_core::catalog::Catalog| {
            catalog.artifact_at(&image("checkout"), &tag("1.4.0")).unwrap()
        };
        assert_eq!(known(store.catalog(None).await.unwrap()), described);

        // The other way round: CI first, then the registry, which says less.
        let mut other = report(BuildStatus::Success);
        (other.tag, other.digest) = (tag("1.5.0"), Some(digest(2)));
        store.record_build(&other, InboxId(2), at(12)).await.unwrap();
        let mut less = artifact("checkout", "1.5.0", 2);
        (less.revision, less.built) = (None, Some(at(-5)));
        store.save_artifacts(&[less], at(13)).await.unwrap();
        let catalog = store.catalog(None).await.unwrap();
        let both = catalog.artifact(&image("checkout"), &digest(2)).unwrap();
        assert_eq!(
            (both.built, both.revision.as_deref(), both.described),
            (Some(at(-5)), Some("0f3c"), true)
        );
    })
    .await;
}

#[tokio::test]
async fn a_repeated_or_late_report_does_not_move_a_tag_back() {
    on_each(async |database| {
        let store = database.open().await;
        let success = report(BuildStatus::Success);
        store.record_build(&success, InboxId(1), at(1)).await.unwrap();
        store.point_tag(&image("checkout"), &tag("1.4.0"), &digest(7), at(5)).await.unwrap();
        store.record_build(&success, InboxId(2), at(9)).await.unwrap();
        let mut late = report(BuildStatus::Success);
        late.digest = Some(digest(8));
        store.record_build(&late, InboxId(3), at(4)).await.unwrap();
        let catalog = store.catalog(None).await.unwrap();
        assert_eq!(catalog.digest_of(&image("checkout"), &tag("1.4.0")), Some(&digest(7)));
    })
    .await;
}

#[tokio::test]
async fn a_report_without_digest_must_be_resolved_first() {
    on_each(async |database| {
        let store = database.open().await;
        let mut open = report(BuildStatus::Success);
        open.digest = None;
        let error = store.record_build(&open, InboxId(1), at(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { field: "digest", .. }), "{error}");
        assert_eq!(store.catalog(None).await.unwrap().images().count(), 0);
    })
    .await;
}
