//! Counts and examples of a run over a corpus, printed for people.

use std::collections::BTreeMap;

use gantry_edit::{Reference, Refusal};

use crate::folder::File;
use crate::scan::Sight;

/// How many examples of a group are kept.
const EXAMPLES: usize = 8;

/// What was seen.
#[derive(Default)]
pub(crate) struct Tally {
    /// All references of all files.
    pub(crate) references: usize,
    /// Edits that went wrong, in full.
    pub(crate) failures: Vec<String>,
    counts: BTreeMap<(String, String), usize>,
    groups: BTreeMap<String, (usize, Vec<String>)>,
}

impl Tally {
    pub(crate) fn count(&mut self, kind: &str, what: String) {
        *self.counts.entry((kind.to_owned(), what)).or_default() += 1;
    }

    fn example(&mut self, group: String, example: String) {
        let (count, examples) = self.groups.entry(group).or_default();
        *count += 1;
        if examples.len() < EXAMPLES || std::env::var_os("GANTRY_CORPUS_ALL").is_some() {
            examples.push(example);
        }
    }

    pub(crate) fn refused(&mut self, file: &File, kind: &str, refusal: &Refusal) {
        let reason = crate::name(&refusal.reason);
        self.count(kind, format!("files refused: {reason}"));
        self.example(format!("file refused, {kind}: {reason}"), format!("{}: {refusal}", file.path));
    }

    pub(crate) fn blocked(&mut self, file: &File, kind: &str, reference: &Reference, refusal: &Refusal) {
        let reason = crate::name(&refusal.reason);
        self.count(kind, format!("blocked: {reason}"));
        self.example(
            format!("blocked, {kind}: {reason}"),
            format!("{}:{}: {} {refusal}", file.path, reference.line, reference.path),
        );
    }

    pub(crate) fn not_alone(&mut self, file: &File, kind: &str, reference: &Reference, refusal: &Refusal) {
        let reason = crate::name(&refusal.reason);
        self.example(
            format!("not by its path alone, {kind}: {reason}"),
            format!("{}:{}: {}: {refusal}", file.path, reference.line, reference.path),
        );
    }

    /// Not blocked, and refused all the same.
    pub(crate) fn unforeseen(&mut self, file: &File, kind: &str, reference: &Reference, refusal: &Refusal) {
        let reason = crate::name(&refusal.reason);
        self.count(kind, format!("not blocked but refused: {reason}"));
        self.example(
            format!("not blocked but refused, {kind}: {reason}"),
            format!("{}:{}: {}: {refusal}", file.path, reference.line, reference.path),
        );
    }

    pub(crate) fn failure(&mut self, file: &File, reference: &Reference, what: String) {
        self.failures.push(format!("{}:{}: {}: {what}", file.path, reference.line, reference.path));
    }

    /// What the scan saw and the crate did not give, with the reason that the value itself shows.
    pub(crate) fn missed(&mut self, file: &File, kind: &str, why: &str, sights: Vec<Sight>) {
        for Sight { line, group, value } in sights {
            let shown = if value.contains("{{") {
                "a template"
            } else if value.contains("${") || value.contains("$(") {
                "a variable"
            } else {
                "a value"
            };
            let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
            self.count(kind, format!("missed{why}"));
            self.example(
                format!("missed, {kind}{why}: {group}, {shown}"),
                format!("{}:{line}: {value}", file.path),
            );
        }
    }

    pub(crate) fn print(&self) {
        let mut last = "";
        for ((kind, what), count) in &self.counts {
            if kind != last {
                println!("{kind}");
                last = kind;
            }
            println!("  {count:>6} {what}");
        }
        for (group, (count, examples)) in &self.groups {
            println!("{group}: {count}");
            for example in examples {
                println!("    {example}");
            }
        }
        for failure in &self.failures {
            println!("FAILED {failure}");
        }
    }
}
