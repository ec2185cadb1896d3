//! The integration tests: stories over real parts, in one binary, so that it links once.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on says so and stops")]

mod cli;
mod docs;
mod forge;
mod git;
mod http;
mod registry;
mod store;
mod stories;
mod support;
