//! Stories of `decide`: facts in, verdicts and effects out.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

mod back;
mod config;
mod decider;
mod people;
mod promotion;
mod proposals;
mod registry;
mod rejections;
mod trouble;
mod trust;
mod why;
mod words;
mod world;
