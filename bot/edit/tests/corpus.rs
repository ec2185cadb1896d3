//! Every file of a folder of real repositories, named by `GANTRY_CORPUS`; skipped with a printed line where
//! it is not set.
//!
//! For each reference that `read` gives and does not call blocked: a new tag changes only that value's bytes,
//! reads back, is idempotent, and the old tag gives the original bytes again. A scan of lines that knows
//! nothing of the crate says what else looks like a reference: the list to look through for what is missed.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "common/folder.rs"]
mod folder;
#[path = "common/granit.rs"]
mod granit;
#[path = "common/outside.rs"]
mod outside;
#[path = "common/scan.rs"]
mod scan;
#[path = "common/spans.rs"]
mod spans;
#[path = "common/tally.rs"]
mod tally;

use std::collections::BTreeMap;
use std::ops::Range;

use folder::File;
use gantry_edit::{Change, Kind, Reason, Reference, Refusal, Target, check, detect, read, set, syntax::Tree};
use scan::Sight;
use tally::Tally;

const NEW: &str = "9.9.9-gantry";

#[test]
fn every_reference_of_the_corpus_is_edited_and_restored() {
    let Some(files) = folder::corpus() else { return };
    let mut tally = Tally::default();
    for file in &files {
        let text = String::from_utf8_lossy(&file.bytes);
        let Some(kind) = detect(&file.path, &file.bytes) else {
            let why =
                check(&file.bytes).err().map_or_else(|| "no known name".to_owned(), |r| name(&r.reason));
            tally.count("(no kind)", format!("files: {why}"));
            tally.missed(file, "(no kind)", &why, scan::scan(&text));
            continue;
        };
        tally.count(kind.name(), "files".to_owned());
        let references = match read(&Target::of(kind), &file.bytes) {
            Ok(references) => references,
            Err(refusal) => {
                tally.refused(file, kind.name(), &refusal);
                tally.missed(file, kind.name(), "file refused", scan::scan(&text));
                continue;
            }
        };
        for at in 0..references.len() {
            edit(file, kind, &references, at, &mut tally);
        }
        let unseen: Vec<Sight> =
            scan::scan(&text).into_iter().filter(|sight| !covered(sight, &references)).collect();
        tally.missed(file, kind.name(), "", unseen);
    }
    tally.print();
    assert!(tally.references > 0, "no reference in the corpus");
    assert!(tally.failures.is_empty(), "{} edits went wrong", tally.failures.len());
}

/// Whether one of the references stands where the scan saw something.
fn covered(sight: &Sight, references: &[Reference]) -> bool {
    references.iter().any(|reference| {
        let near = |value: &str| {
            let name = value.split('@').next().unwrap_or_default();
            let named =
                !name.is_empty() && (reference.image.ends_with(name) || reference.name.ends_with(name));
            named && reference.line <= sight.line && sight.line <= reference.line + 40
        };
        let here = |at: &Option<gantry_edit::Located>| at.as_ref().is_some_and(|at| at.line == sight.line);
        reference.line == sight.line || here(&reference.tag) || here(&reference.digest) || near(&sight.value)
    })
}

fn name(reason: &Reason) -> String {
    format!("{reason:?}").split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}

/// A new tag for one reference and the old one again.
fn edit(file: &File, kind: Kind, references: &[Reference], at: usize, tally: &mut Tally) {
    let reference = &references[at];
    tally.references += 1;
    tally.count(kind.name(), format!("references: {:?}", reference.what));
    if let Some(refusal) = &reference.blocked {
        tally.blocked(file, kind.name(), reference, refusal);
        return;
    }
    let image = if reference.image.is_empty() { "any" } else { &reference.image };
    let keyed = Target { key: Some(&reference.path), ..Target::of(kind) };
    let alone = attempt(&keyed, &file.bytes, image, NEW);
    let (target, edited) = match alone {
        Ok(bytes) => {
            tally.count(kind.name(), "edited alone".to_owned());
            (keyed, bytes)
        }
        Err(refusal) => {
            tally.not_alone(file, kind.name(), reference, &refusal);
            match attempt(&Target::of(kind), &file.bytes, image, NEW) {
                Ok(bytes) => {
                    tally.count(kind.name(), "edited together".to_owned());
                    (Target::of(kind), bytes)
                }
                Err(refusal) => return tally.unforeseen(file, kind.name(), reference, &refusal),
            }
        }
    };
    let done = sound(&target, file, references, at, &edited).and_then(|touched| {
        restored(&target, file, image, &edited, touched.iter().map(|at| &references[*at]))
    });
    match done {
        Ok(how) => tally.count(kind.name(), how.to_owned()),
        Err(what) => tally.failure(file, reference, what),
    }
}

fn attempt(target: &Target<'_>, bytes: &[u8], image: &str, tag: &str) -> Result<Vec<u8>, Refusal> {
    let change = Change { tag: Some(tag), ..Change::of(image) };
    let edited = set(target, bytes, &[change])?;
    Ok(edited.bytes)
}

/// Which references changed, if they are the ones that were meant and nothing else did.
fn sound(
    target: &Target<'_>,
    file: &File,
    references: &[Reference],
    at: usize,
    edited: &[u8],
) -> Result<Vec<usize>, String> {
    let after =
        read(&Target::of(target.kind), edited).map_err(|refusal| format!("not read again: {refusal}"))?;
    if after.len() != references.len() {
        return Err(format!("{} references became {}", references.len(), after.len()));
    }
    let tag = |reference: &Reference| reference.tag.as_ref().map(|tag| tag.value.clone());
    let mut touched = Vec::new();
    for (number, (old, new)) in references.iter().zip(&after).enumerate() {
        let same =
            (&old.image, &old.name, &old.path, old.what) == (&new.image, &new.name, &new.path, new.what);
        let digest = |reference: &Reference| reference.digest.as_ref().map(|digest| digest.value.clone());
        if !same || digest(old) != digest(new) {
            return Err(format!("`{}` became `{}` at `{}`", old.path, new.image, new.path));
        }
        if tag(old) != tag(new) {
            touched.push(number);
        }
    }
    if !touched.contains(&at) || touched.iter().any(|at| tag(&after[*at]).as_deref() != Some(NEW)) {
        return Err(format!("the new tags are {:?}", after.iter().map(tag).collect::<Vec<_>>()));
    }
    // Several references may share a value that an alias repeats or that a block holds.
    if target.key.is_some() && touched != [at] {
        let others: Vec<&str> = touched.iter().map(|at| &*references[*at].path).collect();
        return Err(format!("alone was meant and changed were {others:?}"));
    }
    let ranges = touched.iter().flat_map(|at| [&references[*at].tag, &references[*at].digest]);
    let mut ranges: Vec<Range<usize>> =
        ranges.flatten().filter_map(|located| located.bytes.clone()).collect();
    ranges.sort_by_key(|range| range.start);
    ranges.dedup();
    outside::differ_only_in(&file.bytes, edited, &ranges, NEW)?;
    // Another parser sees new values and added pairs alone.
    if let Some(before) = granit::values(&file.bytes) {
        let after = granit::values(edited).ok_or("granit-parser refuses the edited file")?;
        let mut old = before.iter().peekable();
        for value in &after {
            let same = old.peek() == Some(&value);
            if same || value.contains(NEW) && after.len() == before.len() {
                old.next();
            } else if !value.contains(NEW) && !["tag", "newTag", "version"].contains(&&**value) {
                return Err(format!("granit-parser sees a new value `{value}`"));
            }
        }
        if old.next().is_some() {
            return Err("granit-parser misses a value".to_owned());
        }
    }
    Ok(touched)
}

/// Whether the old tag gives the original bytes again, and the new one is written once.
fn restored<'r>(
    target: &Target<'_>,
    file: &File,
    image: &str,
    edited: &[u8],
    mut touched: impl Iterator<Item = &'r Reference>,
) -> Result<&'static str, String> {
    let again = attempt(target, edited, image, NEW).map_err(|refusal| format!("not set twice: {refusal}"))?;
    if again != edited {
        return Err("not idempotent".to_owned());
    }
    let Some(first) = touched.next() else { return Ok("restored: nothing was touched") };
    let Some(old) = &first.tag else { return Ok("restored: no, there was no tag before") };
    if touched.any(|other| other.tag.as_ref().map(|tag| &tag.value) != Some(&old.value)) {
        return Ok("restored: no, the old tags differ");
    }
    let bytes = match attempt(target, edited, image, &old.value) {
        Ok(bytes) => bytes,
        Err(Refusal { reason: Reason::InvalidValue { .. }, .. }) => {
            return Ok("restored: no, the old value is none that may be written");
        }
        Err(refusal) => return Err(format!("not set back: {refusal}")),
    };
    if bytes == file.bytes {
        return Ok("restored: byte for byte");
    }
    let unquoted = |bytes: &[u8]| bytes.iter().copied().filter(|b| *b != b'"').collect::<Vec<u8>>();
    match unquoted(&bytes) == unquoted(&file.bytes) {
        true => Ok("restored: but for quotes that keep its type"),
        false => Err(format!("`{}` does not give the old bytes", old.value)),
    }
}

#[test]
fn the_tree_of_every_yaml_file_of_the_corpus_knows_its_bytes() {
    let Some(files) = folder::corpus() else { return };
    let (mut good, mut spans, mut refused) = (0, 0, BTreeMap::<String, usize>::new());
    let (mut most, mut deepest) = (0, 0);
    for File { path, bytes } in &files {
        if !path.ends_with(".yaml") && !path.ends_with(".yml") {
            continue;
        }
        match (Tree::parse(bytes), check(bytes)) {
            (Ok(tree), Ok(())) => {
                good += 1;
                let theirs = granit::scalars(tree.text()).unwrap();
                let ours = spans::scalars(&tree);
                spans += spans::assert_same_spans(tree.text(), &ours, &theirs);
                most = most.max(ours.len());
                let depth = tree.ids().map(|id| tree.node(id).depth).max();
                deepest = deepest.max(depth.unwrap_or_default());
            }
            (_, Err(refusal)) => {
                let key = name(&refusal.reason);
                if key != "Template" {
                    println!("refused: {path}: {refusal}");
                }
                *refused.entry(key).or_default() += 1;
            }
            (Err(refusal), Ok(())) => panic!("{refusal}"),
        }
    }
    println!("yaml files: {good} sound, {spans} spans agree with granit, refused {refused:?}");
    println!("most scalars {most}, deepest {deepest}");
}
