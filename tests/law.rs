//! The import law of `bot/ARCHITECTURE.md`: each room imports only from rooms to its right.

#[path = "law/circles.rs"]
mod circles;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The rooms from left to right; those of one row must not import each other.
const ROOMS: &[&[&str]] = &[
    &["cli"],
    &["demo"],
    &["serve"],
    &["http"],
    &["act"],
    &["observe"],
    &["place"],
    &["speak"],
    &["forge"],
    &["registry"],
    &["git"],
    &["store"],
    &["intake"],
    &["settings"],
    &["rejections"],
    &["seal"],
    &["clock", "random"],
];

fn rank(room: &str) -> Option<usize> {
    ROOMS.iter().position(|row| row.contains(&room))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The rooms that a file names: `crate::x`, and the names in `use crate::{x, y::z}`.
fn named(text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0_i32;
            let mut word = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => rooms.push(std::mem::take(&mut word)),
                    _ if depth == 0 => word.push(c),
                    _ => {}
                }
            }
            rooms.push(word);
        } else {
            rooms.push(rest.to_owned());
        }
    }
    let first = |path: &String| {
        path.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>()
    };
    rooms.iter().map(first).filter(|room| !room.is_empty()).collect()
}

#[test]
fn rooms_import_only_to_their_right() {
    let bot = Path::new(env!("CARGO_MANIFEST_DIR")).join("bot");
    let mut all = Vec::new();
    files(&bot, &mut all);
    let mut broken = Vec::new();
    let mut checked = 0;
    for file in all {
        let relative = file.strip_prefix(&bot).expect("below bot");
        let own =
            relative.iter().next().and_then(|part| part.to_str()).expect("a room").trim_end_matches(".rs");
        let Some(own_rank) = rank(own) else {
            assert!(["core", "edit", "lib", "main"].contains(&own), "{own} has no place in the import law");
            continue;
        };
        checked += 1;
        for room in named(&fs::read_to_string(&file).expect("text")) {
            match rank(&room) {
                Some(other) if room != own && other <= own_rank => {
                    broken.push(format!("{} imports {room}", relative.display()));
                }
                Some(_) => {}
                None => broken
                    .push(format!("{} imports {room}, which has no place in the law", relative.display())),
            }
        }
    }
    assert!(checked > 50, "the rooms were found");
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Circles that are being broken: no other, and no file more in one of them.
const CIRCLES: &[&[&str]] = &[
    &[
        "git/capture",
        "git/connect",
        "git/exchange",
        "git/helper",
        "git/http",
        "git/process",
        "git/remote",
        "git/reply",
        "git/sign",
        "git/wallet",
    ],
    &["git/lists", "git/mirror"],
    &["http/access", "http/problem", "http/server"],
    &[
        "http/api/applications",
        "http/page",
        "http/paging",
        "http/query",
        "http/route",
        "http/views",
        "http/views/history",
        "http/views/releases",
    ],
    &["store/keep", "store/sql"],
];

#[test]
fn no_file_imports_one_that_imports_it() {
    let bot = Path::new(env!("CARGO_MANIFEST_DIR")).join("bot");
    let mut found = circles::circles(&bot, "", &["core", "edit"]);
    found.extend(circles::circles(&bot.join("core"), "core/", &[]));
    found.extend(circles::circles(&bot.join("edit"), "edit/", &["tests", "fuzz"]));
    let known = |circle: &Vec<String>| {
        CIRCLES.iter().any(|known| circle.iter().all(|file| known.contains(&file.as_str())))
    };
    found.retain(|circle| !known(circle));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_leaf_crates_are_fenced() {
    for (krate, allowed) in [
        (
            "core",
            &[
                "hex",
                "jiff",
                "regex",
                "schemars",
                "semver",
                "serde",
                "serde_json",
                "sha2",
                "strsim",
                "thiserror",
                "yaml-rust2",
            ][..],
        ),
        ("edit", &["hcl-edit", "regex", "thiserror", "toml_edit", "yaml-rust2"][..]),
    ] {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("bot").join(krate).join("Cargo.toml");
        let text = fs::read_to_string(manifest).expect("a manifest");
        let dependencies =
            text.split("[dependencies]").nth(1).expect("dependencies").split("\n[").next().expect("text");
        for line in dependencies.lines().filter(|line| line.contains('=')) {
            let name = line.split('=').next().expect("a name").trim();
            assert!(allowed.contains(&name), "{krate} must not depend on {name}");
        }
    }
}
