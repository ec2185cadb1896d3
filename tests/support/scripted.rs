//! An HTTP server on loopback that answers as a test says, for the registries nobody wants to meet.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderName, Method, StatusCode, header},
    response::Response,
};
use futures_util::{StreamExt, stream};
use gantry::registry::Endpoint;
use gantry_core::ids::ImageName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

/// What a request was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    /// The values of a query parameter, joined with blanks.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let url: url::Url = format!("http://x{}", self.target).parse().unwrap();
        let values: Vec<String> =
            url.query_pairs().filter(|(n, _)| n == name).map(|(_, value)| value.into_owned()).collect();
        (!values.is_empty()).then(|| values.join(" "))
    }
}

/// The running server; ends with the value.
pub(crate) struct Scripted {
    host: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    /// Starts a server on a free port, that answers each request with what `script` makes of it.
    pub(crate) async fn start<F>(script: F) -> Self
    where
        F: Fn(&Seen) -> Response + Send + Sync + 'static,
    {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), script).await
    }

    /// The same at another address of this machine.
    pub(crate) async fn start_at<F>(address: SocketAddr, script: F) -> Self
    where
        F: Fn(&Seen) -> Response + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (record, script) = (seen.clone(), Arc::new(script));
        let app = Router::new().fallback(move |request: Request| {
            let (record, script) = (record.clone(), script.clone());
            async move {
                let one = read(request).await;
                record.lock().unwrap().push(one.clone());
                let answer = script(&one);
                if answer.extensions().get::<Never>().is_some() {
                    std::future::pending::<()>().await;
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { host, seen, task }
    }

    /// A server that always answers the same.
    pub(crate) async fn always<F>(make: F) -> Self
    where
        F: Fn() -> Response + Send + Sync + 'static,
    {
        Self::start(move |_| make()).await
    }

    /// A server that writes these bytes as its whole answer and closes the connection, once. Written by
    /// hand, for an HTTP server would not break its own promises.
    pub(crate) async fn raw(bytes: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0, "the request ends early");
            }
            stream.write_all(bytes.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        });
        Self { host, seen: Arc::default(), task }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The endpoint, over plain http.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint { insecure: true, ..Endpoint::new(&self.host) }
    }

    /// The name of an image here.
    pub(crate) fn image(&self, repository: &str) -> ImageName {
        format!("{}/{repository}", self.host).parse().unwrap()
    }

    /// The requests so far, in the order they came.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Their methods and targets.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect()
    }
}

async fn read(request: Request) -> Seen {
    let (parts, body) = request.into_parts();
    let text = |name: HeaderName| parts.headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    Seen {
        method: parts.method.clone(),
        target: parts.uri.path_and_query().unwrap().to_string(),
        authorization: text(header::AUTHORIZATION),
        body: String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap(),
    }
}

#[derive(Clone)]
struct Never;

/// A status and a body.
pub(crate) fn answer(status: StatusCode, body: impl Into<Body>) -> Response {
    with(status, &[], body)
}

/// A status, headers and a body.
pub(crate) fn with(status: StatusCode, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

/// No answer at all, ever.
pub(crate) fn never() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Never);
    response
}

/// A good beginning, then silence.
pub(crate) fn stalled(start: &'static str) -> Response {
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(start.as_bytes()))]);
    answer(StatusCode::OK, Body::from_stream(first.chain(stream::pending())))
}

/// More and more, without end.
pub(crate) fn endless(piece: &'static str) -> Response {
    let pieces = stream::repeat_with(move || Ok::<_, Infallible>(Bytes::from_static(piece.as_bytes())));
    answer(StatusCode::OK, Body::from_stream(pieces))
}
