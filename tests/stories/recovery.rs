//! Nothing is lost or doubled when the process dies or the database is gone.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::StatusCode;
use gantry::store::InboxId;
use gantry_core::reason::{Owner, Reason};

use crate::support::{
    house::{CONFIG, House, IMAGE, overlay, path},
    scripted::{Scripted, answer, with},
};

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
        Some(Reason::WriteRefused { message, owner, .. }) => {
            assert!(message.contains("frozen"), "{message}");
            assert_eq!(owner, Owner::Platform, "who runs the forge sets its hooks");
        }
        other => panic!("{other:?}"),
    }
    house.infra.hook("pre-receive", "exit 0\n");
    house.later(600).await;
    assert_eq!(house.versions()[0], "1.1.0");
}

/// How many pushes a hook has counted.
fn pushes(house: &House) -> usize {
    std::fs::read_to_string(house.infra.path().join("pushes")).map_or(0, |text| text.lines().count())
}

#[tokio::test]
async fn a_branch_that_may_not_be_removed_is_told_and_not_tried_over_and_over() {
    let mut house = House::new().await;
    house.infra.git(&["config", "receive.denyDeletes", "true"]);
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.infra.hook("pre-receive", "echo >> pushes\n");
    house.later(60).await;
    assert_eq!(house.versions()[1], "1.1.0", "merged, and its branch is wanted no more");
    assert!(house.branches().contains(&"gantry/qa/checkout".to_owned()));
    assert!(pushes(&house) < 10, "{} pushes", pushes(&house));
    assert!(house.seen().settled);
    let problems: Vec<String> = house.seen().problems.iter().map(ToString::to_string).collect();
    assert!(problems.len() == 1 && problems[0].contains("gantry/qa/checkout"), "{problems:?}");
    house.infra.git(&["config", "receive.denyDeletes", "false"]);
    house.later(60).await;
    assert!(!house.branches().contains(&"gantry/qa/checkout".to_owned()));
    assert_eq!(house.seen().problems, []);
}

/// The server takes each push and says nothing more.
#[tokio::test]
async fn a_push_without_an_answer_is_told_and_tried_again_later() {
    let mut house = House::new().await;
    house.restart_with("timeout: 2s").await;
    house.infra.hook("pre-receive", "echo >> pushes\nmkfifo never$$\ncat never$$\n");
    house.build("1.1.0", "success").await;
    assert_eq!(pushes(&house), 1);
    assert!(
        matches!(house.standing("dev").problem, Some(Reason::WriteRefused { message, owner: Owner::Platform, .. })
            if message.contains("no answer within 2 s"))
    );
    assert!(house.seen().settled);
    house.infra.hook("pre-receive", "exit 0\n");
    house.later(20).await;
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

/// Builds that wait for a registry that is down, more than are taken at once, stand before one that needs none.
#[tokio::test]
async fn builds_that_wait_for_a_dead_registry_hide_nothing_and_ask_once() {
    const WAITING: usize = 1_100;
    let up = Arc::new(AtomicBool::new(false));
    let alive = Arc::clone(&up);
    let registry = Scripted::start(move |_| {
        let digest = crate::support::house::digest("9.9.9");
        if alive.load(Ordering::SeqCst) {
            with(StatusCode::OK, &[("docker-content-digest", digest.as_str())], "")
        } else {
            answer(StatusCode::SERVICE_UNAVAILABLE, "")
        }
    })
    .await;
    let settings = format!("registries: [{{host: '{}', insecure: true, poll: 30s}}]\n", registry.host());
    let mut house = House::with(IMAGE, &CONFIG.replace("IMAGE", IMAGE), &settings).await;
    let (store, now) = (Arc::clone(&house.server().store), house.now());
    for n in 0..WAITING {
        let body = serde_json::json!({
            "image": registry.image("other/app").to_string(), "tag": format!("1.0.{n}"), "digest": null,
            "revision": null, "source": null, "created": null, "status": "success", "url": null,
            "check": "ci",
        });
        store.enqueue(gantry::observe::BUILD, Some(&format!("w{n}")), "ci", &body, now).await.unwrap();
    }
    house.build("1.1.0", "success").await;
    assert_eq!(house.versions()[0], "1.1.0");
    house.build("1.2.0", "success").await;
    assert_eq!(house.versions()[0], "1.2.0");
    let asked = registry.seen().len();
    assert!(asked <= 4, "{asked} requests to a registry that is down");

    up.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        house.later(60).await;
    }
    let left = store.pending(InboxId(0), 2_000).await.unwrap();
    assert_eq!(left.len(), 0, "once it answers, they are taken in");
    assert_eq!(registry.seen().len(), asked + WAITING);
}

#[tokio::test]
async fn a_build_that_waited_too_long_for_its_registry_is_refused_with_the_reason() {
    let registry = Scripted::always(|| answer(StatusCode::SERVICE_UNAVAILABLE, "")).await;
    let settings = format!("registries: [{{host: '{}', insecure: true, poll: 30s}}]\n", registry.host());
    let mut house = House::with(IMAGE, &CONFIG.replace("IMAGE", IMAGE), &settings).await;
    let body = serde_json::json!({
        "image": registry.image("other/app").to_string(), "tag": "1.0.0", "digest": null, "revision": null,
        "source": null, "created": null, "status": "success", "url": null, "check": "ci",
    });
    let (store, now) = (Arc::clone(&house.server().store), house.now());
    let entry = store.enqueue(gantry::observe::BUILD, Some("k"), "ci", &body, now).await.unwrap().id;
    house.later(3_000).await;
    assert!(store.entry(entry).await.unwrap().unwrap().finished.is_none());
    house.later(700).await;
    let (_, outcome) = store.entry(entry).await.unwrap().unwrap().finished.unwrap();
    let text = outcome["text"].as_str().unwrap();
    assert!(outcome["done"] == false && text.contains(registry.host()), "{outcome}");
}
