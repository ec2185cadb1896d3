//! `gantry.yaml` from bytes to pipeline, through the public API.
//!
//! `tests/cases/config/` holds a file per case: `<name>.yaml`, and beside it `<name>.errors` with the exact
//! text expected, where the config is bad. After a wanted change, `GANTRY_WRITE_CASES=1` writes the
//! `.errors` anew; read the difference before committing it.

// Helpers of tests are tests to us, though not to the lint.
#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf};

use gantry_core::config::{parse, schema};

fn cases() -> Vec<(String, PathBuf)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases/config"));
    let mut cases: Vec<(String, PathBuf)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path))
        .collect();
    cases.sort();
    cases
}

/// What `gantry check` would say, or nothing.
fn errors_of(bytes: &[u8]) -> String {
    let mut text = String::new();
    for error in parse(bytes, "gantry.yaml").err().into_iter().flatten() {
        text.push_str(&format!("{error}\n"));
        if let Some(hint) = error.hint {
            text.push_str(&format!("  hint: {hint}\n"));
        }
    }
    text
}

#[test]
fn every_case_gives_exactly_its_errors() {
    let cases = cases();
    let (mut good, mut bad, mut wrong) = (0, 0, Vec::new());
    for (name, path) in &cases {
        let golden = path.with_extension("errors");
        let found = errors_of(&fs::read(path).unwrap());
        if std::env::var_os("GANTRY_WRITE_CASES").is_some() && !name.starts_with("good-") {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if name.starts_with("good-") == expected.is_empty() && found == expected {
            *(if expected.is_empty() { &mut good } else { &mut bad }) += 1;
        } else {
            wrong.push(format!("--- {name}: expected\n{expected}--- found\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(good >= 5 && bad >= 40, "{good} good and {bad} bad cases");
}

/// Every error stands where a person can go to: within the file, at a character that is there.
#[test]
fn every_error_stands_within_its_file() {
    for (name, path) in cases() {
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for error in parse(&bytes, "f").err().into_iter().flatten() {
            let lines: Vec<&str> = text.split('\n').collect();
            assert!((1..=lines.len()).contains(&error.line), "{name}: {error}");
            assert!(error.column <= lines[error.line - 1].chars().count() + 1, "{name}: {error}");
        }
    }
}

fn json(text: &str) -> serde_json::Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn the_schema_takes_what_the_parser_takes() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert_eq!(schema["$id"], "/schema/gantry.v1.json");
    for (name, path) in cases().into_iter().filter(|(name, _)| name.starts_with("good-")) {
        let text = fs::read_to_string(path).unwrap();
        if text.contains(": 1.10") {
            continue; // text for Gantry, a number for an editor, which is right to warn
        }
        let errors: Vec<String> =
            validator.iter_errors(&json(&text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn the_schema_refuses_wrong_shapes() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let good = include_str!("../../../tests/cases/config/good-design.yaml");
    assert!(validator.is_valid(&json(good)));
    for (from, to) in [
        ("version: 1", "version: 2"),
        ("version: 1", "versoin: 1"),
        ("- soak: 10m", "- soka: 10m"),
        ("- soak: 10m", "- {soak: 10m, checks: [ci]}"),
        ("- soak: 10m", "- {}"),
        ("- soak: 10m", "- soak: 10"),
        ("merge: auto", "merge: always"),
        ("merge: auto", "merge:"),
        ("after: [dev]", "after: dev"),
        ("- name: dev", "- nam: dev"),
        ("semver: \">=1.0.0\"", "semver: \">=1.0.0\", newest: true"),
        ("semver: \">=1.0.0\"", "newest: false"),
        ("semver: \">=1.0.0\"", ""),
        ("- name: checkout", "- name: checkout\n    discover: x"),
        ("files: apps/checkout/overlays/{environment}/kustomization.yaml", "files: {kind: yaml}"),
        ("files: apps/checkout/overlays/{environment}/kustomization.yaml", "files: [{path: a, kind: helm}]"),
        ("files: apps/checkout/overlays/{environment}/kustomization.yaml", "files: [{path: a, kye: b}]"),
        ("write: tag-and-digest", "write: both"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(!validator.is_valid(&json(&bad)), "{to} should be refused by the schema");
        assert!(parse(bad.as_bytes(), "f").is_err(), "{to} should be refused by the parser");
    }
}
