//! Kills between any two writes of a merge. The order of writes is: the try is written down, the base and the
//! branch change at the server, the proposal is written down as merged.

use gantry::forge::{Forge as _, Merged};
use gantry_core::{
    facts::ProposalState,
    ids::{CommitId, ProposalNumber},
};

use super::town::{Town, file, replayed};

const SHOP: &str = "gantry/qa/shop";

/// A proposal whose base moved elsewhere, and the commit that its merge makes.
async fn begun(town: &Town) -> (ProposalNumber, CommitId, CommitId) {
    let (number, head) = town.propose("qa", "shop", '2').await;
    let base = town.commit("main", None, &[(&file("qa", "pay"), Some("tag: 7\n"))], "pay by hand", "Ada");
    assert_eq!(town.state(number).await, ProposalState::Open);
    let becomes = replayed(town, &head, &base, "apps/shop/qa.yaml");
    let at = "1795262400000";
    town.sql(
        "INSERT INTO merge_try (proposal, head, base_head, becomes, at_ms) \
         VALUES (CAST($1 AS INTEGER), $2, $3, $4, CAST($5 AS INTEGER))",
        &[&number.0.to_string(), head.as_str(), base.as_str(), becomes.as_str(), at],
    )
    .await;
    (number, head, becomes)
}

/// Puts the commit where a push would have put it.
fn send(town: &Town, commit: &CommitId) {
    let mirror = town.folder.path().join("mirror");
    town.git(&["fetch", "--quiet", mirror.to_str().unwrap(), "refs/heads/*:refs/seen/*"]);
    let pack = format!(
        "echo {commit} | git --git-dir {} pack-objects --quiet --revs --stdout | git --git-dir {} unpack-objects -q",
        mirror.display(),
        town.bare().display()
    );
    assert!(std::process::Command::new("sh").args(["-c", &pack]).status().unwrap().success());
}

#[tokio::test]
async fn killed_before_the_push_the_merge_is_made_once() {
    let mut town = Town::new().await;
    let (number, head, becomes) = begun(&town).await;
    town.reopen().await;
    town.pass(5);
    assert_eq!(town.state(number).await, ProposalState::Open);
    assert_eq!(town.count("main"), 2);
    // Begun again hours later, it is the very commit that was written down.
    let again = town.forge.merge(number, &head).await.unwrap();
    assert_eq!(again, Merged::Yes { commit: becomes });
    assert_eq!(town.count("main"), 3);
}

#[tokio::test]
async fn killed_after_the_push_the_merge_is_found() {
    let mut town = Town::new().await;
    let (number, head, becomes) = begun(&town).await;
    send(&town, &becomes);
    town.set("main", &becomes);
    town.delete(SHOP);
    town.reopen().await;
    assert_eq!(town.forge.merge(number, &head).await.unwrap(), Merged::Yes { commit: becomes });
    assert_eq!(town.merger(number).await, "Gantry");
    assert_eq!(town.count("main"), 3);
}

#[tokio::test]
async fn killed_after_half_of_a_push_that_was_not_atomic() {
    let mut town = Town::new().await;
    let (number, _, becomes) = begun(&town).await;
    send(&town, &becomes);
    town.set("main", &becomes);
    town.reopen().await;
    assert_eq!(town.merger(number).await, "Gantry");
}

#[tokio::test]
async fn killed_after_the_push_and_the_base_went_on() {
    let mut town = Town::new().await;
    let (number, head, becomes) = begun(&town).await;
    send(&town, &becomes);
    town.set("main", &becomes);
    town.delete(SHOP);
    town.commit("main", None, &[("apps/shop/qa.yaml", Some("tag: 1\n"))], "revert", "Ada");
    town.reopen().await;
    assert_eq!(town.forge.merge(number, &head).await.unwrap(), Merged::Yes { commit: becomes });
    assert_eq!((town.merger(number).await.as_str(), town.count("main")), ("Gantry", 4));
}

#[tokio::test]
async fn the_push_of_a_dead_process_lands_meanwhile() {
    let mut town = Town::new().await;
    let (number, head, becomes) = begun(&town).await;
    town.reopen().await;
    send(&town, &becomes);
    // It lands while the second push is being received.
    let hook = format!(
        "unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main {becomes}; git update-ref -d refs/heads/{SHOP}"
    );
    town.hook("pre-receive", &hook);
    assert_eq!(town.forge.merge(number, &head).await.unwrap(), Merged::Yes { commit: becomes });
    assert_eq!((town.merger(number).await.as_str(), town.count("main")), ("Gantry", 3));
}

#[tokio::test]
async fn a_try_that_did_not_land_stops_no_rejection() {
    let mut town = Town::new().await;
    let (number, _, _) = begun(&town).await;
    town.reopen().await;
    town.delete(SHOP);
    assert_eq!(town.closer(number).await.0, "someone, by deleting the branch");
}

#[tokio::test]
async fn killed_between_push_and_opening_it_is_opened_once() {
    let mut town = Town::new().await;
    town.promote("qa", "shop", "2");
    town.reopen().await;
    assert!(town.forge.proposals().await.unwrap().is_empty());
    let number = town.forge.open(&town.draft("qa", "shop", '2')).await.unwrap();
    town.reopen().await;
    assert_eq!(town.forge.open(&town.draft("qa", "shop", '2')).await.unwrap(), number);
    assert_eq!(town.forge.proposals().await.unwrap().len(), 1);
}
