//! What stories stand on: real repositories and servers, each on this machine and for one test.

pub(crate) mod git_http;
pub(crate) mod git_repository;
pub(crate) mod git_ssh;
pub(crate) mod git_tls;
