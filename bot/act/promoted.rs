//! The config that goes with a promotion, byte for byte from where the release was seen, but for kept values.
//!
//! Bytes are read at the commit in which the release held them, never at a head: what people write there later
//! belongs to a later release. Each is compared with the id that the release was made of (promise 7).

use gantry_core::{
    config::pipeline::Pipeline,
    effects::Promotion,
    facts::Facts,
    promoted::ConfigFile,
    reason::{Owner, Problem},
};

use super::change::FileChange;
use crate::{
    git::{File, GitError, Kind, Mirror},
    observe::contents,
    place::{self, NoFile},
};

/// The most bytes that one promotion brings (64 MiB): config, not data.
const MOST: usize = 64 << 20;

/// The config files that `promotion` changes.
///
/// # Errors
/// The inner error is what can't be promoted, which its owners must mend.
pub(super) fn of(
    mirror: &Mirror,
    pipeline: &Pipeline,
    facts: &Facts,
    promotion: &Promotion,
    read: &mut dyn FnMut(&str) -> Result<Option<File>, GitError>,
) -> Result<Result<Vec<FileChange>, Problem>, GitError> {
    let target = &promotion.place;
    let Some(id) = &promotion.release.config else { return Ok(Ok(Vec::new())) };
    let application = pipeline.applications.get(&target.application);
    let Some((application, stage)) = application.zip(pipeline.stage(&target.environment)) else {
        return Ok(Ok(Vec::new()));
    };
    if pipeline.upstream(application, stage).is_empty() {
        // Config starts here: it is what people commit.
        return Ok(Ok(Vec::new()));
    }
    let config = application.config.as_ref();
    let entries = config.and_then(|config| config.entries.get(&target.environment));
    let present = facts.places.get(target).and_then(|place| place.config.as_ref());
    let (Some(entries), Some(source), Some(present)) = (entries, facts.configs.get(id), present) else {
        let message = "the history that was read does not reach back to the files of this config; commit a \
                       newer one in the environment before"
            .to_owned();
        return Ok(Err(Problem { file: None, line: None, column: None, message, owner: Owner::Team }));
    };
    let snapshot = mirror.snapshot(&source.at)?;
    let mut changes = Vec::new();
    let mut size = 0;
    let held = |file: &ConfigFile| {
        present.files.iter().find(|held| (held.entry, &held.within) == (file.entry, &file.within))
    };
    for file in source.files.iter() {
        let Some(entry) = entries.get(file.entry) else { continue };
        if held(file).is_some_and(|held| held.content == file.content) {
            continue;
        }
        let after = match snapshot.read(&file.path) {
            Ok(Some(found)) if found.kind == Kind::LfsPointer => {
                return Ok(Err(place::not_a_file(&file.path, NoFile::LfsPointer)));
            }
            Ok(Some(found)) if found.kind == Kind::Regular && found.id.to_string() == file.blob => found,
            Ok(_) => return Ok(Err(place::problem(&file.path, "is not what it was".to_owned()))),
            Err(error @ GitError::TooLarge { .. }) => {
                return Ok(Err(place::problem(&file.path, error.to_string())));
            }
            Err(error) => return Err(error),
        };
        let path = format!("{}{}", entry.path, file.within);
        let before = match read(&path) {
            Ok(Some(old)) => match contents::no_file(old.kind) {
                None => Some(old.bytes),
                Some(what) => return Ok(Err(place::not_a_file(&path, what))),
            },
            Ok(None) => None,
            Err(error @ GitError::TooLarge { .. }) => {
                return Ok(Err(place::problem(&path, error.to_string())));
            }
            Err(error) => return Err(error),
        };
        let after = match &before {
            Some(ours) if !entry.keys().is_empty() => {
                match place::taken_over(&file.path, &after.bytes, ours, entry.keys()) {
                    Ok(bytes) => bytes,
                    Err(problem) => return Ok(Err(problem)),
                }
            }
            _ => after.bytes,
        };
        size += after.len();
        if size > MOST {
            let message = format!("makes more than {} MiB of config to be promoted at once", MOST >> 20);
            return Ok(Err(place::problem(&file.path, message)));
        }
        changes.push(FileChange { path, before, after: Some(after) });
    }
    for held in present.files.iter() {
        if source.files.iter().any(|file| (held.entry, &held.within) == (file.entry, &file.within)) {
            continue;
        }
        let before = match read(&held.path) {
            Ok(old) => old.map(|old| old.bytes),
            Err(GitError::TooLarge { .. }) => None,
            Err(error) => return Err(error),
        };
        changes.push(FileChange { path: held.path.clone(), before, after: None });
    }
    Ok(Ok(changes))
}
