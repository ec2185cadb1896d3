//! Real servers for the tests to talk to.

pub(crate) mod registry;
pub(crate) mod scripted;
pub(crate) mod sign_in;
