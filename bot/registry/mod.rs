//! A small client of the OCI distribution API: tag lists, digests, and what an image says of itself.
//!
//! One [`Registry`] stands for one host and is shared by all applications whose images live there, so that
//! its bounds (requests in flight, a pause that the host asked for) hold for the host and not for each
//! application.
//!
//! Promises kept here:
//! - **Never half a list as if it were whole** (promise 4). [`Listing::complete`] is set only when the
//!   registry's own paging came to its end; a failed page fails the whole list.
//! - **What was asked for is what came** (promise 7). A manifest or config is used only when its bytes hash
//!   to the digest that named it.
//! - **Secrets stay secret** (promise 9). Credentials go to the registry's own origin, and to the token service
//!   that it names where that is known to belong to it (`reach`), over https (over http only where the endpoint
//!   itself is set to be insecure); they never follow a redirect to another origin. Errors show URLs without query
//!   or user.
//! - **A registry leads nowhere inside.** A redirect or a token service at an address of this machine, of its link or
//!   of a private network is not gone to, unless the registry itself is there (`reach`).
//! - **Everything is bounded**: bytes of a body, time of a connection, of a pause between two pieces and of
//!   a whole request, pages, tags, redirects, requests in flight, text in labels.
//! - **No clock.** Callers pass `now`; within a call it is carried on by a monotonic timer, so that a
//!   `Retry-After` met after minutes of paging still counts from when it was received.
//!
//! Races known: a tag may move between [`Registry::resolve`] and [`Registry::artifact`]. The artifact is
//! asked for by digest, so it is the one that was resolved; the next look sees the move. Two calls may
//! fetch a token for the same repository at the same time; either is good.
//!
//! Sources of the rules: the OCI distribution and image specifications 1.1, the Distribution project's
//! token and OAuth 2 documents, RFC 9110 (challenges, `Retry-After`), RFC 8288 (`Link`).

mod artifact;
mod challenge;
mod client;
mod endpoint;
mod error;
mod link;
mod manifest;
mod page;
mod paging;
mod reach;
mod resolve;
mod retry_after;
mod text;
mod token;
mod wire;

pub use client::Registry;
pub use endpoint::{Credentials, Endpoint, Limits};
pub use error::RegistryError;
pub use paging::Listing;
pub use reach::Names;
