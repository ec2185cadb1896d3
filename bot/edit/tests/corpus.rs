//! Every kustomization in a folder of real repositories, named by `GANTRY_CORPUS`; skipped with a printed
//! line where it is not set.
//!
//! For each entry of `images`: a new tag changes only that value's bytes, reads back, is idempotent, and the
//! old tag gives the original bytes again; likewise a digest that is added and taken out.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gantry_edit::{Change, Kind, SetDigest, Target, check, read, set, syntax::Tree};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

#[derive(Default, Debug)]
struct Counts {
    files: usize,
    entries: usize,
    tag_replaced: usize,
    tag_added: usize,
    digest_added_and_removed: usize,
    digest_replaced: usize,
    refused: BTreeMap<String, usize>,
}

const DIGEST: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

#[test]
fn every_kustomization_of_the_corpus_is_edited_and_restored() {
    let Some(folder) = std::env::var_os("GANTRY_CORPUS") else {
        println!("skipped: GANTRY_CORPUS names no folder of real repositories");
        return;
    };
    let mut paths = Vec::new();
    files(Path::new(&folder), &mut paths);
    let mut counts = Counts::default();
    for path in paths.iter().filter(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().to_lowercase().starts_with("kustomization"))
    }) {
        counts.files += 1;
        let bytes = std::fs::read(path).unwrap();
        if let Err(refusal) = edit_all(&bytes, &mut counts) {
            println!("refused: {}: {refusal}", path.display());
            let reason = format!("{:?}", refusal.reason);
            let name = reason.split([' ', '{', '(']).next().unwrap_or_default().to_owned();
            *counts.refused.entry(name).or_default() += 1;
        }
    }
    println!("kustomizations: {counts:#?}");
    assert!(counts.entries > 0, "no images entry in the corpus");
}

fn edit_all(bytes: &[u8], counts: &mut Counts) -> Result<(), gantry_edit::Refusal> {
    for reference in read(&Target::of(Kind::Kustomization), bytes)? {
        counts.entries += 1;
        let keep = Change { image: &reference.image, new_name: None, tag: None, digest: SetDigest::Keep };
        let new = Change { tag: Some("9.9.9-gantry"), ..keep };
        let edited = set(&Target::of(Kind::Kustomization), bytes, &[new])?;
        assert!(edited.changed && edited.edits.len() == 1);
        assert!(!set(&Target::of(Kind::Kustomization), &edited.bytes, &[new])?.changed, "not idempotent");
        common::assert_differ_in(bytes, &edited.bytes, "9.9.9-gantry");
        let seen = read(&Target::of(Kind::Kustomization), &edited.bytes)?;
        let seen = seen.iter().find(|other| other.line == reference.line).unwrap();
        assert_eq!(seen.tag.as_ref().unwrap().value, "9.9.9-gantry");
        match reference.tag.as_ref().map(|tag| (tag, tag.bytes.clone().unwrap())) {
            Some((tag, range)) => {
                counts.tag_replaced += 1;
                let tail = edited.bytes.len() - (bytes.len() - range.end);
                assert_eq!(edited.bytes[..range.start], bytes[..range.start]);
                assert_eq!(edited.bytes[tail..], bytes[range.end..]);
                let restored = set(
                    &Target::of(Kind::Kustomization),
                    &edited.bytes,
                    &[Change { tag: Some(&tag.value), ..keep }],
                )?;
                assert_eq!(restored.bytes, bytes, "the old tag does not give the old bytes");
            }
            None => counts.tag_added += 1,
        }
        let pinned = set(
            &Target::of(Kind::Kustomization),
            bytes,
            &[Change { digest: SetDigest::Set(DIGEST), ..keep }],
        )?;
        let free = set(
            &Target::of(Kind::Kustomization),
            &pinned.bytes,
            &[Change { digest: SetDigest::Remove, ..keep }],
        )?;
        match &reference.digest {
            None => {
                counts.digest_added_and_removed += 1;
                assert_eq!(free.bytes, bytes, "a digest added and removed leaves something");
            }
            Some(_) => counts.digest_replaced += 1,
        }
    }
    Ok(())
}

#[test]
fn the_tree_of_every_yaml_file_of_the_corpus_knows_its_bytes() {
    let Some(folder) = std::env::var_os("GANTRY_CORPUS") else {
        println!("skipped: GANTRY_CORPUS names no folder of real repositories");
        return;
    };
    let mut paths = Vec::new();
    files(Path::new(&folder), &mut paths);
    let (mut good, mut spans, mut refused) = (0, 0, BTreeMap::<String, usize>::new());
    let (mut most, mut deepest) = (0, 0);
    for path in &paths {
        let yaml = path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
        if !yaml {
            continue;
        }
        let bytes = std::fs::read(path).unwrap();
        match (Tree::parse(&bytes), check(&bytes)) {
            (Ok(tree), Ok(())) => {
                good += 1;
                let theirs = common::granit_scalars(tree.text()).unwrap();
                let ours = common::scalars(&tree);
                spans += common::assert_same_spans(tree.text(), &ours, &theirs);
                most = most.max(ours.len());
                let depth = tree.ids().map(|id| tree.node(id).depth).max();
                deepest = deepest.max(depth.unwrap_or_default());
            }
            (_, Err(refusal)) => {
                let key = format!("{:?}", refusal.reason);
                let key = key.split([' ', '{']).next().unwrap_or_default().to_owned();
                if key != "Template" {
                    println!("refused: {}: {refusal}", path.display());
                }
                *refused.entry(key).or_default() += 1;
            }
            (Err(refusal), Ok(())) => panic!("{refusal}"),
        }
    }
    println!("yaml files: {good} sound, {spans} spans agree with granit, refused {refused:?}");
    println!("most scalars {most}, deepest {deepest}");
}
