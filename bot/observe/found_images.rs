//! The images that stand in files, for applications whose images are found by `match`.
//!
//! Equal bytes name equal images: what was read of a file once is kept by the id of its bytes, as long as some
//! application looks for it.

use std::{collections::HashMap, mem, sync::Arc};

use gantry_core::config::{kinds::FileKind, pipeline::FileEntry};

use crate::{
    git::{BlobId, GitError, Kind, Snapshot},
    place,
};

/// What a file is read as: its bytes, its name (which tells the kind), and what `gantry.yaml` says of it.
type Read = (BlobId, String, Option<FileKind>, Option<String>);

/// The names of images by file.
#[derive(Debug, Default)]
pub(super) struct FoundImages {
    known: HashMap<Read, Arc<[String]>>,
    /// What is known since [`FoundImages::begin`].
    next: HashMap<Read, Arc<[String]>>,
}

impl FoundImages {
    /// Before all files are asked for.
    pub(super) fn begin(&mut self) {
        self.next.clear();
    }

    /// After they were: what was not asked for is forgotten.
    pub(super) fn end(&mut self) {
        self.known = mem::take(&mut self.next);
    }

    /// The names in a file; none where it is not there, or can't be read, which is told where the place is read.
    pub(super) fn of(&mut self, snapshot: &Snapshot<'_>, entry: &FileEntry) -> Result<Vec<String>, GitError> {
        let Some(id) = snapshot.id(&entry.path)? else { return Ok(Vec::new()) };
        let name = entry.path.rsplit('/').next().unwrap_or_default().to_owned();
        let read = (id, name, entry.kind, entry.key.clone());
        let known = self.next.get(&read).or_else(|| self.known.get(&read)).cloned();
        let names = match known {
            Some(known) => known,
            None => Arc::from(match snapshot.read(&entry.path) {
                Ok(Some(file)) if file.kind == Kind::Regular => place::image_names(entry, &file.bytes),
                Ok(Some(_) | None) | Err(GitError::TooLarge { .. }) => Vec::new(),
                Err(error) => return Err(error),
            }),
        };
        self.next.insert(read, Arc::clone(&names));
        Ok(names.to_vec())
    }
}
