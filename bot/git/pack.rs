//! Packs: what a push sends, and how many new objects are stored at once.
//!
//! Format: `gitformat-pack(5)`, version 2. Objects are whole, except that a folder's list may be sent as the
//! few bytes by which it differs from the list it was made from (a ref-delta, which a server that does not
//! say `no-thin` completes from what it has). Such a list is most of a push: one changed application in a
//! folder of 5,000 is 100 KB of list for 500 bytes of change.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Write},
    sync::atomic::AtomicBool,
};

use flate2::{Compression, write::ZlibEncoder};
use gix::{ObjectId, objs::Kind, progress::Discard};

use super::{delta::delta, error::GitError, mirror::Mirror, snapshot::MAX_DEPTH};

/// The most commits of one push.
const MAX_COMMITS: usize = 100_000;
/// How many deltas may stand on each other, as in `pack.depth` of Git.
const MAX_CHAIN: u8 = 50;

/// One object of a pack.
struct Item {
    id: ObjectId,
    kind: Kind,
    /// The object of the same path in the first parent, which the server has or gets in the same pack.
    base: Option<ObjectId>,
}

/// Puts a pack into the repository, completed with what its deltas stand on.
pub(super) fn store(repository: &gix::Repository, pack: &[u8]) -> gix::Result<()> {
    let folder = repository.objects.store_ref().path().join("pack");
    let outcome = gix_pack::Bundle::write_to_directory(
        &mut io::BufReader::new(pack),
        Some(&folder),
        &mut Discard,
        &AtomicBool::new(false),
        Some(repository.objects.clone()),
        repository.object_hash(),
        gix_pack::bundle::write::Options::default(),
    )?;
    if let Some(keep) = outcome.keep_path {
        // It would only matter to a garbage collection, and there is none beside us.
        let _ = std::fs::remove_file(keep);
    }
    Ok(())
}

impl Mirror {
    /// Those of a server's objects that the mirror holds too.
    pub(super) fn common(&self, repository: &gix::Repository, theirs: &[ObjectId]) -> Vec<ObjectId> {
        // What they have and we do not is no reason to look for new packs, each time again.
        let mut settled = repository.clone();
        settled.objects.refresh = gix::odb::store::RefreshMode::Never;
        theirs.iter().copied().filter(|id| settled.has_object(id)).collect()
    }

    /// The pack with everything that `new` has and `theirs`, all of which the mirror holds, has not. `thin`
    /// allows deltas against what `theirs` has.
    pub(super) fn pack_between(
        &self,
        repository: &gix::Repository,
        new: &[ObjectId],
        theirs: &[ObjectId],
        thin: bool,
    ) -> Result<Vec<u8>, GitError> {
        let items = self.missing(repository, new, theirs)?;
        let fail = |source| GitError::Io { folder: self.folder.clone(), source };
        let mut out = begin(items.len()).map_err(fail)?;
        let mut chains: HashMap<ObjectId, u8> = HashMap::new();
        for item in &items {
            let object = repository.find_object(item.id).map_err(|error| self.damage(&error))?;
            let length = item.base.and_then(|base| chains.get(&base)).copied().unwrap_or(0) + 1;
            let delta = match item.base.filter(|_| thin && length <= MAX_CHAIN) {
                Some(base) => {
                    let old = repository.find_object(base).map_err(|error| self.damage(&error))?;
                    delta(&old.data, &object.data).map(|delta| (base, delta))
                }
                None => None,
            };
            match delta {
                Some((base, delta)) => {
                    chains.insert(item.id, length);
                    header(&mut out, REF_DELTA, delta.len());
                    out.extend_from_slice(base.as_slice());
                    deflate(&mut out, &delta).map_err(fail)?;
                }
                None => {
                    header(&mut out, type_of(item.kind), object.data.len());
                    deflate(&mut out, &object.data).map_err(fail)?;
                }
            }
        }
        finish(out).map_err(fail)
    }

    /// The objects that who has `theirs` lacks for `new`. What an old commit of theirs held and a new one
    /// holds again is sent again; that is harmless and rare.
    fn missing(
        &self,
        repository: &gix::Repository,
        new: &[ObjectId],
        theirs: &[ObjectId],
    ) -> Result<Vec<Item>, GitError> {
        let walk = repository
            .rev_walk(new.iter().copied())
            .with_hidden(theirs.iter().copied())
            .all()
            .map_err(|error| self.damage(&error))?;
        let mut commits = Vec::new();
        for step in walk {
            commits.push(step.map_err(|error| self.damage(&error))?.id);
            if commits.len() > MAX_COMMITS {
                return Err(self.too_large("the number of commits to push", MAX_COMMITS.to_string()));
            }
        }
        let mut items = Vec::new();
        let mut seen: HashSet<ObjectId> = HashSet::new();
        // Oldest first, so that a delta's base stands before it.
        for id in commits.into_iter().rev() {
            if !seen.insert(id) {
                continue;
            }
            let commit = repository.find_commit(id).map_err(|error| self.damage(&error))?;
            let tree = commit.tree_id().map_err(|error| self.damage(&error))?.detach();
            let parent = match commit.parent_ids().next() {
                Some(parent) => Some(self.tree_of(repository, parent.detach())?),
                None => None,
            };
            items.push(Item { id, kind: Kind::Commit, base: None });
            self.tree_items(repository, parent, tree, &mut seen, &mut items)?;
        }
        Ok(items)
    }

    fn tree_items(
        &self,
        repository: &gix::Repository,
        old: Option<ObjectId>,
        new: ObjectId,
        seen: &mut HashSet<ObjectId>,
        items: &mut Vec<Item>,
    ) -> Result<(), GitError> {
        let (mut old_buffer, mut new_buffer) = (Vec::new(), Vec::new());
        let mut folders = vec![(old, new, 0)];
        while let Some((old, new, depth)) = folders.pop() {
            if old == Some(new) || !seen.insert(new) {
                continue;
            }
            if depth >= MAX_DEPTH {
                return Err(self.too_large("the depth of folders", MAX_DEPTH.to_string()));
            }
            items.push(Item { id: new, kind: Kind::Tree, base: old });
            let mut before = HashMap::new();
            if let Some(old) = old {
                for entry in self.read_tree(repository, old, &mut old_buffer)? {
                    let entry = entry.map_err(|error| self.damage(&error))?;
                    before.insert(entry.filename, (entry.oid, entry.mode.is_tree()));
                }
            }
            for entry in self.read_tree(repository, new, &mut new_buffer)? {
                let entry = entry.map_err(|error| self.damage(&error))?;
                let was = before.get(entry.filename).copied();
                if was.is_some_and(|(id, _)| id == entry.oid) || entry.mode.is_commit() {
                    continue;
                }
                if entry.mode.is_tree() {
                    let was = was.filter(|(_, tree)| *tree).map(|(id, _)| id.to_owned());
                    folders.push((was, entry.oid.to_owned(), depth + 1));
                } else if seen.insert(entry.oid.to_owned()) {
                    items.push(Item { id: entry.oid.to_owned(), kind: Kind::Blob, base: None });
                }
            }
        }
        Ok(())
    }
}

/// The type number of an object that is a delta against one named by its id.
const REF_DELTA: u8 = 7;

fn type_of(kind: Kind) -> u8 {
    match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    }
}

fn begin(count: usize) -> io::Result<Vec<u8>> {
    let count = u32::try_from(count).map_err(|_| io::Error::other("too many objects for one pack"))?;
    let mut out = b"PACK\0\0\0\x02".to_vec();
    out.extend_from_slice(&count.to_be_bytes());
    Ok(out)
}

/// Type and size, four bits of the size in the first byte and seven in each that follows.
fn header(out: &mut Vec<u8>, kind: u8, size: usize) {
    let mut rest = size >> 4;
    let mut byte = kind << 4 | (size & 0x0f) as u8;
    while rest > 0 {
        out.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    out.push(byte);
}

fn deflate(out: &mut Vec<u8>, data: &[u8]) -> io::Result<()> {
    let mut encoder = ZlibEncoder::new(out, Compression::fast());
    encoder.write_all(data)?;
    encoder.finish()?;
    Ok(())
}

fn finish(mut out: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(&out);
    let checksum = hasher.try_finalize().map_err(|error| io::Error::other(error.to_string()))?;
    out.extend_from_slice(checksum.as_slice());
    Ok(out)
}
