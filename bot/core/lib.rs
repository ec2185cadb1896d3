//! The pure heart of Gantry.
//!
//! Config, facts and time go in; verdicts with reasons and the effects wanted come out. Nothing here does
//! I/O, reads a clock or keeps state: the server, `gantry plan`, `gantry why` and the tests call the same
//! functions.

pub mod artifact;
pub mod build;
pub mod catalog;
pub mod ids;
