//! The targets: functions that panic where a promise of gantry-edit is broken. A new kind of file is one file
//! here, one line in [`TARGETS`], and a folder of seeds.

mod dotenv;
mod hcl;
mod keyed;
mod kustomization;
mod pattern;
mod toml;

use std::hash::{DefaultHasher, Hash, Hasher};

use gantry_edit::{Reason, Refusal};

/// Runs one input. What it returns tells kinds of outcome apart, so that the driver keeps inputs that reached
/// a new one; libFuzzer has no use for it.
pub type Target = fn(&[u8]) -> u64;

/// All targets by name; the seeds of one are in `seeds/<name>/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("kustomization", kustomization::run),
    ("toml", toml::run),
    ("dotenv", dotenv::run),
    ("hcl", hcl::run),
    ("pattern", pattern::run),
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
