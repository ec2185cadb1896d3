//! Folders' lists (Git's tree objects) as bytes that can be searched and patched in place.
//!
//! A list of 5,000 entries is 180 KB. To decode and write it anew for each commit would cost far more than
//! the change of 20 bytes in it, so a [`List`] keeps the bytes and where each entry begins, finds a name by
//! halving, and [`List::patched`] splices.

use std::{cmp::Ordering, sync::Arc};

use gix::{
    ObjectId,
    objs::tree::{EntryKind, EntryMode, name_order},
};

use super::{
    delta::{Splice, spliced},
    error::GitError,
    mirror::Mirror,
};

/// An object id in a list.
const ID: usize = 20;

/// A folder's list. That of a folder which is not there yet is the default.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) bytes: Vec<u8>,
    /// Where entries begin; shared by lists that differ only in ids.
    starts: Arc<Vec<u32>>,
    /// Whether it is in Git's order. One that is not can be read, and is never written on.
    sorted: bool,
}

impl Default for List {
    fn default() -> Self {
        Self { bytes: Vec::new(), starts: Arc::default(), sorted: true }
    }
}

/// An entry of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    pub(super) mode: EntryMode,
    pub(super) id: ObjectId,
    /// Where the entry begins, and where the next one does.
    start: usize,
    end: usize,
}

/// A name that stands for something else in two lists: what it is in each, if anything.
pub(super) struct Pair<'a> {
    pub(super) name: &'a [u8],
    pub(super) before: Option<(ObjectId, EntryMode)>,
    pub(super) after: Option<(ObjectId, EntryMode)>,
}

/// What shall become of one name in a list.
#[derive(Debug, Clone)]
pub(super) struct Patch<'a> {
    pub(super) name: &'a str,
    /// Its object; `None` takes the entry out.
    pub(super) id: Option<ObjectId>,
    /// What an entry that was not there becomes; one that was keeps its mode.
    pub(super) kind: EntryKind,
}

impl List {
    /// Takes a list's bytes apart; tells what is wrong with them.
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self, &'static str> {
        let mut starts = Vec::with_capacity(bytes.len() / 36);
        let (mut at, mut sorted) = (0, true);
        while at < bytes.len() {
            let entry = entry_at(&bytes, at).ok_or("the list of a folder is cut off")?;
            if let Some(&before) = starts.last() {
                let before = entry_at(&bytes, before as usize).ok_or("the list of a folder is cut off")?;
                let order = name_order(before.name, before.mode.is_tree(), entry.name, entry.mode.is_tree());
                sorted &= order == Ordering::Less;
            }
            starts.push(u32::try_from(at).map_err(|_| "the list of a folder is too long")?);
            at = entry.end;
        }
        Ok(Self { bytes, starts: Arc::new(starts), sorted })
    }

    /// The same, faster where its entries are those of another list but for their ids.
    pub(super) fn parse_like(bytes: Vec<u8>, like: &Self) -> Result<Self, &'static str> {
        let same = |(place, start): (usize, &u32)| {
            let start = *start as usize;
            let end = like.starts.get(place + 1).map_or(like.bytes.len(), |next| *next as usize);
            // The name, its mode and the byte that ends it.
            let (head, id) = (start..end - ID, end - ID..end);
            like.bytes.get(head.clone()) == bytes.get(head) && bytes.get(id).is_some()
        };
        if bytes.len() == like.bytes.len() && like.starts.iter().enumerate().all(same) {
            return Ok(Self { bytes, starts: Arc::clone(&like.starts), sorted: like.sorted });
        }
        Self::parse(bytes)
    }

    /// The names that stand for something else in `after` than here.
    pub(super) fn differences<'a>(&'a self, after: &'a Self) -> Vec<Pair<'a>> {
        let mut found = Vec::new();
        let of = |entry: &Entry<'_>| (entry.id, entry.mode);
        if Arc::ptr_eq(&self.starts, &after.starts) {
            for (place, start) in self.starts.iter().enumerate() {
                let start = *start as usize;
                let end = self.starts.get(place + 1).map_or(self.bytes.len(), |next| *next as usize);
                if self.bytes.get(start..end) != after.bytes.get(start..end)
                    && let (Some(a), Some(b)) = (self.entry(place), after.entry(place))
                {
                    found.push(Pair { name: a.name, before: Some(of(&a)), after: Some(of(&b)) });
                }
            }
            return found;
        }
        // By plain name, a file and a folder of the same name on the two sides come together.
        let sorted = |list: &'a Self| {
            let mut entries: Vec<Entry<'a>> =
                (0..list.starts.len()).filter_map(|place| list.entry(place)).collect();
            entries.sort_by(|a, b| a.name.cmp(b.name));
            entries
        };
        let (old, new) = (sorted(self), sorted(after));
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return found,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.name.cmp(b.name),
            };
            let before = if order.is_le() { old.next() } else { None };
            let after = if order.is_ge() { new.next() } else { None };
            if before.map(of) != after.map(of)
                && let Some(entry) = before.or(after)
            {
                found.push(Pair { name: entry.name, before: before.map(of), after: after.map(of) });
            }
        }
    }

    /// The entry of this name, whatever it is.
    pub(super) fn find(&self, name: &[u8]) -> Option<Entry<'_>> {
        if !self.sorted {
            return (0..self.starts.len()).filter_map(|place| self.entry(place)).find(|e| e.name == name);
        }
        // A folder stands elsewhere in the order than a file of its name.
        [false, true].into_iter().find_map(|folder| {
            let entry = self.entry(self.place(name, folder).ok()?)?;
            (entry.mode.is_tree() == folder).then_some(entry)
        })
    }

    /// The patched list and how it differs; `None` where nothing does. Tells what is wrong with the list.
    pub(super) fn patched(&self, patches: &[Patch<'_>]) -> Result<Option<(Self, Vec<Splice>)>, &'static str> {
        if !self.sorted {
            return Err("the list of a folder is not in Git's order");
        }
        let mut sorted: Vec<&Patch<'_>> = patches.iter().collect();
        sorted.sort_by(|a, b| {
            let is_tree = |patch: &Patch<'_>| patch.kind == EntryKind::Tree;
            name_order(a.name.as_bytes(), is_tree(a), b.name.as_bytes(), is_tree(b))
        });
        let mut splices = Vec::with_capacity(sorted.len());
        let mut moved = false;
        for patch in sorted {
            match (self.find(patch.name.as_bytes()), patch.id) {
                (Some(entry), Some(id)) if entry.id == id => {}
                (Some(entry), Some(id)) => {
                    splices.push(Splice { at: entry.end - ID, cut: ID, put: id.as_slice().to_vec() });
                }
                (Some(entry), None) => {
                    moved = true;
                    splices.push(Splice { at: entry.start, cut: entry.end - entry.start, put: Vec::new() });
                }
                (None, Some(id)) => {
                    moved = true;
                    let mut put = EntryMode::from(patch.kind).as_bytes(&mut [0; 6]).to_vec();
                    put.push(b' ');
                    put.extend_from_slice(patch.name.as_bytes());
                    put.push(0);
                    put.extend_from_slice(id.as_slice());
                    let place = self.place(patch.name.as_bytes(), patch.kind == EntryKind::Tree);
                    let (Ok(place) | Err(place)) = place;
                    let at = self.starts.get(place).map_or(self.bytes.len(), |start| *start as usize);
                    splices.push(Splice { at, cut: 0, put });
                }
                (None, None) => {}
            }
        }
        if splices.is_empty() {
            return Ok(None);
        }
        // Of two at one place, what comes new stands before what goes.
        splices.sort_by_key(|splice| (splice.at, splice.cut));
        let bytes = spliced(&self.bytes, &splices);
        let list = if moved {
            Self::parse(bytes)?
        } else {
            Self { bytes, starts: self.starts.clone(), sorted: true }
        };
        Ok(Some((list, splices)))
    }

    fn entry(&self, place: usize) -> Option<Entry<'_>> {
        entry_at(&self.bytes, *self.starts.get(place)? as usize)
    }

    /// Where a name is, or would be.
    fn place(&self, name: &[u8], folder: bool) -> Result<usize, usize> {
        self.starts.binary_search_by(|start| match entry_at(&self.bytes, *start as usize) {
            Some(entry) => name_order(entry.name, entry.mode.is_tree(), name, folder),
            None => Ordering::Less,
        })
    }
}

/// Reads `mode SP name NUL id`.
fn entry_at(bytes: &[u8], start: usize) -> Option<Entry<'_>> {
    let rest = bytes.get(start..)?;
    let space = rest.iter().take(8).position(|byte| *byte == b' ')?;
    let mode = EntryMode::from_bytes(&rest[..space])?;
    let after = &rest[space + 1..];
    let length = after.iter().position(|byte| *byte == 0)?;
    let id = after.get(length + 1..length + 1 + ID)?;
    let end = start + space + 1 + length + 1 + ID;
    Some(Entry { name: &after[..length], mode, id: ObjectId::try_from(id).ok()?, start, end })
}

impl Mirror {
    /// Keeps a list in memory.
    pub(super) fn keep_list(&self, id: ObjectId, list: List) -> Arc<List> {
        // The places of its entries take a tenth of what it takes itself.
        let weight = list.bytes.len() + list.bytes.len() / 9;
        self.lists.put(id, list, weight)
    }

    /// The list of a folder that the mirror holds.
    pub(super) fn folder_list(
        &self,
        repository: &gix::Repository,
        id: ObjectId,
    ) -> Result<Arc<List>, GitError> {
        if let Some(list) = self.lists.get(&id) {
            return Ok(list);
        }
        let mut bytes = Vec::new();
        self.read_tree(repository, id, &mut bytes)?;
        let list = List::parse(bytes).map_err(|why| self.damage_text(&format!("{why} (tree {id})")))?;
        Ok(self.keep_list(id, list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ObjectId {
        ObjectId::try_from([n; 20].as_slice()).unwrap()
    }

    fn patch(name: &str, id: Option<ObjectId>, kind: EntryKind) -> Patch<'_> {
        Patch { name, id, kind }
    }

    fn names(list: &List) -> Vec<String> {
        let entries = (0..list.starts.len()).map(|place| list.entry(place).unwrap());
        entries.map(|entry| String::from_utf8(entry.name.to_vec()).unwrap()).collect()
    }

    #[test]
    fn entries_stand_in_the_order_of_git() {
        let new = [
            patch("a", Some(id(1)), EntryKind::Tree),
            patch("a.b", Some(id(2)), EntryKind::Blob),
            patch("a-b", Some(id(3)), EntryKind::Tree),
            patch("a0", Some(id(4)), EntryKind::BlobExecutable),
        ];
        let (list, splices) = List::default().patched(&new).unwrap().unwrap();
        assert_eq!(splices.len(), 4);
        // A folder's name counts as if it ended in a slash.
        assert_eq!(names(&list), ["a-b", "a.b", "a", "a0"]);
        assert!(list.patched(&new).unwrap().is_none(), "nothing differs");
        assert_eq!(list.find(b"a0").unwrap().mode.kind(), EntryKind::BlobExecutable);
        assert!(list.find(b"a-").is_none());

        // At one place one goes and another comes; a mode that was there stays.
        let change = [
            patch("a.b", None, EntryKind::Blob),
            patch("a.a", Some(id(5)), EntryKind::Blob),
            patch("a0", Some(id(6)), EntryKind::Blob),
            patch("never there", None, EntryKind::Blob),
        ];
        let (list, splices) = list.patched(&change).unwrap().unwrap();
        assert_eq!((names(&list), splices.len()), (["a-b", "a.a", "a", "a0"].map(Into::into).to_vec(), 3));
        let entry = list.find(b"a0").unwrap();
        assert_eq!((entry.id, entry.mode.kind()), (id(6), EntryKind::BlobExecutable));
    }

    #[test]
    fn a_list_that_git_would_not_write_is_read_and_never_written_on() {
        let mut bytes = Vec::new();
        for name in ["b", "a"] {
            bytes.extend_from_slice(format!("100644 {name}\0").as_bytes());
            bytes.extend_from_slice(id(7).as_slice());
        }
        for end in (1..bytes.len()).filter(|end| *end != bytes.len() / 2) {
            assert!(List::parse(bytes[..end].to_vec()).is_err(), "{end}");
        }
        let list = List::parse(bytes).unwrap();
        assert!(list.find(b"a").is_some() && list.find(b"b").is_some());
        assert!(list.patched(&[patch("a", None, EntryKind::Blob)]).is_err());
    }
}
