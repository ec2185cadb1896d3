//! The client of the API.
//!
//! The server is not trusted: its answers are bounded in size and time and read into the API's own types.
//! The token comes from the environment or from a file, never from an argument, and goes to that server only:
//! redirects are not followed.

use std::{
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use super::{error::CliError, screen::Screen};
use crate::{
    http::types::{Page, ProblemBody},
    settings::secret::Secret,
};

/// The largest answer that is read, in bytes.
const LARGEST: usize = 32 << 20;
/// The largest part of an answer that is no success and no problem document.
const SHOWN: usize = 200;
/// How many items a page is asked to have, and how many pages are read.
const PAGE: &str = "500";
const PAGES: usize = 200;
/// The largest token file, in bytes.
const TOKEN: u64 = 16 << 10;

/// How to reach the server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ServerArgs {
    /// The server's address.
    #[arg(long, value_name = "URL", env = "GANTRY_SERVER", default_value = "http://127.0.0.1:8420")]
    server: String,
    /// A file that holds the token; GANTRY_TOKEN when left out.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How many seconds an answer may take.
    #[arg(long, value_name = "SECONDS", env = "GANTRY_TIMEOUT", default_value_t = 30,
          value_parser = clap::value_parser!(u16).range(1..=3600))]
    timeout: u16,
}

/// Why a request has no answer that can be used.
#[derive(Debug)]
pub(super) struct Failure {
    /// It may go well if tried again.
    pub(super) passing: bool,
    /// When the server wants to be asked again.
    pub(super) retry_after: Option<Duration>,
    /// What to tell.
    pub(super) error: CliError,
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self { passing: false, retry_after: None, error }
    }
}

/// A connection to one server.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<Secret>,
    timeout: Duration,
}

impl Client {
    /// Reads the token and makes ready; nothing is sent yet. Says so where the token would go over the network
    /// in the clear.
    pub(super) fn new(args: &ServerArgs, screen: &Screen) -> Result<Self, CliError> {
        let base = base(&args.server)?;
        let token = token(args.token_file.as_deref())?;
        let timeout = Duration::from_secs(u64::from(args.timeout));
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("gantry/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout.min(Duration::from_secs(10)))
            .timeout(timeout);
        if is_loopback(&base) {
            // A proxy can't reach this machine's own addresses.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| CliError::failed(format!("no HTTP client: {error}")))?;
        if token.is_some() && base.scheme() == "http" && !is_loopback(&base) {
            screen.say("warning: the token goes to the server without encryption; use https");
        }
        Ok(Self { http, base, token, timeout })
    }

    /// How long an answer may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The address of a path, whose parts are escaped.
    pub(super) fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Asks.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let url = self.url(path, query);
        self.send(self.http.request(Method::GET, url.clone()), &url).await
    }

    /// Asks for all pages of a list.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, Failure> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let mut query = query.to_vec();
            query.push(("limit", PAGE));
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page: Page<T> = self.get(path, &query).await?;
            items.extend(page.items);
            if page.next.is_none() {
                return Ok(items);
            }
            if page.next == after {
                break;
            }
            after = page.next;
        }
        let url = self.url(path, query);
        Err(CliError::failed(format!("{url} gives a list without an end")).hint(version_hint()).into())
    }

    /// Sends a body. `key` makes a repetition harmless where the server knows it.
    pub(super) async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
        key: Option<&str>,
    ) -> Result<T, Failure> {
        let url = self.url(path, &[]);
        let mut request = self.http.request(Method::POST, url.clone()).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(request, &url).await
    }

    async fn send<T: DeserializeOwned>(&self, mut request: RequestBuilder, url: &Url) -> Result<T, Failure> {
        if let Some(token) = &self.token {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            let mut value = value.map_err(|_| {
                CliError::config("the token holds a line end or another character that no header can hold")
            })?;
            value.set_sensitive(true);
            request = request.header(reqwest::header::AUTHORIZATION, value);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        let failure = |error| Failure { passing, retry_after: retry_after.map(Duration::from_secs), error };
        if status.is_redirection() {
            let to =
                response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or("elsewhere");
            let error = CliError::failed(format!("{url} redirects to {to}"));
            return Err(failure(error.hint("Set GANTRY_SERVER to the address that answers itself.")));
        }
        let bytes = self.body(response, url).await?;
        if !status.is_success() {
            return Err(failure(refused(status, &bytes, url)));
        }
        serde_json::from_slice(&bytes).map_err(|error| {
            let error = CliError::failed(format!("{url} did not answer as Gantry's API does: {error}"));
            failure(error.hint(version_hint()))
        })
    }

    /// Reads a body that is not larger than the limit.
    async fn body(&self, mut response: Response, url: &Url) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if bytes.len() + piece.len() > LARGEST {
                let error =
                    CliError::failed(format!("the answer of {url} has more than {} MiB", LARGEST >> 20));
                return Err(error.hint(version_hint()).into());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let base = self.base.as_str().trim_end_matches('/');
        let error = if error.is_timeout() {
            CliError::failed(format!("{base} did not answer within {} s", self.timeout.as_secs()))
                .hint("Look at the server, or give it longer with --timeout.")
        } else {
            let mut cause: &dyn std::error::Error = error;
            while let Some(next) = cause.source() {
                cause = next;
            }
            let message = if error.is_connect() {
                format!("no server can be reached at {base}: {cause}")
            } else {
                format!("the connection to {base} broke: {cause}")
            };
            CliError::failed(message).hint(
                "Start one with `gantry demo` or `gantry run --settings FILE`, or name another with --server \
                 or GANTRY_SERVER.",
            )
        };
        Failure { passing: true, retry_after: None, error }
    }
}

/// Reads a problem document; where it is none, says what came.
fn refused(status: StatusCode, bytes: &[u8], url: &Url) -> CliError {
    if let Ok(problem) = serde_json::from_slice::<ProblemBody>(bytes) {
        let detail = if problem.detail.is_empty() { problem.title } else { problem.detail };
        let field = problem.field.map(|field| format!("{field}: ")).unwrap_or_default();
        let error = CliError::failed(bounded(&format!("{field}{detail}"), 2000));
        return if problem.hint.is_empty() { error } else { error.hint(bounded(&problem.hint, 2000)) };
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = if text.is_empty() { String::new() } else { format!(": {text}") };
    CliError::failed(format!("{url} answered {status}{said}")).hint(version_hint())
}

fn bounded(text: &str, most: usize) -> String {
    super::text::cut(text, most)
}

fn version_hint() -> String {
    format!(
        "Check that --server or GANTRY_SERVER names a Gantry server of this version ({}).",
        env!("CARGO_PKG_VERSION")
    )
}

fn base(text: &str) -> Result<Url, CliError> {
    let wrong = |why: &str| {
        CliError::usage(format!("the server's address {why}"))
            .hint("Write --server or GANTRY_SERVER as http://HOST:PORT or https://HOST.")
    };
    let url: Url = text.parse().map_err(|error| wrong(&format!("is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong("is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "holds a password, which a list of processes would show; put the token into GANTRY_TOKEN",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("holds a `?` or `#`"));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn token(file: Option<&Path>) -> Result<Option<Secret>, CliError> {
    let Some(path) = file else {
        let text = std::env::var("GANTRY_TOKEN").unwrap_or_default();
        let text = text.trim();
        return Ok((!text.is_empty()).then(|| Secret::new(text.to_owned())));
    };
    let wrong = |why: String| CliError::config(format!("the token file {}: {why}", path.display()));
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(TOKEN + 1).read_to_string(&mut text))
        .map_err(|error| wrong(error.to_string()))?;
    let secret = Secret::new(text.trim().to_owned());
    if text.len() as u64 > TOKEN || secret.expose().is_empty() {
        return Err(wrong("holds no token".to_owned()));
    }
    Ok(Some(secret))
}

/// A name for one attempt to change something, under which the server knows a repetition.
pub(super) fn fresh_key() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // Each RandomState has keys of its own, from the system's random numbers.
    let part = || RandomState::new().build_hasher().finish();
    format!("gantry-{:016x}{:016x}", part(), part())
}
