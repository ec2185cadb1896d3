//! What comes from outside, checked and parsed. Pure: no I/O, no clock.
//!
//! A sender is authenticated before its body is parsed, a body is bounded before it is read, and what passes
//! is typed, so that nothing behind this door checks again.

pub mod build;
pub mod request;
pub mod token;
