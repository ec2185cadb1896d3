//! The targets: functions that panic where a promise of gantry-edit is broken. A new kind of file is one
//! line in [`TARGETS`] and a folder of seeds, and a file here only where neither [`whole`] nor [`keyed`] fits it.

mod kept;
mod keyed;
mod pattern;
mod whole;

use std::hash::{DefaultHasher, Hash, Hasher};

use gantry_edit::format::Format;
use gantry_edit::{Kind, Reason, Refusal};

/// Runs one input. What it returns tells kinds of outcome apart, so that the driver keeps inputs that reached
/// a new one; libFuzzer has no use for it.
pub type Target = fn(&[u8]) -> u64;

/// All targets by name; the seeds of one are in `seeds/<name>/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("kustomization", |data| whole::run(Kind::Kustomization, data)),
    ("helm-values", |data| whole::run(Kind::HelmValues, data)),
    ("manifest", |data| whole::run(Kind::Manifest, data)),
    ("chart", |data| whole::run(Kind::Chart, data)),
    ("compose", |data| whole::run(Kind::Compose, data)),
    ("argocd-source", |data| whole::run(Kind::ArgocdSource, data)),
    ("markers", |data| whole::run(Kind::Markers, data)),
    ("yaml", |data| whole::run_keyed(Kind::Yaml, data)),
    ("json", |data| whole::run_keyed(Kind::Json, data)),
    ("toml", |data| keyed::run(Format::Toml, data)),
    ("dotenv", |data| keyed::run(Format::Dotenv, data)),
    ("hcl", |data| keyed::run(Format::Hcl, data)),
    ("pattern", pattern::run),
    ("kept", kept::run),
];

/// The outcome of a refusal: its reason without lines, columns and text from the file.
fn refused(refusal: &Refusal) -> u64 {
    let words = match &refusal.reason {
        Reason::Invalid { message, .. } | Reason::Syntax { message } => message.as_str(),
        Reason::NotEditable { is, .. } => is,
        Reason::InvalidValue { rule, .. } => rule,
        _ => "",
    };
    let words: String = words.chars().filter(|c| !c.is_ascii_digit()).collect();
    outcome(&(std::mem::discriminant(&refusal.reason), refusal.line.is_some(), words))
}

fn outcome(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The bytes around the value are the same in both files.
fn same_around(before: &[u8], old: &std::ops::Range<usize>, after: &[u8], new: &std::ops::Range<usize>) {
    assert!(before[..old.start] == after[..new.start], "a byte before the value changed");
    assert!(before[old.end..] == after[new.end..], "a byte behind the value changed");
}

/// The first line of an input and the rest, which is the file.
fn first_line(data: &[u8]) -> Option<(&str, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&data[..end]).ok()?, &data[end + 1..]))
}
