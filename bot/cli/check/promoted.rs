//! The files that `config` promotes: there where config starts, and files everywhere.

use gantry_core::{
    config::pipeline::{Application, Stage},
    promoted::ConfigEntry,
    reason::Problem,
};

use super::folder::{Content, Folder};
use crate::place;

/// What is wrong with the promoted files of an application in an environment; `starts` where its config starts.
pub(super) fn check(
    application: &Application,
    stage: &Stage,
    starts: bool,
    folder: &mut Folder,
) -> Vec<Problem> {
    let config = application.config.as_ref();
    let entries = config.and_then(|config| config.entries.get(&stage.name));
    let mut problems = Vec::new();
    for entry in entries.into_iter().flatten() {
        let paths = within(entry, folder.paths());
        if paths.is_empty() && starts {
            problems.push(place::nothing_to_promote(&entry.path, "in this folder", &application.name));
        }
        for path in paths {
            match folder.read(&path) {
                Content::NoFile(kind) => problems.push(place::not_promoted(&path, kind)),
                Content::Bytes(bytes) if !entry.keys().is_empty() => {
                    problems.extend(place::content(&path, bytes, entry.keys()).err());
                }
                Content::Bytes(_) | Content::Missing | Content::Unreadable(_) => {}
            }
        }
    }
    problems
}

fn within(entry: &ConfigEntry, paths: &[String]) -> Vec<String> {
    let from = paths.partition_point(|path| path.as_str() < entry.path.as_str());
    let below = paths[from..].iter().take_while(|path| path.starts_with(&entry.path));
    below.filter(|path| entry.within(path).is_some()).cloned().collect()
}
