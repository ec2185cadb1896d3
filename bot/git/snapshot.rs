//! Files at one commit, read from the object store without a work tree.
//!
//! Bounds: a file that is read is at most [`MAX_FILE`]; a commit has at most `MAX_PATHS` files and
//! `MAX_DEPTH` levels of folders, so that a hostile repository costs an error and not the process.

use std::{cell::OnceCell, collections::HashMap};

use gantry_core::ids::CommitId;
use gix::{
    ObjectId,
    bstr::ByteSlice,
    objs::{TreeRefIter, tree::EntryKind},
};

use super::{error::GitError, ids::BlobId, mirror::Mirror};

/// The most bytes of a file that is read: 4 MiB.
pub const MAX_FILE: u64 = 4 << 20;
/// The most files that one commit may hold.
pub(super) const MAX_PATHS: usize = 1_000_000;
/// The most folders within each other.
pub(super) const MAX_DEPTH: usize = 64;
/// The most bytes of one folder's list: 32 MiB, some 500,000 entries.
pub(super) const MAX_TREE: u64 = 32 << 20;
/// Larger files are read anew each time: few are, and they would push out the others.
const MAX_KEPT: usize = 64 << 10;
/// The first line of a Git LFS pointer (its specification, version 1), which is at most 1,024 bytes long.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";

/// What an entry of a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file with its bytes in the repository.
    Regular,
    /// A symbolic link; its bytes are the target.
    Symlink,
    /// A commit of another repository; it has no bytes here.
    Submodule,
    /// A file whose bytes are in a large file store; here is only the pointer. [`Snapshot::paths`] cannot
    /// tell this, [`Snapshot::read`] does.
    LfsPointer,
}

/// An entry with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The bytes as they are in the commit; empty for a submodule.
    pub bytes: Vec<u8>,
    /// Equal ids are equal bytes. For a submodule, the id of the other repository's commit.
    pub id: BlobId,
    /// Whether the file may be executed.
    pub executable: bool,
    /// What the entry is.
    pub kind: Kind,
}

/// An entry without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The path with `/` between its parts.
    pub path: String,
    /// Equal ids are equal bytes.
    pub id: BlobId,
    /// Whether the file may be executed.
    pub executable: bool,
    /// What the entry is; never [`Kind::LfsPointer`].
    pub kind: Kind,
}

/// The files at one commit. For one thread; make one per caller.
pub struct Snapshot<'a> {
    mirror: &'a Mirror,
    repository: gix::Repository,
    tree: ObjectId,
    index: OnceCell<HashMap<String, (ObjectId, EntryKind)>>,
}

impl Mirror {
    /// The files at `commit`.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold it.
    pub fn snapshot(&self, commit: &CommitId) -> Result<Snapshot<'_>, GitError> {
        let repository = self.repository();
        let id = self.known(&repository, commit)?;
        let tree = self.tree_of(&repository, id)?;
        Ok(Snapshot { mirror: self, repository, tree, index: OnceCell::new() })
    }

    /// The id of the files at `commit`, as Git writes it.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold it.
    pub fn tree(&self, commit: &CommitId) -> Result<String, GitError> {
        let repository = self.repository();
        let id = self.known(&repository, commit)?;
        Ok(self.tree_of(&repository, id)?.to_string())
    }

    /// The bytes of a file by their id; `None` for one over [`MAX_FILE`].
    ///
    /// # Errors
    /// [`GitError::Damaged`] when the mirror does not hold them.
    pub fn blob(&self, id: &BlobId) -> Result<Option<Vec<u8>>, GitError> {
        self.bytes_of(&self.repository(), id.0)
    }

    /// The tree of a commit that the mirror holds.
    pub(super) fn tree_of(
        &self,
        repository: &gix::Repository,
        commit: ObjectId,
    ) -> Result<ObjectId, GitError> {
        let commit = repository.find_commit(commit).map_err(|error| self.damage(&error))?;
        Ok(commit.tree_id().map_err(|error| self.damage(&error))?.detach())
    }

    /// Reads a tree into `buffer`, after a look at its size.
    pub(super) fn read_tree<'b>(
        &self,
        repository: &gix::Repository,
        id: ObjectId,
        buffer: &'b mut Vec<u8>,
    ) -> Result<TreeRefIter<'b>, GitError> {
        use gix::objs::FindExt;
        let header = repository.find_header(id).map_err(|error| self.damage(&error))?;
        if header.size() > MAX_TREE {
            return Err(self.too_large("the list of a folder", format!("{} MiB", MAX_TREE >> 20)));
        }
        // The empty tree is known to Git without being stored.
        if header.size() == 0 {
            return Ok(TreeRefIter::from_bytes(&[], repository.object_hash()));
        }
        repository.objects.find_tree_iter(&id, buffer).map_err(|error| self.damage(&error))
    }

    /// The bytes of a file or of a folder's list that the mirror holds; `None` for a file over [`MAX_FILE`].
    pub(super) fn bytes_of(
        &self,
        repository: &gix::Repository,
        id: ObjectId,
    ) -> Result<Option<Vec<u8>>, GitError> {
        if let Some(file) = self.files.get(&id) {
            return Ok(Some(Vec::clone(&file)));
        }
        let header = repository.find_header(id).map_err(|error| self.damage(&error))?;
        let limit = if header.kind() == gix::objs::Kind::Tree { MAX_TREE } else { MAX_FILE };
        if header.size() > limit {
            return Ok(None);
        }
        let mut object = repository.find_object(id).map_err(|error| self.damage(&error))?;
        let bytes = std::mem::take(&mut object.data);
        if object.kind == gix::objs::Kind::Blob && bytes.len() <= MAX_KEPT {
            self.files.put(id, bytes.clone(), bytes.len());
        }
        Ok(Some(bytes))
    }

    /// The entry of this name in a folder.
    pub(super) fn entry(
        &self,
        repository: &gix::Repository,
        tree: ObjectId,
        name: &str,
    ) -> Result<Option<(ObjectId, EntryKind)>, GitError> {
        let list = self.folder_list(repository, tree)?;
        Ok(list.find(name.as_bytes()).map(|entry| (entry.id, entry.mode.kind())))
    }

    pub(super) fn too_large(&self, what: impl Into<String>, limit: impl Into<String>) -> GitError {
        GitError::TooLarge { url: self.url(), what: what.into(), limit: limit.into() }
    }
}

impl Snapshot<'_> {
    /// Reads the entry at `path`; `None` where there is none, or a folder.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] over [`MAX_FILE`].
    pub fn read(&self, path: &str) -> Result<Option<File>, GitError> {
        let Some((id, kind)) = self.find(path)? else { return Ok(None) };
        let executable = kind == EntryKind::BlobExecutable;
        if kind == EntryKind::Commit {
            return Ok(Some(File { bytes: Vec::new(), id: BlobId(id), executable, kind: Kind::Submodule }));
        }
        let Some(bytes) = self.mirror.bytes_of(&self.repository, id)? else {
            let limit = format!("{} MiB", MAX_FILE >> 20);
            return Err(self.mirror.too_large(super::error::tame(path, 200), limit));
        };
        let kind = match kind {
            EntryKind::Link => Kind::Symlink,
            _ if is_lfs_pointer(&bytes) => Kind::LfsPointer,
            _ => Kind::Regular,
        };
        Ok(Some(File { bytes, id: BlobId(id), executable, kind }))
    }

    /// The id of the bytes at `path`; `None` where there is no file.
    ///
    /// # Errors
    /// What reading the mirror meets.
    pub fn id(&self, path: &str) -> Result<Option<BlobId>, GitError> {
        Ok(self.find(path)?.map(|(id, _)| BlobId(id)))
    }

    /// Every file, sorted by path. Paths that are not UTF-8 are left out: no config can name them.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] over a million files or 64 levels of folders.
    pub fn paths(&self) -> Result<Vec<Listed>, GitError> {
        let mut listed: Vec<Listed> = self
            .index()?
            .iter()
            .map(|(path, (id, kind))| Listed {
                path: path.clone(),
                id: BlobId(*id),
                executable: *kind == EntryKind::BlobExecutable,
                kind: match kind {
                    EntryKind::Link => Kind::Symlink,
                    EntryKind::Commit => Kind::Submodule,
                    EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Tree => Kind::Regular,
                },
            })
            .collect();
        listed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(listed)
    }

    /// Looks in the index where [`Self::paths`] made one, else walks down: one file needs few folders.
    fn find(&self, path: &str) -> Result<Option<(ObjectId, EntryKind)>, GitError> {
        if let Some(index) = self.index.get() {
            return Ok(index.get(path).copied());
        }
        let found = lookup(self.mirror, &self.repository, self.tree, path)?;
        Ok(found.filter(|(_, kind)| *kind != EntryKind::Tree))
    }

    fn index(&self) -> Result<&HashMap<String, (ObjectId, EntryKind)>, GitError> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let mut index = HashMap::new();
        let mut folders = vec![(String::new(), self.tree, 0)];
        let mut buffer = Vec::new();
        while let Some((prefix, tree, depth)) = folders.pop() {
            for entry in self.mirror.read_tree(&self.repository, tree, &mut buffer)? {
                let entry = entry.map_err(|error| self.mirror.damage(&error))?;
                let Ok(name) = entry.filename.to_str() else { continue };
                let path = format!("{prefix}{name}");
                if entry.mode.is_tree() {
                    if depth + 1 >= MAX_DEPTH {
                        return Err(self.mirror.too_large("the depth of folders", MAX_DEPTH.to_string()));
                    }
                    folders.push((path + "/", entry.oid.to_owned(), depth + 1));
                } else {
                    index.insert(path, (entry.oid.to_owned(), entry.mode.kind()));
                }
                if index.len() > MAX_PATHS || folders.len() > MAX_PATHS {
                    return Err(self.mirror.too_large("the number of files", MAX_PATHS.to_string()));
                }
            }
        }
        Ok(self.index.get_or_init(|| index))
    }
}

/// The entry at `path` below `tree`.
fn lookup(
    mirror: &Mirror,
    repository: &gix::Repository,
    tree: ObjectId,
    path: &str,
) -> Result<Option<(ObjectId, EntryKind)>, GitError> {
    let mut found = (tree, EntryKind::Tree);
    for part in path.split('/') {
        if found.1 != EntryKind::Tree {
            return Ok(None);
        }
        match mirror.entry(repository, found.0, part)? {
            Some(entry) => found = entry,
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// Whether the bytes are a pointer into a Git LFS store.
#[must_use]
pub fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.len() <= 1024 && bytes.starts_with(LFS)
}
