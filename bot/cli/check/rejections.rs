//! `.gantry/rejections.yaml`: would the server take it?

use gantry_core::{config::pipeline::Pipeline, facts::Rejected, reason::Problem};

use super::{
    Finding, Level,
    folder::{Content, Folder},
    of_place,
};
use crate::{
    place,
    rejections::{self, FILE, problem},
};

/// The entries of the file, or what is wrong with it; no entries where there is no file.
pub(super) fn read(folder: &mut Folder) -> Result<Vec<Rejected>, Vec<Finding>> {
    let wrong = |problem: Problem| of_place(problem, "rejections");
    match folder.read(FILE) {
        Content::Missing => Ok(Vec::new()),
        Content::Bytes(bytes) => {
            rejections::read(bytes).map_err(|problems| problems.into_iter().map(wrong).collect())
        }
        Content::NoFile(what) => Err(vec![wrong(place::not_a_file(FILE, what))]),
        Content::Unreadable(error) => Err(vec![wrong(problem(None, format!("can't be read: {error}")))]),
    }
}

/// Entries that stop nothing, because the pipeline has no such place.
pub(super) fn idle(entries: &[Rejected], pipeline: &Pipeline) -> impl Iterator<Item = Finding> {
    let known = |entry: &&Rejected| {
        let application = pipeline.applications.get(&entry.place.application);
        application.is_some_and(|application| application.files.contains_key(&entry.place.environment))
    };
    entries.iter().filter(move |entry| !known(entry)).map(|entry| Finding {
        level: Level::Note,
        rule: "rejections",
        file: FILE.to_owned(),
        line: None,
        column: None,
        message: format!(
            "the rejection of {} for {} stops nothing: gantry.yaml has no such application or environment",
            entry.rejection.version, entry.place
        ),
        hint: Some("Remove the entry, or correct its names.".to_owned()),
    })
}
