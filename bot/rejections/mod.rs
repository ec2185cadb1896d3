//! `.gantry/rejections.yaml`: which releases people rejected where, as it stands at the head of the default branch.
//!
//! People read and edit the file as well: removing an entry lifts a rejection. So it is edited as any file of
//! theirs is: an entry is added at the end or removed with exactly its own lines, every other byte stays, and the
//! result is parsed again and refused unless it says what it should ([`add`], [`lift`]).
//!
//! Promises:
//! - A file that is not understood whole is refused with line and column; nothing of it is guessed, since a
//!   rejection that is overlooked would let a release through (promise 10).
//! - Bounds: [`MAX_BYTES`], [`MAX_ENTRIES`]; anchors, aliases, tags and further documents are refused.

mod edit;
mod read;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use gantry_core::{
    facts::{Place, Rejected, Rejection},
    reason::{Owner, Problem},
};

pub use self::{
    edit::{add, lift},
    read::read,
};

/// The file's path in the infra repository.
pub const FILE: &str = ".gantry/rejections.yaml";
/// The most bytes of the file: 1 MiB.
pub const MAX_BYTES: usize = 1 << 20;
/// The most entries.
pub const MAX_ENTRIES: usize = 5_000;
/// The most characters of a text in an entry; a longer one is cut when Gantry writes it.
pub const MAX_TEXT: usize = 1_000;

/// The entries by place, in the order of the file.
#[must_use]
pub fn by_place(entries: Vec<Rejected>) -> BTreeMap<Place, Vec<Rejection>> {
    let mut by_place: BTreeMap<Place, Vec<Rejection>> = BTreeMap::new();
    for Rejected { place, rejection } in entries {
        by_place.entry(place).or_default().push(rejection);
    }
    by_place
}

/// A problem in the file, at a line and column, for the people who may commit to the repository.
pub fn problem(at: Option<(usize, usize)>, message: impl Into<String>) -> Problem {
    Problem {
        file: Some(FILE.to_owned()),
        line: at.map(|at| at.0),
        column: at.map(|at| at.1),
        message: message.into(),
        owner: Owner::Team,
    }
}
