//! Files that a pattern takes in and that name no image of the application: said once, not for each.

use std::collections::{BTreeMap, BTreeSet};

use gantry_core::config::pipeline::{Application, FileEntry};
use gantry_edit::Reference;

use super::{FILE, Finding, Level};
use crate::place;

/// How many files are named.
const SHOWN: usize = 3;

/// The files without images so far, by application.
#[derive(Default)]
pub(super) struct Empty(BTreeMap<String, BTreeSet<String>>);

impl Empty {
    /// Notes the file if it names none.
    pub(super) fn note(&mut self, application: &Application, entry: &FileEntry, found: &[Reference]) {
        let named = || {
            let of = |reference| application.images.iter().any(|image| place::is_of(reference, image));
            found.iter().any(of)
        };
        if entry.by_pattern && !named() {
            self.0.entry(application.name.to_string()).or_default().insert(entry.path.clone());
        }
    }

    /// One note for each application.
    pub(super) fn findings(self) -> impl Iterator<Item = Finding> {
        self.0.into_iter().map(|(application, paths)| {
            let shown: Vec<&str> = paths.iter().take(SHOWN).map(String::as_str).collect();
            let more = match paths.len() - shown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let (count, names) = match paths.len() {
                1 => ("1 file", "names"),
                _ => (&*format!("{} files", paths.len()), "name"),
            };
            let message = format!(
                "{count} that the patterns of {application} take in {names} none of its images: {}{more}",
                shown.join(", ")
            );
            Finding {
                level: Level::Note,
                rule: "empty",
                file: FILE.to_owned(),
                line: None,
                column: None,
                message,
                hint: None,
            }
        })
    }
}
