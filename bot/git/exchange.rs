//! One request over HTTP and its answer, as the transport crate reads and writes them.
//!
//! A POST is sent when its answer is first read, with the whole body at hand: commits and negotiations are
//! small, and a known length suits servers that dislike chunked requests. An answer is never larger than
//! `MAX_ANSWER`, and no wait for it is longer than the deadline.

use std::{
    io::{self, BufRead, BufReader, Cursor, Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::{
    StatusCode,
    blocking::{RequestBuilder, Response},
};

use super::{
    connect::{Deadline, Failure, Fate},
    error::chain,
};

/// The most bytes of one answer: 8 GiB, far over any infra repository, so that a server cannot fill the disk.
const MAX_ANSWER: u64 = 8 << 30;

fn fail<T>(fate: &Fate, failure: Failure) -> io::Result<T> {
    let error = io::Error::other(format!("{failure:?}"));
    fate.note(failure);
    Err(error)
}

/// Sends a request, with a note of why there is no answer.
pub(super) fn send(request: RequestBuilder, deadline: Deadline, fate: &Fate) -> io::Result<Response> {
    let Some(left) = deadline.left() else { return fail(fate, Failure::TimedOut) };
    match request.timeout(left).send() {
        Ok(response) => Ok(response),
        Err(error) if error.is_timeout() && !error.is_connect() => fail(fate, silence(deadline)),
        Err(error) => fail(fate, Failure::Unreachable(chain(&error.without_url()))),
    }
}

/// A wait that was too long: over the deadline, or over the limit for silence.
fn silence(deadline: Deadline) -> Failure {
    match deadline.left() {
        None => Failure::TimedOut,
        Some(_) => Failure::Unreachable("it was silent for longer than idle_timeout".into()),
    }
}

/// Refuses every status but a good one and a redirect, with a note of what it means.
pub(super) fn judge(response: Response, fate: &Fate) -> io::Result<Response> {
    let fail = |failure| fail(fate, failure);
    let status = response.status();
    let said = format!("HTTP status {}", status.as_u16());
    match status {
        s if s.is_success() || s.is_redirection() => Ok(response),
        StatusCode::UNAUTHORIZED => fail(Failure::Denied(said)),
        StatusCode::FORBIDDEN => fail(Failure::Denied(format!("{said}: they may not do this"))),
        StatusCode::NOT_FOUND | StatusCode::GONE => fail(Failure::Missing(said)),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => fail(Failure::Unreachable(said)),
        s if s.is_server_error() => fail(Failure::Unreachable(said)),
        _ => fail(Failure::Protocol(said)),
    }
}

/// A request with its body, and the response once it was sent.
pub(super) struct Exchange {
    request: Option<RequestBuilder>,
    body: Vec<u8>,
    response: Option<Response>,
    deadline: Deadline,
    fate: Fate,
}

impl Exchange {
    /// A POST that is sent when its answer is first read.
    pub(super) fn pending(request: RequestBuilder, deadline: Deadline, fate: Fate) -> Self {
        Self { request: Some(request), body: Vec::new(), response: None, deadline, fate }
    }

    /// The answer to a request that was sent already.
    pub(super) fn answered(response: Response, deadline: Deadline, fate: Fate) -> Self {
        Self { request: None, body: Vec::new(), response: Some(response), deadline, fate }
    }

    fn send(&mut self) -> io::Result<()> {
        let Some(request) = self.request.take() else { return Ok(()) };
        let request = request.body(std::mem::take(&mut self.body));
        let response = judge(send(request, self.deadline, &self.fate)?, &self.fate)?;
        if response.status().is_redirection() {
            self.fate.note(Failure::Protocol("it redirects a POST; use the final URL".into()));
            return Err(io::Error::other("redirected POST"));
        }
        self.response = Some(response);
        Ok(())
    }
}

/// Collects the body of a POST.
pub(super) struct Upload(Arc<Mutex<Exchange>>);

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).body.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The headers or the body of an answer; the first read sends the request.
pub(super) struct Answer {
    exchange: Arc<Mutex<Exchange>>,
    headers: bool,
    reader: Option<Box<dyn BufRead + Send>>,
}

impl Answer {
    /// The headers and the body of one exchange.
    pub(super) fn pair(exchange: Exchange) -> (Self, Self) {
        let exchange = Arc::new(Mutex::new(exchange));
        let half = |headers| Self { exchange: exchange.clone(), headers, reader: None };
        (half(true), half(false))
    }

    /// Takes the body of the request.
    pub(super) fn upload(&self) -> Upload {
        Upload(self.exchange.clone())
    }

    fn reader(&mut self) -> io::Result<&mut Box<dyn BufRead + Send>> {
        if self.reader.is_none() {
            let mut exchange = self.exchange.lock().unwrap_or_else(PoisonError::into_inner);
            exchange.send()?;
            let reader: Box<dyn BufRead + Send> = if self.headers {
                let mut lines = Vec::new();
                for (name, value) in exchange.response.iter().flat_map(|r| r.headers()) {
                    lines.extend_from_slice(name.as_str().as_bytes());
                    lines.push(b':');
                    lines.extend_from_slice(value.as_bytes());
                    lines.push(b'\n');
                }
                Box::new(Cursor::new(lines))
            } else {
                match exchange.response.take() {
                    Some(response) => Box::new(BufReader::with_capacity(
                        64 << 10,
                        Body {
                            response: response.take(MAX_ANSWER),
                            deadline: exchange.deadline,
                            fate: exchange.fate.clone(),
                        },
                    )),
                    None => Box::new(io::empty()),
                }
            };
            drop(exchange);
            self.reader = Some(reader);
        }
        self.reader.as_mut().ok_or_else(|| io::Error::other("no answer"))
    }
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader()?.read(buffer)
    }
}

impl BufRead for Answer {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(reader) = &mut self.reader {
            reader.consume(amount);
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
    inner.is_some_and(reqwest::Error::is_timeout)
}

/// A body under the deadline: one read waits no longer than the request was allowed, and none begins after it.
struct Body {
    response: io::Take<Response>,
    deadline: Deadline,
    fate: Fate,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.deadline.left().is_none() {
            self.fate.note(Failure::TimedOut);
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.response.read(buffer).inspect_err(|error| {
            let timed_out = error.kind() == io::ErrorKind::TimedOut || self.deadline.left().is_none();
            self.fate.note(if timed_out || is_timeout(error) {
                silence(self.deadline)
            } else {
                Failure::Unreachable("the connection broke off within the answer".into())
            });
        })
    }
}
