//! From opening to the end, by Gantry and by people who answer through the forge.

use gantry::forge::{Answered, Forge as _, Merged};
use gantry_core::facts::{HeadStatus, ProposalState};

use super::town::{Town, place, release};

fn status(context: &str, state: &str) -> HeadStatus {
    HeadStatus {
        context: context.into(),
        state: state.into(),
        description: format!("{context} says {state}"),
    }
}

#[tokio::test]
async fn opened_twice_is_open_once() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    assert_eq!(town.forge.open(&town.draft("qa", "shop", '2')).await.unwrap(), number);
    let all = town.forge.proposals().await.unwrap();
    assert_eq!(all.len(), 1);
    let one = &all[0];
    assert_eq!((one.number, &one.head, &one.state), (number, &head, &ProposalState::Open));
    assert_eq!((&one.place, one.base.as_str()), (&place("qa", "shop"), "main"));
    assert_eq!(one.release, Some(release('2')));
    assert_eq!((one.title.as_str(), one.body.as_str()), ("promote(qa): shop 2", "Release 2."));
}

#[tokio::test]
async fn a_newer_release_updates_it_in_place() {
    let town = Town::new().await;
    let (number, old) = town.propose("qa", "shop", '2').await;
    assert_eq!(town.forge.approve(number, &old, "Grace", "").await.unwrap(), Answered::Done);
    let (same, new) = town.propose("qa", "shop", '3').await;
    assert_eq!(same, number);
    let one = town.proposal(number).await;
    assert_eq!((&one.head, one.release), (&new, Some(release('3'))));
    assert_eq!(one.title, "promote(qa): shop 3");
    // The old approval is shown, of the head that it was given to.
    assert_eq!((one.approvals.len(), &one.approvals[0].head), (1, &old));
    assert_eq!(town.forge.approve(number, &old, "Alan", "").await.unwrap(), Answered::Moved);
    assert_eq!(town.forge.approve(number, &new, "Alan", "").await.unwrap(), Answered::Done);
    assert_eq!(town.forge.approve(number, &new, "Alan", "").await.unwrap(), Answered::Done);
    assert_eq!(town.proposal(number).await.approvals.len(), 2);
}

#[tokio::test]
async fn statuses_are_those_of_the_present_head() {
    let town = Town::new().await;
    let (number, old) = town.propose("qa", "shop", '2').await;
    let forge = &town.forge;
    let first = [status("gantry/soak", "pending"), status("gantry/checks", "success")];
    forge.set_statuses(number, &old, &first).await.unwrap();
    forge.set_statuses(number, &old, &[status("gantry/soak", "success")]).await.unwrap();
    let shown = town.proposal(number).await.statuses;
    assert_eq!(shown, [status("gantry/checks", "success"), status("gantry/soak", "success")]);
    let (_, new) = town.propose("qa", "shop", '3').await;
    assert_eq!(town.proposal(number).await.statuses, []);
    forge.set_statuses(number, &new, &[status("gantry/soak", "pending")]).await.unwrap();
    assert_eq!(town.proposal(number).await.statuses, [status("gantry/soak", "pending")]);
}

#[tokio::test]
async fn described_again_it_says_something_else() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    let mut draft = town.draft("qa", "shop", '2');
    draft.body = "Waits for approval.".into();
    town.forge.describe(number, &draft).await.unwrap();
    let one = town.proposal(number).await;
    assert_eq!((one.body.as_str(), one.head), ("Waits for approval.", head.clone()));
    town.forge.merge(number, &head).await.unwrap();
    let said = draft.title.clone();
    (draft.title, draft.body) = ("Too late".into(), "Too late.".into());
    town.forge.describe(number, &draft).await.unwrap();
    let one = town.proposal(number).await;
    assert_eq!((one.title, one.body.as_str()), (said, ""), "what ended says no more than its title");
}

#[tokio::test]
async fn gantry_closes_and_a_person_rejects() {
    let town = Town::new().await;
    let (first, _) = town.propose("qa", "shop", '2').await;
    let (second, head) = town.propose("qa", "pay", '2').await;
    town.forge.close(first, "qa holds it already").await.unwrap();
    town.forge.close(first, "again").await.unwrap();
    assert_eq!(town.closer(first).await, ("Gantry".into(), true, "qa holds it already".into()));
    let comments = town.forge.comments(first).await.unwrap();
    assert_eq!(comments.len(), 1);
    assert_eq!((comments[0].by.as_str(), comments[0].text.as_str()), ("Gantry", "qa holds it already"));

    let reject = |by, why| town.forge.reject(second, by, why);
    assert_eq!(reject("Grace", "broken checkout").await.unwrap(), Answered::Done);
    assert_eq!(reject("Grace", "broken checkout").await.unwrap(), Answered::Done);
    assert_eq!(reject("Alan", "me too").await.unwrap(), Answered::NotOpen);
    assert_eq!(town.closer(second).await, ("Grace".into(), false, "broken checkout".into()));
    assert_eq!(town.forge.approve(second, &head, "Alan", "").await.unwrap(), Answered::NotOpen);
    assert_eq!(town.forge.merge(second, &head).await.unwrap(), Merged::Moved);
    assert_eq!(town.count("main"), 1);

    // Numbers go on; the closed one stays closed beside its successor.
    let (third, _) = town.propose("qa", "pay", '3').await;
    assert_eq!(third.0, 3);
    let numbers: Vec<u64> = town.forge.proposals().await.unwrap().iter().map(|one| one.number.0).collect();
    assert_eq!(numbers, [3, 2, 1]);
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let mut town = Town::new().await;
    let (first, head) = town.propose("qa", "shop", '2').await;
    let (second, _) = town.propose("qa", "pay", '2').await;
    town.forge.approve(first, &head, "Grace", "").await.unwrap();
    town.forge.set_statuses(first, &head, &[status("gantry/soak", "success")]).await.unwrap();
    town.forge.close(second, "pointless").await.unwrap();
    let before = town.forge.proposals().await.unwrap();
    town.reopen().await;
    assert_eq!(town.forge.proposals().await.unwrap(), before);
    assert_eq!(town.propose("qa", "pay", '3').await.0.0, 3);
}

#[tokio::test]
async fn after_90_days_what_ended_is_not_shown_any_more() {
    let town = Town::new().await;
    let (old, _) = town.propose("qa", "shop", '2').await;
    let (open, _) = town.propose("qa", "pay", '2').await;
    town.forge.close(old, "pointless").await.unwrap();
    town.pass(90 * 24);
    assert_eq!(town.forge.proposals().await.unwrap().len(), 2);
    town.pass(1);
    let shown = town.forge.proposals().await.unwrap();
    assert_eq!(shown.iter().map(|one| one.number).collect::<Vec<_>>(), [open]);
}
