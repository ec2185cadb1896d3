//! Git over HTTP, as the transport crate wants it, on one blocking client per mirror.
//!
//! Promises: every wait ends at the deadline (the client's usual total of 30 s would cut long fetches); a
//! status is told from the answer itself; credentials go only to the configured scheme, host and port,
//! because redirects to another one are refused; an answer is never larger than [`MAX_ANSWER`].
//!
//! A POST is sent when its answer is first read, with the whole body at hand: commits and negotiations are
//! small, and a known length suits servers that dislike chunked requests.

use std::{
    any::Any,
    io::{self, BufRead, BufReader, Cursor, Read, Write},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use gix_transport::{
    Protocol,
    client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse, Transport},
};
use reqwest::{
    StatusCode,
    blocking::{RequestBuilder, Response},
    header::{AUTHORIZATION, HeaderName, HeaderValue, LOCATION},
};

use super::{
    connect::{Deadline, Failure, Fate},
    error::{GitError, chain},
    remote::Remote,
};

/// The most bytes of one answer: 8 GiB, far over any infra repository, so that a server cannot fill the disk.
const MAX_ANSWER: u64 = 8 << 30;
/// The most redirects that one request follows.
const MAX_REDIRECTS: usize = 5;

/// The client of one mirror, made when it is first needed and kept for its connections.
#[derive(Default)]
pub(super) struct Client(OnceLock<reqwest::blocking::Client>);

impl Client {
    fn get(&self, remote: &Remote) -> Result<reqwest::blocking::Client, GitError> {
        if let Some(client) = self.0.get() {
            return Ok(client.clone());
        }
        let settings = |what: String| GitError::Settings { url: remote.shown(), what };
        let mut builder = reqwest::blocking::Client::builder()
            .timeout(None)
            .connect_timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none());
        if let Some(path) = &remote.ca_file {
            let bad = |why: String| settings(format!("the CA file {} cannot be used: {why}", path.display()));
            let pem = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| bad(chain(&e)))?;
            if certificates.is_empty() {
                return Err(bad("it holds no certificate".into()));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|e| settings(format!("no HTTP client: {}", chain(&e))))?;
        Ok(self.0.get_or_init(|| client).clone())
    }
}

/// A transport to `url`.
pub(super) fn transport(
    remote: &Remote,
    url: &url::Url,
    client: &Client,
    version: Protocol,
    deadline: Deadline,
    fate: Fate,
) -> Result<Transport<Wire>, GitError> {
    let settings = |what: &str| GitError::Settings { url: remote.shown(), what: what.into() };
    let authorization = match &remote.credentials {
        Some(credentials) => {
            let mut value = HeaderValue::from_str(&credentials.basic())
                .map_err(|_| settings("the credentials hold characters that no header can carry"))?;
            value.set_sensitive(true);
            Some(value)
        }
        None => None,
    };
    let wire = Wire { client: client.get(remote)?, authorization, deadline, fate, moved: None };
    let url = gix::url::parse(url.as_str().trim_end_matches('/'))
        .map_err(|_| settings("the URL is not one for Git"))?;
    Ok(Transport::new_http(wire, url, version, false))
}

/// The wire of one conversation.
pub(super) struct Wire {
    client: reqwest::blocking::Client,
    authorization: Option<HeaderValue>,
    deadline: Deadline,
    fate: Fate,
    /// The base URL after a redirect within the same host.
    moved: Option<String>,
}

impl Wire {
    fn prepare<H: AsRef<str>>(
        &self,
        mut request: RequestBuilder,
        headers: impl IntoIterator<Item = H>,
    ) -> RequestBuilder {
        for line in headers {
            let Some((name, value)) = line.as_ref().split_once(':') else { continue };
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value.trim())) {
                request = request.header(name, value);
            }
        }
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        }
    }
}

/// Sends a request and refuses every status but a good one and a redirect, with a note of what it means.
fn send(request: RequestBuilder, deadline: Deadline, fate: &Fate) -> io::Result<Response> {
    let fail = |failure: Failure| {
        let error = io::Error::other(format!("{failure:?}"));
        fate.note(failure);
        Err(error)
    };
    let Some(left) = deadline.left() else { return fail(Failure::TimedOut) };
    let response = match request.timeout(left).send() {
        Ok(response) => response,
        Err(error) if error.is_timeout() && !error.is_connect() => return fail(Failure::TimedOut),
        Err(error) => return fail(Failure::Unreachable(chain(&error.without_url()))),
    };
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

/// The base after a redirect from `url` to `location`, if it stays on the same scheme, host and port (or
/// goes from http to https on the same host) and keeps what Git appended to the base.
fn moved_base(url: &str, base: &str, location: Option<&HeaderValue>) -> Option<(String, String)> {
    let old = url::Url::parse(url).ok()?;
    let new = old.join(location?.to_str().ok()?).ok()?;
    let upgrade = old.scheme() == "http" && new.scheme() == "https";
    let same_place = new.host_str() == old.host_str()
        && (upgrade
            || new.scheme() == old.scheme() && new.port_or_known_default() == old.port_or_known_default());
    let tail = url.strip_prefix(base)?;
    let new_base = new.as_str().strip_suffix(tail)?.to_owned();
    (same_place && new.username().is_empty() && new.password().is_none()).then(|| (new.into(), new_base))
}

impl Http for Wire {
    type Headers = Answer;
    type ResponseBody = Answer;
    type PostBody = Upload;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Answer, Answer>> {
        let headers: Vec<String> = headers.into_iter().map(|h| h.as_ref().to_owned()).collect();
        let (mut url, mut base) = (url.to_owned(), base_url.to_owned());
        for _ in 0..=MAX_REDIRECTS {
            let request = self.prepare(self.client.get(&url), &headers);
            let response = send(request, self.deadline, &self.fate).map_err(gix::Error::from_error)?;
            if !response.status().is_redirection() {
                self.moved = (base != base_url).then_some(base);
                let exchange = Exchange::answered(response, self.deadline, self.fate.clone());
                let (headers, body) = Answer::pair(exchange);
                return Ok(GetResponse { headers, body });
            }
            let Some(next) = moved_base(&url, &base, response.headers().get(LOCATION)) else { break };
            (url, base) = next;
        }
        let why = "it redirects to another place, where the credentials do not go; use the final URL";
        self.fate.note(Failure::Protocol(why.into()));
        Err(gix::Error::from_error(io::Error::other(why)))
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _kind: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Answer, Answer, Upload>> {
        let request = self.prepare(self.client.post(url), headers);
        let exchange = Exchange {
            request: Some(request),
            body: Vec::new(),
            response: None,
            deadline: self.deadline,
            fate: self.fate.clone(),
        };
        let (headers, body) = Answer::pair(exchange);
        Ok(PostResponse { post_body: Upload(headers.exchange.clone()), headers, body })
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        // The host's Git configuration has no say here.
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.moved.clone()
    }
}

/// A request with its body, and the response once it was sent.
struct Exchange {
    request: Option<RequestBuilder>,
    body: Vec<u8>,
    response: Option<Response>,
    deadline: Deadline,
    fate: Fate,
}

impl Exchange {
    fn answered(response: Response, deadline: Deadline, fate: Fate) -> Self {
        Self { request: None, body: Vec::new(), response: Some(response), deadline, fate }
    }

    fn send(&mut self) -> io::Result<()> {
        let Some(request) = self.request.take() else { return Ok(()) };
        let response = send(request.body(std::mem::take(&mut self.body)), self.deadline, &self.fate)?;
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
    fn pair(exchange: Exchange) -> (Self, Self) {
        let exchange = Arc::new(Mutex::new(exchange));
        let half = |headers| Self { exchange: exchange.clone(), headers, reader: None };
        (half(true), half(false))
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
            self.fate.note(if timed_out {
                Failure::TimedOut
            } else {
                Failure::Unreachable("the connection broke off within the answer".into())
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_on_the_same_host() {
        let base = "https://git.example.com/a";
        let url = "https://git.example.com/a/info/refs?service=git-upload-pack";
        let to = |location: &str| moved_base(url, base, HeaderValue::from_str(location).ok().as_ref());
        assert_eq!(
            to("/b/a.git/info/refs?service=git-upload-pack").map(|m| m.1),
            Some("https://git.example.com/b/a.git".into())
        );
        for bad in [
            "https://evil.example/a/info/refs?service=git-upload-pack",
            "http://git.example.com/a/info/refs?service=git-upload-pack",
            "https://git.example.com:444/a/info/refs?service=git-upload-pack",
            "https://x:y@git.example.com/a/info/refs?service=git-upload-pack",
            "/login",
        ] {
            assert_eq!(to(bad), None, "{bad}");
        }
        assert_eq!(moved_base(url, base, None), None);
    }
}
