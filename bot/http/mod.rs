//! The HTTP side: the API, the overview page, authorization.
//!
//! It reads the board and the database and puts requests into the inbox; it never calls a forge, a registry
//! or Git. What it says comes from the same `decide` as what the server does (promise 8).
//!
//! Promises kept here:
//! - A build or a request is acknowledged after it is stored, never before (promise 2).
//! - Every route is bound to an operation of the one table in `access.rs`, and is reached past the guard only.
//! - Everything from outside is bounded: body, time, parameters, pages, streams.
//! - Every refusal is an RFC 9457 problem document that says who must act; its type is a path that explains it.
//! - Tokens can't be tried out in numbers, and a page elsewhere can't read through somebody's browser what is open on
//!   this machine alone.
//! - No token, no query string and no body is logged (promise 9).
//!
//! Races known: what is shown is the last look, so a proposal may have moved since. An approval names the
//! head that the person saw, and the loop compares it with the forge before it counts.

mod access;
mod api;
mod body;
mod budget;
mod guard;
mod kinds;
mod layers;
mod listen;
mod metrics;
mod openapi;
mod page;
mod paging;
mod peer;
mod phase;
mod problem;
mod query;
mod route;
mod server;
pub mod types;
mod views;

use std::sync::Arc;

use axum::{Router, extract::Request, middleware, middleware::Next};

pub use self::{
    access::{Operation, role_name},
    listen::serve,
    metrics::Metrics,
    openapi::document,
    server::{App, Limits, Names, Planner},
};
use self::{guard::Post, problem::Refusal, server::Server};

/// A route as tests and docs see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// The method.
    pub method: String,
    /// The path, with its names in braces.
    pub path: &'static str,
    /// What it does, in the table of who may do what.
    pub operation: Operation,
}

/// All routes.
#[must_use]
pub fn routes() -> Vec<RouteInfo> {
    let info = |route: route::Route| RouteInfo {
        method: route.method.to_string(),
        path: route.path,
        operation: route.operation,
    };
    route::all().into_iter().map(info).collect()
}

/// The server's router, with everything around it: serve it as it is.
pub fn router(app: App) -> Router {
    let server = Server::new(app);
    let mut router = Router::new();
    for route in route::all() {
        let post = Post { operation: route.operation, parameters: route.parameters, pace: route.pace };
        let (server, post) = (server.clone(), Arc::new(post));
        let guarded = middleware::from_fn(move |request: Request, next: Next| {
            guard::guard(server.clone(), post.clone(), request, next)
        });
        router = router.route(route.path, route.handler.route_layer(guarded));
    }
    let router = router
        .method_not_allowed_fallback(async || Refusal::no_such_method())
        .fallback(async || Refusal::no_such_path())
        .with_state(server.clone());
    layers::around(router, server)
}
