//! `gantry.yaml`: types, parsing with positions, validation, schema, and the pipeline that results.

mod claims;
mod document;
mod error;
mod expand;
mod fault;
pub mod files;
mod found;
pub mod kinds;
mod locate;
mod parse;
mod pattern;
pub mod pipeline;
mod read;
mod schema;
pub mod shapes;
pub mod types;
mod validate;
mod written;

pub use document::Document;
pub use error::{ConfigError, Place};
pub use expand::ImagesIn;
pub use parse::{Parsed, parse};
pub use schema::schema;
