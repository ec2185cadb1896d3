//! What lies around all routes: panics, compression, headers, the log and the numbers.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};
use tracing::Instrument;

use super::{problem::Refusal, server::Server};

/// What browsers are told of every answer: nothing runs, nothing is framed, nothing is guessed.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the layers around the routes; the last is the outermost.
pub(super) fn around(router: Router, server: Server) -> Router {
    // Counting from the start's time, so that the ids of two runs don't meet in one log.
    let ids = Arc::new(AtomicU64::new(server.now().as_microsecond().unsigned_abs()));
    router.layer(CompressionLayer::new().gzip(true)).layer(CatchPanicLayer::custom(panicked)).layer(
        middleware::from_fn(move |request: Request, next: Next| {
            let id = format!("{:x}", ids.fetch_add(1, Ordering::Relaxed));
            observed(server.clone(), id, request, next)
        }),
    )
}

/// A panic in a handler is our mistake; the other requests go on.
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    tracing::error!(panic = text, "a handler panicked");
    Refusal::ours().into_response()
}

/// Logs and counts a request, and sets the headers of its answer.
async fn observed(server: Server, id: String, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    // The template of the path and not the path; no query, no header.
    let span = tracing::info_span!("request", id, %method, route, caller = tracing::field::Empty);
    // How long it takes is measured and decides nothing, so it needs no clock of the house.
    let began = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let took = began.elapsed();
    let status = response.status();
    span.in_scope(|| tracing::debug!(status = status.as_u16(), ms = took.as_millis(), "answered"));
    server.app.metrics.answered(&method, route, status, took);
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    // What runs where changes by itself, and may be for this caller only.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
