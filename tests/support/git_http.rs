//! A real smart-HTTP Git server: `git http-backend` as a CGI program behind axum, and a server that hangs.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, Method, Response, StatusCode, header},
};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

/// How the server behaves beside serving.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    /// The `Authorization` value that every request must carry.
    pub(crate) authorization: Option<String>,
    /// The same, where it changes while the server runs.
    pub(crate) rotating: Option<Arc<Mutex<String>>>,
    /// Sends the head and the first bytes of each answer, and then nothing more.
    pub(crate) falls_silent: bool,
    /// Takes a push, then ends the connection within the answer.
    pub(crate) cuts_push_answers: bool,
    /// How many packs it still sends only half of, in answers that end as if all were well.
    pub(crate) halves_packs: Arc<AtomicU64>,
    /// Answers everything with this status.
    pub(crate) status: Option<u16>,
    /// Knows only the first version of the protocol.
    pub(crate) old: bool,
    /// Lets nobody push.
    pub(crate) read_only: bool,
    /// Answers with a web page, as a proxy in the way does.
    pub(crate) page: bool,
    /// Redirects everything below this path to the one that follows.
    pub(crate) moved: Option<(String, String)>,
}

/// A running server; it ends with this value.
pub(crate) struct Server {
    url: String,
    pushed: Arc<AtomicU64>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

struct Config {
    root: PathBuf,
    behaviour: Behaviour,
    pushed: Arc<AtomicU64>,
}

impl Server {
    /// Serves the repositories below `root` on a free port of the loopback interface.
    pub(crate) fn start(root: PathBuf, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("for tokio");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let pushed = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let app = Router::new()
            .fallback(serve)
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::new(Config { root, behaviour, pushed: pushed.clone() }));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    result = axum::serve(listener, app).into_future() => result.expect("it serves"),
                    _ = stopped => {}
                }
            });
        });
        Self { url, pushed, _stop: stop }
    }

    /// How many bytes pushes have sent so far, commands and packs.
    pub(crate) fn pushed(&self) -> u64 {
        self.pushed.load(Ordering::SeqCst)
    }

    /// The URL of a repository.
    pub(crate) fn url(&self, repository: &str) -> String {
        format!("{}/{repository}", self.url)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").parse().expect("an address")
    }
}

fn plain(status: u16, text: &'static str) -> Response<Body> {
    let status = StatusCode::from_u16(status).expect("a status");
    Response::builder().status(status).body(Body::from(text)).expect("a response")
}

async fn serve(State(config): State<Arc<Config>>, request: Request) -> Response<Body> {
    let behaviour = &config.behaviour;
    if let Some(status) = behaviour.status {
        return plain(status, "as told");
    }
    if behaviour.page {
        return plain(200, "<html>Please sign in</html>");
    }
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    if let Some((from, to)) = &behaviour.moved
        && let Some(rest) = path.strip_prefix(from.as_str())
    {
        let mut response = plain(301, "moved");
        let location = HeaderValue::from_str(&format!("{to}{rest}")).expect("a location");
        response.headers_mut().insert(header::LOCATION, location);
        return response;
    }
    let header =
        |name: HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(ToOwned::to_owned);
    let rotating = behaviour.rotating.as_ref().map(|value| value.lock().expect("no panic").clone());
    let wanted = rotating.or_else(|| behaviour.authorization.clone());
    if wanted.is_some() && wanted != header(header::AUTHORIZATION) {
        let mut response = plain(401, "who are you");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"git\""));
        return response;
    }
    if behaviour.read_only && path.contains("git-receive-pack") {
        return plain(403, "read only");
    }
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.expect("the whole body");
    if parts.method == Method::POST && path.contains("git-receive-pack") {
        config.pushed.fetch_add(body.len() as u64, Ordering::SeqCst);
    }
    let mut command = tokio::process::Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", &config.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("CONTENT_TYPE", header(header::CONTENT_TYPE).unwrap_or_default())
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("REMOTE_USER", "bot")
        .env("REMOTE_ADDR", "127.0.0.1");
    if let Some(version) = header(HeaderName::from_static("git-protocol"))
        && !behaviour.old
    {
        command.env("GIT_PROTOCOL", version);
    }
    if let Some(encoding) = header(header::CONTENT_ENCODING) {
        command.env("HTTP_CONTENT_ENCODING", encoding);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git starts");
    let mut stdin = child.stdin.take().expect("piped");
    let feed = tokio::spawn(async move {
        // The program need not read it all.
        let _ = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.expect("git ends").stdout;
    feed.await.expect("fed");
    if behaviour.cuts_push_answers && parts.uri.path().ends_with("/git-receive-pack") {
        let broken = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))]);
        return Response::builder()
            .header(header::CONTENT_TYPE, "application/x-git-receive-pack-result")
            .body(Body::from_stream(broken))
            .expect("a response");
    }
    let is_pack = parts.uri.path().ends_with("/git-upload-pack") && output.windows(4).any(|w| w == b"PACK");
    let left = &behaviour.halves_packs;
    let halves =
        is_pack && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
    let response = answer(if halves { &output[..output.len() / 2] } else { &output });
    if behaviour.falls_silent {
        let (parts, body) = response.into_parts();
        let whole = axum::body::to_bytes(body, usize::MAX).await.expect("the whole body");
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>(whole.slice(..whole.len().min(20)))]);
        let never = futures_util::stream::pending();
        return Response::from_parts(parts, Body::from_stream(first.chain(never)));
    }
    response
}

/// Turns a CGI program's output into a response.
fn answer(output: &[u8]) -> Response<Body> {
    let end = output.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let mut response = Response::new(Body::from(output[end + 4..].to_vec()));
    for line in head.lines() {
        let (name, value) = line.split_once(": ").expect("a header");
        if name == "Status" {
            let code = value.split(' ').next().and_then(|code| code.parse().ok()).expect("a status");
            *response.status_mut() = code;
        } else {
            let name = HeaderName::try_from(name).expect("a name");
            response.headers_mut().insert(name, HeaderValue::from_str(value).expect("a value"));
        }
    }
    response
}

/// A server that takes connections and never says a word. It holds them until it is dropped.
pub(crate) struct Hanging {
    listener: TcpListener,
}

impl Hanging {
    pub(crate) fn start() -> Self {
        // The kernel takes connections for a listener that nobody asks.
        Self { listener: TcpListener::bind("127.0.0.1:0").expect("a free port") }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/infra.git", self.listener.local_addr().expect("bound"))
    }
}
