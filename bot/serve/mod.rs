//! The server: one loop for each infra repository, one watcher of the registries, one listener.
//!
//! This is where production's parts are put together from the settings. Everything else gets what it needs
//! handed in.

mod engine;
mod parts;
mod plan;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use gantry_core::config::pipeline::Image;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::{engine::Engine, parts::StartError};
use crate::{
    clock::Clock,
    forge::Forge,
    http::{self, App},
    observe::images::Images,
    settings::Settings,
    store::{Retention, Store, board::Board},
};

/// How long a look waits after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long what is under way may take when the server ends.
const AT_THE_END: Duration = Duration::from_secs(4);
/// How often finished things are cleared away.
const HOUSEKEEPING: Duration = Duration::from_secs(3_600);

/// A server, put together and not yet started.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What was last seen.
    pub board: Arc<Board>,
    /// The database.
    pub store: Arc<dyn Store>,
    listener: TcpListener,
    app: App,
    engines: Vec<Engine>,
    images: Arc<Images>,
    clock: Arc<dyn Clock>,
    poll: Duration,
}

impl Server {
    /// Puts a server together: opens the database, the mirrors and the forge, and binds the address.
    ///
    /// # Errors
    /// What can't work, and who must act.
    pub async fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        parts::assemble(settings, clock, &|forge| forge).await
    }

    /// The same with each repository's forge behind something else, for tests and benchmarks.
    ///
    /// # Errors
    /// As [`Server::new`].
    pub async fn with_forges(
        settings: Settings,
        clock: Arc<dyn Clock>,
        wrap: &(dyn Fn(Arc<dyn Forge>) -> Arc<dyn Forge> + Sync),
    ) -> Result<Self, StartError> {
        parts::assemble(settings, clock, wrap).await
    }

    /// Serves until `stop`. From then on the server is not ready; what it is writing is ended, or given up after
    /// `AT_THE_END`; then nobody is answered any more. What was given up is found again by the next start.
    pub async fn run(self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        for mut engine in self.engines {
            engine.stop = stop.clone();
            tasks.spawn(keep_up(engine, Arc::clone(&self.board), self.poll, stop.clone()));
        }
        tasks.spawn(watch(
            Arc::clone(&self.images),
            Arc::clone(&self.board),
            Arc::clone(&self.clock),
            self.poll,
            stop.clone(),
        ));
        for host in self.images.hosts() {
            let (images, board) = (Arc::clone(&self.images), Arc::clone(&self.board));
            let (clock, host) = (Arc::clone(&self.clock), host.to_owned());
            tasks.spawn(confirm(images, host, board, clock, self.poll, stop.clone()));
        }
        tasks.spawn(keep_house(Arc::clone(&self.store), Arc::clone(&self.clock), stop.clone()));
        let (answering, stopping) = (CancellationToken::new(), self.app.stopping.clone());
        let ended = answering.clone();
        tokio::spawn(async move {
            stop.cancelled().await;
            stopping.cancel();
            let all = async { while tasks.join_next().await.is_some() {} };
            if tokio::time::timeout(AT_THE_END, all).await.is_err() {
                tracing::warn!("what was under way was given up; the next start goes on with it");
            }
            ended.cancel();
        });
        http::serve(self.listener, self.app, answering).await;
    }

    /// One full pass: asks the registries, then looks and acts until nothing is left to do now. Answers the
    /// problems that people must mend.
    ///
    /// # Errors
    /// The database's.
    pub async fn pass(&mut self) -> Result<(), crate::store::StoreError> {
        // The first round reads the pipeline, the second acts on what the registries say of its images.
        for asked in [false, true] {
            if asked {
                let images = images_of(&self.board);
                self.images.look(&images).await;
                self.board.note_registries(self.images.health(&images));
                for host in self.images.hosts() {
                    self.images.verify(host).await;
                }
            }
            for engine in &mut self.engines {
                engine.run_until_quiet().await?;
            }
        }
        Ok(())
    }
}

/// The images of all pipelines, each once.
fn images_of(board: &Board) -> Vec<Image> {
    let mut images: Vec<Image> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for seen in board.all() {
        for image in seen.pipeline.iter().flat_map(|p| p.applications.values()).flat_map(|app| &app.images) {
            if known.insert(image.image.clone()) {
                images.push(image.clone());
            }
        }
    }
    images
}

/// Runs one repository's loop until `stop`: after each wake-up, when time has come, and at least once a `poll`.
async fn keep_up(mut engine: Engine, board: Arc<Board>, poll: Duration, stop: CancellationToken) {
    let mut wakeups = board.wakeups();
    loop {
        wakeups.mark_unchanged();
        let wait = match engine.run_until_settled().await {
            Ok(next) => next.map_or(poll, |next| {
                let left = next.duration_since(engine.clock.now());
                Duration::try_from(left).unwrap_or_default().min(poll)
            }),
            // Whatever went wrong, it is over.
            Err(_) if stop.is_cancelled() => break,
            Err(error) => {
                tracing::error!(repository = engine.repository, %error, "the look failed");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            _ = wakeups.changed() => {}
            () = tokio::time::sleep(wait.max(Duration::from_millis(20))) => {}
        }
    }
    engine.desired.close();
    engine.desired.quiet().await;
}

/// Asks the registries when their images are due, until `stop`.
async fn watch(
    images: Arc<Images>,
    board: Arc<Board>,
    clock: Arc<dyn Clock>,
    poll: Duration,
    stop: CancellationToken,
) {
    let mut wakeups = board.wakeups();
    let mut posts = board.watch();
    loop {
        wakeups.mark_unchanged();
        posts.mark_unchanged();
        let all = images_of(&board);
        let (looked, next) = tokio::select! {
            () = stop.cancelled() => return,
            result = images.look(&all) => result,
        };
        board.note_registries(images.health(&all));
        if looked {
            board.wake();
            wakeups.mark_unchanged();
        }
        let left = next.map(|next| next.duration_since(clock.now()));
        let wait = left.map_or(poll, |left| Duration::try_from(left).unwrap_or_default().min(poll));
        tokio::select! {
            () = stop.cancelled() => return,
            _ = wakeups.changed() => {}
            _ = posts.changed() => {}
            () = tokio::time::sleep(wait.max(Duration::from_millis(100))) => {}
        }
    }
}

/// Asks one registry for the digests that are on their way, until `stop`.
async fn confirm(
    images: Arc<Images>,
    host: String,
    board: Arc<Board>,
    clock: Arc<dyn Clock>,
    poll: Duration,
    stop: CancellationToken,
) {
    let mut posts = board.watch();
    loop {
        posts.mark_unchanged();
        let (news, next) = tokio::select! {
            () = stop.cancelled() => return,
            result = images.verify(&host) => result,
        };
        if news {
            board.wake();
        }
        let left = next.map(|next| next.duration_since(clock.now()));
        let wait = left.map_or(poll, |left| Duration::try_from(left).unwrap_or_default().min(poll));
        tokio::select! {
            () = stop.cancelled() => return,
            _ = posts.changed() => {}
            () = tokio::time::sleep(wait.max(Duration::from_millis(100))) => {}
        }
    }
}

/// Clears finished things away, until `stop`.
async fn keep_house(store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        if let Err(error) = store.prune(&Retention::default(), clock.now()).await {
            tracing::warn!(%error, "the database was not cleared");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(HOUSEKEEPING) => {}
        }
    }
}
