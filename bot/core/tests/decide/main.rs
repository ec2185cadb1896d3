//! Stories of `decide`: facts in, verdicts and effects out.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

mod config;
mod people;
mod promotion;
mod proposals;
mod rejections;
mod trouble;
mod why;
mod world;
