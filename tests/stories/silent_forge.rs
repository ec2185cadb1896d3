//! A forge that does not answer holds up nothing but what rests on it (promise 12).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use gantry::{
    forge::{Answered, Draft, Forge, ForgeError, Merged},
    store::board::Board,
};
use gantry_core::{
    facts::{HeadStatus, Proposal, ProposalState},
    ids::{CommitId, ProposalNumber},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::house::{House, place};

/// How long anything may take that is only waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// A forge behind a door: while it is shut, every call waits. It merges when it is asked, as forges with an API do.
struct Door {
    forge: Arc<dyn Forge>,
    open: watch::Receiver<bool>,
}

impl Door {
    async fn pass(&self) {
        self.open.clone().wait_for(|open| *open).await.unwrap();
    }
}

#[async_trait]
impl Forge for Door {
    async fn proposals(&self) -> Result<Vec<Proposal>, ForgeError> {
        self.pass().await;
        self.forge.proposals().await
    }

    async fn open(&self, draft: &Draft) -> Result<ProposalNumber, ForgeError> {
        self.pass().await;
        self.forge.open(draft).await
    }

    async fn describe(&self, number: ProposalNumber, draft: &Draft) -> Result<(), ForgeError> {
        self.pass().await;
        self.forge.describe(number, draft).await
    }

    async fn set_statuses(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        statuses: &[HeadStatus],
    ) -> Result<(), ForgeError> {
        self.pass().await;
        self.forge.set_statuses(number, head, statuses).await
    }

    async fn merge(&self, number: ProposalNumber, head: &CommitId) -> Result<Merged, ForgeError> {
        self.pass().await;
        self.forge.merge(number, head).await
    }

    async fn close(&self, number: ProposalNumber, comment: &str) -> Result<(), ForgeError> {
        self.pass().await;
        self.forge.close(number, comment).await
    }

    async fn approve(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        by: &str,
        reason: &str,
    ) -> Result<Answered, ForgeError> {
        self.pass().await;
        self.forge.approve(number, head, by, reason).await
    }

    async fn reject(&self, number: ProposalNumber, by: &str, reason: &str) -> Result<Answered, ForgeError> {
        self.pass().await;
        self.forge.reject(number, by, reason).await
    }
}

/// Waits until the board shows it.
async fn until(board: &Board, what: &str, so: impl Fn(&Board) -> bool) {
    let mut posts = board.watch();
    let waited = tokio::time::timeout(PATIENCE, async {
        while !so(board) {
            posts.changed().await.unwrap();
        }
    });
    assert!(
        waited.await.is_ok(),
        "{what}: {:#?}",
        board.all().iter().map(|s| &s.problems).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn builds_go_on_and_proposals_follow_when_it_answers() {
    let (door, open) = watch::channel(true);
    let mut house = House::new().await;
    house.restart_behind(&move |forge| Arc::new(Door { forge, open: open.clone() })).await;
    house.pass().await;
    // From now on nothing is answered.
    door.send_replace(false);
    let server = house.take_server();
    let store = Arc::clone(&server.store);
    house.tell_build(&*store, "1.1.0", "success").await;
    let (board, stop) = (Arc::clone(&server.board), CancellationToken::new());
    let running = tokio::spawn(server.run(stop.clone()));
    board.wake();
    let holds = |environment: &'static str, version: &'static str| {
        move |board: &Board| {
            let Some(seen) = board.of("shop") else { return false };
            let Some(found) = seen.facts.places.get(&place(environment)) else { return false };
            let tag = |held: &gantry_core::facts::Held| {
                held.tag.as_ref().is_some_and(|tag| tag.as_str() == version)
            };
            found.contents.as_ref().is_ok_and(|contents| contents.iter().any(tag))
        }
    };
    until(&board, "the build is in dev", holds("dev", "1.1.0")).await;
    house.tell_build(&*store, "1.2.0", "success").await;
    board.wake();
    until(&board, "the next one too", holds("dev", "1.2.0")).await;

    // It answers again, and what waited for it is found wanted.
    door.send_replace(true);
    house.go_on(120);
    board.wake();
    let proposed = |board: &Board| {
        let seen = board.of("shop").unwrap();
        let proposals = seen.facts.proposals.get(&place("qa")).map_or(&[][..], Vec::as_slice);
        proposals.iter().any(|one| matches!(one.state, ProposalState::Merged { .. }))
    };
    until(&board, "qa is merged", proposed).await;
    until(&board, "and holds it", holds("qa", "1.2.0")).await;
    stop.cancel();
    running.await.unwrap();
}
