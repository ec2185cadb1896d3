//! The listener: how many connections there may be, and how long each may take over what it does.
//!
//! Promises kept here:
//! - A connection ends by itself: one that doesn't finish the head of its request in time, that asks for
//!   nothing for too long, or that takes nothing of its answer. (The time of a body is [`super::body`]'s.)
//! - There are never more connections than set. One beyond them is told so and closed.
//! - The end is bounded: nobody new is taken, requests in flight get a grace, and what is left is closed.
//!
//! Only HTTP/1.1 is spoken: a proxy in front of Gantry speaks the rest, and there is no upgrade to guess at
//! before the time of the head begins.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    App,
    metrics::Metrics,
    peer::Peer,
    phase::{Answering, Phase, Timed},
    router,
    server::Limits,
};

/// How long nothing is taken after the system refused a connection, for want of file handles.
const BREATH: Duration = Duration::from_millis(200);
/// How many connections beyond the bound are told so at the same time; the rest are only closed.
const TOLD: usize = 32;
/// How long telling them may take.
const TELLING: Duration = Duration::from_secs(1);
/// The largest head of a request, in bytes.
const HEAD: usize = 64 * 1024;

/// What a connection beyond the bound is told.
const FULL: &str = "{\"type\":\"/problems/busy\",\"title\":\"Not now\",\"status\":503,\
    \"detail\":\"as many connections are open as the settings allow\",\
    \"hint\":\"Try again in some seconds; if it goes on, the platform engineer raises `http.connections`.\"}";

/// Serves until `stop`, and then for as long as requests in flight take, at most [`Limits::grace`].
pub async fn serve(listener: TcpListener, app: App, stop: CancellationToken) {
    let (limits, metrics, closing) = (app.limits.clone(), app.metrics.clone(), app.closing.clone());
    let doors = Doors {
        service: TowerToHyperService::new(router(app)),
        permits: Arc::new(Semaphore::new(limits.connections)),
        told: Arc::new(Semaphore::new(TOLD)),
        full: AtomicBool::new(false),
        metrics,
        limits,
        closing: closing.clone(),
    };
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => doors.open(&mut connections, stream, peer),
            Err(error) if of_the_other_end(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    closing.cancel();
    let left = async { while connections.join_next().await.is_some() {} };
    if timeout(doors.limits.grace, left).await.is_err() {
        tracing::warn!("requests that did not end in time were given up");
    }
}

/// A connection that its maker gave up before it was taken.
fn of_the_other_end(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

struct Doors {
    service: TowerToHyperService<Router>,
    permits: Arc<Semaphore>,
    told: Arc<Semaphore>,
    /// The last connection was refused: said once, not for each.
    full: AtomicBool,
    metrics: Metrics,
    limits: Limits,
    closing: CancellationToken,
}

impl Doors {
    fn open(&self, connections: &mut JoinSet<()>, stream: TcpStream, peer: SocketAddr) {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            self.full.store(false, Ordering::Relaxed);
            let open = self.limits.connections.saturating_sub(self.permits.available_permits());
            self.metrics.connections(open);
            let (service, limits) = (self.service.clone(), self.limits.clone());
            connections.spawn(converse(stream, peer, service, limits, self.closing.clone(), permit));
            return;
        }
        self.metrics.connection_refused();
        if !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                most = self.limits.connections,
                "connections are refused: as many are open as `http.connections` allows"
            );
        }
        if let Ok(permit) = Arc::clone(&self.told).try_acquire_owned() {
            connections.spawn(async move {
                let _ = timeout(TELLING, refuse(stream)).await;
                drop(permit);
            });
        }
    }
}

/// Tells a connection that there is no room. What it sends is read, up to a bound: closing a socket with unread
/// bytes would take the answer back.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\nretry-after: 5\r\nconnection: close\r\n\r\n{FULL}",
        FULL.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.shutdown().await?;
    let (mut rest, mut left) = ([0; 4096], 16);
    while left > 0 && stream.read(&mut rest).await? > 0 {
        left -= 1;
    }
    Ok(())
}

/// One connection, from its first request to its last answer.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: TowerToHyperService<Router>,
    limits: Limits,
    closing: CancellationToken,
    _permit: OwnedSemaphorePermit,
) {
    // Small answers go out at once. A socket for which it can't be set is dead already.
    let _ = stream.set_nodelay(true);
    let phase = Arc::new(Phase::default());
    let of_service = Arc::clone(&phase);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let answering = Answering::begin(&of_service);
        let answer = router.call(request);
        async move { answer.await.map(|response| response.map(|body| Body::new(answering.with(body)))) }
    });
    let timed = Timed::new(stream, phase, limits.head_time, limits.stall);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.idle).max_buf_size(HEAD);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(timed), service));
    let mut asked_to_end = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke off");
                }
                return;
            }
            () = closing.cancelled(), if !asked_to_end => {
                asked_to_end = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
