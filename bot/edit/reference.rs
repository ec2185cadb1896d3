//! What goes in and out: references that were read, changes that are wanted, edits that were made.

use std::ops::Range;

use crate::refusal::Refusal;

/// What a reference refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// A container image in a registry.
    Image,
    /// A Helm chart, by the address of its repository without the scheme, and its name.
    Chart,
    /// A revision of a Git repository, by its address without the scheme and `.git`.
    Revision,
}

/// A reference in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What it refers to.
    pub what: What,
    /// The effective name, without tag: what a [`Change`] names. Empty for a bare value under a key whose
    /// image [`crate::Target::image`] did not tell.
    pub image: String,
    /// The name that the entry goes by in its file; the same as `image` unless the entry renames it.
    pub name: String,
    /// The key path at which it stands, as [`crate::Target::key`] takes it. Within a text that is a file of its
    /// own, which no key reaches into: the text's, `|`, and the path within.
    pub path: String,
    /// Its tag (a chart's version, a Git revision), if it has one.
    pub tag: Option<Located>,
    /// Its digest, if it has one.
    pub digest: Option<Located>,
    /// The line on which the reference starts, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// Why it could not be edited, where that is so.
    pub blocked: Option<Refusal>,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The value; quotes and escapes undone.
    pub value: String,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
    /// Its bytes in the file, quotes among them; a tag and a digest in one value share them. Absent where
    /// the value cannot be edited in place (block scalars, values over several lines).
    pub bytes: Option<Range<usize>>,
}

/// A wanted change of the references to one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// The effective image to find, as in [`Reference::image`]; all references to it are changed.
    pub image: &'a str,
    /// The only entry that is meant, by its name as in [`Reference::name`]: two entries of a kustomization may have
    /// different tags of one image.
    pub entry: Option<&'a str>,
    /// What the references are to be of; `None` takes images and charts, and Git repositories where there are none.
    pub what: Option<What>,
    /// The image that it shall become; `None` keeps it.
    pub new_name: Option<&'a str>,
    /// The wanted tag; `None` keeps it.
    pub tag: Option<&'a str>,
    /// What to do with the digest.
    pub digest: SetDigest<'a>,
}

impl<'a> Change<'a> {
    /// No change yet, of all references to this image.
    #[must_use]
    pub const fn of(image: &'a str) -> Self {
        Self { image, entry: None, what: None, new_name: None, tag: None, digest: SetDigest::Keep }
    }
}

/// What to do with a digest. A digest that stays while the tag changes pins the old image, so a caller that
/// writes only tags says `Remove`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetDigest<'a> {
    /// Leave it as it is.
    Keep,
    /// Take it out.
    Remove,
    /// Write this one.
    Set(&'a str),
}

/// An edited file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The whole file; the bytes that came in when nothing changed.
    pub bytes: Vec<u8>,
    /// Whether a byte changed.
    pub changed: bool,
    /// What changed, in the order of the file.
    pub edits: Vec<Edit>,
}

/// One value that was changed, added or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The key path at which it stands, as [`crate::Target::key`] takes it: `images[0].newTag`. Within a text
    /// that is a file of its own it is the text's. For a pattern, the name of its group.
    pub key: String,
    /// The value before; absent where the key had none.
    pub before: Option<String>,
    /// The value now; absent where the key was removed.
    pub after: Option<String>,
    /// The line in the edited file, from 1; for a removed key, the line where it stood before.
    pub line: usize,
}
