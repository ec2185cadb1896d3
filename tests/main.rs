//! All integration tests, in one binary: linking it once is most of their cost.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop with the place")]

mod store;
mod support;
