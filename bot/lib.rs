//! Gantry: a GitOps promotion service.
//!
//! The way of the data and the import law are in `bot/ARCHITECTURE.md`.

pub mod act;
pub mod cli;
pub mod clock;
pub mod demo;
pub mod forge;
pub mod git;
pub mod http;
pub mod intake;
pub mod observe;
pub mod place;
pub mod random;
pub mod registry;
pub mod rejections;
pub mod seal;
pub mod serve;
pub mod settings;
pub mod speak;
pub mod store;
