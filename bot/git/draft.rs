//! Making commits without a work tree.
//!
//! Promises: bytes are written as given; a file keeps its mode; a symbolic link, a submodule or a pointer
//! into a large file store is never replaced, and a path is never one that a checkout would treat as Git's
//! own; the same draft gives the same commit id, so that doing it twice is harmless (a signature may hold its
//! time, so two signed commits may differ in that: the compare-and-swap of the push lets one of them land).
//!
//! Objects come to be in memory. [`Drafting::keep`] puts them into the mirror: one by one when they are few,
//! else as one pack (sooner when they grow large). Commits come last, so that a kill in between leaves no
//! commit without its files.

use std::collections::HashSet;

use gantry_core::ids::CommitId;
use gix::{
    ObjectId,
    bstr::ByteSlice,
    objs::{Kind, Write as _, tree::EntryKind},
};
use jiff::Timestamp;

use super::{
    error::{GitError, tame},
    history::Person,
    mirror::Mirror,
    pack,
    snapshot::{MAX_DEPTH, MAX_FILE, is_lfs_pointer},
};

/// Up to this many objects are stored one by one: a pack costs two files, whatever its size.
const MAX_LOOSE: usize = 32;
/// Above this many bytes in memory, objects are stored early.
const MAX_MEMORY: usize = 64 << 20;
/// After how many commits that is looked at.
const LOOK_EVERY: usize = 64;
/// The most bytes of a commit message: 256 KiB.
const MAX_MESSAGE: usize = 256 << 10;

/// A commit to be made. Equal drafts become equal commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The commit that it is made on; the mirror holds it, pushed or not.
    pub parent: CommitId,
    /// Further parents of a merge; `changes` are still relative to `parent`. Mostly empty.
    pub merges: Vec<CommitId>,
    /// Paths with their new bytes; `None` deletes the file, if it is there. No change at all makes an empty
    /// commit.
    pub changes: Vec<(String, Option<Vec<u8>>)>,
    /// The whole message with its trailers.
    pub message: String,
    /// Who wrote the change.
    pub author: Person,
    /// Who makes the commit.
    pub committer: Person,
    /// When; commits know whole seconds.
    pub at: Timestamp,
}

/// Commits being made on each other; only [`Drafting::keep`] makes sure that they are in the mirror. For one
/// thread.
pub struct Drafting<'a> {
    mirror: &'a Mirror,
    repository: gix::Repository,
    /// Commits whose objects are in memory.
    made: HashSet<ObjectId>,
    /// Commits in the mirror that they stand on.
    bases: HashSet<ObjectId>,
}

impl Mirror {
    /// Starts a series of commits.
    #[must_use]
    pub fn drafting(&self) -> Drafting<'_> {
        Drafting {
            mirror: self,
            repository: self.repository().with_object_memory(),
            made: HashSet::new(),
            bases: HashSet::new(),
        }
    }

    /// Makes one commit and keeps it in the mirror. Nothing is pushed.
    ///
    /// # Errors
    /// As [`Drafting::commit`] and [`Drafting::keep`].
    pub fn commit(&self, draft: &Draft) -> Result<CommitId, GitError> {
        let mut drafting = self.drafting();
        let id = drafting.commit(draft)?;
        drafting.keep()?;
        Ok(id)
    }
}

impl Drafting<'_> {
    /// Makes a commit. Its parent may be one made here a moment ago.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] for an unknown parent, [`GitError::Draft`] for what must not be written,
    /// [`GitError::Unsigned`] where commits are signed and this one cannot be.
    pub fn commit(&mut self, draft: &Draft) -> Result<CommitId, GitError> {
        let message = self.message(&draft.message)?;
        let mut parents = vec![self.mirror.known(&self.repository, &draft.parent)?];
        for parent in &draft.merges {
            parents.push(self.mirror.known(&self.repository, parent)?);
        }
        let base = self.mirror.tree_of(&self.repository, parents[0])?;
        let mut commit = gix::objs::Commit {
            tree: self.tree(base, &draft.changes)?,
            parents: parents.into(),
            author: signature(&draft.author, draft.at),
            committer: signature(&draft.committer, draft.at),
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        self.mirror.remote.sign(&mut commit)?;
        let parents = commit.parents.clone();
        let id = self.repository.write_object(commit).map_err(|error| self.mirror.damage(&error))?.detach();
        self.bases.extend(parents.into_iter().filter(|parent| !self.made.contains(parent)));
        self.made.insert(id);
        self.flush_if_large()?;
        self.mirror.commit_id(&id)
    }

    /// Puts everything made here into the mirror.
    ///
    /// # Errors
    /// [`GitError::Io`] when the folder cannot be written.
    pub fn keep(mut self) -> Result<(), GitError> {
        self.flush()
    }

    /// Stores what is in memory: few objects one by one, the commits last, many as a pack with deltas.
    fn flush(&mut self) -> Result<(), GitError> {
        let fail = |error: gix::Error| GitError::Io {
            folder: self.mirror.folder.clone(),
            source: std::io::Error::other(super::error::chain(&error)),
        };
        let store = self.mirror.repository();
        if self.repository.objects.num_objects_in_memory() > MAX_LOOSE {
            let (made, bases): (Vec<_>, Vec<_>) = (self.made.drain().collect(), self.bases.drain().collect());
            let pack = self.mirror.pack_between(&self.repository, &made, &bases, true)?;
            pack::store(&store, &pack).map_err(fail)?;
            self.repository.objects.reset_object_memory();
        } else if let Some(objects) = self.repository.objects.reset_object_memory() {
            for wanted in [Kind::Blob, Kind::Tree, Kind::Tag, Kind::Commit] {
                for (_, (kind, data)) in objects.iter().filter(|(_, (kind, _))| *kind == wanted) {
                    store.objects.write_buf(*kind, data).map_err(fail)?;
                }
            }
        }
        self.made.clear();
        self.bases.clear();
        Ok(())
    }

    /// Keeps the memory bounded: folders' lists are whole there, and there may be thousands of commits.
    fn flush_if_large(&mut self) -> Result<(), GitError> {
        if !self.made.len().is_multiple_of(LOOK_EVERY) {
            return Ok(());
        }
        let Some(objects) = self.repository.objects.take_object_memory() else { return Ok(()) };
        let bytes: usize = objects.iter().map(|(_, (_, data))| data.len()).sum();
        self.repository.objects.set_object_memory(objects);
        if bytes > MAX_MEMORY { self.flush() } else { Ok(()) }
    }

    fn tree(&self, base: ObjectId, changes: &[(String, Option<Vec<u8>>)]) -> Result<ObjectId, GitError> {
        if changes.is_empty() {
            return Ok(base);
        }
        let damage = |error: gix::Error| self.mirror.damage(&error);
        let mut editor = self.repository.edit_tree(base).map_err(damage)?;
        for (path, bytes) in changes {
            let old = self.check_path(base, path)?;
            match (bytes, old) {
                (Some(bytes), old) => {
                    if bytes.len() as u64 > MAX_FILE {
                        return Err(self
                            .mirror
                            .too_large(tame(path, 200), format!("{} MiB", MAX_FILE >> 20)));
                    }
                    let id = self.repository.write_blob(bytes).map_err(damage)?.detach();
                    editor.upsert(path.as_str(), old.unwrap_or(EntryKind::Blob), id).map_err(damage)?;
                }
                (None, Some(_)) => {
                    editor.remove(path.as_str()).map_err(damage)?;
                }
                (None, None) => {}
            }
        }
        Ok(editor.write().map_err(damage)?.detach())
    }

    /// Refuses a path that must not be written, and tells the mode of the file that is there.
    fn check_path(&self, base: ObjectId, path: &str) -> Result<Option<EntryKind>, GitError> {
        let refuse = |why: &str| Err(self.refused(path, why));
        if path.len() > 4096 || path.split('/').count() > MAX_DEPTH {
            return refuse(
                "the path is too long or too deep; the files in gantry.yaml must name a shorter one",
            );
        }
        for part in path.split('/') {
            let options =
                gix::validate::path::component::Options { protect_windows: false, ..Default::default() };
            if gix::validate::path::component(part.as_bytes().as_bstr(), None, options).is_err()
                || part.chars().any(char::is_control)
            {
                return refuse(
                    "a part of the path is empty, '.', '..', '.git' or the like; correct it in gantry.yaml",
                );
            }
        }
        let mut found = (base, EntryKind::Tree);
        for part in path.split('/') {
            if found.1 != EntryKind::Tree {
                return refuse("a folder of the path is a file or a link there; correct it in gantry.yaml");
            }
            match self.mirror.entry(&self.repository, found.0, part)? {
                Some(entry) => found = entry,
                None => return Ok(None),
            }
        }
        let (id, kind) = found;
        match kind {
            EntryKind::Blob | EntryKind::BlobExecutable => {}
            EntryKind::Tree => return refuse("it is a folder there; correct the path in gantry.yaml"),
            EntryKind::Link => return refuse("it is a symbolic link there; name the file that it points to"),
            EntryKind::Commit => return refuse("it is a submodule there; change it in its own repository"),
        }
        let header = self.repository.find_header(id).map_err(|error| self.mirror.damage(&error))?;
        if header.size() <= 1024 {
            let blob = self.repository.find_blob(id).map_err(|error| self.mirror.damage(&error))?;
            if is_lfs_pointer(&blob.data) {
                return refuse("it is a Git LFS pointer there; take the file out of LFS");
            }
        }
        Ok(Some(kind))
    }

    fn message(&self, message: &str) -> Result<String, GitError> {
        if message.trim().is_empty() || message.len() > MAX_MESSAGE || message.contains('\0') {
            let why = "it is empty, over 256 KiB or holds a NUL; this is a fault in a template or in Gantry";
            return Err(self.refused("the commit message", why));
        }
        Ok(format!("{}\n", message.trim_end_matches('\n')))
    }

    fn refused(&self, path: &str, why: &str) -> GitError {
        GitError::Draft { url: self.mirror.url(), path: tame(path, 200), why: why.into() }
    }
}

/// Names come from outside: what would break the line in the commit is left out, as Git itself does.
fn signature(person: &Person, at: Timestamp) -> gix::actor::Signature {
    let plain = |text: &str| {
        let kept: String = tame(text, 200).chars().filter(|c| !matches!(c, '<' | '>')).collect();
        kept.trim_matches(|c: char| {
            c.is_whitespace() || matches!(c, '.' | ',' | ':' | ';' | '"' | '\\' | '\'')
        })
        .to_owned()
    };
    let name = match plain(&person.name) {
        name if name.is_empty() => "unknown".to_owned(),
        name => name,
    };
    gix::actor::Signature {
        name: name.into(),
        email: plain(&person.email).into(),
        time: gix::date::Time { seconds: at.as_second(), offset: 0 },
    }
}
