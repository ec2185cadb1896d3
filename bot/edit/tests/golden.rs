//! Golden folders: `tests/cases/edit/<kind>/<name>/` holds `before.yaml`, `edit.txt` and either `after.yaml`
//! (the same bytes as before in a "leave" case) or `refuse.txt` (the refusal, word for word).
//!
//! A line of `edit.txt` is one change: the image, then any of `tag=`, `digest=` (`-` removes, `A`, `B` and `C`
//! stand for digests of that digit) and `name=`.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use gantry_edit::{Change, Edited, Kind, Refusal, SetDigest, read, set};

fn cases(kind: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/edit").join(kind);
    let mut cases: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn long(digest: &str) -> String {
    match digest {
        "A" | "B" | "C" => format!("sha256:{}", digest.to_lowercase().repeat(64)),
        other => other.to_owned(),
    }
}

fn run(before: &[u8], edit: &str) -> Result<Edited, Refusal> {
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
            Change { image, new_name: *name, tag: *tag, digest }
        })
        .collect();
    set(Kind::Kustomization, before, &changes)
}

#[test]
fn every_golden_folder_holds() {
    let (mut edited, mut left, mut refused) = (0, 0, 0);
    let mut wrong = Vec::new();
    for case in cases("kustomization") {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let before = fs::read(case.join("before.yaml")).unwrap();
        let edit = fs::read_to_string(case.join("edit.txt")).unwrap();
        let result = run(&before, &edit);
        if let Ok(text) = fs::read_to_string(case.join("refuse.txt")) {
            refused += 1;
            match result {
                Err(refusal) if refusal.to_string() == text.trim_end() => {}
                other => wrong.push(format!("{name}: wanted {text}{other:?}")),
            }
            continue;
        }
        let after = fs::read(case.join("after.yaml")).unwrap();
        match result {
            Err(refusal) => wrong.push(format!("{name}: {refusal}")),
            Ok(result) if result.bytes != after => {
                wrong.push(format!("{name}: got\n{}", String::from_utf8_lossy(&result.bytes)));
            }
            Ok(result) => {
                assert_eq!(result.changed, before != after, "{name}");
                assert_eq!(result.changed, !result.edits.is_empty(), "{name}");
                assert!(read(Kind::Kustomization, &after).is_ok(), "{name}");
                let again = run(&after, &edit).unwrap();
                assert!(!again.changed && again.bytes == after, "{name}: not idempotent");
                if result.changed { edited += 1 } else { left += 1 }
            }
        }
    }
    println!("golden: {edited} edited, {left} left alone, {refused} refused");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(edited + left + refused >= 60 && left >= 3 && refused >= 20);
}

#[test]
fn an_edit_names_what_changed_and_on_which_line_of_the_new_file() {
    let before = b"images:\n- digest: sha256:00\n  name: a\n- name: b # c\n  newTag: '1'\n";
    let result = run(before, "a tag=2 digest=-\nb tag=3 digest=A").unwrap();
    let edits: Vec<_> = result
        .edits
        .iter()
        .map(|edit| (edit.line, edit.key.as_str(), edit.before.as_deref(), edit.after.as_deref()))
        .collect();
    let digest = long("A");
    assert_eq!(
        edits,
        [
            (2, "digest", Some("sha256:00"), None),
            (3, "newTag", None, Some("2")),
            (5, "newTag", Some("1"), Some("3")),
            (6, "digest", None, Some(digest.as_str())),
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
    let found = read(Kind::Kustomization, &bytes).unwrap();
    assert_eq!((found[0].image.as_str(), found[0].name.as_str()), ("r.io/a", "a"));
    assert_eq!((found[0].line, found[0].column), (3, 3));
    let tag = found[0].tag.as_ref().unwrap();
    assert_eq!((tag.value.as_str(), tag.line, tag.column), ("x", 5, 11));
    assert_eq!(&bytes[tag.bytes.clone().unwrap()], b"x@sha256:0a");
    assert_eq!(found[0].digest.as_ref().unwrap().value, "sha256:0a");
    assert!(found[1].tag.is_none() && found[1].digest.is_none());
    assert!(read(Kind::Kustomization, b"").unwrap().is_empty());
    assert!(read(Kind::Kustomization, b"images:\n").unwrap().is_empty());
}
