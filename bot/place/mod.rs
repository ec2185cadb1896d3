//! What the files of one application in one environment hold, from their bytes.
//!
//! Pure, and read the same way by the server (from Git) and by `gantry check` (from a folder), so that what
//! the one finds wrong is what the other warned of. An image may be named several times in an application's
//! files of an environment, by an init container and by the main one, and then in one version: not found, or
//! found in two versions, is a problem of that place alone, told with file and line.

mod held;
mod kept;
mod refs;

pub use self::{
    held::{Contents, find, is_of, repository},
    kept::{content, taken_over},
    refs::{Revision, refs},
};

use std::collections::BTreeSet;

use gantry_core::{
    config::{
        kinds::FileKind,
        pipeline::{Application, FileEntry, Image},
        types::Write,
    },
    ids::{ApplicationName, EntryName, ImageName},
    reason::{Owner, Problem},
};
use gantry_edit::{Change, Kind, Reason, Reference, Refusal, SetDigest, Target, What};

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
        create: entry.create,
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

/// Every reference in the bytes of the file of an entry. A file that only a pattern takes in may have none, and be
/// of a kind that has none.
///
/// # Errors
/// As [`target`]; or the editor refuses the file.
pub fn references(
    application: &Application,
    entry: &FileEntry,
    bytes: &[u8],
) -> Result<Vec<Reference>, Problem> {
    let target = match target(entry, bytes) {
        Err(_) if entry.by_pattern && untold(&entry.path, bytes).is_none() => return Ok(Vec::new()),
        target => target?,
    };
    gantry_edit::read(&target, bytes).or_else(|refusal| match refusal.reason {
        Reason::NoSuchKey { .. } if entry.by_pattern => Ok(Vec::new()),
        Reason::NoSuchKey { .. } => Err(no_key(application, entry, &refusal)),
        _ => Err(refused(&entry.path, &refusal)),
    })
}

/// The names of the images in a file, each once; none where it can't be read.
#[must_use]
pub fn image_names(entry: &FileEntry, bytes: &[u8]) -> Vec<String> {
    let Ok(target) = target(entry, bytes) else { return Vec::new() };
    let references = gantry_edit::read(&target, bytes).unwrap_or_default();
    let images = references.into_iter().filter(|reference| reference.what == What::Image);
    let names: BTreeSet<String> = images.map(|reference| reference.image).collect();
    names.into_iter().collect()
}

/// The key of an entry is not in its file: where the value may come from.
fn no_key(application: &Application, entry: &FileEntry, refusal: &Refusal) -> Problem {
    let mut problem = refused(&entry.path, refusal);
    let laid_under = application.files.values().flatten().find(|other| {
        (&other.key, &other.image) == (&entry.key, &entry.image) && other.path != entry.path && !other.create
    });
    if let Some(other) = laid_under {
        problem.message = format!(
            "{}; if this file lies over {}, the value comes from there: write one of its own here, or let Gantry \
             add it with `create: key` in gantry.yaml",
            problem.message, other.path
        );
    }
    problem
}

/// What is written for `image`, by its `write`, to make it `tag` at `digest`.
#[must_use]
pub fn change<'c>(image: &'c Image, tag: &'c str, digest: &'c str) -> Change<'c> {
    let (tag, digest) = match image.write {
        Write::Tag => (Some(tag), SetDigest::Remove),
        Write::Digest => (None, SetDigest::Set(digest)),
        Write::TagAndDigest => (Some(tag), SetDigest::Set(digest)),
    };
    let entry = image.entry.as_ref().map(EntryName::as_str);
    Change { entry, tag, digest, ..Change::of(image.image.as_str()) }
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
    if references.is_empty() {
        return Ok(());
    }
    let target = target(entry, bytes)?;
    for image in &application.images {
        let Some(here) = references.iter().find(|reference| is_of(reference, image)) else { continue };
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

/// The file is named and isn't there; `whence` says where it was looked for (`on branch main`).
#[must_use]
pub fn missing(path: &str, whence: &str, application: &ApplicationName) -> Problem {
    let what = if path.contains('*') { "matches no file" } else { "does not exist" };
    let message =
        format!("{what} {whence}; add the file, or correct `files` of {application} in gantry.yaml");
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
    use gantry_core::facts::Held;

    use super::*;

    const PATH: &str = "a/kustomization.yaml";

    /// An application with these keys beside its name and files.
    fn application(rest: &str) -> Application {
        let text = format!(
            "version: 1\nenvironments: [{{name: dev, delivery: commit}}]\napplications:\n- name: shop\n  files: a\n{rest}"
        );
        let parsed = gantry_core::config::parse(text.as_bytes(), "f").unwrap();
        let pipeline = parsed.pipeline(&"main".parse().unwrap(), &Default::default()).unwrap();
        pipeline.applications.into_values().next().unwrap()
    }

    fn shop() -> Application {
        application("  images: [{image: r.io/shop, select: {semver: '*'}}]\n")
    }

    fn contents(application: &Application, files: &[(FileEntry, &str)]) -> Result<Contents, String> {
        let mut all = Vec::new();
        for (entry, text) in files {
            let found =
                references(application, entry, text.as_bytes()).map_err(|problem| problem.to_string())?;
            all.push((entry, found));
        }
        find(application, &all).map_err(|problem| problem.to_string())
    }

    fn look(text: &str) -> Result<Held, String> {
        let contents = contents(&shop(), &[(FileEntry::of_path(PATH), text)])?;
        Ok(contents.held.into_iter().next().unwrap())
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
        assert!(references(&shop(), &FileEntry::of_path("a.txt"), b"a: 1").is_err());
        let error = references(&shop(), &FileEntry::of_path("a.toml"), b"a = '1'").unwrap_err().to_string();
        assert!(error.contains("say `key`"), "{error}");
        let entry = FileEntry {
            key: Some(String::from("a")),
            image: "r.io/shop".parse().ok(),
            ..FileEntry::of_path("a.toml")
        };
        let found = references(&shop(), &entry, b"a = '1'").unwrap();
        assert_eq!((found[0].image.as_str(), found[0].path.as_str()), ("r.io/shop", "a"));
    }

    #[test]
    fn an_entry_that_is_told_is_the_only_one() {
        let text = "images:\n- {name: app-a, newName: r.io/shop, newTag: '1'}\n- {name: app-b, newName: r.io/shop, newTag: '2'}\n";
        let entry = || FileEntry::of_path(PATH);
        assert!(look(text).unwrap_err().contains("make them the same"));
        let both = "  images:\n  - {image: r.io/shop, entry: app-a, select: {semver: '*'}}\n  - {image: r.io/shop, entry: app-b, select: {newest: true}}\n";
        let found = contents(&application(both), &[(entry(), text)]).unwrap();
        assert_eq!(found.held.iter().map(Held::version).collect::<Vec<_>>(), ["1", "2"]);
        let other = "  images: [{image: r.io/shop, entry: app-c, select: {semver: '*'}}]\n";
        let error = contents(&application(other), &[(entry(), text)]).unwrap_err();
        assert!(error.contains("names no image r.io/shop (entry app-c), only r.io/shop"), "{error}");
    }

    #[test]
    fn a_file_that_a_pattern_takes_in_may_be_behind() {
        let file = |path: &str| FileEntry { by_pattern: true, ..FileEntry::of_path(path) };
        let text = |tag: &str| format!("images: [{{name: r.io/shop, newTag: '{tag}'}}]\n");
        let (one, two) = (text("1"), text("2"));
        let files = [
            (file("a/k/kustomization.yaml"), two.as_str()),
            (file("b/k/kustomization.yaml"), &one),
            (file("c/k/kustomization.yaml"), &one),
            (file("d/README.md"), "no file with images"),
            (file("e/kustomization.yaml"), "images: []\n"),
        ];
        let found = contents(&shop(), &files).unwrap();
        assert_eq!((found.held[0].version().as_str(), found.notes.len()), ("1", 1));
        let note = found.notes[0].to_string();
        assert!(
            note.starts_with("a/k/kustomization.yaml:1:") && note.contains("holds 2 of image r.io/shop"),
            "{note}"
        );
        let named = [(FileEntry::of_path(PATH), two.as_str()), (file("b/kustomization.yaml"), &one)];
        assert_eq!(contents(&shop(), &named).unwrap().held[0].version(), "2", "a file that is named counts");
        assert!(contents(&shop(), &[(file("x.yaml"), "a: [")]).is_err(), "it might hold one");
    }

    #[test]
    fn git_references_are_held_with_their_image() {
        let rule = "  images: [{image: r.io/shop, select: {semver: '*'}}]\n  refs: [{url: 'https://git.example.com/Org/shop.git', follows: r.io/shop}]\n";
        let text = |one: &str, two: &str| {
            format!(
                "resources:\n- https://git.example.com/Org/shop/a?ref={one}\n- https://git.example.com/Org/shop/b?ref={two}\nimages: [{{name: r.io/shop, newTag: '1'}}]\n"
            )
        };
        let held = |text: &str| {
            let found = contents(&application(rule), &[(FileEntry::of_path(PATH), text)]).unwrap();
            found.held[0].refs.iter().map(|held| held.revision.clone()).collect::<Vec<_>>()
        };
        assert_eq!(held(&text("abc", "abc")), [Some("abc".to_owned())]);
        assert_eq!(held(&text("abc", "def")), [None], "they differ");
        assert_eq!(held("images: [{name: r.io/shop, newTag: '1'}]\n"), []);
    }

    #[test]
    fn the_value_of_a_missing_key_comes_from_somewhere() {
        let mut shop = shop();
        let entry =
            |path: &str| FileEntry { key: Some("app.version".to_owned()), ..FileEntry::of_path(path) };
        let base = entry("values.yaml");
        shop.files.insert("dev".parse().unwrap(), vec![base]);
        let error = contents(&shop, &[(entry("values-qa.yaml"), "app: {replicas: 1}\n")]).unwrap_err();
        assert!(error.contains("lies over values.yaml") && error.contains("create: key"), "{error}");
        let create = FileEntry { create: true, ..entry("values-qa.yaml") };
        let create = FileEntry { image: "r.io/shop".parse().ok(), ..create };
        let found = contents(&shop, &[(create, "app: {replicas: 1}\n")]).unwrap();
        assert_eq!(found.held[0].version(), "none");
    }
}
