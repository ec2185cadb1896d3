//! One HTTP exchange: sent once, read to a bound, within a time; every failure as a typed error.

use std::{
    error::Error,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use hyper_util::client::proxy::matcher::Matcher;

use jiff::{SignedDuration, Timestamp};
use reqwest::{
    Certificate, Client, ClientBuilder, RequestBuilder, Response, StatusCode,
    header::{CONTENT_LENGTH, HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use url::{Origin, Url};

use super::{
    Endpoint, Limits, Names, RegistryError,
    error::shown,
    reach::{Elsewhere, Guarded, Home, SystemNames},
    retry_after::retry_after,
    text,
};

/// An error's body is read for its code up to this many bytes.
const ERROR_BODY: u64 = 64 * 1024;
/// A file of certificate authorities is at most this large.
const CA_FILE: u64 = 4 << 20;

/// The caller's `now`, carried on by a monotonic timer, and the end of the time for the current request.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    now: Timestamp,
    since: Instant,
    deadline: Instant,
}

impl Moment {
    pub(crate) fn new(now: Timestamp) -> Self {
        let since = Instant::now();
        Self { now, since, deadline: since }
    }

    /// The present, as far as the caller's clock was right.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.since.elapsed()).unwrap_or_default();
        self.now.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// The same moment with a fresh time limit for one request.
    pub(crate) fn with_limit(self, limit: Duration) -> Self {
        Self { deadline: Instant::now() + limit, ..self }
    }
}

/// An HTTP client with bounds, that follows no redirect and keeps no cookie by itself.
pub(crate) struct Wire {
    /// For the registry itself, whose host the settings name, and for all that goes through a proxy.
    to_registry: Client,
    /// For places that the registry names; made when it names one.
    elsewhere: OnceLock<Client>,
    certificates: Vec<Certificate>,
    names: Arc<dyn Names>,
    host: String,
    origin: Origin,
    home: Home,
    /// The proxies of the environment; none for a registry on this machine, which they can't reach.
    proxies: Option<Matcher>,
    pub(crate) limits: Limits,
}

impl Wire {
    pub(crate) fn new(endpoint: &Endpoint, base: &Url) -> Result<Self, RegistryError> {
        let settings = |why: String| RegistryError::Settings { host: endpoint.host.clone(), why };
        let mut certificates = Vec::new();
        if let Some(path) = &endpoint.ca_file {
            let wrong = |why: String| settings(format!("`ca_file` {}: {why}", path.display()));
            let length = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
            if length > CA_FILE {
                return Err(wrong(format!("larger than {CA_FILE} bytes")));
            }
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            certificates = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(innermost(&error)))?;
            if certificates.is_empty() {
                return Err(wrong("no PEM certificate in it".to_owned()));
            }
        }
        let names = endpoint.names.clone().unwrap_or_else(|| Arc::new(SystemNames));
        // HTTPS_PROXY and its kin are respected, but a proxy cannot reach this machine's loopback.
        let here = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let resolver = Guarded { names: Arc::clone(&names), within: None };
        let mut builder = builder(&endpoint.limits, &certificates, resolver);
        if here {
            builder = builder.no_proxy();
        }
        let to_registry = builder.build().map_err(|error| settings(format!("TLS: {}", innermost(&error))))?;
        Ok(Self {
            to_registry,
            elsewhere: OnceLock::new(),
            certificates,
            names,
            host: endpoint.host.clone(),
            origin: base.origin(),
            home: Home::default(),
            proxies: (!here).then(Matcher::from_system),
            limits: endpoint.limits.clone(),
        })
    }

    /// The client for a URL: of the registry itself, or of a place that it names.
    pub(crate) fn client(&self, url: &Url) -> Result<&Client, RegistryError> {
        if url.origin() == self.origin || self.proxied(url) {
            return Ok(&self.to_registry);
        }
        if let Some(known) = self.elsewhere.get() {
            return Ok(known);
        }
        let resolver = Guarded { names: Arc::clone(&self.names), within: Some(self.home.clone()) };
        let made = builder(&self.limits, &self.certificates, resolver).no_proxy().build();
        let made = made.map_err(|error| RegistryError::Settings {
            host: self.host.clone(),
            why: format!("TLS: {}", innermost(&error)),
        })?;
        Ok(self.elsewhere.get_or_init(|| made))
    }

    /// Whether a URL is asked for through a proxy of the environment.
    fn proxied(&self, url: &Url) -> bool {
        let uri = url.as_str().parse();
        match (&self.proxies, uri) {
            (Some(proxies), Ok(uri)) => proxies.intercept(&uri).is_some(),
            _ => false,
        }
    }

    /// Whether a place that the registry names may be gone to, as far as its URL tells.
    ///
    /// # Errors
    /// The address that is not gone to.
    pub(crate) fn check(&self, url: &Url) -> Result<(), IpAddr> {
        if url.origin() == self.origin { Ok(()) } else { self.home.check(url) }
    }

    /// Sends and waits for the answer's head.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        url: &Url,
        moment: Moment,
    ) -> Result<Response, RegistryError> {
        match timeout_at(moment.deadline, request.send()).await {
            Ok(Ok(response)) => {
                if url.origin() == self.origin {
                    // What a proxy's connection says is where the proxy is.
                    self.home.is_at(response.remote_addr().filter(|_| !self.proxied(url)));
                }
                Ok(response)
            }
            Ok(Err(error)) if error.is_connect() && error.is_timeout() => Err(RegistryError::Timeout {
                url: shown(url),
                what: "connection",
                after: self.limits.connect,
            }),
            Ok(Err(error)) => Err(unreachable(url, &error)),
            Err(_) => {
                Err(RegistryError::Timeout { url: shown(url), what: "answer", after: self.limits.request })
            }
        }
    }

    /// Reads a body of at most `limit` bytes, counted after decompression.
    pub(crate) async fn read(
        &self,
        mut response: Response,
        url: &Url,
        limit: u64,
        moment: Moment,
    ) -> Result<Vec<u8>, RegistryError> {
        let too_large = || RegistryError::TooLarge { url: shown(url), limit };
        let announced = header(response.headers(), CONTENT_LENGTH.as_str()).and_then(|t| t.parse().ok());
        if announced.is_some_and(|length: u64| length > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        loop {
            let stall = Instant::now() + self.limits.stall;
            match timeout_at(stall.min(moment.deadline), response.chunk()).await {
                Ok(Ok(Some(piece))) => {
                    if (body.len() + piece.len()) as u64 > limit {
                        return Err(too_large());
                    }
                    body.extend_from_slice(&piece);
                }
                Ok(Ok(None)) => return Ok(body),
                Ok(Err(error)) => {
                    return Err(RegistryError::Truncated { url: shown(url), why: innermost(&error) });
                }
                Err(_) => {
                    let (what, after) = if stall < moment.deadline {
                        ("next piece of the body", self.limits.stall)
                    } else {
                        ("end of the body", self.limits.request)
                    };
                    return Err(RegistryError::Timeout { url: shown(url), what, after });
                }
            }
        }
    }

    /// The error for an answer that is no success. `why` is the text for a 401, which means something else
    /// from each place.
    pub(crate) async fn failure(
        &self,
        response: Response,
        url: &Url,
        why: &str,
        moment: Moment,
    ) -> RegistryError {
        let status = response.status();
        let pause = header(response.headers(), RETRY_AFTER.as_str()).map(str::to_owned);
        // The code is a help, not a need: whatever goes wrong in reading it is passed over.
        let body = self.read(response, url, ERROR_BODY, moment).await.unwrap_or_default();
        let code = code(&body);
        // The servers of Go and nginx answer so; their texts have this word in common.
        if status == StatusCode::BAD_REQUEST
            && url.scheme() == "http"
            && body.windows(5).any(|word| word == b"HTTPS")
        {
            return RegistryError::WantsTls { url: shown(url) };
        }
        let url = shown(url);
        match (status, pause) {
            (StatusCode::TOO_MANY_REQUESTS, pause) | (StatusCode::SERVICE_UNAVAILABLE, pause @ Some(_)) => {
                RegistryError::RateLimited { url, until: retry_after(pause.as_deref(), moment.now()) }
            }
            (StatusCode::UNAUTHORIZED, _) => {
                RegistryError::Unauthorized { url, why: format!("{why} (401{code})") }
            }
            (StatusCode::FORBIDDEN, _) => RegistryError::Forbidden { url, code },
            (StatusCode::NOT_FOUND, _) => RegistryError::NotFound { url, code },
            (status, _) if status.is_server_error() => {
                RegistryError::Unavailable { url, status: status.as_u16(), code }
            }
            (status, _) => RegistryError::Unexpected { url, status: status.as_u16(), code },
        }
    }
}

fn builder(limits: &Limits, certificates: &[Certificate], resolver: Guarded) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("gantry/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(limits.connect)
        .pool_max_idle_per_host(limits.in_flight)
        .tls_certs_merge(certificates.to_vec())
        .dns_resolver(Arc::new(resolver))
}

/// What it means that no connection came about.
fn unreachable(url: &Url, error: &reqwest::Error) -> RegistryError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(Elsewhere(address)) = error.downcast_ref() {
            return RegistryError::Refused { url: shown(url), why: inside(*address) };
        }
        cause = error.source();
    }
    let why = innermost(error);
    // The words of rustls for an answer that is no TLS.
    if url.scheme() == "https" && why.contains("InvalidContentType") {
        return RegistryError::PlainHttp { url: shown(url) };
    }
    RegistryError::Unreachable { url: shown(url), why }
}

/// Why an address is not gone to.
pub(crate) fn inside(address: IpAddr) -> String {
    format!(
        "{address} is an address of this machine or of a private network, where a registry leads nobody that is not \
         there itself"
    )
}

/// A header as text, when it is ASCII.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The innermost cause: it says what happened, and unlike the outer ones it never holds the URL.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if inner.is::<reqwest::Error>() {
        // Nothing below it: its own text would show the URL with its query.
        return "the HTTP client gave up".to_owned();
    }
    text::tidy(&inner.to_string(), 300).unwrap_or_else(|| "no reason given".to_owned())
}

/// The registry's own error code, as `, CODE`. Its message is left out: it may repeat what was sent.
fn code(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        code: String,
    }
    let first = serde_json::from_slice::<Errors>(body).ok().and_then(|e| e.errors.into_iter().next());
    match first {
        Some(One { code })
            if (1..=40).contains(&code.len())
                && code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') =>
        {
            format!(", {code}")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_code_is_shown() {
        assert_eq!(code(br#"{"errors":[{"code":"NAME_UNKNOWN","message":"x"}]}"#), ", NAME_UNKNOWN");
        for bad in [
            &br#"{"errors":[{"code":"Basic aHVudGVyMg=="}]}"#[..],
            br#"{"errors":[]}"#,
            b"<html>",
            br#"{"errors":[{"code":7}]}"#,
        ] {
            assert_eq!(code(bad), "");
        }
    }
}
