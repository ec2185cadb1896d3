//! The client of one registry: who may ask, how sign-in and redirects go, and the pause it asked for.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use gantry_core::ids::ImageName;
use jiff::Timestamp;
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE},
};
use tokio::sync::Semaphore;
use url::Url;

use super::{
    Credentials, Endpoint, RegistryError,
    challenge::{Challenge, challenges},
    error::shown,
    token::{Request, Tokens},
    wire::{Moment, Wire, header, inside},
};

/// Redirects followed for one request.
const REDIRECTS: usize = 5;

/// A client of one registry. Cheap to clone; clones share connections, tokens and bounds.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    host: String,
    base: Url,
    insecure: bool,
    credentials: Option<Credentials>,
    token_services: Vec<String>,
    wire: Wire,
    permits: Semaphore,
    tokens: Tokens,
    /// Whether the registry asked for Basic before: saves a refused request each time.
    basic: AtomicBool,
    /// The page size that the registry is known to take; 0 for none at all.
    page_size: AtomicU32,
    /// Until when the registry wants to be left alone.
    pause: Mutex<Option<Timestamp>>,
}

/// One request to the registry.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) accept: &'static str,
    /// The repository's path within the registry: tokens are for one repository.
    pub(crate) repository: &'a str,
    /// Bytes of body read at most.
    pub(crate) limit: u64,
}

/// A successful answer, read to its end.
pub(crate) struct Reply {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone)]
enum Auth {
    None,
    Basic,
    Bearer(HeaderValue),
}

impl fmt::Debug for Registry {
    /// The host alone: what else it holds is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("host", &self.0.host).finish_non_exhaustive()
    }
}

impl Registry {
    /// Makes the client; sends nothing.
    ///
    /// # Errors
    /// [`RegistryError::Settings`] when host, certificate file or bounds cannot work.
    pub fn new(endpoint: Endpoint) -> Result<Self, RegistryError> {
        let settings =
            |why: &str| RegistryError::Settings { host: endpoint.host.clone(), why: why.to_owned() };
        if !(2..=10_000).contains(&endpoint.page_size) {
            return Err(settings("`page_size` must be 2 to 10,000"));
        }
        if !(1..=100).contains(&endpoint.limits.in_flight) {
            return Err(settings("requests in flight must be 1 to 100"));
        }
        let base = endpoint.base_url()?;
        let wire = Wire::new(&endpoint, &base)?;
        Ok(Self(Arc::new(Inner {
            permits: Semaphore::new(endpoint.limits.in_flight),
            page_size: AtomicU32::new(endpoint.page_size),
            host: endpoint.host,
            insecure: endpoint.insecure,
            credentials: endpoint.credentials,
            token_services: endpoint.token_services,
            base,
            wire,
            tokens: Tokens::default(),
            basic: AtomicBool::new(false),
            pause: Mutex::new(None),
        })))
    }

    /// The host as it stands in image names.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.host
    }

    pub(crate) fn limits(&self) -> &super::Limits {
        &self.0.wire.limits
    }

    pub(crate) fn page_size(&self) -> &AtomicU32 {
        &self.0.page_size
    }

    /// The image's path in this registry.
    pub(crate) fn path(&self, image: &ImageName) -> Result<String, RegistryError> {
        if image.host().eq_ignore_ascii_case(&self.0.host) {
            Ok(image.path())
        } else {
            Err(RegistryError::WrongHost { image: image.clone(), host: self.0.host.clone() })
        }
    }

    /// `/v2/<repository>/<rest>`. All parts come from checked identifiers: nothing in them needs escaping.
    pub(crate) fn url(&self, repository: &str, rest: &str) -> Url {
        let mut url = self.0.base.clone();
        url.set_path(&format!("/v2/{repository}/{rest}"));
        url
    }

    /// Sends a request, signs in where asked to, follows redirects, and reads a successful answer.
    pub(crate) async fn fetch(&self, ask: &Ask<'_>, moment: Moment) -> Result<Reply, RegistryError> {
        let Ok(_permit) = self.0.permits.acquire().await else {
            unreachable!("the semaphore lives as long as the client and is never closed")
        };
        self.check_pause(ask, moment)?;
        let moment = moment.with_limit(self.limits().request);
        let answer = self.signed_in(ask, moment).await;
        if let Err(RegistryError::RateLimited { until, .. }) = &answer {
            *self.0.pause.lock().unwrap_or_else(PoisonError::into_inner) = Some(*until);
        }
        answer
    }

    /// Refuses at once, without a request, while the registry wants to be left alone.
    fn check_pause(&self, ask: &Ask<'_>, moment: Moment) -> Result<(), RegistryError> {
        let mut pause = self.0.pause.lock().unwrap_or_else(PoisonError::into_inner);
        match *pause {
            Some(until) if moment.now() < until => {
                Err(RegistryError::RateLimited { url: shown(&ask.url), until })
            }
            _ => {
                *pause = None;
                Ok(())
            }
        }
    }

    async fn signed_in(&self, ask: &Ask<'_>, moment: Moment) -> Result<Reply, RegistryError> {
        let scope = format!("repository:{}:pull", ask.repository);
        let mut auth = match self.0.tokens.get(&scope, moment.now()) {
            Some(token) => Auth::Bearer(token),
            None if self.0.basic.load(Ordering::Relaxed) => Auth::Basic,
            None => Auth::None,
        };
        // A token from before may have ended early, so it is no try; each way is tried once.
        let (mut tried_basic, mut tried_bearer) = (matches!(auth, Auth::Basic), false);
        loop {
            let (response, url, home) = self.walk(ask, &auth, moment).await?;
            if response.status().is_success() {
                let headers = response.headers().clone();
                let body = self.0.wire.read(response, &url, ask.limit, moment).await?;
                return Ok(Reply { url, headers, body });
            }
            if response.status() != StatusCode::UNAUTHORIZED || !home {
                let why = "the place redirected to wants credentials";
                return Err(self.0.wire.failure(response, &url, why, moment).await);
            }
            self.0.tokens.forget(&scope);
            let wanted = response.headers().get_all(WWW_AUTHENTICATE);
            let wanted = challenges(wanted.iter().filter_map(|value| value.to_str().ok()));
            let bearer = wanted.iter().find(|c| c.scheme == "bearer" && c.param("realm").is_some());
            auth = match bearer {
                Some(challenge) if !tried_bearer => {
                    tried_bearer = true;
                    self.0.basic.store(false, Ordering::Relaxed);
                    Auth::Bearer(self.token(challenge, &scope, &url, moment).await?)
                }
                None if !tried_basic && self.may_basic(&wanted) => {
                    tried_basic = true;
                    self.0.basic.store(true, Ordering::Relaxed);
                    Auth::Basic
                }
                _ => {
                    self.0.basic.store(false, Ordering::Relaxed);
                    let why = self.why_refused(&wanted, tried_bearer).to_owned();
                    return Err(RegistryError::Unauthorized { url: shown(&url), why });
                }
            };
        }
    }

    fn may_basic(&self, wanted: &[Challenge]) -> bool {
        // An identity token is no password.
        wanted.iter().any(|c| c.scheme == "basic")
            && self.0.credentials.as_ref().is_some_and(|with| with.username != "<token>")
    }

    fn why_refused(&self, wanted: &[Challenge], tried_bearer: bool) -> &'static str {
        match (&self.0.credentials, tried_bearer) {
            (Some(_), true) => "the registry refused the token got with the credentials (401)",
            (None, true) => {
                "the registry refused an anonymous token (401): the repository is private or does not exist"
            }
            (None, false) => "the registry wants credentials (401), and none are set",
            (Some(_), false) if wanted.iter().any(|c| c.scheme == "basic") => {
                "the registry refused the credentials (401)"
            }
            (Some(_), false) => "the registry names no way to sign in that Gantry knows (401)",
        }
    }

    async fn token(
        &self,
        challenge: &Challenge,
        scope: &str,
        asked: &Url,
        moment: Moment,
    ) -> Result<HeaderValue, RegistryError> {
        let request = Request {
            wire: &self.0.wire,
            insecure: self.0.insecure,
            credentials: self.0.credentials.as_ref(),
            base: &self.0.base,
            token_services: &self.0.token_services,
            asked,
            challenge,
            scope,
        };
        request.run(&self.0.tokens, moment).await
    }

    /// Sends and follows redirects. Also tells where the answer came from, and whether the way never left
    /// the registry's origin: only so far do credentials go, and only there is a challenge answered.
    async fn walk(
        &self,
        ask: &Ask<'_>,
        auth: &Auth,
        moment: Moment,
    ) -> Result<(Response, Url, bool), RegistryError> {
        let mut url = ask.url.clone();
        let mut home = true;
        for _ in 0..=REDIRECTS {
            let mut request = self.0.wire.client(&url)?.request(ask.method.clone(), url.clone());
            request = request.header(ACCEPT, ask.accept);
            if home {
                request = self.authorize(request, auth);
            }
            let response = self.0.wire.send(request, &url, moment).await?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((response, url, home));
            }
            let to = self.redirect(&response, &url)?;
            home = home && to.origin() == self.0.base.origin();
            url = to;
        }
        Err(RegistryError::Refused { url: shown(&ask.url), why: format!("more than {REDIRECTS} redirects") })
    }

    fn authorize(&self, request: RequestBuilder, auth: &Auth) -> RequestBuilder {
        match (auth, &self.0.credentials) {
            (Auth::Bearer(token), _) => request.header(AUTHORIZATION, token.clone()),
            (Auth::Basic, Some(with)) => request.basic_auth(&with.username, Some(with.secret.expose())),
            (Auth::Basic, None) | (Auth::None, _) => request,
        }
    }

    fn redirect(&self, response: &Response, from: &Url) -> Result<Url, RegistryError> {
        let refused = |why: String| RegistryError::Refused { url: shown(from), why };
        let to = header(response.headers(), LOCATION.as_str()).and_then(|to| from.join(to).ok());
        let to = to.ok_or_else(|| refused("a redirect without a readable Location".to_owned()))?;
        if to.scheme() != "https" && !(self.0.insecure && to.scheme() == "http") {
            return Err(refused(format!("a redirect to {}, which is not https", shown(&to))));
        }
        if let Err(address) = self.0.wire.check(&to) {
            return Err(refused(format!("a redirect to {}: {}", shown(&to), inside(address))));
        }
        if !to.username().is_empty() || to.password().is_some() || to.host_str().is_none() {
            return Err(refused("a redirect to a URL with a user, or without a host".to_owned()));
        }
        Ok(to)
    }
}
