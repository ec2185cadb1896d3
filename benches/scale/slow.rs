//! The same merges at a forge that takes 300 ms for each call. It is the local forge, asked over a delay; the
//! server runs in this process.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use gantry::{
    clock::SystemClock,
    forge::{Answered, Draft, Forge, ForgeError, Merged},
    serve::Server,
    settings::Settings,
};
use gantry_core::{
    facts::{HeadStatus, Proposal},
    ids::{CommitId, ProposalNumber},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Table,
    infra::{Infra, SHUT, Size, name},
    merge, percentile, scattered, server,
    watch::Watch,
};

/// How long each call takes.
const DELAY: Duration = Duration::from_millis(300);
/// How many merges become due: each is four calls.
const MERGES: usize = 200;

/// A forge behind a slow network.
struct Slow(Arc<dyn Forge>);

#[async_trait]
impl Forge for Slow {
    async fn proposals(&self) -> Result<Vec<Proposal>, ForgeError> {
        tokio::time::sleep(DELAY).await;
        self.0.proposals().await
    }

    async fn open(&self, draft: &Draft) -> Result<ProposalNumber, ForgeError> {
        tokio::time::sleep(DELAY).await;
        self.0.open(draft).await
    }

    async fn describe(&self, number: ProposalNumber, draft: &Draft) -> Result<(), ForgeError> {
        tokio::time::sleep(DELAY).await;
        self.0.describe(number, draft).await
    }

    async fn set_statuses(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        statuses: &[HeadStatus],
    ) -> Result<(), ForgeError> {
        tokio::time::sleep(DELAY).await;
        self.0.set_statuses(number, head, statuses).await
    }

    async fn merge(&self, number: ProposalNumber, head: &CommitId) -> Result<Merged, ForgeError> {
        tokio::time::sleep(DELAY).await;
        self.0.merge(number, head).await
    }

    async fn close(&self, number: ProposalNumber, comment: &str) -> Result<(), ForgeError> {
        tokio::time::sleep(DELAY).await;
        self.0.close(number, comment).await
    }

    async fn approve(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        by: &str,
        reason: &str,
    ) -> Result<Answered, ForgeError> {
        tokio::time::sleep(DELAY).await;
        self.0.approve(number, head, by, reason).await
    }

    async fn reject(&self, number: ProposalNumber, by: &str, reason: &str) -> Result<Answered, ForgeError> {
        tokio::time::sleep(DELAY).await;
        self.0.reject(number, by, reason).await
    }
}

pub(crate) fn run(table: &mut Table, size: Size) {
    let infra = Infra::make(size, 0, 0, SHUT);
    let (text, url) = server::settings(&infra);
    let file = infra.beside("settings.yaml");
    std::fs::write(&file, text).expect("settings");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let stop = CancellationToken::new();
    let settings = Settings::load(&file, &|_| None).unwrap_or_else(|error| panic!("{error}"));
    let slow = |forge| Arc::new(Slow(forge)) as Arc<dyn Forge>;
    let server = runtime.block_on(Server::with_forges(settings, Arc::new(SystemClock::default()), &slow));
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let running = runtime.spawn(server.run(stop.clone()));
    let client = server::client();
    while !client.get(format!("{url}/readyz")).send().is_ok_and(|answer| answer.status().is_success()) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let watch = Watch::start(infra.path());
    let merged = scattered(size, MERGES);
    let names: Vec<String> = merged.iter().map(|application| name(*application)).collect();
    server::builds(&client, &url, &merged, "1.1.0");
    watch.wait(&names, "dev", 1);
    let mut send = |application| server::build(&client, &url, application, "1.1.0");
    let mut done = merge(&infra, &watch, &merged, 1, &mut send, |_| None);
    let what = format!("{size}, a forge of 300 ms a call: {MERGES} automatic merges into qa");
    table.time(&what, done.all, None);
    let sent = done.probes.len();
    let what = format!("{size}, the same: {sent} builds sent meanwhile reach dev: p99");
    let most = Some(Duration::from_secs(1));
    table.time(&what, percentile(&mut done.probes, 99), most);
    stop.cancel();
    let _ = runtime.block_on(running);
    runtime.shutdown_background();
}
