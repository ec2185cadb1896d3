//! Stories of the whole loop over real parts.

mod bad_input;
mod config;
mod kill;
mod main_job;
mod people;
mod recovery;
