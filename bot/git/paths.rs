//! The changes of a draft, folder by folder: which paths may be written, and the new lists.

use std::{collections::BTreeMap, sync::Arc};

use gix::{
    ObjectId,
    bstr::ByteSlice,
    objs::{Kind, tree::EntryKind},
};

use super::{
    delta::{self, Splice},
    draft::Drafting,
    error::{GitError, tame},
    lists::{List, Patch},
    series::Delta,
    snapshot::{MAX_DEPTH, MAX_FILE, is_lfs_pointer},
};

/// The most bytes of a path.
const MAX_PATH: usize = 4096;

/// What shall become of a name in a folder.
enum Node<'a> {
    /// A file with these bytes, or none.
    File(Option<&'a [u8]>),
    /// A folder in which something changes.
    Folder(BTreeMap<&'a str, Node<'a>>),
}

impl Drafting<'_> {
    /// The tree that `changes` make of `base`. Its new objects are in the series then.
    pub(super) fn tree(
        &mut self,
        base: ObjectId,
        changes: &[(String, Option<Vec<u8>>)],
    ) -> Result<ObjectId, GitError> {
        let mut root = BTreeMap::new();
        for (path, bytes) in changes {
            self.check_path(path)?;
            if bytes.as_ref().is_some_and(|bytes| bytes.len() as u64 > MAX_FILE) {
                return Err(self.mirror.too_large(tame(path, 200), format!("{} MiB", MAX_FILE >> 20)));
            }
            if !put(&mut root, path, bytes.as_deref()) {
                return Err(self.refused(path, "the commit has it both as a file and as a folder"));
            }
        }
        let tree = self.folder(Some(base), &root, "")?;
        match tree {
            Some(tree) => Ok(tree),
            None => {
                let empty = self.hash(Kind::Tree, &[])?;
                self.add(Kind::Tree, empty, &[], None)?;
                Ok(empty)
            }
        }
    }

    /// Makes the folder at `path`, which is `old` now, what `nodes` say; `None` where nothing is left in it.
    fn folder(
        &mut self,
        old: Option<ObjectId>,
        nodes: &BTreeMap<&str, Node<'_>>,
        path: &str,
    ) -> Result<Option<ObjectId>, GitError> {
        let list = match old {
            Some(id) => self.list(id)?,
            None => Arc::new(List::default()),
        };
        let mut patches = Vec::with_capacity(nodes.len());
        for (name, node) in nodes {
            let path = format!("{path}{name}");
            let entry = list.find(name.as_bytes()).map(|entry| (entry.id, entry.mode.kind()));
            let (id, kind) = match node {
                Node::Folder(nodes) => {
                    let below = match entry {
                        Some((id, EntryKind::Tree)) => Some(id),
                        Some(_) => {
                            let why =
                                "a folder of the path is a file or a link there; correct it in gantry.yaml";
                            return Err(self.refused(&path, why));
                        }
                        None => None,
                    };
                    (self.folder(below, nodes, &format!("{path}/"))?, EntryKind::Tree)
                }
                Node::File(bytes) => {
                    let old = match entry {
                        Some((id, kind)) => self.check_file(&path, id, kind)?.map(|bytes| (id, bytes)),
                        None => None,
                    };
                    (bytes.map(|bytes| self.blob(old, bytes)).transpose()?, EntryKind::Blob)
                }
            };
            patches.push(Patch { name, id, kind });
        }
        let fail = |why: &str| GitError::Protocol {
            url: self.mirror.url(),
            why: format!("{why} (/{path}); run git fsck in the repository"),
        };
        let Some((new, splices)) = list.patched(&patches).map_err(fail)? else { return Ok(old) };
        if new.bytes.is_empty() {
            return Ok(None);
        }
        let id = self.hash(Kind::Tree, &new.bytes)?;
        let delta = match old {
            Some(old) => self.list_delta(old, &list, &new, &splices)?,
            None => None,
        };
        self.add(Kind::Tree, id, &new.bytes, delta)?;
        self.mirror.keep_list(id, new);
        Ok(Some(id))
    }

    /// The new list as a delta, of the list that it was made of or of an earlier one of the same folder: see
    /// [`Series::earlier`](super::series::Series::earlier).
    fn list_delta(
        &self,
        old: ObjectId,
        list: &List,
        new: &List,
        splices: &[Splice],
    ) -> Result<Option<Delta>, GitError> {
        let (base, turn) = self.series.earlier(old);
        if base != old {
            let earlier = self.list(base)?;
            if let Some(splices) = delta::differences(&earlier.bytes, &new.bytes)
                && let Some(bytes) = delta::from_splices(earlier.bytes.len(), new.bytes.len(), &splices)
            {
                return Ok(Some(Delta { base, bytes, turn }));
            }
        }
        let bytes = delta::from_splices(list.bytes.len(), new.bytes.len(), splices);
        Ok(bytes.map(|bytes| Delta { base: old, bytes, turn }))
    }

    fn blob(&mut self, old: Option<(ObjectId, Vec<u8>)>, bytes: &[u8]) -> Result<ObjectId, GitError> {
        let id = self.hash(Kind::Blob, bytes)?;
        if old.as_ref().is_some_and(|(old, _)| *old == id) {
            return Ok(id);
        }
        let delta =
            old.and_then(|(base, old)| delta::delta(&old, bytes).map(|bytes| Delta { base, bytes, turn: 1 }));
        self.add(Kind::Blob, id, bytes, delta)?;
        Ok(id)
    }

    fn add(&mut self, kind: Kind, id: ObjectId, data: &[u8], delta: Option<Delta>) -> Result<(), GitError> {
        self.series.add(kind, id, data, delta).map_err(|source| self.mirror.io(source))
    }

    /// The list of a folder of the mirror or of a commit made here.
    fn list(&self, id: ObjectId) -> Result<Arc<List>, GitError> {
        if let Some(list) = self.mirror.lists.get(&id) {
            return Ok(list);
        }
        if !self.series.has(&id) {
            return self.mirror.folder_list(&self.repository, id);
        }
        let read = self.read(id)?;
        let list = read.and_then(|bytes| List::parse(bytes).ok());
        let list = list.ok_or_else(|| self.mirror.damage_text("a folder's list cannot be read back"))?;
        Ok(self.mirror.keep_list(id, list))
    }

    /// A blob or list of the mirror or of a commit made here; `None` for a blob that is too large.
    fn read(&self, id: ObjectId) -> Result<Option<Vec<u8>>, GitError> {
        let mut stored = |id: &ObjectId| self.mirror.bytes_of(&self.repository, *id);
        if self.series.has(&id) {
            return Ok(self.series.read(&id, &mut stored)?.map(|(_, bytes)| bytes));
        }
        stored(&id)
    }

    /// Refuses a path that must not be written.
    fn check_path(&self, path: &str) -> Result<(), GitError> {
        let refuse = |why: &str| Err(self.refused(path, why));
        if path.len() > MAX_PATH || path.split('/').count() > MAX_DEPTH {
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
        Ok(())
    }

    /// Refuses to replace or delete what is no plain file; tells the bytes of one that is, unless they are
    /// too many.
    fn check_file(&self, path: &str, id: ObjectId, kind: EntryKind) -> Result<Option<Vec<u8>>, GitError> {
        let refuse = |why: &str| Err(self.refused(path, why));
        match kind {
            EntryKind::Blob | EntryKind::BlobExecutable => {}
            EntryKind::Tree => return refuse("it is a folder there; correct the path in gantry.yaml"),
            EntryKind::Link => return refuse("it is a symbolic link there; name the file that it points to"),
            EntryKind::Commit => return refuse("it is a submodule there; change it in its own repository"),
        }
        let bytes = self.read(id)?;
        if bytes.as_ref().is_some_and(|bytes| is_lfs_pointer(bytes)) {
            return refuse("it is a Git LFS pointer there; take the file out of LFS");
        }
        Ok(bytes)
    }
}

/// Puts a path among the changes, the last of several for one path; `false` where it is a file and a folder.
fn put<'a>(nodes: &mut BTreeMap<&'a str, Node<'a>>, path: &'a str, bytes: Option<&'a [u8]>) -> bool {
    let mut nodes = nodes;
    let mut rest = path;
    while let Some((folder, below)) = rest.split_once('/') {
        match nodes.entry(folder).or_insert_with(|| Node::Folder(BTreeMap::new())) {
            Node::Folder(inner) => nodes = inner,
            Node::File(_) => return false,
        }
        rest = below;
    }
    match nodes.entry(rest).or_insert(Node::File(None)) {
        Node::File(old) => *old = bytes,
        Node::Folder(_) => return false,
    }
    true
}
