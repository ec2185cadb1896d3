//! What the files of one application in one environment hold.
//!
//! An image must be named exactly once in an application's files of an environment: not found, or found
//! twice, is a problem of that place alone, told with file and line; the other applications go on.

use gantry_core::{
    config::pipeline::Application,
    facts::Held,
    ids::{BranchName, ImageName},
    reason::{Owner, Problem},
};
use gantry_edit::{Reference, Refusal};

use crate::git::{File, GitError, Kind, Snapshot};

/// Reads the images of `application` from `files` at a commit of `branch`.
///
/// # Errors
/// The first problem that a person must mend.
pub(crate) fn read(
    snapshot: &Snapshot,
    branch: &BranchName,
    application: &Application,
    files: &[String],
) -> Result<Result<Vec<Held>, Problem>, GitError> {
    let mut references = Vec::with_capacity(files.len());
    for path in files {
        let bytes = match snapshot.read(path)? {
            Some(file) => file,
            None => {
                let message = format!(
                    "does not exist on branch {branch}; add the file, or correct `files` of {} in gantry.yaml",
                    application.name
                );
                return Ok(Err(at(path, None, None, message)));
            }
        };
        match references_of(path, &bytes) {
            Ok(found) => references.push((path, found)),
            Err(problem) => return Ok(Err(problem)),
        }
    }
    let held = application.images.iter().map(|image| find(&image.image, &references, files));
    Ok(held.collect())
}

/// Every image reference in a file.
pub(crate) fn references_of(path: &str, file: &File) -> Result<Vec<Reference>, Problem> {
    match file.kind {
        Kind::Regular => {}
        Kind::Symlink => return Err(never_written(path, "symbolic link")),
        Kind::Submodule => return Err(never_written(path, "submodule")),
        Kind::LfsPointer => return Err(never_written(path, "Git LFS pointer")),
    }
    let Some(kind) = gantry_edit::detect(path) else {
        let message = "is of no kind that Gantry can edit; this version edits kustomization files".to_owned();
        return Err(at(path, None, None, message));
    };
    gantry_edit::read(kind, &file.bytes).map_err(|refusal| refused(path, &refusal))
}

/// A refusal of the editor as a problem of the team's.
pub(crate) fn refused(path: &str, refusal: &Refusal) -> Problem {
    at(path, refusal.line, refusal.column, refusal.reason.to_string())
}

fn find(
    image: &ImageName,
    references: &[(&String, Vec<Reference>)],
    files: &[String],
) -> Result<Held, Problem> {
    let mut hits = references.iter().flat_map(|(path, found)| {
        found.iter().filter(|reference| reference.image == image.as_str()).map(move |hit| (*path, hit))
    });
    let Some((path, hit)) = hits.next() else {
        let file = files.first().map_or("", String::as_str);
        let renamed = references.iter().flat_map(|(path, found)| found.iter().map(move |r| (*path, r)));
        let renamed = renamed.into_iter().find(|(_, reference)| reference.name == image.as_str());
        let message = match &renamed {
            Some((_, reference)) => format!(
                "names image {image} with newName {}; name {} in gantry.yaml",
                reference.image, reference.image
            ),
            None => format!("names no image {image}; add it under `images:`, or correct gantry.yaml"),
        };
        let (file, line, column) = renamed.map_or((file, None, None), |(path, reference)| {
            (path.as_str(), Some(reference.line), Some(reference.column))
        });
        return Err(at(file, line, column, message));
    };
    if let Some((other, second)) = hits.next() {
        let message =
            format!("names image {image}, which {path}:{} names too; keep one of the two", hit.line);
        return Err(at(other, Some(second.line), Some(second.column), message));
    }
    let tag =
        match &hit.tag {
            Some(tag) => Some(tag.value.parse().map_err(|error| {
                at(path, Some(tag.line), Some(tag.column), format!("{error}; correct it"))
            })?),
            None => None,
        };
    let digest = match &hit.digest {
        Some(digest) => Some(digest.value.parse().map_err(|error| {
            at(path, Some(digest.line), Some(digest.column), format!("{error}; correct it"))
        })?),
        None => None,
    };
    Ok(Held { image: image.clone(), tag, digest })
}

fn never_written(path: &str, what: &str) -> Problem {
    at(path, None, None, format!("is a {what}, which Gantry never writes; name the real file"))
}

fn at(path: &str, line: Option<usize>, column: Option<usize>, message: String) -> Problem {
    Problem { file: Some(path.to_owned()), line, column, message, owner: Owner::Team }
}
