//! One request over HTTP and its answer, as the transport crate reads and writes them.
//!
//! A POST is sent when its answer is first read, with the whole body at hand: commits and negotiations are
//! small, and a known length suits servers that dislike chunked requests. How an answer is bounded is in [`super::reply`].

use std::{
    io::{self, BufRead, BufReader, Cursor, Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::{StatusCode, blocking::RequestBuilder};

use super::{
    connect::{Deadline, Failure, Fate},
    reply::{Reply, send},
};

/// Refuses every status but a good one and a redirect, with a note of what it means.
pub(super) fn judge(reply: Reply, fate: &Fate) -> io::Result<Reply> {
    let fail = |failure: Failure| {
        let error = io::Error::other(format!("{failure:?}"));
        fate.note(failure);
        Err(error)
    };
    let status = reply.status;
    let said = format!("HTTP status {}", status.as_u16());
    match status {
        s if s.is_success() || s.is_redirection() => Ok(reply),
        StatusCode::UNAUTHORIZED => fail(Failure::Denied(said)),
        StatusCode::FORBIDDEN => fail(Failure::Denied(format!("{said}: they may not do this"))),
        StatusCode::NOT_FOUND | StatusCode::GONE => fail(Failure::Missing(said)),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            fail(Failure::Unreachable(format!("{said}: the proxy wants credentials, see HTTPS_PROXY")))
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => fail(Failure::Unreachable(said)),
        s if s.is_server_error() => fail(Failure::Unreachable(said)),
        _ => fail(Failure::Protocol(said)),
    }
}

/// A request with its body, and the response once it was sent.
pub(super) struct Exchange {
    request: Option<RequestBuilder>,
    body: Vec<u8>,
    reply: Option<Reply>,
    deadline: Deadline,
    fate: Fate,
}

impl Exchange {
    /// A POST that is sent when its answer is first read.
    pub(super) fn pending(request: RequestBuilder, deadline: Deadline, fate: Fate) -> Self {
        Self { request: Some(request), body: Vec::new(), reply: None, deadline, fate }
    }

    /// The answer to a request that was sent already.
    pub(super) fn answered(reply: Reply, deadline: Deadline, fate: Fate) -> Self {
        Self { request: None, body: Vec::new(), reply: Some(reply), deadline, fate }
    }

    fn send(&mut self) -> io::Result<()> {
        let Some(request) = self.request.take() else { return Ok(()) };
        let body = std::mem::take(&mut self.body);
        let length = body.len();
        let reply = send(request.body(body), length, self.deadline, &self.fate)?;
        let reply = judge(reply, &self.fate)?;
        if reply.status.is_redirection() {
            self.fate.note(Failure::Protocol("it redirects a POST; use the final URL".into()));
            return Err(io::Error::other("redirected POST"));
        }
        self.reply = Some(reply);
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
                for (name, value) in exchange.reply.iter().flat_map(|reply| &reply.headers) {
                    lines.extend_from_slice(name.as_str().as_bytes());
                    lines.push(b':');
                    lines.extend_from_slice(value.as_bytes());
                    lines.push(b'\n');
                }
                Box::new(Cursor::new(lines))
            } else {
                match exchange.reply.take() {
                    Some(reply) => Box::new(BufReader::with_capacity(64 << 10, reply.body)),
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
