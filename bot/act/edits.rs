//! What a promotion changes in the files: computed in one place for writing, for `plan` and for `diff`, so
//! that what is shown is what is written.

use gantry_core::{
    config::pipeline::{Application, FileEntry, Pipeline},
    effects::Promotion,
    facts::Facts,
    reason::{Owner, Problem},
};

use super::{change::FileChange, promoted};
use crate::{
    git::{File, GitError, Mirror},
    observe::contents,
    place::{self, Revision},
};

/// The files that `promotion` changes; none if they hold its release already.
///
/// # Errors
/// The inner error is a file that can't be edited, which its owners must mend.
pub(super) fn of(
    mirror: &Mirror,
    pipeline: &Pipeline,
    facts: &Facts,
    promotion: &Promotion,
    read: &mut dyn FnMut(&str) -> Result<Option<File>, GitError>,
) -> Result<Result<Vec<FileChange>, Problem>, GitError> {
    let place = &promotion.place;
    let found = pipeline.applications.get(&place.application);
    let Some((application, files)) =
        found.and_then(|app| app.files.get(&place.environment).map(|files| (app, files)))
    else {
        return Ok(Err(problem("gantry.yaml", format!("{place} is not in it any more"))));
    };
    let mut changes: Vec<FileChange> = Vec::new();
    for entry in files {
        let path = &entry.path;
        let found = match read(path) {
            Err(error @ GitError::TooLarge { .. }) => return Ok(Err(problem(path, error.to_string()))),
            found => found?,
        };
        let Some(mut file) = found else {
            return Ok(Err(problem(path, format!("does not exist on branch {}", promotion.base))));
        };
        // An entry goes on from what the ones before it made of the same file.
        let earlier = changes.iter().position(|change| change.path == *path);
        let before = match earlier {
            Some(index) => {
                let so_far = changes[index].after.clone().unwrap_or_default();
                std::mem::replace(&mut file.bytes, so_far)
            }
            None => file.bytes.clone(),
        };
        match (edit(application, promotion, entry, &file), earlier) {
            (Ok(Some(after)), Some(index)) => changes[index].after = Some(after),
            (Ok(Some(after)), None) => {
                changes.push(FileChange { path: path.clone(), before: Some(before), after: Some(after) })
            }
            (Ok(None), _) => {}
            (Err(problem), _) => return Ok(Err(problem)),
        }
    }
    match promoted::of(mirror, pipeline, facts, promotion, read)? {
        Ok(config) => changes.extend(config),
        Err(problem) => return Ok(Err(problem)),
    }
    Ok(Ok(changes))
}

fn edit(
    application: &Application,
    promotion: &Promotion,
    entry: &FileEntry,
    file: &File,
) -> Result<Option<Vec<u8>>, Problem> {
    let references = contents::references_of(application, entry, file)?;
    let release = &promotion.release;
    let mut wanted = Vec::new();
    for image in &application.images {
        let here = references.iter().any(|reference| place::is_of(reference, image));
        if let (true, Some(artifact)) = (here, image.artifact(&release.artifacts)) {
            wanted.push(place::change(image, artifact.tag.as_str(), artifact.digest.as_str()));
        }
    }
    let refs = place::refs(application, release, entry, &references)?;
    wanted.extend(refs.iter().map(Revision::change));
    if wanted.is_empty() {
        return Ok(None);
    }
    let target = place::target(entry, &file.bytes)?;
    let edited = gantry_edit::set(&target, &file.bytes, &wanted)
        .map_err(|refusal| place::refused(&entry.path, &refusal))?;
    Ok(edited.changed.then_some(edited.bytes))
}

fn problem(path: &str, message: String) -> Problem {
    Problem { file: Some(path.to_owned()), line: None, column: None, message, owner: Owner::Team }
}
