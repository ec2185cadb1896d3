//! What stories stand on: real repositories and servers, each on this machine and for one test.

pub(crate) mod database;
pub(crate) mod git_http;
pub(crate) mod git_proxy;
pub(crate) mod git_repository;
pub(crate) mod git_ssh;
pub(crate) mod git_tls;
pub(crate) mod house;
pub(crate) mod layouts;
pub(crate) mod process;
pub(crate) mod registry;
pub(crate) mod scripted;
pub(crate) mod sign_in;
