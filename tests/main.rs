//! Stories over real parts. One binary, so that it links once.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that fails should say where and stop")]

mod git;
mod support;
