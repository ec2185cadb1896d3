//! An answer over HTTP, read by a thread of its own, so that silence can be told from work.
//!
//! The HTTP client knows a limit for the whole exchange only; a server that falls silent would hold the mirror
//! up until then. The thread ends with the answer, with its reader, or at the client's limit.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel},
    thread,
};

use reqwest::{
    StatusCode,
    blocking::{RequestBuilder, Response},
    header::HeaderMap,
};

use super::{
    connect::{Deadline, Failure, Fate},
    error::chain,
};

/// The most bytes of one answer: 8 GiB, far over any infra repository, so that a server cannot fill the disk.
const MAX_ANSWER: u64 = 8 << 30;
/// The bytes of one piece, and how many lie ready.
const PIECE: usize = 64 << 10;
const READY: usize = 4;

/// An answer: its head, and its body as it comes.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

/// Sends a request with `length` bytes of body, with a note of why there is no answer.
pub(super) fn send(
    request: RequestBuilder,
    length: usize,
    deadline: Deadline,
    fate: &Fate,
) -> io::Result<Reply> {
    let fail = |failure: Failure| {
        let error = io::Error::other(format!("{failure:?}"));
        fate.note(failure);
        Err(error)
    };
    let (Some(left), Some(patience)) = (deadline.left(), deadline.patience(length)) else {
        return fail(Failure::TimedOut);
    };
    let request = request.timeout(left);
    let (answered, head) = channel();
    let (pour, pieces) = sync_channel(READY);
    thread::spawn(move || match request.send() {
        Ok(response) => {
            let parts = (response.status(), response.headers().clone());
            if answered.send(Ok(parts)).is_ok() {
                pump(response, &pour);
            }
        }
        Err(error) => drop(answered.send(Err(error))),
    });
    match head.recv_timeout(patience) {
        Ok(Ok((status, headers))) => {
            let body = Body { pieces, piece: Vec::new(), at: 0, deadline, fate: fate.clone() };
            Ok(Reply { status, headers, body })
        }
        Ok(Err(error)) if error.is_timeout() && !error.is_connect() => fail(Failure::TimedOut),
        Ok(Err(error)) => fail(Failure::Unreachable(chain(&error.without_url()))),
        Err(RecvTimeoutError::Timeout) => fail(silence(deadline)),
        Err(RecvTimeoutError::Disconnected) => fail(Failure::Unreachable("the HTTP client ended".into())),
    }
}

fn pump(response: Response, pour: &SyncSender<io::Result<Vec<u8>>>) {
    let mut response = response.take(MAX_ANSWER);
    loop {
        let mut piece = vec![0; PIECE];
        match response.read(&mut piece) {
            Ok(0) => return,
            Ok(read) => {
                piece.truncate(read);
                if pour.send(Ok(piece)).is_err() {
                    return;
                }
            }
            Err(error) => return drop(pour.send(Err(error))),
        }
    }
}

/// A wait that was too long: over the deadline, or over the limit for silence.
fn silence(deadline: Deadline) -> Failure {
    match deadline.left() {
        None => Failure::TimedOut,
        Some(_) => Failure::Unreachable("it was silent for longer than idle_timeout".into()),
    }
}

/// The body of an answer, under the deadline and the limit for silence.
pub(super) struct Body {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
    deadline: Deadline,
    fate: Fate,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            let Some(patience) = self.deadline.patience(0) else {
                self.fate.note(Failure::TimedOut);
                return Err(io::ErrorKind::TimedOut.into());
            };
            match self.pieces.recv_timeout(patience) {
                Ok(Ok(piece)) => (self.piece, self.at) = (piece, 0),
                Ok(Err(error)) => {
                    let timed_out = error.kind() == io::ErrorKind::TimedOut || self.deadline.left().is_none();
                    self.fate.note(if timed_out {
                        Failure::TimedOut
                    } else {
                        Failure::Unreachable("the connection broke off within the answer".into())
                    });
                    return Err(error);
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) => {
                    self.fate.note(silence(self.deadline));
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
        }
        let rest = &self.piece[self.at..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }
}
