//! `gantry.yaml`: types, parsing with positions, validation, schema, and the pipeline that results.

pub mod pipeline;
pub mod types;
mod written;
