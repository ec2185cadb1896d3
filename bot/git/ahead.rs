//! The server's list of branches, asked for while commits are still being made.
//!
//! To connect and to list takes a server as long as the commits take us, and neither needs the other. The list
//! may be a moment old when it is used: where it tells that a branch moved, the server is asked again.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SendError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use gix_transport::Service;

use super::{
    connect::{Deadline, Session},
    error::GitError,
    http::Client,
    remote::{PushMethod, Remote},
    send_pack::{self, Advertised},
};

/// How long a server may have been waiting for what is pushed: some give up on who is silent. Never more than a
/// tenth of what a push may take, since that time counts.
const FRESH: Duration = Duration::from_secs(10);

/// A conversation in which the server has told what it has.
pub(super) type Open = (Session, Advertised);

/// A conversation that is being opened.
pub(super) struct Ahead {
    answer: Receiver<Result<Open, GitError>>,
    asked: Instant,
    fresh: Duration,
}

impl Ahead {
    /// Starts one. `None` where the program pushes, which has its own, and where no thread can be had.
    pub(super) fn ask(remote: &Arc<Remote>, client: &Arc<Client>) -> Option<Self> {
        if remote.push != PushMethod::Builtin {
            return None;
        }
        let (sender, answer) = channel();
        let fresh = FRESH.min(remote.timeout / 10);
        let (remote, client) = (Arc::clone(remote), Arc::clone(client));
        let work = move || {
            let open = open(&remote, &client, Deadline::after(remote.timeout));
            if let Err(SendError(Ok((session, _)))) = sender.send(open) {
                session.hang_up();
            }
        };
        thread::Builder::new().name("git-push".into()).spawn(work).ok()?;
        Some(Self { answer, asked: Instant::now(), fresh })
    }

    /// What came of it; `None` where it is too old by now, or its thread died.
    pub(super) fn wait(self) -> Option<Result<Open, GitError>> {
        if self.asked.elapsed() > self.fresh { None } else { self.answer.recv().ok() }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // One that is still being opened is ended by its thread.
        if let Ok(Ok((session, _))) = self.answer.try_recv() {
            session.hang_up();
        }
    }
}

/// Connects, and has the server list its refs.
pub(super) fn open(remote: &Remote, client: &Client, deadline: Deadline) -> Result<Open, GitError> {
    let mut session = Session::open(remote, client, Service::ReceivePack, deadline)?;
    let advertised = send_pack::advertised(&mut session)?;
    Ok((session, advertised))
}
