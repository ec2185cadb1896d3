//! Merges by Gantry.

use gantry::forge::{Forge as _, Merged};
use gantry_core::facts::ProposalState;

use super::town::{Town, file};

const SHOP: &str = "gantry/qa/shop";

#[tokio::test]
async fn the_very_commit_when_the_base_stands() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    let yes = Merged::Yes { commit: head.clone() };
    assert_eq!(town.forge.merge(number, &head).await.unwrap(), yes);
    assert_eq!((town.head("main"), town.head(SHOP)), (Some(head.clone()), None));
    assert_eq!(town.merger(number).await, "Gantry");
    assert_eq!(town.forge.merge(number, &head).await.unwrap(), yes);
    assert_eq!(town.count("main"), 2);
}

#[tokio::test]
async fn a_new_commit_when_the_base_moved_elsewhere() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    let other = town.commit("main", None, &[(&file("qa", "pay"), Some("tag: 7\n"))], "pay by hand", "Ada");
    let Merged::Yes { commit } = town.forge.merge(number, &head).await.unwrap() else { panic!() };
    assert_eq!((town.head("main"), town.head(SHOP)), (Some(commit.clone()), None));
    assert_eq!(town.git(&["rev-parse", "main^"]), other.as_str());
    assert_eq!(town.show("main", "apps/shop/qa.yaml"), "tag: 2");
    assert_eq!(town.show("main", "apps/pay/qa.yaml"), "tag: 7");
    let said = |format: &str, of: &str| town.git(&["log", "-1", &format!("--format={format}"), of]);
    assert_eq!(said("%an %ae%n%B", "main"), said("%an %ae%n%B", head.as_str()));
    assert_eq!(said("%cn", "main"), "Gantry");
    assert_eq!(said("%(trailers:key=Gantry-Application,valueonly)", "main"), "shop");
    assert_eq!(town.forge.merge(number, &head).await.unwrap(), Merged::Yes { commit });
    assert_eq!(town.merger(number).await, "Gantry");
}

#[tokio::test]
async fn two_proposals_for_one_base_merge_one_after_the_other() {
    let town = Town::new().await;
    let (first, one) = town.propose("qa", "shop", '2').await;
    let (second, two) = town.propose("qa", "pay", '2').await;
    assert!(matches!(town.forge.merge(first, &one).await.unwrap(), Merged::Yes { .. }));
    assert!(matches!(town.forge.merge(second, &two).await.unwrap(), Merged::Yes { .. }));
    assert_eq!(town.count("main"), 3);
    assert_eq!(town.git(&["diff", "--name-only", "main^", "main"]), "apps/pay/qa.yaml");
}

#[tokio::test]
async fn what_conflicts_is_looked_at_again() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    let main = town.commit("main", None, &[("apps/shop/qa.yaml", Some("tag: 9\n"))], "shop by hand", "Ada");
    assert_eq!(town.forge.merge(number, &head).await.unwrap(), Merged::Moved);
    assert_eq!((town.head("main"), town.head(SHOP)), (Some(main), Some(head)));
    assert_eq!(town.state(number).await, ProposalState::Open);
}

#[tokio::test]
async fn new_and_deleted_files_are_merged_too() {
    let town = Town::new().await;
    town.propose("qa", "shop", '2').await;
    let files = [("apps/shop/extra.yaml", Some("a: 1\n")), ("apps/shop/qa.yaml", None)];
    let base = town.head("main");
    let head = town.commit(SHOP, base.as_ref(), &files, "promote(qa): shop 3", "Gantry");
    let number = town.forge.open(&town.draft("qa", "shop", '3')).await.unwrap();
    town.commit("main", None, &[("notes.md", Some("x\n"))], "other work", "Ada");
    assert!(matches!(town.forge.merge(number, &head).await.unwrap(), Merged::Yes { .. }));
    let names = town.git(&["ls-tree", "-r", "--name-only", "main"]);
    assert_eq!(names, "apps/pay/qa.yaml\napps/shop/extra.yaml\nnotes.md");
}

#[tokio::test]
async fn several_commits_on_a_moved_base_are_for_people() {
    let town = Town::new().await;
    let (number, _) = town.propose("qa", "shop", '2').await;
    let head = town.commit(SHOP, None, &[("notes.md", Some("wait\n"))], "add notes", "Ada");
    town.commit("main", None, &[(&file("qa", "pay"), Some("tag: 7\n"))], "pay by hand", "Ada");
    let refused = town.forge.merge(number, &head).await.unwrap();
    assert!(matches!(&refused, Merged::Refused { message } if message.contains("rebase")), "{refused:?}");
    assert_eq!(town.head(SHOP), Some(head));
}

#[tokio::test]
async fn a_hook_refuses_and_the_proposal_stays() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    town.hook("update", "[ \"$1\" = refs/heads/main ] && { echo 'main is frozen' >&2; exit 1; }; exit 0");
    let refused = town.forge.merge(number, &head).await.unwrap();
    assert!(matches!(&refused, Merged::Refused { message } if message.contains("hook")), "{refused:?}");
    assert_eq!((town.count("main"), town.head(SHOP)), (1, Some(head.clone())));
    assert_eq!(town.state(number).await, ProposalState::Open);
    town.unhook("update");
    assert!(matches!(town.forge.merge(number, &head).await.unwrap(), Merged::Yes { .. }));
}

#[tokio::test]
async fn a_server_that_deletes_nothing_still_merges() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    town.git(&["config", "receive.denyDeletes", "true"]);
    assert_eq!(town.forge.merge(number, &head).await.unwrap(), Merged::Yes { commit: head.clone() });
    assert_eq!((town.head("main"), town.head(SHOP)), (Some(head.clone()), Some(head)));
    assert_eq!(town.merger(number).await, "Gantry");
}

#[tokio::test]
async fn a_person_is_faster_than_the_merge() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    // The base moves while the push is being received, after everything was compared.
    let other = town.commit("later", town.head("main").as_ref(), &[("notes.md", Some("x\n"))], "work", "Ada");
    let hook = format!(
        "unset GIT_QUARANTINE_PATH; [ -e moved ] || {{ touch moved; git update-ref refs/heads/main {other}; }}"
    );
    town.hook("pre-receive", &hook);
    assert_eq!(town.forge.merge(number, &head).await.unwrap(), Merged::Moved);
    assert_eq!((town.head("main"), town.head(SHOP)), (Some(other.clone()), Some(head.clone())));
    assert!(matches!(town.forge.merge(number, &head).await.unwrap(), Merged::Yes { .. }));
    assert_eq!(town.git(&["rev-parse", "main^"]), other.as_str());
}
