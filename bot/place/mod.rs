//! What the files of one application in one environment hold, from their bytes.
//!
//! Pure, and read the same way by the server (from Git) and by `gantry check` (from a folder), so that what
//! the one finds wrong is what the other warned of. An image may be named several times in an application's
//! files of an environment, by an init container and by the main one, and then in one version: not found, or
//! found in two versions, is a problem of that place alone, told with file and line.

mod kept;

pub use self::kept::{content, taken_over};

use gantry_core::{
    config::{files::FileKind, pipeline::FileEntry},
    facts::Held,
    ids::{ApplicationName, ImageName},
    reason::{Owner, Problem},
};
use gantry_edit::{Kind, Located, Reference, Refusal, Target, What};

/// What the editor is asked for: as the entry says, else by the file's name and bytes.
///
/// # Errors
/// The file is of no kind that can be told, or its kind needs a key and the entry has none.
pub fn target<'e>(entry: &'e FileEntry, bytes: &[u8]) -> Result<Target<'e>, Problem> {
    let wrong = |message: &str| at(&entry.path, None, None, message.to_owned());
    let kind = entry.kind.map(kind_of).or_else(|| gantry_edit::detect(&entry.path, bytes));
    let kind = kind.ok_or_else(|| {
        wrong("is of no kind that Gantry can tell; say `kind` and `key` for it in gantry.yaml")
    })?;
    if kind.needs_key() && entry.key.is_none() {
        return Err(wrong("has no images of its own; say `key` for it in gantry.yaml"));
    }
    Ok(Target {
        kind,
        key: entry.key.as_deref(),
        image: entry.image.as_ref().map(ImageName::as_str),
        follow: entry.follow_anchors,
    })
}

fn kind_of(kind: FileKind) -> Kind {
    match kind {
        FileKind::Kustomization => Kind::Kustomization,
        FileKind::HelmValues => Kind::HelmValues,
        FileKind::Manifest => Kind::Manifest,
        FileKind::Chart => Kind::Chart,
        FileKind::Compose => Kind::Compose,
        FileKind::ArgocdSource => Kind::ArgocdSource,
        FileKind::Markers => Kind::Markers,
        FileKind::Yaml => Kind::Yaml,
        FileKind::Json => Kind::Json,
        FileKind::Toml => Kind::Toml,
        FileKind::Dotenv => Kind::Dotenv,
        FileKind::Hcl => Kind::Hcl,
        FileKind::Regex => Kind::Regex,
    }
}

/// Every reference in the bytes of the file of an entry.
///
/// # Errors
/// As [`target`]; or the editor refuses the file.
pub fn references(entry: &FileEntry, bytes: &[u8]) -> Result<Vec<Reference>, Problem> {
    gantry_edit::read(&target(entry, bytes)?, bytes).map_err(|refusal| refused(&entry.path, &refusal))
}

/// What is held of `image`, by the references of all `files` of one application in one environment.
///
/// # Errors
/// The image stands nowhere, or in versions that differ, or with a tag or digest that is none, or where it
/// can't be edited.
pub fn find(image: &ImageName, references: &[(&FileEntry, Vec<Reference>)]) -> Result<Held, Problem> {
    let all = || {
        references.iter().flat_map(|(entry, found)| found.iter().map(move |hit| (entry.path.as_str(), hit)))
    };
    let mut hits = all().filter(|(_, reference)| is_of(reference, image));
    let Some((path, hit)) = hits.next() else {
        return Err(nowhere(image, all(), references.first().map_or("", |(entry, _)| &entry.path)));
    };
    let held = held(image, path, hit)?;
    for (other, second) in hits {
        if self::held(image, other, second)? != held {
            let message = format!(
                "names image {image} as {}, and {path}:{} as {}; make them the same",
                version(second),
                hit.line,
                version(hit)
            );
            return Err(at(other, Some(second.line), Some(second.column), message));
        }
    }
    Ok(held)
}

/// Whether a reference is one to the image (and not to a Git repository of that name).
#[must_use]
pub fn is_of(reference: &Reference, image: &ImageName) -> bool {
    let named = match reference.what {
        What::Image | What::Chart => true,
        What::Revision => false,
    };
    named && gantry_edit::same_image(&reference.image, image.as_str())
}

fn held(image: &ImageName, path: &str, hit: &Reference) -> Result<Held, Problem> {
    if let Some(refusal) = &hit.blocked {
        return Err(refused(path, refusal));
    }
    let wrong = |located: &Located, error: &dyn std::fmt::Display| {
        at(path, Some(located.line), Some(located.column), format!("{error}; correct it"))
    };
    let tag = match &hit.tag {
        Some(tag) => Some(tag.value.parse().map_err(|error| wrong(tag, &error))?),
        None => None,
    };
    let digest = match &hit.digest {
        Some(digest) => Some(digest.value.parse().map_err(|error| wrong(digest, &error))?),
        None => None,
    };
    Ok(Held { image: image.clone(), tag, digest })
}

fn version(reference: &Reference) -> String {
    let parts = [&reference.tag, &reference.digest].map(|part| part.as_ref().map(|part| part.value.as_str()));
    match parts {
        [Some(tag), Some(digest)] => format!("{tag}@{digest}"),
        [Some(version), None] | [None, Some(version)] => version.to_owned(),
        [None, None] => String::from("(no version)"),
    }
}

fn nowhere<'a>(
    image: &ImageName,
    mut all: impl Iterator<Item = (&'a str, &'a Reference)>,
    first: &str,
) -> Problem {
    match all.find(|(_, reference)| reference.name == image.as_str()) {
        Some((path, reference)) if reference.image != image.as_str() => {
            let message = format!(
                "names image {image} with newName {}; name {} in gantry.yaml",
                reference.image, reference.image
            );
            at(path, Some(reference.line), Some(reference.column), message)
        }
        _ => {
            let message = format!("names no image {image}; add it, or correct gantry.yaml");
            at(first, None, None, message)
        }
    }
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
        let twice = "images:\n- name: r.io/shop\n  newTag: '1'\n- name: other\n  newName: r.io/shop\n";
        let two = look(twice).unwrap_err();
        assert!(two.starts_with("a/kustomization.yaml:4:") && two.contains("yaml:2 as 1"), "{two}");
        assert_eq!(look(&format!("{twice}  newTag: '1'\n")).unwrap().version(), "1");
        let alias = look("images:\n- name: r.io/shop\n  newTag: &a '1'\nx: *a\n").unwrap_err();
        assert!(alias.starts_with("a/kustomization.yaml:3:") && alias.contains("anchored"), "{alias}");
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
        assert!(references(&FileEntry::of_path("a.txt"), b"a: 1").is_err());
        let error = references(&FileEntry::of_path("a.toml"), b"a = '1'").unwrap_err().to_string();
        assert!(error.contains("say `key`"), "{error}");
        let entry = FileEntry {
            key: Some(String::from("a")),
            image: "r.io/shop".parse().ok(),
            ..FileEntry::of_path("a.toml")
        };
        let found = references(&entry, b"a = '1'").unwrap();
        assert_eq!((found[0].image.as_str(), found[0].path.as_str()), ("r.io/shop", "a"));
    }
}
