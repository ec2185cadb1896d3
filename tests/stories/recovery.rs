//! Nothing is lost or doubled when the process dies or the database is gone.

use gantry_core::reason::Reason;

use crate::support::house::{House, IMAGE, overlay, path};

#[tokio::test]
async fn without_its_database_gantry_reaches_the_same_state() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    house.build("1.2.0", "success").await;
    house.later(60).await;
    let rejected = house.open("prod").unwrap().number;
    house.reject(rejected, "not today").await;
    house.later(60).await;
    assert!(house.open("prod").unwrap().title.contains("1.2.0"));

    let before = house.outside();
    house.lose_database().await;
    house.pass().await;
    assert_eq!(house.outside(), before, "same branches, same commits, same proposals, same words");
    house.later(3_600).await;
    assert_eq!(house.proposals().len(), 4, "qa twice, prod twice");
    house.approve("prod").await;
    assert_eq!(house.versions(), ["1.2.0", "1.2.0", "1.2.0"]);
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let before = house.outside();
    house.restart().await;
    house.pass().await;
    assert_eq!(house.outside(), before);
}

#[tokio::test]
async fn a_build_that_was_stored_before_the_crash_is_promoted_after_it() {
    let mut house = House::new().await;
    let body = serde_json::json!({
        "image": IMAGE, "tag": "1.1.0", "digest": crate::support::house::digest("1.1.0"), "revision": null,
        "source": null, "created": null, "status": "success", "url": null, "check": "ci",
    });
    let (store, now) = (std::sync::Arc::clone(&house.server().store), house.now());
    store.enqueue(gantry::observe::BUILD, Some("k"), "ci", &body, now).await.unwrap();
    drop(store);
    house.restart().await;
    house.pass().await;
    assert_eq!(house.versions()[0], "1.1.0");
}

#[tokio::test]
async fn a_refused_push_is_told_and_tried_again() {
    let mut house = House::new().await;
    house.infra.hook("pre-receive", "echo 'main is frozen until Monday' >&2; exit 1\n");
    house.build("1.1.0", "success").await;
    match house.standing("dev").problem {
        Some(Reason::WriteRefused { message, .. }) => assert!(message.contains("frozen"), "{message}"),
        other => panic!("{other:?}"),
    }
    house.infra.hook("pre-receive", "exit 0\n");
    house.later(600).await;
    assert_eq!(house.versions()[0], "1.1.0");
}

#[tokio::test]
async fn a_file_that_changed_under_a_proposal_is_proposed_anew() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let first = house.open("prod").unwrap();
    let changed = format!("# owned by alice\n{}", overlay(IMAGE, "1.0.0"));
    house.person("alice", "Say who owns it", &[(&path("prod"), &changed)]);
    house.later(1).await;
    let second = house.open("prod").unwrap();
    assert_eq!(second.number, first.number);
    assert_ne!(second.head, first.head);
    house.approve("prod").await;
    let text = String::from_utf8(house.infra.show("main", &path("prod"))).unwrap();
    assert!(text.starts_with("# owned by alice\n") && text.contains("1.1.0"), "{text}");
}
