//! Bearer tokens: fetched from the service a registry names, kept by scope until they end.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use super::{
    Credentials, RegistryError,
    challenge::Challenge,
    error::shown,
    reach,
    wire::{Moment, Wire, inside},
};
use crate::settings::secret::Secret;

/// Bytes of a token service's answer.
const ANSWER: u64 = 1 << 20;
/// Bytes of a token: it must fit in a header.
const TOKEN: usize = 32 * 1024;
/// Tokens kept at once; one is a kilobyte or so.
const KEPT: usize = 5000;
/// The user name that marks an identity token (Docker's convention).
const IDENTITY: &str = "<token>";

/// Tokens by scope.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<String, Token>>);

struct Token {
    header: HeaderValue,
    until: Timestamp,
}

impl Tokens {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Token>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `Authorization` header for a scope, if a token for it is still good.
    pub(crate) fn get(&self, scope: &str, now: Timestamp) -> Option<HeaderValue> {
        self.lock().get(scope).filter(|token| now < token.until).map(|token| token.header.clone())
    }

    /// Drops a token that the registry no longer takes.
    pub(crate) fn forget(&self, scope: &str) {
        self.lock().remove(scope);
    }

    fn put(&self, scope: &str, token: Token, now: Timestamp) {
        let mut tokens = self.lock();
        if tokens.len() >= KEPT {
            tokens.retain(|_, token| now < token.until);
        }
        if tokens.len() >= KEPT {
            tokens.clear();
        }
        tokens.insert(scope.to_owned(), token);
    }
}

/// What a token is asked with.
pub(crate) struct Request<'a> {
    pub(crate) wire: &'a Wire,
    /// Whether the token service may be asked over plain http.
    pub(crate) insecure: bool,
    pub(crate) credentials: Option<&'a Credentials>,
    /// The registry.
    pub(crate) base: &'a Url,
    /// Hosts beside the registry's own whose token services may get the credentials.
    pub(crate) token_services: &'a [String],
    /// The URL that answered with the challenge, for errors.
    pub(crate) asked: &'a Url,
    pub(crate) challenge: &'a Challenge,
    /// The key it is kept under, and what is asked for when the challenge names no scope.
    pub(crate) scope: &'a str,
}

impl Request<'_> {
    /// Fetches a token and keeps it; gives its `Authorization` header.
    ///
    /// GET with Basic credentials first (the Distribution token protocol); POST (its OAuth 2 form) for an
    /// identity token, and where the service does not know GET.
    pub(crate) async fn run(&self, tokens: &Tokens, moment: Moment) -> Result<HeaderValue, RegistryError> {
        let realm = self.realm()?;
        let token = match self.credentials {
            Some(with) if with.username == IDENTITY => {
                let form = [("grant_type", "refresh_token"), ("refresh_token", with.secret.expose())];
                self.post(&realm, &form, moment).await?
            }
            with => match (self.get(&realm, with, moment).await, with) {
                (Err(error), Some(with)) if get_unknown(&error) => {
                    let form = [
                        ("grant_type", "password"),
                        ("username", with.username.as_str()),
                        ("password", with.secret.expose()),
                    ];
                    self.post(&realm, &form, moment).await?
                }
                (answer, _) => answer?,
            },
        };
        let header = token.header.clone();
        tokens.put(self.scope, token, moment.now());
        Ok(header)
    }

    /// The token service's URL, if it may be trusted with the credentials.
    fn realm(&self) -> Result<Url, RegistryError> {
        let refused = |why: &str| RegistryError::Refused { url: shown(self.asked), why: why.to_owned() };
        let realm = self.challenge.param("realm").unwrap_or_default();
        let realm: Url = realm.parse().map_err(|_| refused("the token service (realm) is not a URL"))?;
        if realm.scheme() != "https" && !(self.insecure && realm.scheme() == "http") {
            return Err(refused(&format!("the token service {} is not reached over https", shown(&realm))));
        }
        if !realm.username().is_empty() || realm.password().is_some() || realm.host_str().is_none() {
            return Err(refused("the token service (realm) is a URL with a user, or without a host"));
        }
        if self.credentials.is_some() && !reach::may_have_credentials(self.base, &realm, self.token_services)
        {
            return Err(RegistryError::TokenService {
                url: shown(self.asked),
                service: shown(&realm),
                address: reach::address(&realm),
            });
        }
        if let Err(address) = self.wire.check(&realm) {
            return Err(refused(&format!("the token service {}: {}", shown(&realm), inside(address))));
        }
        Ok(realm)
    }

    fn params(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let service = self.challenge.param("service").map(|service| ("service", service));
        let scope = self.challenge.param("scope").filter(|s| !s.is_empty()).unwrap_or(self.scope);
        service.into_iter().chain(scope.split_ascii_whitespace().map(|scope| ("scope", scope)))
    }

    async fn get(
        &self,
        realm: &Url,
        with: Option<&Credentials>,
        moment: Moment,
    ) -> Result<Token, RegistryError> {
        let mut url = realm.clone();
        url.query_pairs_mut().extend_pairs(self.params());
        let mut request = self.wire.client(&url)?.get(url.clone());
        if let Some(with) = with {
            request = request.basic_auth(&with.username, Some(with.secret.expose()));
        }
        self.exchange(request, &url, moment).await
    }

    async fn post(&self, realm: &Url, form: &[(&str, &str)], moment: Moment) -> Result<Token, RegistryError> {
        let body = self.form(form);
        let request = self.wire.client(realm)?.post(realm.clone());
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        self.exchange(request, realm, moment).await
    }

    /// The form of a token request. Here the scopes are one parameter, parted by blanks.
    fn form(&self, form: &[(&str, &str)]) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form).append_pair("client_id", "gantry");
        let mut scopes = Vec::new();
        for (name, value) in self.params() {
            if name == "scope" {
                scopes.push(value);
            } else {
                body.append_pair(name, value);
            }
        }
        body.append_pair("scope", &scopes.join(" "));
        body.finish()
    }

    async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
        url: &Url,
        moment: Moment,
    ) -> Result<Token, RegistryError> {
        let response = self.wire.send(request, url, moment).await?;
        if response.status() != StatusCode::OK {
            let why = if self.credentials.is_some() {
                "the token service refused these credentials"
            } else {
                "the token service wants credentials, and none are set"
            };
            return Err(self.wire.failure(response, url, why, moment).await);
        }
        let body = Secret::new(
            String::from_utf8(self.wire.read(response, url, ANSWER, moment).await?)
                .map_err(|_| malformed(url, "is not UTF-8"))?,
        );
        parse(body.expose(), url, moment.now())
    }
}

/// Whether the service does not know GET. A 401 or 403 is an answer to the credentials, not to the method.
fn get_unknown(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::NotFound { .. }
            | RegistryError::Unexpected { status: 405, .. }
            | RegistryError::Unavailable { status: 501, .. }
    )
}

/// The texts are fixed: the parser's own would show parts of the token.
fn malformed(url: &Url, what: &str) -> RegistryError {
    RegistryError::Malformed { url: shown(url), why: format!("the token service's answer {what}") }
}

fn parse(body: &str, url: &Url, now: Timestamp) -> Result<Token, RegistryError> {
    #[derive(Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
        expires_in: Option<f64>,
    }
    let answer: Answer =
        serde_json::from_str(body).map_err(|_| malformed(url, "is not the JSON it should be"))?;
    let token = answer.token.filter(|t| !t.is_empty()).or(answer.access_token).map(Secret::new);
    let token = token.ok_or_else(|| malformed(url, "holds no token"))?;
    if token.expose().is_empty() || token.expose().len() > TOKEN {
        return Err(malformed(url, "holds an empty token, or one too long for a header"));
    }
    let header = Secret::new(format!("Bearer {}", token.expose()));
    let mut header = HeaderValue::from_str(header.expose())
        .map_err(|_| malformed(url, "holds a token with characters that no header may have"))?;
    header.set_sensitive(true);
    // The protocol's default is a minute and no service may give less. A tenth is left for the way.
    let seconds = answer.expires_in.filter(|s| s.is_finite()).unwrap_or(60.0).clamp(60.0, 86_400.0);
    let life = SignedDuration::from_secs_f64(seconds * 0.9);
    let until = now.checked_add(life).unwrap_or(Timestamp::MAX);
    Ok(Token { header, until })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(String, i64), String> {
        let now = Timestamp::UNIX_EPOCH;
        let token =
            parse(body, &"https://a.io/t?x=hunter2".parse().unwrap(), now).map_err(|e| e.to_string())?;
        assert!(token.header.is_sensitive());
        Ok((token.header.to_str().unwrap().to_owned(), token.until.as_second()))
    }

    #[test]
    fn answers_of_token_services() {
        let bearer = |text: &str, until| Ok((format!("Bearer {text}"), until));
        assert_eq!(read(r#"{"token":"a"}"#), bearer("a", 54));
        assert_eq!(read(r#"{"access_token":"b","expires_in":300}"#), bearer("b", 270));
        assert_eq!(read(r#"{"token":"a","access_token":"b","expires_in":1}"#), bearer("a", 54));
        assert_eq!(read(r#"{"token":"a","expires_in":1e99}"#), bearer("a", 77_760));
    }

    #[test]
    fn an_error_shows_nothing_of_the_answer() {
        for bad in [
            r#"{"token":["hunter2"]}"#,
            r#"{"token":"hunter2","expires_in":"hunter2"}"#,
            r#"{"token":"hunter2\n"}"#,
            r#"{"token":""}"#,
            r#"{}"#,
            "hunter2",
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.contains("https://a.io/t:") && !error.contains("hunter2"), "{error}");
        }
    }
}
