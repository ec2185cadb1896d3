//! Golden folders: `tests/cases/edit/<kind>/<name>/` holds `before.*`, `edit.txt` and either `after.*` (the
//! same bytes as before in a "leave" case) or `refuse.txt` (the refusal, word for word). `read.txt`, if it is
//! there, lists the references of `before`; `target.txt` may hold the lines `key=PATH`, `image=NAME`, `follow`.
//!
//! A line of `edit.txt` is one change: the image, then any of `tag=`, `digest=` (`-` removes, `A`, `B` and `C`
//! stand for digests of that digit) and `name=`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gantry_edit::{Change, Edited, Kind, Located, Reference, Refusal, SetDigest, Target, read, set};

/// A golden folder.
struct Case {
    name: String,
    kind: Kind,
    folder: PathBuf,
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/edit");
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut cases = Vec::new();
    for kind in folders(&root).into_iter().filter(|path| path.is_dir()) {
        for folder in folders(&kind) {
            let case = format!("{}/{}", name(&kind), name(&folder));
            cases.push(Case { name: case, kind: name(&kind).parse().unwrap(), folder });
        }
    }
    cases
}

impl Case {
    /// The bytes of `before` or `after`, whatever its extension.
    fn file(&self, stem: &str) -> Option<Vec<u8>> {
        let found = folders(&self.folder);
        let path = found.iter().find(|path| path.file_stem().is_some_and(|name| name == stem))?;
        Some(fs::read(path).unwrap())
    }

    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    fn with_target<T>(&self, work: impl FnOnce(&Target) -> T) -> T {
        let text = self.text("target.txt").unwrap_or_default();
        let mut target = Target::of(self.kind);
        for line in text.lines() {
            match line.split_once('=') {
                Some(("key", key)) => target.key = Some(key),
                Some(("image", image)) => target.image = Some(image),
                None if line == "follow" => target.follow = true,
                other => panic!("{other:?} in target.txt"),
            }
        }
        work(&target)
    }
}

/// A line for each reference: where, what, its parts and its key path.
fn listing(references: &[Reference]) -> String {
    let mut text = String::new();
    for reference in references {
        let part = |part: &Option<Located>| part.as_ref().map_or("-".to_owned(), |part| part.value.clone());
        let Reference { what, image, path, line, column, .. } = reference;
        let (tag, digest) = (part(&reference.tag), part(&reference.digest));
        text += &format!("{line}:{column} {what:?} {image} {tag} {digest} {path}");
        if let Some(refusal) = &reference.blocked {
            text += &format!(" ! {refusal}");
        }
        text.push('\n');
    }
    text
}

fn long(digest: &str) -> String {
    match digest {
        "A" | "B" | "C" => format!("sha256:{}", digest.to_lowercase().repeat(64)),
        other => other.to_owned(),
    }
}

fn run(target: &Target<'_>, before: &[u8], edit: &str) -> Result<Edited, Refusal> {
    let parsed: Vec<_> = edit
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            let image = words.next().unwrap();
            let (mut digest, mut tag, mut name) = (None, None, None);
            for word in words {
                match word.split_once('=').unwrap() {
                    ("tag", value) => tag = Some(value),
                    ("name", value) => name = Some(value),
                    ("digest", value) => digest = Some(long(value)),
                    other => panic!("{other:?} in edit.txt"),
                }
            }
            (image, digest, tag, name)
        })
        .collect();
    let changes: Vec<Change> = parsed
        .iter()
        .map(|(image, digest, tag, name)| {
            let digest = match digest.as_deref() {
                None => SetDigest::Keep,
                Some("-") => SetDigest::Remove,
                Some(digest) => SetDigest::Set(digest),
            };
            Change { new_name: *name, tag: *tag, digest, ..Change::of(image) }
        })
        .collect();
    set(target, before, &changes)
}

#[test]
fn every_golden_folder_holds() {
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in cases() {
        let counts = counts.entry(case.kind.name()).or_default();
        if let Err(error) = case.with_target(|target| hold(&case, target, counts)) {
            wrong.push(format!("{}: {error}", case.name));
        }
    }
    let mut all = [0; 3];
    for (kind, [edited, left, refused]) in &counts {
        println!("{kind}: {edited} edited, {left} left alone, {refused} refused");
        all = [all[0] + edited, all[1] + left, all[2] + refused];
        assert!(*left > 0, "{kind} has no case that is left alone");
    }
    println!("{all:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all.iter().sum::<usize>() >= 100);
}

fn hold(case: &Case, target: &Target<'_>, counts: &mut [usize; 3]) -> Result<(), String> {
    let before = case.file("before").unwrap();
    if let Some(wanted) = case.text("read.txt") {
        let listed = read(target, &before).map_or_else(|refusal| format!("{refusal}\n"), |all| listing(&all));
        if listed != wanted {
            return Err(format!("read\n{listed}wanted\n{wanted}"));
        }
    }
    let Some(edit) = case.text("edit.txt") else {
        // Only read.
        counts[1] += 1;
        return Ok(());
    };
    let result = run(target, &before, &edit);
    if let Some(text) = case.text("refuse.txt") {
        counts[2] += 1;
        return match result {
            Err(refusal) if refusal.to_string() == text.trim_end() => Ok(()),
            Err(refusal) => Err(format!("wanted {text}got {refusal}")),
            Ok(edited) => Err(format!("wanted {text}got\n{}", String::from_utf8_lossy(&edited.bytes))),
        };
    }
    let after = case.file("after").unwrap();
    let result = result.map_err(|refusal| refusal.to_string())?;
    if result.bytes != after {
        return Err(format!("got\n{}", String::from_utf8_lossy(&result.bytes)));
    }
    assert_eq!(result.changed, before != after, "{}", case.name);
    assert_eq!(result.changed, !result.edits.is_empty(), "{}", case.name);
    assert!(read(target, &after).is_ok(), "{}", case.name);
    let again = run(target, &after, &edit).map_err(|refusal| refusal.to_string())?;
    if again.changed || again.bytes != after {
        return Err("not idempotent".to_owned());
    }
    counts[usize::from(!result.changed)] += 1;
    Ok(())
}

#[test]
fn an_edit_names_what_changed_and_on_which_line_of_the_new_file() {
    let before = b"images:\n- digest: sha256:00\n  name: a\n- name: b # c\n  newTag: '1'\n";
    let target = Target::of(Kind::Kustomization);
    let result = run(&target, before, "a tag=2 digest=-\nb tag=3 digest=A").unwrap();
    let edits: Vec<_> = result
        .edits
        .iter()
        .map(|edit| (edit.line, edit.key.as_str(), edit.before.as_deref(), edit.after.as_deref()))
        .collect();
    let digest = long("A");
    assert_eq!(
        edits,
        [
            (2, "images[0].digest", Some("sha256:00"), None),
            (3, "images[0].newTag", None, Some("2")),
            (5, "images[1].newTag", Some("1"), Some("3")),
            (6, "images[1].digest", None, Some(digest.as_str())),
        ]
    );
    assert_eq!(
        String::from_utf8(result.bytes).unwrap(),
        format!("images:\n- name: a\n  newTag: \"2\"\n- name: b # c\n  newTag: '3'\n  digest: '{digest}'\n")
    );
}

#[test]
fn read_gives_effective_names_and_places() {
    let file =
        "# é\nimages:\n- name: a\n  newName: r.io/a\n  newTag: x@sha256:0a # t\n- {name: b, digest: \"\"}\n";
    let bytes = [b"\xef\xbb\xbf", file.as_bytes()].concat();
    let found = read(&Target::of(Kind::Kustomization), &bytes).unwrap();
    assert_eq!((found[0].image.as_str(), found[0].name.as_str()), ("r.io/a", "a"));
    assert_eq!((found[0].line, found[0].column), (3, 3));
    let tag = found[0].tag.as_ref().unwrap();
    assert_eq!((tag.value.as_str(), tag.line, tag.column), ("x", 5, 11));
    assert_eq!(&bytes[tag.bytes.clone().unwrap()], b"x@sha256:0a");
    assert_eq!(found[0].digest.as_ref().unwrap().value, "sha256:0a");
    assert!(found[1].tag.is_none() && found[1].digest.is_none());
    assert!(read(&Target::of(Kind::Kustomization), b"").unwrap().is_empty());
    assert!(read(&Target::of(Kind::Kustomization), b"images:\n").unwrap().is_empty());
}
