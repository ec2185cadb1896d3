//! The lines that edits and refusals name, of a file within a value too.

#![allow(clippy::unwrap_used)]

use gantry_edit::{Change, Kind, Target, read, set};

const CHANGE: Change<'_> = Change { tag: Some("v2"), ..Change::of("a/b") };

/// Patches in blocks, each with its own lines before the image: the image of the first is on line 9.
const PATCHES: &str = "\
patches:
- patch: |


    apiVersion: v1
    kind: Pod
    spec:
      containers:
      - image: a/b:v1
- patch: |
    apiVersion: v1
    kind: Pod
    spec:
      containers:
      - image: a/b:v1
";

#[test]
fn edits_in_a_block_are_on_their_lines_of_the_file() {
    let target = Target::of(Kind::Kustomization);
    for (text, wanted) in [
        (PATCHES.to_owned(), [9, 15]),
        (PATCHES.replace('\n', "\r\n"), [9, 15]),
        (PATCHES.replacen("patch: |\n\n", "patch:\n   # why\n    |-\n \n", 1), [11, 17]),
    ] {
        let edited = set(&target, text.as_bytes(), &[CHANGE]).unwrap();
        let lines: Vec<usize> = edited.edits.iter().map(|edit| edit.line).collect();
        assert_eq!(lines, wanted, "{text}");
        let read: Vec<usize> = read(&target, text.as_bytes()).unwrap().iter().map(|one| one.line).collect();
        assert_eq!(read, wanted, "{text}");
        let new = String::from_utf8(edited.bytes).unwrap();
        assert!(wanted.iter().all(|line| new.lines().nth(line - 1).unwrap().contains("a/b:v2")), "{new}");
    }
}

#[test]
fn a_refusal_names_lines_of_the_file_and_not_of_the_text_within() {
    let text = PATCHES.replacen("- image: a/b:v1\n", "- image: &x a/b:v1\n        command: [*x]\n", 1);
    let target = Target::of(Kind::Kustomization);
    let refused = set(&target, text.as_bytes(), &[CHANGE]).unwrap_err().to_string();
    assert!(
        refused.starts_with("line 9, column 9: `image` is anchored and repeated on line 10;"),
        "{refused}"
    );
    let blocked = read(&target, text.as_bytes()).unwrap()[0].blocked.clone();
    assert_eq!(blocked.unwrap().to_string(), refused);
}
