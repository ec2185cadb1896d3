//! Seals: how Gantry tells its own records in Git from what others wrote.
//!
//! A record in a commit's trailers is a claim that whoever may push can make. It is believed where it is sealed: by
//! an Ed25519 signature over the record and over what ties it to this one commit in this branch of this repository
//! (promise 11). Nothing here reads or writes Git, and nothing is decided.
//!
//! Promises:
//! - A seal copied to another commit, branch or repository seals nothing: each of them is part of what is signed.
//! - The signed text is unambiguous: one fact on each line, and text with control characters is not signed at all.
//! - The secret key is in a type without `Debug`, its file is the owner's alone, and the key is never shown.
//! - A lost key loses belief, never safety: what is not believed opens no gate.

mod file;
mod key;
mod statement;
mod trust;

pub use self::{
    file::{KeyFileError, load, load_or_make},
    key::{Key, KeyId, PublicKey, Seal, UnreadableKey},
    statement::{Binding, BoundFile, Statement, Unsealable},
    trust::Trust,
};
