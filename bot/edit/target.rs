//! What is wanted of a file: how it is read, and the one place that is meant.

use crate::kind::Kind;

/// What is wanted of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// How the file is read.
    pub kind: Kind,
    /// The only place that is meant: a key path such as `image.tag`, `spec.values."a.b"[0]`, or, in a file of
    /// several documents, `#2.image.tag`. For [`Kind::Markers`] the policy, `NAMESPACE:NAME`; for
    /// [`Kind::Regex`] the expression.
    pub key: Option<&'a str>,
    /// The image that a bare value belongs to, a tag alone under a key.
    pub image: Option<&'a str>,
    /// Whether a value that is repeated by aliases may be changed where all that repeat it are of one image.
    pub follow: bool,
    /// Whether the key may be added where it is missing and the mapping that it belongs into is there.
    pub create: bool,
}

impl Target<'_> {
    /// The whole file of that kind.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self { kind, key: None, image: None, follow: false, create: false }
    }
}
