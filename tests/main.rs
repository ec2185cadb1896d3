//! The integration tests: stories over real parts, in one binary.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

mod cli;
mod registry;
mod support;
