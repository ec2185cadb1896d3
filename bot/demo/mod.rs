//! The whole loop on this machine, in one process: an infra repository, the server with its local forge, and
//! a build that goes through dev and QA to an open proposal for prod.
//!
//! Nothing is played: the server is the one of `gantry run`, the build comes in through its public API, and
//! the story is told from its audit log.

mod infra;
mod story;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use gantry_core::{duration::Span, facts::Place};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Clock, SystemClock},
    http::types::{ApplicationView, PromotionView},
    serve::{Server, StartError},
    settings::{
        Bot, Commits, File, ForgeEntry, HttpEntry, Push, RepositoryEntry, RoleName, SealEntry, Settings,
        TokenEntry,
    },
    speak::Renderer,
    store::{AuditRecord, Store, StoreError, board::Board},
};

pub use story::Story;

/// The image, tag and application of the sample build.
const IMAGE: &str = "registry.example.com/shop/checkout";
const TAG: &str = "1.1.0";
/// How long the loop may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(180);
/// The port that the command line looks for a server on.
const PORT: u16 = 8420;

/// What the demo is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Stop as soon as nothing is left to do.
    pub until_idle: bool,
    /// Where its files lie; a scratch folder when left out.
    pub dir: Option<PathBuf>,
    /// Where its server listens.
    pub listen: Option<SocketAddr>,
}

/// The demo can't go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder is in use.
    #[error("{path} is not empty; name a new folder with --dir")]
    NotEmpty {
        /// The folder.
        path: String,
    },
    /// The folder can't be used.
    #[error("{path}: {error}; name another folder with --dir")]
    Folder {
        /// The folder.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Git failed.
    #[error("the demo's infra repository could not be made: {what}")]
    Git {
        /// What it said.
        what: String,
    },
    /// The server can't start.
    #[error("{0}")]
    Start(#[from] StartError),
    /// The settings made for it are wrong: a defect.
    #[error("the demo's settings are wrong: {0}")]
    Settings(String),
    /// The database failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The server did not answer as it should.
    #[error("the demo's server: {0}")]
    Server(String),
    /// It took too long.
    #[error("the loop did not come to rest within {} s; the story above says how far it came", PATIENCE.as_secs())]
    Slow,
    /// The story could not be written out.
    #[error("{0}")]
    Output(#[from] std::io::Error),
}

/// What the demo ended with, for `-o json`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The infra repository, to be inspected with plain git.
    pub infra: PathBuf,
    /// The server's address.
    pub server: String,
    /// What happened, from the audit log.
    pub events: Vec<AuditRecord>,
    /// The applications, in all environments.
    pub applications: Vec<ApplicationView>,
    /// The promotions under way: the prod proposal and its verdicts.
    pub promotions: Vec<PromotionView>,
}

/// Runs the demo and tells its story.
///
/// # Errors
/// What can't work, and who must act.
pub async fn run(options: Options, story: &mut Story) -> Result<Report, DemoError> {
    let (folder, _scratch) = folder(options.dir.as_deref())?;
    let infra = folder.join("infra.git");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let yesterday = clock.now() - SignedDuration::from_hours(24);
    infra::create(&infra, yesterday)?;
    let (ci, manager) = (crate::random::hex(24), crate::random::hex(24));
    let default = SocketAddr::from(([127, 0, 0, 1], if options.until_idle { 0 } else { PORT }));
    let settings = settings(&folder, &infra, options.listen.unwrap_or(default), &ci, &manager)?;
    let server = Server::new(settings, Arc::clone(&clock)).await?;
    let base = format!("http://{}", server.address);
    let (board, store) = (Arc::clone(&server.board), Arc::clone(&server.store));
    story.begin(&infra, &base)?;

    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));
    let scene =
        Scene { store: &*store, board: &board, base: &base, ci: &ci, manager: &manager, clock: &clock };
    let told = scene.tell(options.until_idle, story).await;
    let report = match told {
        Ok(events) => report(infra, base, events).await,
        Err(error) => Err(error),
    };
    if !options.until_idle && report.is_ok() {
        follow(story, &*store, &board).await?;
    }
    stop.cancel();
    match serving.await {
        Ok(()) => report,
        Err(error) => Err(DemoError::Server(error.to_string())),
    }
}

/// Everything that the story is told with.
struct Scene<'a> {
    store: &'a dyn Store,
    board: &'a Board,
    base: &'a str,
    ci: &'a str,
    manager: &'a str,
    clock: &'a Arc<dyn Clock>,
}

impl Scene<'_> {
    /// Sends the build, tells what happens until nothing is left to do, and what a person can do next.
    async fn tell(&self, until_idle: bool, story: &mut Story) -> Result<Vec<AuditRecord>, DemoError> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut posts = self.board.watch();
        while !self.board.complete() {
            wait(&mut posts, deadline).await?;
        }
        story.send(&format!("{IMAGE}:{TAG}"))?;
        send_build(self.base, self.ci, self.clock).await?;
        let mut events = Vec::new();
        loop {
            posts.mark_unchanged();
            // Nothing waits in the inbox, and after that nobody is at work: whatever came in has been dealt with.
            let empty = self.store.health().await?.pending == 0;
            let idle =
                empty && self.board.idle() && self.board.all().iter().all(|seen| rests(seen, self.clock));
            let last = events.last().map_or(0, |event: &AuditRecord| event.id);
            for event in self.store.audit_since(last, 500).await? {
                story.event(&event)?;
                events.push(event);
            }
            if idle {
                break;
            }
            wait(&mut posts, deadline).await?;
        }
        story.end(until_idle, self.base, self.ci, self.manager, &standings(self.board, self.clock))?;
        Ok(events)
    }
}

/// Time alone changes nothing any more.
fn rests(seen: &crate::store::board::Seen, clock: &Arc<dyn Clock>) -> bool {
    let decision = seen.decide(clock.now());
    decision.next_look.is_none()
        && decision
            .effects
            .iter()
            .all(|effect| matches!(effect, gantry_core::effects::Effect::Describe { .. }))
}

/// One sentence for each environment of the sample application.
fn standings(board: &Board, clock: &Arc<dyn Clock>) -> Vec<(Place, String, String)> {
    let renderer = Renderer::embedded();
    let decisions = board.all().into_iter().flat_map(|seen| seen.decide(clock.now()).standings);
    decisions
        .filter(|standing| IMAGE.ends_with(&format!("/{}", standing.place.application)))
        .map(|standing| (standing.place.clone(), standing.version(), renderer.standing(&standing)))
        .collect()
}

async fn wait(
    posts: &mut tokio::sync::watch::Receiver<u64>,
    deadline: tokio::time::Instant,
) -> Result<(), DemoError> {
    match tokio::time::timeout_at(deadline, posts.changed()).await {
        Ok(_) => Ok(()),
        Err(_) => Err(DemoError::Slow),
    }
}

/// Tells what goes on happening until the person stops it.
async fn follow(story: &mut Story, store: &dyn Store, board: &Board) -> Result<(), DemoError> {
    let mut posts = board.watch();
    let mut last = 0;
    for event in store.audit_since(0, 1_000).await? {
        last = event.id;
    }
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            changed = posts.changed() => if changed.is_err() { return Ok(()) },
        }
        for event in store.audit_since(last, 500).await? {
            last = event.id;
            story.event(&event)?;
        }
    }
}

async fn send_build(base: &str, token: &str, clock: &Arc<dyn Clock>) -> Result<(), DemoError> {
    let body = json!({
        "image": IMAGE,
        "tag": TAG,
        "digest": format!("sha256:{}", story::sample_digest(TAG)),
        "revision": "6f3c1d2a9b8e7f605142332415061728394a5b6c",
        "source": "https://git.example.com/shop/checkout",
        "created": clock.now().to_string(),
        "status": "success",
    });
    let request = reqwest::Client::new().post(format!("{base}/api/v1/builds")).bearer_auth(token).json(&body);
    let failed = |error: reqwest::Error| DemoError::Server(error.to_string());
    let response = request.send().await.map_err(failed)?;
    if response.status().is_success() {
        return Ok(());
    }
    Err(DemoError::Server(response.text().await.unwrap_or_default().chars().take(500).collect()))
}

async fn report(infra: PathBuf, base: String, events: Vec<AuditRecord>) -> Result<Report, DemoError> {
    Ok(Report {
        applications: items(&format!("{base}/api/v1/applications")).await?,
        promotions: items(&format!("{base}/api/v1/promotions")).await?,
        infra,
        server: base,
        events,
    })
}

async fn items<T: serde::de::DeserializeOwned>(url: &str) -> Result<Vec<T>, DemoError> {
    let failed = |error: reqwest::Error| DemoError::Server(error.to_string());
    let response = reqwest::get(url).await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let page: crate::http::types::Page<T> = response.json().await.map_err(failed)?;
    Ok(page.items)
}

/// The demo's folder: the given one, which must be empty, or one that is removed at the end.
fn folder(dir: Option<&Path>) -> Result<(PathBuf, Option<tempfile::TempDir>), DemoError> {
    let Some(dir) = dir else {
        let scratch = tempfile::Builder::new().prefix("gantry-demo-").tempdir();
        let scratch = scratch
            .map_err(|error| DemoError::Folder { path: std::env::temp_dir().display().to_string(), error })?;
        return Ok((scratch.path().to_owned(), Some(scratch)));
    };
    let path = dir.display().to_string();
    let wrong = |error| DemoError::Folder { path: path.clone(), error };
    std::fs::create_dir_all(dir).map_err(wrong)?;
    if std::fs::read_dir(dir).map_err(wrong)?.next().is_some() {
        return Err(DemoError::NotEmpty { path });
    }
    Ok((dir.canonicalize().map_err(wrong)?, None))
}

fn settings(
    folder: &Path,
    infra: &Path,
    listen: SocketAddr,
    ci: &str,
    manager: &str,
) -> Result<Settings, DemoError> {
    let token = |name: &str, token: &str, role, images: &[&str]| TokenEntry {
        name: name.to_owned(),
        email: None,
        sha256: story::sha256(token),
        role,
        images: images.iter().map(|image| (*image).to_owned()).collect(),
    };
    let file = File {
        listen: Some(listen.to_string()),
        data: Some(folder.join("data")),
        database: None,
        anonymous_read: Some(true),
        http: HttpEntry::default(),
        // Nobody waits a minute for a demo to see their push.
        poll: Some(Span::seconds(2)),
        bot: Bot::default(),
        commits: Commits::default(),
        seal: SealEntry::default(),
        credentials: Vec::new(),
        tokens: vec![
            token("demo-ci", ci, RoleName::Ci, &["registry.example.com/shop/*"]),
            token("demo-release-manager", manager, RoleName::ReleaseManager, &[]),
        ],
        repositories: vec![RepositoryEntry {
            name: "shop".to_owned(),
            url: format!("file://{}", infra.display()),
            branch: None,
            identity: None,
            username: None,
            password_env: None,
            password_file: None,
            credential_helper: None,
            ssh_command: None,
            ca_file: None,
            proxy: None,
            commits: Commits::default(),
            push: Push::default(),
            timeout: None,
            idle_timeout: None,
            plain_http_credentials: false,
            forge: ForgeEntry::default(),
        }],
        registries: Vec::new(),
        templates: None,
    };
    Settings::check(file, folder, &|_| None).map_err(|problems| DemoError::Settings(problems.join("; ")))
}
