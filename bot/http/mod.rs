//! The HTTP side: API, pages, authentication.
