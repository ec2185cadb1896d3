//! `gantry.yaml` comes from a repository that many people write to: whatever is in it, the parser answers
//! quickly, with errors that stand within the file, and never panics.

// Helpers of tests are tests to us, though not to the lint.
#![allow(clippy::unwrap_used)]

use std::{fmt::Write as _, time::Instant};

use gantry_core::config::{parse, types::Config};
use proptest::prelude::*;

const GOOD: &str = include_str!("../../../tests/cases/config/good-design.yaml");
const SELECTS: &str = include_str!("../../../tests/cases/config/good-selects.yaml");

/// Parses; checks that each error can be shown and stands within the text.
fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split('\n').count();
    for error in parse(bytes, "f").err().into_iter().flatten() {
        assert!((1..=lines).contains(&error.line), "{error}");
        let shown = error.to_string();
        assert!(shown.len() < 2000 && !shown.chars().any(char::is_control), "{shown:?}");
        assert!(error.hint.is_none_or(|hint| hint.len() < 2000 && !hint.chars().any(char::is_control)));
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&bytes);
    }

    #[test]
    fn random_yaml_never_panics(text in "([a-z]{1,3}: |- |\\[|\\]|\\{|\\}|&a |\\*a|'|\"|\\||>|#|\n|\n  |\n    |\t|é|~|!!x|---\n|, |\\? ){0,40}") {
        check(text.as_bytes());
    }

    /// A good config with a few bytes changed is either read or refused with a place.
    #[test]
    fn damaged_configs_never_panic(
        selects: bool,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..6),
    ) {
        let mut bytes = if selects { SELECTS } else { GOOD }.as_bytes().to_vec();
        for (index, kind, byte) in edits {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, b"{}[]:-#&*!|>'\"%@` \n\t,?~"[usize::from(byte) % 23]),
                _ => { bytes.remove(at); }
            }
        }
        check(&bytes);
    }

    /// Cutting the file anywhere never widens what it says: each part that remains is equal to the original.
    #[test]
    fn a_cut_file_is_an_error_or_a_prefix(at in any::<prop::sample::Index>()) {
        let cut = &GOOD[..at.index(GOOD.len())];
        if let (Ok(cut), Ok(whole)) = (parse(cut.as_bytes(), "f"), parse(GOOD.as_bytes(), "f")) {
            prop_assert_eq!(cut.config.environments, whole.config.environments);
            prop_assert!(cut.config.applications.len() <= whole.config.applications.len());
        }
    }
}

/// Found by the tests above: what is missing at the end was reported a line behind the end.
#[test]
fn errors_at_the_end_stand_within_the_file() {
    for text in ["{", "&a ", "a: [", "a: '", "-", "a:\n- b\n c", "version:"] {
        check(text.as_bytes());
    }
}

/// The types as another YAML crate reads and writes them: the same.
#[test]
fn another_yaml_crate_reads_the_same() {
    for text in [GOOD, SELECTS] {
        let ours = parse(text.as_bytes(), "f").unwrap().config;
        assert_eq!(serde_yaml::from_str::<Config>(text).unwrap(), ours);
        let written = serde_yaml::to_string(&ours).unwrap();
        assert_eq!(parse(written.as_bytes(), "f").unwrap().config, ours, "{written}");
    }
}

#[test]
fn an_alias_bomb_is_one_error() {
    let mut text =
        "version: 1\nenvironments: []\napplications:\n  - &a\n    images: [&x {image: a, select: {}}"
            .to_owned();
    text.push_str(&", *x".repeat(5000));
    text.push_str("]\n");
    text.push_str(&"  - *a\n".repeat(5000));
    let errors = parse(text.as_bytes(), "f").unwrap_err();
    assert_eq!(errors.len(), 1, "{}", errors[0]);
    assert!(errors[0].message.contains("aliases"), "{}", errors[0]);
}

/// Large and nasty files: refused or read, each in a time that a debug build on a busy machine keeps.
#[test]
fn large_files_are_bounded() {
    let large = 1 << 20;
    let mut files = vec![vec![b'a'; 100 << 20]];
    for unit in [
        "a", "a: ", "- ", "[", "{", "a\n", "- a\n", "? ", "'", "\"\\n", "|\n ", "#", "&a ", "*a ", "\n", "é",
        "[a,", "\"a\": ", "%",
    ] {
        let mut file = unit.repeat(large / unit.len());
        file.truncate(large);
        files.push(file.into_bytes());
    }
    let mut keys = String::new();
    for key in 0..400_000 {
        let _ = writeln!(keys, "k{key}:");
    }
    files.push(keys.into_bytes());
    for file in files {
        let start = Instant::now();
        check(&file);
        let shown = String::from_utf8_lossy(&file[..10]).into_owned();
        println!("{shown:?} {:?}", start.elapsed());
        assert!(start.elapsed().as_secs() < 60, "{shown:?} took {:?}", start.elapsed());
    }
}
