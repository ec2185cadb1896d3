//! What the files of one application in one environment hold, from their bytes.
//!
//! Pure, and read the same way by the server (from Git) and by `gantry check` (from a folder), so that what
//! the one finds wrong is what the other warned of. An image must be named exactly once in an application's
//! files of an environment: not found, or found twice, is a problem of that place alone, told with file and
//! line.

use gantry_core::{
    config::{files::FileKind, pipeline::FileEntry},
    facts::Held,
    ids::{ApplicationName, ImageName},
    reason::{Owner, Problem},
};
use gantry_edit::{Kind, Reference, Refusal};

/// The editor's kind of a file: as its entry says, else by its name.
///
/// # Errors
/// The file is of no kind that can be edited.
pub fn kind(entry: &FileEntry) -> Result<Kind, Problem> {
    let kind = match entry.kind {
        None => gantry_edit::detect(&entry.path),
        Some(FileKind::Kustomization) => Some(Kind::Kustomization),
        Some(_) => None,
    };
    let kind = kind.filter(|_| entry.key.is_none());
    kind.ok_or_else(|| {
        let message = "is of no kind that Gantry can edit; this version edits kustomization files".to_owned();
        at(&entry.path, None, None, message)
    })
}

/// Every image reference in the bytes of the file of an entry.
///
/// # Errors
/// The file is of no kind that can be edited, or the editor refuses it.
pub fn references(entry: &FileEntry, bytes: &[u8]) -> Result<Vec<Reference>, Problem> {
    gantry_edit::read(kind(entry)?, bytes).map_err(|refusal| refused(&entry.path, &refusal))
}

/// What is held of `image`, by the references of all `files` of one application in one environment.
///
/// # Errors
/// The image stands nowhere, or twice, or with a tag or digest that is none.
pub fn find(image: &ImageName, references: &[(&FileEntry, Vec<Reference>)]) -> Result<Held, Problem> {
    let all = || {
        references.iter().flat_map(|(entry, found)| found.iter().map(move |hit| (entry.path.as_str(), hit)))
    };
    let mut hits = all().filter(|(_, reference)| reference.image == image.as_str());
    let Some((path, hit)) = hits.next() else {
        let renamed = all().find(|(_, reference)| reference.name == image.as_str());
        return Err(match renamed {
            Some((path, reference)) => {
                let message = format!(
                    "names image {image} with newName {}; name {} in gantry.yaml",
                    reference.image, reference.image
                );
                at(path, Some(reference.line), Some(reference.column), message)
            }
            None => {
                let message =
                    format!("names no image {image}; add it under `images:`, or correct gantry.yaml");
                at(references.first().map_or("", |(entry, _)| entry.path.as_str()), None, None, message)
            }
        });
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

/// The file is named and isn't there; `whence` says where it was looked for (`on branch main`).
#[must_use]
pub fn missing(path: &str, whence: &str, application: &ApplicationName) -> Problem {
    let message =
        format!("does not exist {whence}; add the file, or correct `files` of {application} in gantry.yaml");
    at(path, None, None, message)
}

/// The file is a symlink, a submodule or another thing that Gantry never writes.
#[must_use]
pub fn not_a_file(path: &str, kind: impl std::fmt::Display) -> Problem {
    at(path, None, None, format!("is a {kind}, which Gantry never writes; name the real file"))
}

/// The same of a file that `config` would promote, which may be kept instead.
#[must_use]
pub fn not_promoted(path: &str, kind: impl std::fmt::Display) -> Problem {
    let message = format!(
        "is a {kind}, which Gantry never writes; make it a file, or put it under `keep` in gantry.yaml"
    );
    problem(path, message)
}

/// A path of `config` where config starts, without a file; `whence` says where it was looked for.
#[must_use]
pub fn nothing_to_promote(path: &str, whence: &str, application: &ApplicationName) -> Problem {
    let message = format!(
        "has no file to promote {whence}; add one, or correct `config` of {application} in gantry.yaml"
    );
    problem(path, message)
}

/// A refusal of the editor as a problem of the team's.
#[must_use]
pub fn refused(path: &str, refusal: &Refusal) -> Problem {
    at(path, refusal.line, refusal.column, refusal.reason.to_string())
}

/// A problem of a file's owners with it as a whole.
#[must_use]
pub fn problem(path: &str, message: String) -> Problem {
    at(path, None, None, message)
}

fn at(path: &str, line: Option<usize>, column: Option<usize>, message: String) -> Problem {
    Problem { file: Some(path.to_owned()), line, column, message, owner: Owner::Team }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "a/kustomization.yaml";

    fn look(text: &str) -> Result<Held, String> {
        let entry = FileEntry::of_path(PATH);
        let found = references(&entry, text.as_bytes()).map_err(|problem| problem.to_string())?;
        let image = "r.io/shop".parse().unwrap();
        find(&image, &[(&entry, found)]).map_err(|problem| problem.to_string())
    }

    #[test]
    fn an_image_stands_there_once() {
        assert_eq!(look("images:\n- name: r.io/shop\n  newTag: '1'\n").unwrap().version(), "1");
        let none = look("images: []\n").unwrap_err();
        assert!(none.starts_with("a/kustomization.yaml: names no image r.io/shop"), "{none}");
        let two = look("images:\n- name: r.io/shop\n- name: other\n  newName: r.io/shop\n").unwrap_err();
        assert!(two.starts_with("a/kustomization.yaml:3:"), "{two}");
        let renamed = look("images:\n- name: r.io/shop\n  newName: r.io/other\n").unwrap_err();
        assert!(renamed.contains(":2:") && renamed.contains("newName r.io/other"), "{renamed}");
    }

    #[test]
    fn a_tag_that_is_none_is_named_with_its_line() {
        let error = look("images:\n- name: r.io/shop\n  newTag: 'a b'\n").unwrap_err();
        assert!(error.starts_with("a/kustomization.yaml:3:"), "{error}");
    }

    #[test]
    fn only_known_kinds_are_read() {
        assert!(references(&FileEntry::of_path("values.yaml"), b"a: 1").is_err());
    }

    #[test]
    fn an_entry_says_what_its_name_does_not() {
        let named = FileEntry { kind: Some(FileKind::Kustomization), ..FileEntry::of_path("images.yaml") };
        assert_eq!(references(&named, b"images:\n- name: a\n").unwrap().len(), 1);
        let keyed = FileEntry { kind: Some(FileKind::Yaml), key: Some("a".to_owned()), ..named };
        assert!(references(&keyed, b"a: 1").is_err(), "a later version's");
    }
}
