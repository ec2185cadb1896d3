//! What the files of one application in one environment hold.
//!
//! The bytes come from Git; what they say is read in [`crate::place`]. A problem is one of that place alone;
//! the other applications go on.

use gantry_core::{
    config::pipeline::{Application, FileEntry},
    ids::BranchName,
    reason::Problem,
};
use gantry_edit::Reference;

use crate::{
    git::{File, GitError, Kind, Snapshot},
    place::{self, Contents, NoFile},
};

/// Reads the images of `application` from `files` at a commit of `branch`.
///
/// # Errors
/// The first problem that a person must mend.
pub(crate) fn read(
    snapshot: &Snapshot,
    branch: &BranchName,
    application: &Application,
    files: &[FileEntry],
) -> Result<Result<Contents, Problem>, GitError> {
    let mut references = Vec::with_capacity(files.len());
    for entry in files {
        let found = match snapshot.read(&entry.path) {
            Err(error @ GitError::TooLarge { .. }) => {
                return Ok(Err(place::problem(&entry.path, error.to_string())));
            }
            found => found?,
        };
        let Some(file) = found else {
            // A commit may be from before a pattern took the file in.
            if entry.by_pattern && !entry.path.contains('*') {
                continue;
            }
            return Ok(Err(place::missing(&entry.path, &format!("on branch {branch}"), &application.name)));
        };
        match references_of(application, entry, &file) {
            Ok(found) => references.push((entry, found)),
            Err(problem) => return Ok(Err(problem)),
        }
    }
    Ok(place::find(application, &references))
}

/// Every image reference in a file.
pub(crate) fn references_of(
    application: &Application,
    entry: &FileEntry,
    file: &File,
) -> Result<Vec<Reference>, Problem> {
    let path = entry.path.as_str();
    match no_file(file.kind) {
        None => place::references(application, entry, &file.bytes),
        // Nobody named it.
        Some(_) if entry.by_pattern => Ok(Vec::new()),
        Some(what) => Err(place::not_a_file(path, what)),
    }
}

/// What an entry of a tree is, where it is not a file that Gantry may write.
pub(crate) fn no_file(kind: Kind) -> Option<NoFile> {
    match kind {
        Kind::Regular => None,
        Kind::Symlink => Some(NoFile::Symlink),
        Kind::Submodule => Some(NoFile::Submodule),
        Kind::LfsPointer => Some(NoFile::LfsPointer),
    }
}
