//! Ids between the core's strings and the object database.

use std::{fmt, str::FromStr};

use gantry_core::ids::{CommitId, IdError};
use gix::ObjectId;

/// The id of a file's bytes in Git: equal ids are equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub(super) ObjectId);

impl BlobId {
    /// The id of these bytes; `None` where the hash can't be computed.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, bytes).ok().map(Self)
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for BlobId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = || IdError {
            kind: "blob id",
            value: text.chars().take(80).collect(),
            rule: "40 lower-case hexadecimal digits",
        };
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(refused());
        }
        ObjectId::from_hex(text.as_bytes()).map(Self).map_err(|_| refused())
    }
}

/// A commit id of the core as an object id; `None` for one of another hash than SHA-1.
pub(super) fn object(id: &CommitId) -> Option<ObjectId> {
    ObjectId::from_hex(id.as_str().as_bytes()).ok()
}

/// An object id as a commit id of the core. Hexadecimal text of 40 digits always parses.
pub(super) fn commit(id: &gix::oid) -> Option<CommitId> {
    id.to_string().parse().ok()
}
