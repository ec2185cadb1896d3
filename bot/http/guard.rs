//! The guard before every handler: who asks, what is asked, and how long it may take.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{FromRequestParts, Request},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    access::{Caller, Operation, admit},
    problem::Refusal,
    query::Asked,
    route::{Pace, Parameter},
    server::Server,
};

/// The longest time that a request may ask to be held, in seconds.
pub(super) const LONGEST_WAIT: u64 = 30;

/// What the guard knows of its route.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) operation: Operation,
    pub(super) parameters: &'static [Parameter],
    pub(super) pace: Pace,
}

/// Lets a request pass to its handler, or refuses it.
pub(super) async fn guard(server: Server, post: Arc<Post>, mut request: Request, next: Next) -> Response {
    let caller = match admit(&server, post.operation, &request) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    tracing::Span::current().record("caller", caller.name());
    match Asked::read(request.uri().query(), post.parameters) {
        Ok(asked) => request.extensions_mut().insert(asked),
        Err(refusal) => return refusal.into_response(),
    };
    request.extensions_mut().insert(caller);
    let limit = match post.pace {
        Pace::Prompt => server.app.limits.answer_time,
        Pace::Waits => server.app.limits.answer_time + Duration::from_secs(LONGEST_WAIT),
        Pace::Endless => return next.run(request).await,
    };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::busy(
            format!("no answer was found in {} seconds", limit.as_secs()),
            "Ask for less at a time (`limit`), or again; if it goes on, tell whoever runs Gantry.",
        )
        .into_response(),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // The guard has put it there; a route without the guard can't be built.
        parts.extensions.get::<Self>().cloned().ok_or_else(Refusal::ours)
    }
}
