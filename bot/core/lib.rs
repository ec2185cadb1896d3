//! The pure heart of Gantry.
//!
//! Config, facts and time go in; verdicts with reasons and the effects wanted come out. Nothing here does
//! I/O, reads a clock or keeps state: the server, `gantry plan`, `gantry why` and the tests call the same
//! functions.

pub mod artifact;
pub mod build;

pub mod catalog;

pub mod config;
pub mod decide;
pub mod duration;
pub mod effects;
pub mod facts;
pub mod gates;
mod glob;
pub mod ids;
pub mod promoted;
pub mod reason;
pub mod record;
pub mod select;
pub mod shared;
pub mod why;
