//! Thousands of proposals.

use std::time::Instant;

use gantry::forge::{Forge as _, Merged};
use gantry_core::facts::{HeadStatus, ProposalState};

use super::town::{Town, place, sqlite};

/// Prints its figures; the bounds are generous because the build is for debugging and the machine is shared.
#[tokio::test]
async fn five_thousand_open_proposals_are_read_at_once() {
    let town = Town::new().await;
    let base = town.head("main").unwrap();
    // One commit for each, with fast-import: branches of one base.
    let mut input = String::new();
    for n in 0..5_000 {
        input.push_str(&format!(
            "commit refs/heads/gantry/qa/app{n}\ncommitter Gantry <g@example.com> {} +0000\ndata 8\npromote\n\
             from {base}\nM 100644 inline apps/app{n}/qa.yaml\ndata 7\ntag: 2\n\n",
            1_795_262_400 + n
        ));
    }
    town.import(&input);
    let start = Instant::now();
    let heads = town.mirror.fetch().unwrap();
    eprintln!("fetch of 5,000 branches: {:?}", start.elapsed());
    let draft_of = |n: usize| {
        let head = heads.branches[&format!("gantry/qa/app{n}")].clone();
        let mut draft = town.draft_at("qa", &format!("app{n}"), head);
        draft.body = "A table of what changes. ".repeat(120);
        draft
    };
    let start = Instant::now();
    for n in 0..200 {
        town.forge.open(&draft_of(n)).await.unwrap();
    }
    eprintln!("200 proposals opened: {:?}", start.elapsed());
    // The rest in one transaction, as each open waits for the disk.
    let pool = sqlite(&town.database()).await;
    let mut transaction = pool.begin().await.unwrap();
    for n in 200..5_000 {
        let draft = draft_of(n);
        let insert = sqlx::query(
            "INSERT INTO proposal (branch, base, head, release, title, body, opened_ms, state) \
             VALUES ($1, 'main', $2, $3, 'promote', $4, 1795262400000, 'open')",
        );
        let values = insert.bind(draft.branch.to_string()).bind(draft.head.to_string());
        let values = values.bind(draft.release.to_string()).bind(draft.body);
        values.execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
    pool.close().await;
    let timed = async |what: &str| {
        let start = Instant::now();
        let all = town.forge.proposals().await.unwrap();
        let took = start.elapsed();
        eprintln!("proposals(), {what}: {took:?}");
        (all, took)
    };
    let (all, _) = timed("first look at 5,000").await;
    assert_eq!(all.iter().filter(|one| one.state == ProposalState::Open).count(), 5_000);
    let statuses = [HeadStatus {
        context: "gantry/soak".into(),
        state: "pending".into(),
        description: "an hour".into(),
    }];
    for one in all.iter().take(100) {
        town.forge.set_statuses(one.number, &one.head, &statuses).await.unwrap();
    }
    let start = Instant::now();
    town.mirror.fetch().unwrap();
    eprintln!("of that, a fetch that brings nothing: {:?}", start.elapsed());
    let (_, took) = timed("nothing changed").await;
    assert!(took.as_secs_f64() < 2.0, "{took:?}");
    let last = &all[0];
    assert_eq!(last.place, place("qa", "app4999"));
    let start = Instant::now();
    assert!(matches!(town.forge.merge(last.number, &last.head).await.unwrap(), Merged::Yes { .. }));
    eprintln!("merge beside 4,999 others: {:?}", start.elapsed());
    let (all, took) = timed("the base moved").await;
    assert_eq!(all.iter().filter(|one| one.state == ProposalState::Open).count(), 4_999);
    assert!(took.as_secs_f64() < 4.0, "{took:?}");
}
