//! What the server is made of, and what its handlers share.

use std::{collections::HashMap, ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use gantry_core::{
    decide::{Decision, place::Standing},
    effects::Promotion,
    ids::ApplicationName,
};
use ipnet::IpNet;
use jiff::Timestamp;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{budget::Budget, metrics::Metrics, problem::Refusal};
use crate::{
    clock::Clock,
    intake::token::Token,
    speak::Renderer,
    store::{
        Store,
        board::{Board, Seen},
    },
};

/// Tells what a promotion would change. Blobs are read for it, which is not done here (import law).
#[async_trait]
pub trait Planner: Send + Sync {
    /// The exact difference, unified.
    ///
    /// # Errors
    /// A sentence: why it can't be told.
    async fn diff(&self, repository: &str, promotion: &Promotion) -> Result<String, String>;
}

/// The bounds of a request.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
    /// How many connections may be open.
    pub connections: usize,
    /// The time in which the head of a request must have come whole.
    pub head_time: Duration,
    /// The time in which a body must have come whole.
    pub body_time: Duration,
    /// How long a connection may be kept between two requests. Longer than proxies keep theirs, so that a request
    /// doesn't meet the end of its connection.
    pub idle: Duration,
    /// How long a client may take nothing of its answer.
    pub stall: Duration,
    /// How long requests in flight have when the server goes down.
    pub grace: Duration,
    /// The time in which a request must be answered; streams of events and long polls are apart.
    pub answer_time: Duration,
    /// How often a stream of events and a long poll look into the database when nothing wakes them: another
    /// replica may have written.
    pub recheck: Duration,
    /// How often a quiet stream of events sends a comment, so that proxies keep it.
    pub keep_alive: Duration,
    /// How many streams of events may be open.
    pub event_clients: usize,
    /// How many long polls may wait; those beyond are answered at once.
    pub long_polls: usize,
    /// How many wrong tokens may come from one address.
    pub wrong_tokens: u32,
    /// After how long one of these tries comes back.
    pub wrong_token_back: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            connections: 1000,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            answer_time: Duration::from_secs(30),
            recheck: Duration::from_secs(2),
            keep_alive: Duration::from_secs(15),
            event_clients: 100,
            long_polls: 1000,
            wrong_tokens: 20,
            wrong_token_back: Duration::from_secs(3),
        }
    }
}

/// By which names the server is asked for, and through which proxies.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Whoever reads without a token must ask for this server by a loopback name or by one of `hosts`.
    pub check: bool,
    /// The names beside those of the loopback interface.
    pub hosts: Vec<String>,
    /// The proxies whose `X-Forwarded-For` says who asks.
    pub proxies: Vec<IpNet>,
}

/// Everything that the HTTP side needs.
pub struct App {
    /// The database: inbox and audit log.
    pub store: Arc<dyn Store>,
    /// What was last seen.
    pub board: Arc<Board>,
    /// What makes sentences and pages.
    pub renderer: Renderer,
    /// Who may do what.
    pub tokens: Arc<Vec<Token>>,
    /// Whether one may read without a token.
    pub anonymous_read: bool,
    /// By which names it is asked for.
    pub names: Names,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The numbers for monitoring.
    pub metrics: Metrics,
    /// The registry hosts that can be asked for a digest, as they stand in image names.
    pub registry_hosts: Vec<String>,
    /// What tells differences; without it plans have none.
    pub planner: Option<Arc<dyn Planner>>,
    /// The bounds.
    pub limits: Limits,
    /// Cancelled when the server goes down: it ends streams of events and long polls, which would otherwise
    /// hold a graceful end up.
    pub closing: CancellationToken,
    /// Cancelled as soon as the server is asked to end: from then on it is not ready, while it still answers.
    pub stopping: CancellationToken,
}

/// The decision on one look, kept for readers.
pub(super) struct Decided {
    pub(super) seen: Arc<Seen>,
    pub(super) decision: Decision,
    at: Timestamp,
    by_application: HashMap<ApplicationName, Range<usize>>,
}

impl Decided {
    fn new(seen: Arc<Seen>, now: Timestamp) -> Self {
        let decision = seen.decide(now);
        let mut by_application: HashMap<ApplicationName, Range<usize>> = HashMap::new();
        for (index, standing) in decision.standings.iter().enumerate() {
            let range = by_application.entry(standing.place.application.clone()).or_insert(index..index);
            range.end = index + 1;
        }
        Self { seen, decision, at: now, by_application }
    }

    /// `decide` is pure, so its answer holds until the facts change or the time comes that it names itself.
    fn holds(&self, seen: &Arc<Seen>, now: Timestamp) -> bool {
        Arc::ptr_eq(&self.seen, seen)
            && self.at <= now
            && self.decision.next_look.is_none_or(|change| now < change)
    }

    /// The standings of one application, in the pipeline's order.
    pub(super) fn standings(&self, application: &ApplicationName) -> &[Standing] {
        let range = self.by_application.get(application).cloned().unwrap_or_default();
        self.decision.standings.get(range).unwrap_or_default()
    }
}

/// What the handlers share; cheap to clone.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) app: Arc<App>,
    pub(super) event_clients: Arc<Semaphore>,
    pub(super) long_polls: Arc<Semaphore>,
    pub(super) budget: Arc<Budget>,
    /// The whole decisions by repository. The lock is held while one is made, so that many readers at once
    /// make it once.
    decided: Arc<Mutex<HashMap<String, Arc<Decided>>>>,
}

impl Server {
    pub(super) fn new(app: App) -> Self {
        let event_clients = Arc::new(Semaphore::new(app.limits.event_clients));
        let long_polls = Arc::new(Semaphore::new(app.limits.long_polls));
        let budget = Arc::new(Budget::new(app.limits.wrong_tokens, app.limits.wrong_token_back));
        Self { app: Arc::new(app), event_clients, long_polls, budget, decided: Arc::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// The looks at all repositories, or at the one of that name.
    ///
    /// # Errors
    /// 404 if there is none of that name; 503 before it was looked at.
    pub(super) fn looks(&self, repository: Option<&str>) -> Result<Vec<Arc<Seen>>, Refusal> {
        let Some(name) = repository else { return Ok(self.app.board.all()) };
        if let Some(seen) = self.app.board.of(name) {
            return Ok(vec![seen]);
        }
        if self.app.board.missing().iter().any(|missing| missing == name) {
            return Err(Self::not_yet());
        }
        let hint = "See /api/v1/repositories for their names.";
        Err(Refusal::missing(format!("no infra repository is named {name:?}"), hint).field("repository"))
    }

    /// The first look at some repository has not ended, so that nobody can say whether something exists.
    pub(super) fn not_yet() -> Refusal {
        Refusal::busy(
            "not every infra repository was looked at since the server started",
            "Try again in some seconds; /readyz says what is missing.",
        )
    }

    /// The decision on a whole repository.
    pub(super) async fn decided(&self, seen: &Arc<Seen>) -> Result<Arc<Decided>, Refusal> {
        let now = self.now();
        let mut decided = self.decided.lock().await;
        if let Some(known) = decided.get(&seen.repository)
            && known.holds(seen, now)
        {
            return Ok(known.clone());
        }
        let look = seen.clone();
        // Thousands of applications take longer than a worker of the runtime may be held.
        let made = tokio::task::spawn_blocking(move || Arc::new(Decided::new(look, now))).await;
        let made = made.map_err(|error| {
            tracing::error!(%error, repository = seen.repository, "deciding failed");
            Refusal::ours()
        })?;
        decided.insert(seen.repository.clone(), made.clone());
        Ok(made)
    }
}
