//! The pack that a push sends.
//!
//! Objects are whole, except that one which changed in few places goes as its difference from the one that it
//! was made of (a delta, which a server that does not say `no-thin` completes from what it has). Such an
//! object is most of a push: one changed application in a folder of 5,000 is 180 KB of list for 20 bytes of
//! change. What was drafted a moment ago is sent as the [`Series`] has it; all else is read from the mirror.
//!
//! Promises, whatever the two sources give: each object once; no delta of what stands on it in turn; no more
//! than [`MAX_CHAIN`] deltas on each other.

use std::collections::HashMap;

use gix::{
    ObjectId,
    hashtable::{HashMap as IdMap, HashSet as IdSet},
    objs::Kind,
};

use super::{
    delta::delta,
    error::GitError,
    mirror::Mirror,
    pack_file::{self, Form, MAX_PACK, Writer},
    series::{Item, MAX_CHAIN, Series},
    snapshot::MAX_DEPTH,
};

/// The most commits of one push.
const MAX_COMMITS: usize = 100_000;

impl Mirror {
    /// Those of a server's objects that the mirror holds too.
    pub(super) fn common(&self, repository: &gix::Repository, theirs: &[ObjectId]) -> Vec<ObjectId> {
        // What they have and we do not is no reason to look for new packs, each time again.
        let mut settled = repository.clone();
        settled.objects.refresh = gix::odb::store::RefreshMode::Never;
        theirs.iter().copied().filter(|id| settled.has_object(id)).collect()
    }

    /// The pack with what each of these commits has and its first parent has not. `thin` allows deltas against
    /// objects of the parents that are not in it.
    pub(super) fn pack_of(
        &self,
        repository: &gix::Repository,
        series: Option<&Series>,
        commits: &[ObjectId],
        thin: bool,
    ) -> Result<Vec<u8>, GitError> {
        let mut pack = Pack::new(self, repository, series, thin);
        for id in commits {
            match series.and_then(|series| Some((series, series.commit(id)?))) {
                Some((series, made)) => {
                    for index in &made.items {
                        pack.copy(series, series.item(*index))?;
                    }
                }
                None => pack.commit(*id)?,
            }
        }
        pack.finish()
    }

    /// The commits that who has `theirs` lacks for `new`, oldest first. What an old commit of theirs held and a
    /// new one holds again is sent again; that is harmless and rare.
    pub(super) fn lacking(
        &self,
        repository: &gix::Repository,
        new: &[ObjectId],
        theirs: &[ObjectId],
    ) -> Result<Vec<ObjectId>, GitError> {
        let mut commits = self.rough_difference(repository, new, theirs)?.own;
        if commits.len() > MAX_COMMITS {
            return Err(self.too_large("the number of commits to push", MAX_COMMITS.to_string()));
        }
        commits.reverse();
        Ok(commits)
    }
}

/// The same as [`Mirror::lacking`] where every commit is of the series and stands on heads of theirs, which
/// takes no walk through the history. `None` where that is not so.
pub(super) fn drafted(series: &Series, new: &[ObjectId], theirs: &[ObjectId]) -> Option<Vec<ObjectId>> {
    let theirs: IdSet<ObjectId> = theirs.iter().copied().collect();
    let (mut seen, mut next) = (IdSet::default(), new.to_vec());
    let mut commits = Vec::new();
    while let Some(id) = next.pop() {
        if theirs.contains(&id) || !seen.insert(id) {
            continue;
        }
        let made = series.commit(&id)?;
        commits.push((made.order, id));
        next.extend(&made.parents);
    }
    commits.sort_unstable();
    Some(commits.into_iter().map(|(_, id)| id).collect())
}

/// A pack being put together.
struct Pack<'a> {
    mirror: &'a Mirror,
    repository: &'a gix::Repository,
    series: Option<&'a Series>,
    thin: bool,
    bytes: Vec<u8>,
    writer: Writer,
    seen: IdSet<ObjectId>,
    bases: IdSet<ObjectId>,
    depth: IdMap<ObjectId, u8>,
}

impl<'a> Pack<'a> {
    fn new(
        mirror: &'a Mirror,
        repository: &'a gix::Repository,
        series: Option<&'a Series>,
        thin: bool,
    ) -> Self {
        Self {
            mirror,
            repository,
            series,
            thin,
            // The head, which needs the count.
            bytes: vec![0; 12],
            writer: Writer::new(),
            seen: IdSet::default(),
            bases: IdSet::default(),
            depth: IdMap::default(),
        }
    }

    fn finish(mut self) -> Result<Vec<u8>, GitError> {
        let fail = |source| self.mirror.io(source);
        if self.bytes.len() > MAX_PACK {
            return Err(self.mirror.too_large("what is to be pushed", "2 GiB"));
        }
        self.bytes[..12].copy_from_slice(&pack_file::begin(self.seen.len()).map_err(fail)?);
        pack_file::finish(&mut self.bytes).map_err(fail)?;
        Ok(self.bytes)
    }

    /// The base, if `id` may be a delta of it.
    fn may_stand_on(&self, id: &ObjectId, base: Option<ObjectId>) -> Option<ObjectId> {
        base.filter(|base| {
            (self.thin || self.seen.contains(base))
                && !self.bases.contains(id)
                && self.depth_on(base) <= MAX_CHAIN
        })
    }

    fn depth_on(&self, base: &ObjectId) -> u8 {
        self.depth.get(base).map_or(1, |depth| depth + 1)
    }

    fn stands_on(&mut self, id: ObjectId, base: ObjectId) {
        self.depth.insert(id, self.depth_on(&base));
        self.bases.insert(base);
    }

    /// Takes an object as the series has it.
    fn copy(&mut self, series: &Series, item: &Item) -> Result<(), GitError> {
        if item.base.is_some() && self.may_stand_on(&item.id, item.base).is_none() {
            return self.object(item.id, item.kind, None);
        }
        if self.seen.insert(item.id) {
            self.bytes.extend_from_slice(series.packed(item));
            item.base.inspect(|base| self.stands_on(item.id, *base));
        }
        Ok(())
    }

    /// The bytes of an object, of the series or of the mirror.
    fn find(&self, id: ObjectId) -> Result<Vec<u8>, GitError> {
        let stored = |id: ObjectId| -> Result<Vec<u8>, GitError> {
            let object = self.repository.find_object(id).map_err(|error| self.mirror.damage(&error))?;
            Ok(object.detach().data)
        };
        match self.series.map(|series| series.read(&id, &mut |id| stored(*id).map(Some))).transpose()? {
            Some(Some((_, bytes))) => Ok(bytes),
            _ => stored(id),
        }
    }

    /// Takes an object, whatever form it has where it is.
    fn object(&mut self, id: ObjectId, kind: Kind, base: Option<ObjectId>) -> Result<(), GitError> {
        if self.seen.contains(&id) {
            return Ok(());
        }
        let new = self.find(id)?;
        let delta = match self.may_stand_on(&id, base) {
            Some(base) => delta(&self.find(base)?, &new).map(|delta| (base, delta)),
            None => None,
        };
        let form = match &delta {
            Some((base, delta)) => Form::Delta(*base, delta),
            None => Form::Whole(kind, &new),
        };
        self.writer.object(&mut self.bytes, &form).map_err(|source| self.mirror.io(source))?;
        self.seen.insert(id);
        if let Some((base, _)) = delta {
            self.stands_on(id, base);
        }
        Ok(())
    }

    /// Takes a commit of the mirror with everything that its first parent has not.
    fn commit(&mut self, id: ObjectId) -> Result<(), GitError> {
        let (mirror, repository) = (self.mirror, self.repository);
        let commit = repository.find_commit(id).map_err(|error| mirror.damage(&error))?;
        let tree = commit.tree_id().map_err(|error| mirror.damage(&error))?.detach();
        let parent = match commit.parent_ids().next() {
            Some(parent) => Some(mirror.tree_of(repository, parent.detach())?),
            None => None,
        };
        self.object(id, Kind::Commit, None)?;
        let (mut old_buffer, mut new_buffer) = (Vec::new(), Vec::new());
        let mut folders = vec![(parent, tree, 0)];
        while let Some((old, new, depth)) = folders.pop() {
            if old == Some(new) || self.seen.contains(&new) {
                continue;
            }
            if depth >= MAX_DEPTH {
                return Err(mirror.too_large("the depth of folders", MAX_DEPTH.to_string()));
            }
            self.object(new, Kind::Tree, old)?;
            let mut before = HashMap::new();
            if let Some(old) = old {
                for entry in mirror.read_tree(repository, old, &mut old_buffer)? {
                    let entry = entry.map_err(|error| mirror.damage(&error))?;
                    before.insert(entry.filename, (entry.oid, entry.mode.is_tree()));
                }
            }
            for entry in mirror.read_tree(repository, new, &mut new_buffer)? {
                let entry = entry.map_err(|error| mirror.damage(&error))?;
                let was = before.get(entry.filename).copied();
                if was.is_some_and(|(id, _)| id == entry.oid) || entry.mode.is_commit() {
                    continue;
                }
                let same_kind = was.filter(|(_, tree)| *tree == entry.mode.is_tree());
                let was = same_kind.map(|(id, _)| id.to_owned());
                if entry.mode.is_tree() {
                    folders.push((was, entry.oid.to_owned(), depth + 1));
                } else {
                    self.object(entry.oid.to_owned(), Kind::Blob, was)?;
                }
            }
        }
        Ok(())
    }
}
