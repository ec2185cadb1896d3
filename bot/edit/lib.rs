//! Byte-exact edits of image references in GitOps files: locate, splice, verify.
//!
//! Bytes in, bytes out; no I/O, no clock, no state. [`read`] lists the references of a file, [`set`] changes
//! some of them, [`check`] says whether a file is sound YAML, [`detect`] tells its kind. A kind of file is one
//! module that finds the sites of references in a [`syntax::Tree`]; everything else is shared: `plan` reads
//! and changes sites, `draft` splices, `proof` parses again.
//!
//! Promises:
//! - only the wanted values change: every other byte is copied, comments, quotes, line ends, a byte order
//!   mark and a missing last newline among them;
//! - every edit is parsed again and refused unless exactly the intended values differ ([`Reason::ProofFailed`]);
//! - a written value reads back as the same string by YAML 1.1 and 1.2;
//! - no change wanted, no byte changed;
//! - what is unsure is refused, with line, column and reason ([`Refusal`]);
//! - input is hostile: size, depth and number are bounded, aliases are never expanded, nothing recurses.

mod argocd;
mod bare;
mod chart;
mod compose;
mod detect;
mod document;
mod draft;
mod find;
mod flux;
pub mod format;
mod git_url;
mod helm;
mod intent;
mod k3s;
mod keep;
pub mod key;
mod keyed;
mod kind;
mod kustomization;
mod links;
mod manifest;
mod markers;
mod oci;
mod plan;
mod proof;
mod reference;
mod refusal;
mod resource;
mod scalar;
mod site;
pub mod syntax;
mod target;

pub use detect::detect;
pub use keep::{blank, keep};
pub use key::{Key, KeyError, Step};
pub use kind::{Kind, UnknownKind};
pub use links::{Link, links};
pub use reference::{Change, Edit, Edited, Located, Reference, SetDigest, What};
pub use refusal::{Reason, Refusal, Renamed};
pub use site::same_image;
pub use target::Target;

use draft::Draft;
use syntax::Tree;

/// The largest file that is read, in bytes (4 MiB; the largest that we saw in public infra repositories has
/// 1.6 MB).
pub const MAX_BYTES: usize = 4 << 20;
/// The deepest nesting, in levels.
pub const MAX_DEPTH: usize = 128;
/// The most values (keys, scalars, lists, mappings, aliases) in a file.
pub const MAX_NODES: usize = 250_000;
/// The most references in a file, those in texts inside of it too.
pub const MAX_REFERENCES: usize = 20_000;
/// The most anchors in a file.
pub const MAX_ANCHORS: usize = 10_000;

/// Every reference in the file that the target means, in its order.
///
/// # Errors
/// A [`Refusal`] where the file cannot be read for sure.
pub fn read(target: &Target<'_>, bytes: &[u8]) -> Result<Vec<Reference>, Refusal> {
    if !target.kind.is_yaml() {
        return bare::read(target, bytes);
    }
    let tree = Tree::parse(bytes)?;
    plan::read(target, &tree)
}

/// Makes the changes, all or none. A value that is as wanted already stays byte for byte, even one that a
/// reader would not take for a string: to quote it is not what was asked for.
///
/// # Errors
/// A [`Refusal`] where a change cannot be made for sure; the file is to be left as it is.
pub fn set(target: &Target<'_>, bytes: &[u8], changes: &[Change<'_>]) -> Result<Edited, Refusal> {
    if !target.kind.is_yaml() {
        return bare::set(target, bytes, changes);
    }
    let tree = Tree::parse(bytes)?;
    let mut draft = Draft::new(&tree, target.follow);
    plan::set(target, &tree, changes, &mut draft)?;
    draft.finish(bytes)
}

/// The name of the Git repository at an address, as in [`Reference::image`] of its references: no scheme, user or
/// `.git`. Nothing where the text is no such address.
#[must_use]
pub fn repository(url: &str) -> Option<String> {
    git_url::parse(url).map(|url| url.name)
}

/// Whether the bytes are well-formed YAML without duplicate keys; several documents are fine.
///
/// # Errors
/// The first fault, with line and column.
pub fn check(bytes: &[u8]) -> Result<(), Refusal> {
    Tree::parse(bytes)?.refuse_duplicates()
}
