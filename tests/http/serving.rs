//! A server under test, and a client that checks every answer against the OpenAPI document.

use std::{
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use gantry::{
    clock::Clock,
    http::{self, App, Limits, Metrics, Names, Planner, document},
    intake::token::{Role, Token, hash},
    speak::Renderer,
    store::{
        SqlStore,
        board::{Board, Seen},
    },
};
use gantry_core::effects::Promotion;
use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::scene::at;

pub(crate) const CI: &str = "token-of-ci-0123456789";
pub(crate) const MANAGER: &str = "token-of-rita-0123456789";
pub(crate) const VIEWER: &str = "token-of-vera-0123456789";

/// A clock that stands still.
pub(crate) struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl Hand {
    pub(crate) fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap() = now;
    }
}

struct Differences;

#[async_trait]
impl Planner for Differences {
    async fn diff(&self, repository: &str, promotion: &Promotion) -> Result<String, String> {
        let Promotion { place, release, .. } = promotion;
        match place.application.as_str() {
            "broken" => Err("apps/broken/dev/kustomization.yaml:3: an anchor stands there".to_owned()),
            "hangs" => std::future::pending().await,
            "panics" => panic!("for the test"),
            _ => Ok(format!("--- {repository} {place}\n+  newTag: {}\n", release.version())),
        }
    }
}

/// A server, and how to talk to it.
pub(crate) struct Serving {
    pub(crate) url: String,
    pub(crate) store: Arc<SqlStore>,
    pub(crate) board: Arc<Board>,
    pub(crate) clock: Arc<Hand>,
    client: Client,
    closing: CancellationToken,
    _folder: tempfile::TempDir,
}

/// What differs from test to test.
pub(crate) struct Setup {
    pub(crate) looks: Vec<Seen>,
    pub(crate) expected: Vec<String>,
    pub(crate) anonymous_read: bool,
    pub(crate) limits: Limits,
    pub(crate) names: Names,
}

impl Setup {
    pub(crate) fn of(looks: Vec<Seen>) -> Self {
        let expected = looks.iter().map(|seen| seen.repository.clone()).collect();
        // Long rechecks: what a test waits for must come by a wake-up.
        let limits = Limits { recheck: Duration::from_secs(600), ..Limits::default() };
        Self { looks, expected, anonymous_read: true, limits, names: Names::default() }
    }

    pub(crate) async fn serve(self) -> Serving {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}", folder.path().join("gantry.db").display());
        let store = Arc::new(SqlStore::open(&database).await.unwrap());
        let board = Arc::new(Board::new(self.expected));
        self.looks.into_iter().for_each(|seen| board.post(seen));
        let token = |name: &str, text: &str, role, images: &[&str]| Token {
            name: name.to_owned(),
            sha256: hash(text),
            role,
            images: images.iter().map(|pattern| pattern.parse().unwrap()).collect(),
        };
        let tokens = vec![
            token("shop-ci", CI, Role::Ci, &["registry.example.com/shop/**"]),
            token("rita", MANAGER, Role::ReleaseManager, &[]),
            token("vera", VIEWER, Role::Viewer, &[]),
        ];
        let closing = CancellationToken::new();
        let clock = Arc::new(Hand(Mutex::new(at(200))));
        let app = App {
            store: store.clone(),
            board: board.clone(),
            renderer: Renderer::embedded(),
            tokens: Arc::new(tokens),
            anonymous_read: self.anonymous_read,
            clock: clock.clone(),
            metrics: Metrics::new(),
            registry_hosts: vec!["registry.example.com".to_owned()],
            planner: Some(Arc::new(Differences)),
            limits: self.limits,
            names: self.names,
            closing: closing.clone(),
            stopping: CancellationToken::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(http::serve(listener, app, closing.clone()));
        Serving { url, store, board, clock, client: Client::new(), closing, _folder: folder }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

/// Serves these looks to everybody who reads.
pub(crate) async fn serve(looks: Vec<Seen>) -> Serving {
    Setup::of(looks).serve().await
}

/// An answer, checked against the document.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// A refusal of this status; answers its detail, its hint and its field in one text.
    #[track_caller]
    pub(crate) fn refusal(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status);
        for part in ["type", "title", "detail", "hint"] {
            assert!(self.body[part].as_str().is_some_and(|text| !text.is_empty()), "{part} in {}", self.body);
        }
        let part = |name: &str| self.body[name].as_str().unwrap_or_default().to_owned();
        format!("{} | {} | {}", part("detail"), part("hint"), part("field"))
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        self.body
    }

    /// The texts of one field of all items.
    #[track_caller]
    pub(crate) fn items(&self, field: &str) -> Vec<String> {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        let text = |item: &Value| item[field].as_str().map_or_else(|| item[field].to_string(), str::to_owned);
        self.body["items"].as_array().unwrap().iter().map(text).collect()
    }
}

impl Serving {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// The server goes down.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    /// Reads without a token.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends JSON under a token.
    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).bearer_auth(token).json(body)).await
    }

    /// Reports a build as CI.
    pub(crate) async fn build(&self, body: &Value) -> Answer {
        self.post(CI, "/api/v1/builds", body).await
    }

    /// Sends a request and checks its answer.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = self.client.execute(request).await.unwrap();
        check(&method, &path, response).await
    }
}

/// Reads an answer and checks it against the document.
pub(crate) async fn check(method: &Method, path: &str, response: Response) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(headers[name], value, "{path}");
    }
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(headers.contains_key("x-request-id"));
    let kind = headers["content-type"].to_str().unwrap().to_owned();
    let text = response.text().await.unwrap();
    let body = if kind.contains("json") { serde_json::from_str(&text).unwrap() } else { json!(text) };
    if let Some(operation) = described(method, path) {
        let answers = &operation["responses"];
        let key = status.as_u16().to_string();
        let described = answers.get(&key).or(answers.get("default").filter(|_| !status.is_success()));
        let described = described.unwrap_or_else(|| panic!("{method} {path} answers {status} undescribed"));
        let content = &described["content"];
        let schema =
            content.get(&kind).unwrap_or_else(|| panic!("{method} {path}: {kind} is not in {content}"));
        validate(&schema["schema"], &body);
    } else {
        assert!(
            matches!(status.as_u16(), 404 | 405),
            "{method} {path} is not described and answers {status}"
        );
    }
    Answer { status, headers, body }
}

pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// The description of a path and method; one without names in braces goes first.
fn described(method: &Method, path: &str) -> Option<&'static Value> {
    let fits = |template: &str| {
        let (mut a, mut b) = (template.split('/'), path.split('/'));
        loop {
            match (a.next(), b.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a == b || (a.starts_with('{') && !b.is_empty()) => {}
                _ => return false,
            }
        }
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let mut found: Vec<(&String, &Value)> = paths.iter().filter(|(template, _)| fits(template)).collect();
    found.sort_by_key(|(template, _)| template.matches('{').count());
    found.first()?.1.get(method.as_str().to_ascii_lowercase())
}

fn validate(schema: &Value, body: &Value) {
    let mut whole = schema.clone();
    whole["components"] = DOCUMENT["components"].clone();
    let validator = jsonschema::draft202012::new(&whole).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(body).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{body:#}");
}
