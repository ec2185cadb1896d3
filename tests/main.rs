//! The integration tests: stories over real parts, in one binary, so that it links once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

mod cli;
mod forge;
mod git;
mod http;
mod registry;
mod store;
mod stories;
mod support;
