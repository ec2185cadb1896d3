//! People who use plain Git on Gantry's branches.

use gantry::forge::{Answered, Forge as _, Merged};
use gantry_core::facts::ProposalState;

use super::town::{Town, branch, file, place};

const SHOP: &str = "gantry/qa/shop";

#[tokio::test]
async fn a_person_merges_with_git() {
    let town = Town::new().await;
    let (fast, head) = town.propose("qa", "shop", '2').await;
    town.forge.proposals().await.unwrap();
    town.set("main", &head);
    assert_eq!(town.merger(fast).await, "someone, with git");
    assert_eq!(town.forge.merge(fast, &head).await.unwrap(), Merged::Yes { commit: head });

    // With a merge commit, and the branch deleted with it.
    let (merge, head) = town.propose("qa", "pay", '2').await;
    town.forge.proposals().await.unwrap();
    let tree = town.git(&["rev-parse", &format!("{head}^{{tree}}")]);
    let main = town.head("main").unwrap();
    let merged =
        town.git(&["commit-tree", &tree, "-p", main.as_str(), "-p", head.as_str(), "-m", "Merge it"]);
    town.set("main", &merged.parse().unwrap());
    town.delete("gantry/qa/pay");
    assert_eq!(town.merger(merge).await, "someone, with git");
}

#[tokio::test]
async fn a_person_merges_before_the_forge_ever_looked() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    town.set("main", &head);
    town.delete(SHOP);
    assert_eq!(town.merger(number).await, "someone, with git");
}

#[tokio::test]
async fn a_person_squashes_and_deletes_the_branch() {
    let town = Town::new().await;
    let (number, _) = town.propose("qa", "shop", '2').await;
    town.forge.proposals().await.unwrap();
    town.commit("main", None, &[(&file("qa", "pay"), Some("tag: 7\n"))], "other work", "Ada");
    town.commit("main", None, &[(&file("qa", "shop"), Some("tag: 2\n"))], "take shop 2", "Ada");
    town.delete(SHOP);
    assert_eq!(town.merger(number).await, "someone, with git");
}

#[tokio::test]
async fn a_person_deletes_the_branch() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    town.delete(SHOP);
    let (by, by_gantry, reason) = town.closer(number).await;
    assert_eq!((by.as_str(), by_gantry), ("someone, by deleting the branch", false));
    assert!(reason.contains(SHOP) && reason.contains(head.short()), "{reason}");
    assert_eq!(town.forge.merge(number, &head).await.unwrap(), Merged::Moved);
    assert_eq!(town.forge.approve(number, &head, "Grace", "").await.unwrap(), Answered::NotOpen);
}

#[tokio::test]
async fn a_person_pushes_to_the_branch() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    let theirs = town.commit(SHOP, None, &[("notes.md", Some("wait\n"))], "add notes", "Ada");
    assert_eq!(town.forge.merge(number, &head).await.unwrap(), Merged::Moved);
    assert_eq!(town.forge.approve(number, &head, "Grace", "").await.unwrap(), Answered::Moved);
    let one = town.proposal(number).await;
    assert_eq!((one.head, one.state), (theirs.clone(), ProposalState::Open));
    assert_eq!(town.head(SHOP), Some(theirs.clone()), "nothing of theirs is touched");
    // Both commits may be merged as they are.
    assert_eq!(town.forge.merge(number, &theirs).await.unwrap(), Merged::Yes { commit: theirs.clone() });
    assert_eq!(town.head("main"), Some(theirs));
}

#[tokio::test]
async fn a_person_merges_and_pushes_on_unseen() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    town.forge.proposals().await.unwrap();
    town.set("main", &head);
    town.commit(SHOP, None, &[("notes.md", Some("later\n"))], "add notes", "Ada");
    assert_eq!(town.merger(number).await, "someone, with git");
}

#[tokio::test]
async fn a_person_rebases_the_branch_and_merges_it() {
    let town = Town::new().await;
    let (number, _) = town.propose("qa", "shop", '2').await;
    town.forge.proposals().await.unwrap();
    let base = town.commit("main", None, &[("notes.md", Some("x\n"))], "other work", "Ada");
    let text = [("apps/shop/qa.yaml", Some("tag: 2b\n"))];
    let rebased = town.commit(SHOP, Some(&base), &text, "promote shop by hand", "Ada");
    town.set("main", &rebased);
    assert_eq!(town.merger(number).await, "someone, with git");
}

#[tokio::test]
async fn a_branch_set_back_is_an_emptied_proposal() {
    let town = Town::new().await;
    let (number, _) = town.propose("qa", "shop", '2').await;
    town.forge.proposals().await.unwrap();
    town.set(SHOP, &town.head("main").unwrap());
    assert_eq!(town.closer(number).await.0, "someone, by setting the branch back");
}

#[tokio::test]
async fn a_repository_without_its_base_closes_nothing() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    let main = town.head("main").unwrap();
    town.delete("main");
    town.delete(SHOP);
    assert_eq!(town.state(number).await, ProposalState::Open);
    town.set("main", &main);
    town.set(SHOP, &head);
    assert_eq!(town.state(number).await, ProposalState::Open);
    town.delete("main");
    let refused = town.forge.merge(number, &head).await.unwrap();
    assert!(matches!(&refused, Merged::Refused { message } if message.contains("main")), "{refused:?}");
}

#[tokio::test]
async fn a_merge_and_a_new_branch_are_two_proposals() {
    let town = Town::new().await;
    let (first, head) = town.propose("qa", "shop", '2').await;
    town.forge.proposals().await.unwrap();
    town.set("main", &head);
    // Gantry has not seen the merge and pushes the next release to the same branch.
    let (second, next) = town.propose("qa", "shop", '3').await;
    assert_ne!(first, second);
    assert_eq!(town.merger(first).await, "someone, with git");
    assert_eq!(town.proposal(second).await.head, next);
    assert_eq!(place("qa", "shop").branch(), branch(SHOP));
}
