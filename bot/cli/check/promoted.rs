//! The files that `config` promotes: there where config starts, and files everywhere.

use gantry_core::{
    config::pipeline::{Application, Stage},
    promoted::ConfigEntry,
};

use super::{
    Finding, Level,
    folder::{Content, Folder},
    of_place,
};
use crate::place;

/// What is wrong with the promoted files of an application in an environment; `starts` where its config starts.
pub(super) fn check(
    application: &Application,
    stage: &Stage,
    starts: bool,
    folder: &mut Folder,
) -> Vec<Finding> {
    let config = application.config.as_ref();
    let entries = config.and_then(|config| config.entries.get(&stage.name));
    let (mut problems, mut notes) = (Vec::new(), Vec::new());
    for entry in entries.into_iter().flatten() {
        let paths = within(entry, folder.paths());
        if paths.is_empty() && starts {
            problems.push(place::nothing_to_promote(&entry.path, "in this folder", &application.name));
        }
        for path in paths {
            match folder.read(&path) {
                Content::NoFile(kind) => problems.push(place::not_promoted(&path, kind)),
                Content::Bytes(bytes) if !entry.keys().is_empty() => {
                    let refused = place::content(&path, bytes, entry.keys()).err();
                    if starts && refused.is_none() {
                        notes.extend(idle(&path, bytes, entry.keys()));
                    }
                    problems.extend(refused);
                }
                Content::Bytes(_) | Content::Missing | Content::Unreadable(_) => {}
            }
        }
    }
    let problems = problems.into_iter().map(|problem| of_place(problem, "config-file"));
    problems.chain(notes).collect()
}

/// Of each key that has no value in the file where config starts: there it keeps nothing, or (where another
/// environment has the key) nothing can be promoted. A misspelt one would let the value that was meant go on.
fn idle(path: &str, bytes: &[u8], keys: &[String]) -> Vec<Finding> {
    let whole = place::content(path, bytes, &[]);
    let keeps_nothing = |key: &&String| place::content(path, bytes, std::slice::from_ref(*key)) == whole;
    let note = |key: &String| {
        let message = format!("has no value at `{key}`, which `keep` in gantry.yaml names");
        Finding { level: Level::Note, ..of_place(place::problem(path, message), "config-key") }
    };
    keys.iter().filter(keeps_nothing).map(note).collect()
}

fn within(entry: &ConfigEntry, paths: &[String]) -> Vec<String> {
    let from = paths.partition_point(|path| path.as_str() < entry.path.as_str());
    let below = paths[from..].iter().take_while(|path| path.starts_with(&entry.path));
    below.filter(|path| entry.within(path).is_some()).cloned().collect()
}
