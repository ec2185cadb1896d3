//! Git over HTTP, as the transport crate wants it, on one blocking client per mirror.
//!
//! Promises: every wait ends at the deadline (the client's usual total of 30 s would cut long fetches); a
//! status is told from the answer itself; credentials go only to the configured scheme, host and port,
//! because redirects to another one are refused.

use std::{
    any::Any,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use gix_transport::{
    Protocol,
    client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse, Transport},
};
use reqwest::{
    StatusCode,
    blocking::RequestBuilder,
    header::{AUTHORIZATION, HeaderName, HeaderValue, LOCATION},
};

use super::{
    connect::{Deadline, Failure, Fate},
    error::{GitError, chain},
    exchange::{Answer, Exchange, Upload, judge},
    remote::{Credentials, Proxy, Remote},
    reply::{Reply, send},
    wallet::Wallet,
};

/// The most redirects that one request follows.
const MAX_REDIRECTS: usize = 5;

/// How long the way to a server may take, proxy and TLS included.
const CONNECT: Duration = Duration::from_secs(20);

/// The client of one mirror, made when it is first needed and kept for its connections; and what it signs in
/// with.
pub(super) struct Client {
    http: OnceLock<reqwest::blocking::Client>,
    pub(super) wallet: Arc<Wallet>,
}

impl Client {
    pub(super) fn of(remote: &Remote) -> Self {
        Self { http: OnceLock::new(), wallet: Arc::new(Wallet::of(remote)) }
    }

    fn get(&self, remote: &Remote) -> Result<reqwest::blocking::Client, GitError> {
        if let Some(client) = self.http.get() {
            return Ok(client.clone());
        }
        let settings = |what: String| GitError::Settings { url: remote.shown(), what };
        let mut builder = reqwest::blocking::Client::builder()
            .timeout(None)
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none());
        match &remote.proxy {
            // The library reads the environment itself.
            Proxy::Environment => {}
            Proxy::Direct => builder = builder.no_proxy(),
            Proxy::Via(url) => {
                let proxy = reqwest::Proxy::all(url.as_str());
                let proxy =
                    proxy.map_err(|e| settings(format!("the proxy cannot be used: {}", chain(&e))))?;
                builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_env()));
            }
        }
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
        Ok(self.http.get_or_init(|| client).clone())
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
    let authorization = authorization(client.wallet.credentials(deadline)?);
    let wallet = client.wallet.clone();
    let deadline = deadline.with_idle(remote.idle_timeout);
    let wire = Wire { client: client.get(remote)?, wallet, authorization, deadline, fate, moved: None };
    let url = gix::url::parse(url.as_str().trim_end_matches('/'))
        .map_err(|_| settings("the URL is not one for Git"))?;
    Ok(Transport::new_http(wire, url, version, false))
}

/// The header's value; base64 has no character that a header could not carry.
fn authorization(credentials: Option<Credentials>) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&credentials?.basic()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The wire of one conversation.
pub(super) struct Wire {
    client: reqwest::blocking::Client,
    wallet: Arc<Wallet>,
    authorization: Option<HeaderValue>,
    deadline: Deadline,
    fate: Fate,
    /// The base URL after a redirect within the same host.
    moved: Option<String>,
}

impl Wire {
    /// A GET. Where the credentials are refused that a helper gave, it is asked once more.
    fn signed_in(&mut self, url: &str, headers: &[String]) -> io::Result<Reply> {
        let get = |wire: &Self| {
            let response = send(wire.prepare(wire.client.get(url), headers), 0, wire.deadline, &wire.fate)?;
            Ok::<_, io::Error>((response.status == StatusCode::UNAUTHORIZED, response))
        };
        let (mut refused, mut response) = get(self)?;
        if refused && self.wallet.refused(self.deadline) {
            drop(response);
            let credentials = self.wallet.credentials(self.deadline).map_err(|error| {
                let failure = match error {
                    GitError::Helper { why, .. } => Failure::Helper(why),
                    other => Failure::Protocol(other.to_string()),
                };
                self.fate.note(failure);
                io::Error::other("no credentials")
            })?;
            self.authorization = authorization(credentials);
            (refused, response) = get(self)?;
            if refused {
                self.wallet.refused(self.deadline);
            }
        }
        let response = judge(response, &self.fate)?;
        if !response.status.is_redirection() {
            self.wallet.accepted(self.deadline);
        }
        Ok(response)
    }

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
            let response = self.signed_in(&url, &headers).map_err(gix::Error::from_error)?;
            if !response.status.is_redirection() {
                self.moved = (base != base_url).then_some(base);
                let exchange = Exchange::answered(response, self.deadline, self.fate.clone());
                let (headers, body) = Answer::pair(exchange);
                return Ok(GetResponse { headers, body });
            }
            let Some(next) = moved_base(&url, &base, response.headers.get(LOCATION)) else { break };
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
        let (headers, body) = Answer::pair(Exchange::pending(request, self.deadline, self.fate.clone()));
        Ok(PostResponse { post_body: headers.upload(), headers, body })
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        // The host's Git configuration has no say here.
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.moved.clone()
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
