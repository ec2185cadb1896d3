//! What the files of one application in one environment hold, from their bytes.
//!
//! Pure, and read the same way by the server (from Git) and by `gantry check` (from a folder), so that what
//! the one finds wrong is what the other warned of. An image may be named several times in an application's
//! files of an environment, by an init container and by the main one, and then in one version: not found, or
//! found in two versions, is a problem of that place alone, told with file and line.

mod kept;

pub use self::kept::{content, taken_over};

use std::collections::BTreeSet;

use gantry_core::{
    config::{
        kinds::FileKind,
        pipeline::{Application, FileEntry, Image},
        types::Write,
    },
    facts::Held,
    ids::{ApplicationName, ImageName},
    reason::{Owner, Problem},
};
use gantry_edit::{Change, Kind, Located, Reference, Refusal, SetDigest, Target, What};

/// What the editor is asked for: as the entry says, else by the file's name and bytes.
///
/// # Errors
/// The file is of no kind that can be told, or its kind needs a key and the entry has none.
pub fn target<'e>(entry: &'e FileEntry, bytes: &[u8]) -> Result<Target<'e>, Problem> {
    let wrong = |message: &str| at(&entry.path, None, None, message.to_owned());
    let kind = entry.kind.map(kind_of).or_else(|| gantry_edit::detect(&entry.path, bytes));
    let kind = kind.ok_or_else(|| match untold(&entry.path, bytes) {
        Some(refusal) => refused(&entry.path, &refusal),
        None => wrong("is of no kind that Gantry can tell; say `kind` and `key` for it in gantry.yaml"),
    })?;
    if kind.needs_key() && entry.key.is_none() {
        return Err(wrong("has no images of its own; say `key` for it in gantry.yaml"));
    }
    Ok(Target {
        kind,
        key: entry.key.as_deref(),
        image: entry.image.as_ref().map(ImageName::as_str),
        follow: entry.follow_anchors,
        create: false,
    })
}

/// Why the kind of a file that is YAML or JSON by its name could not be told: it can't be read. `None` for any
/// other name, where it is for a person to say the kind.
#[must_use]
pub fn untold(path: &str, bytes: &[u8]) -> Option<Refusal> {
    let (_, extension) = path.rsplit_once('.')?;
    if !["yaml", "yml", "json"].contains(&extension) {
        return None;
    }
    gantry_edit::check(bytes).err()
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

/// What is written for `image`, by its `write`, to make it `tag` at `digest`.
#[must_use]
pub fn change<'c>(image: &'c Image, tag: &'c str, digest: &'c str) -> Change<'c> {
    let (tag, digest) = match image.write {
        Write::Tag => (Some(tag), SetDigest::Remove),
        Write::Digest => (None, SetDigest::Set(digest)),
        Write::TagAndDigest => (Some(tag), SetDigest::Set(digest)),
    };
    Change { tag, digest, ..Change::of(image.image.as_str()) }
}

/// Tries in memory what a promotion would do to the file of an entry: what stands there may be readable, and
/// yet have no place for what `write` says. The tag stays the one that is there, so that an expression or a
/// schema that demands a certain form is not at odds with an invented one.
///
/// # Errors
/// The editor would refuse a promotion of one of the application's images.
pub fn rehearse(
    application: &Application,
    entry: &FileEntry,
    bytes: &[u8],
    references: &[Reference],
) -> Result<(), Problem> {
    let target = target(entry, bytes)?;
    for image in &application.images {
        let Some(here) = references.iter().find(|reference| is_of(reference, &image.image)) else { continue };
        // `find` tells of those that can't be edited at all.
        if here.blocked.is_some() {
            continue;
        }
        let tag = here.tag.as_ref().map_or("1.0.0", |tag| tag.value.as_str());
        gantry_edit::set(&target, bytes, &[change(image, tag, TRIAL)])
            .map_err(|refusal| refused(&entry.path, &refusal))?;
    }
    Ok(())
}

/// A digest of the right form that no image has.
const TRIAL: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

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
    Ok(Held { image: image.clone(), entry: None, tag, digest, refs: Vec::new() })
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
    mut all: impl Iterator<Item = (&'a str, &'a Reference)> + Clone,
    first: &str,
) -> Problem {
    let named = all.clone();
    match all.find(|(_, reference)| reference.name == image.as_str()) {
        Some((path, reference)) if reference.image != image.as_str() => {
            let message = format!(
                "names image {image} with newName {}; name {} in gantry.yaml",
                reference.image, reference.image
            );
            at(path, Some(reference.line), Some(reference.column), message)
        }
        _ => {
            let message = match listed(named.map(|(_, reference)| reference)) {
                Some(names) => {
                    format!("names no image {image}, only {names}; add it, or correct gantry.yaml")
                }
                None => format!("names no image {image}; add it, or correct gantry.yaml"),
            };
            at(first, None, None, message)
        }
    }
}

/// The images of some references (Git repositories are none), each once, at most three named; `None` without
/// any.
fn listed<'a>(references: impl Iterator<Item = &'a Reference>) -> Option<String> {
    let names: BTreeSet<&str> = references
        .filter(|reference| reference.what != What::Revision)
        .map(|reference| reference.image.as_str())
        .collect();
    let shown = |name: &&str| name.chars().filter(|c| !c.is_control()).take(100).collect::<String>();
    let first: Vec<String> = names.iter().take(3).map(shown).collect();
    let more = names.len().saturating_sub(first.len());
    match (first.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(first.join(", ")),
        (false, more) => Some(format!("{} and {more} more", first.join(", "))),
    }
}

/// The file is named and isn't there; `whence` says where it was looked for (`on branch main`).
#[must_use]
pub fn missing(path: &str, whence: &str, application: &ApplicationName) -> Problem {
    let message =
        format!("does not exist {whence}; add the file, or correct `files` of {application} in gantry.yaml");
    at(path, None, None, message)
}

/// What stands at a path and is never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoFile {
    /// A symlink.
    Symlink,
    /// A submodule.
    Submodule,
    /// A pointer of Git LFS.
    LfsPointer,
}

impl std::fmt::Display for NoFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Symlink => "symlink",
            Self::Submodule => "submodule",
            Self::LfsPointer => "Git LFS pointer",
        })
    }
}

/// The file is one of the things that Gantry never writes.
#[must_use]
pub fn not_a_file(path: &str, what: NoFile) -> Problem {
    let mend = match what {
        NoFile::Symlink => "name the real file",
        NoFile::Submodule => "name a file of this repository",
        NoFile::LfsPointer => "take the file out of LFS",
    };
    at(path, None, None, format!("is a {what}, which Gantry never writes; {mend}"))
}

/// The same of a file that `config` would promote, which may be kept instead.
#[must_use]
pub fn not_promoted(path: &str, kind: NoFile) -> Problem {
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
        let other = look("images:\n- name: shop\n  newTag: '1'\n- name: b\n").unwrap_err();
        assert!(other.contains("names no image r.io/shop, only b, shop; add it"), "{other}");
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
