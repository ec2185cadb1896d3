//! The local forge over a real bare repository: a proposal's whole life, and people who use plain Git.

mod crash;
mod deep;
mod guard;
mod life;
mod many;
mod merge;
mod people;
mod town;
