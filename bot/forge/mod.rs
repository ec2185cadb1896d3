//! Forges: where proposals live.
