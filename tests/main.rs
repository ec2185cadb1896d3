//! Stories over real parts. One binary, so that it links once.

mod git;
mod support;
