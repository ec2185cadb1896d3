//! Stories of `decide`: facts in, verdicts and effects out.

mod stories;
mod why;
mod world;
