//! The HTTP side: API, pages, authentication.

pub mod types;
