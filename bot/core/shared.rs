//! A sorted map whose versions share what is equal in them.
//!
//! Facts of fifty thousand places are looked at again and again, and each look changes a few of them. A clone of
//! this map costs one counter; a change copies one chunk of entries, by reference, and no value; and
//! [`SharedMap::differing`] tells what two versions differ in without looking at the chunks that they share.

use std::{borrow::Borrow, fmt, ops::Index, sync::Arc};

/// The most entries of a chunk. A change copies so many references, and one reference for each chunk.
const MOST: usize = 128;

type Entry<K, V> = Arc<(K, V)>;
type Chunk<K, V> = Arc<Vec<Entry<K, V>>>;

/// A sorted map that is cheap to clone, and cheap to change afterwards.
pub struct SharedMap<K, V> {
    /// None is empty; the last key of each is before the first of the next.
    chunks: Arc<Vec<Chunk<K, V>>>,
    len: usize,
}

impl<K, V> Clone for SharedMap<K, V> {
    fn clone(&self) -> Self {
        Self { chunks: Arc::clone(&self.chunks), len: self.len }
    }
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { chunks: Arc::default(), len: 0 }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SharedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len
            && (Arc::ptr_eq(&self.chunks, &other.chunks)
                || self.entries().zip(other.entries()).all(|(a, b)| Arc::ptr_eq(a, b) || a == b))
    }
}

impl<K: Eq, V: Eq> Eq for SharedMap<K, V> {}

impl<K, V> SharedMap<K, V> {
    /// A map without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entries, sorted by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.entries().map(|entry| (&entry.0, &entry.1))
    }

    /// The keys, sorted.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.entries().map(|entry| &entry.0)
    }

    /// The values, sorted by key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.entries().map(|entry| &entry.1)
    }

    /// Takes out all entries.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry<K, V>> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

impl<K: Ord, V> SharedMap<K, V> {
    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        let at = chunk.binary_search_by(|entry| entry.0.borrow().cmp(key)).ok()?;
        Some(&chunk.get(at)?.1)
    }

    /// Whether the key is there.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The entries from this key on.
    pub fn from_key<'a, Q: Ord + ?Sized>(&'a self, key: &Q) -> impl Iterator<Item = (&'a K, &'a V)>
    where
        K: Borrow<Q>,
    {
        let first = self.chunk_of(key);
        let chunk = self.chunks.get(first).map_or(&[][..], |chunk| chunk.as_slice());
        let skip = chunk.partition_point(|entry| entry.0.borrow() < key);
        let rest = self.chunks.get(first..).unwrap_or_default().iter().flat_map(|chunk| chunk.iter());
        rest.skip(skip).map(|entry| (&entry.0, &entry.1))
    }

    /// The keys that are in one of two versions only, or whose values were set since they parted. What was set to
    /// an equal value is told too. Costs what differs, and a look at each chunk's reference.
    pub fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a K> {
        let (mut ours, mut theirs) = (Cursor::of(self), Cursor::of(other));
        let mut found = Vec::new();
        loop {
            if let (Some(a), Some(b)) = (ours.whole_chunk(), theirs.whole_chunk())
                && Arc::ptr_eq(a, b)
            {
                ours.next_chunk();
                theirs.next_chunk();
                continue;
            }
            let order = match (ours.entry(), theirs.entry()) {
                (None, None) => return found,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(a), Some(b)) => a.0.cmp(&b.0),
            };
            let (a, b) = (
                if order.is_le() { ours.step() } else { None },
                if order.is_ge() { theirs.step() } else { None },
            );
            if let (Some(a), Some(b)) = (a, b)
                && Arc::ptr_eq(a, b)
            {
                continue;
            }
            found.extend(a.or(b).map(|entry| &entry.0));
        }
    }

    /// The chunk in which a key is, or would be: the last one that does not begin after it.
    fn chunk_of<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        let after =
            self.chunks.partition_point(|chunk| chunk.first().is_some_and(|entry| entry.0.borrow() <= key));
        after.saturating_sub(1)
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    /// Sets the value of a key; answers the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let index = self.chunk_of(&key);
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(index) else {
            chunks.push(Arc::new(vec![Arc::new((key, value))]));
            self.len = 1;
            return None;
        };
        let entries = Arc::make_mut(chunk);
        match entries.binary_search_by(|entry| entry.0.cmp(&key)) {
            Ok(at) => {
                let before = std::mem::replace(&mut entries[at], Arc::new((key, value)));
                Some(before.1.clone())
            }
            Err(at) => {
                entries.insert(at, Arc::new((key, value)));
                self.len += 1;
                if entries.len() > MOST {
                    // What is put in by rising keys leaves full chunks behind.
                    let split = if at + 1 == entries.len() { MOST } else { MOST / 2 };
                    let rest = entries.split_off(split);
                    chunks.insert(index + 1, Arc::new(rest));
                }
                None
            }
        }
    }

    /// Takes out a key; answers its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let index = self.chunk_of(key);
        let at = self.chunks.get(index)?.binary_search_by(|entry| entry.0.borrow().cmp(key)).ok()?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let entries = Arc::make_mut(chunks.get_mut(index)?);
        let before = entries.remove(at);
        if entries.is_empty() {
            chunks.remove(index);
        }
        self.len -= 1;
        Some(before.1.clone())
    }

    /// The value of a key, to be changed. Other versions keep theirs.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let index = self.chunk_of(key);
        let at = self.chunks.get(index)?.binary_search_by(|entry| entry.0.borrow().cmp(key)).ok()?;
        let chunk = Arc::make_mut(&mut self.chunks).get_mut(index)?;
        let entry = Arc::make_mut(chunk).get_mut(at)?;
        Some(&mut Arc::make_mut(entry).1)
    }

    /// The value of a key, to be changed; where there is none, what `make` makes.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if !self.contains_key(&key) {
            self.insert(key.clone(), make());
        }
        match self.get_mut(&key) {
            Some(value) => value,
            None => unreachable!("it was there, or was just put in"),
        }
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for SharedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K: Ord + Clone, V: Clone> Extend<(K, V)> for SharedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord + Borrow<Q>, V, Q: Ord + ?Sized> Index<&Q> for SharedMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        match self.get(key) {
            Some(value) => value,
            None => panic!("no such key"),
        }
    }
}

/// A place in a map, between two entries.
struct Cursor<'a, K, V> {
    chunks: &'a [Chunk<K, V>],
    at: usize,
}

impl<'a, K, V> Cursor<'a, K, V> {
    fn of(map: &'a SharedMap<K, V>) -> Self {
        Self { chunks: &map.chunks, at: 0 }
    }

    /// The chunk that begins here.
    fn whole_chunk(&self) -> Option<&'a Chunk<K, V>> {
        self.chunks.first().filter(|_| self.at == 0)
    }

    fn next_chunk(&mut self) {
        self.chunks = self.chunks.get(1..).unwrap_or_default();
        self.at = 0;
    }

    fn entry(&self) -> Option<&'a Entry<K, V>> {
        self.chunks.first()?.get(self.at)
    }

    fn step(&mut self) -> Option<&'a Entry<K, V>> {
        let entry = self.entry()?;
        self.at += 1;
        if self.chunks.first().is_some_and(|chunk| chunk.len() == self.at) {
            self.next_chunk();
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// It is a map like any other, each version keeps what it had, and `differing` tells what was set.
        #[test]
        fn it_does_what_a_map_does(
            start in prop::collection::vec(0u16..2_000, 0..1_500),
            steps in prop::collection::vec((0u8..3, 0u16..2_000), 0..60),
        ) {
            let mut model: BTreeMap<u16, usize> = start.iter().map(|key| (*key, 0)).collect();
            let mut map: SharedMap<u16, usize> = start.iter().map(|key| (*key, 0)).collect();
            let (before, first) = (map.clone(), model.clone());
            let mut touched = BTreeSet::new();
            for (at, (step, key)) in steps.into_iter().enumerate() {
                match step {
                    0 => prop_assert_eq!(map.insert(key, at + 1), model.insert(key, at + 1)),
                    1 => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                    _ => {
                        *map.get_or_insert_with(key, || 7) += 1;
                        *model.entry(key).or_insert(7) += 1;
                    }
                }
                touched.insert(key);
                prop_assert_eq!(map.get(&key), model.get(&key));
            }
            prop_assert!(map.iter().eq(model.iter()) && map.len() == model.len());
            prop_assert!(before.iter().eq(first.iter()), "an older version changed");
            prop_assert!(map.from_key(&700).eq(model.range(700..)));
            let differing: BTreeSet<u16> = before.differing(&map).into_iter().copied().collect();
            prop_assert!(differing.is_subset(&touched));
            for key in 0..2_000 {
                prop_assert!(first.get(&key) == model.get(&key) || differing.contains(&key), "{}", key);
            }
            prop_assert_eq!(before.differing(&map).len(), map.differing(&before).len());
            prop_assert_eq!(before == map, first == model);
        }
    }

    #[test]
    fn a_change_shares_all_but_one_chunk() {
        let map: SharedMap<u32, u32> = (0..50_000).map(|key| (key, key)).collect();
        assert!(map.chunks.len() <= 50_000 / MOST + 2, "{} chunks", map.chunks.len());
        let mut changed = map.clone();
        *changed.get_mut(&25_000).unwrap() = 1;
        let shared = map.chunks.iter().zip(changed.chunks.iter()).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!((shared, map.differing(&changed)), (map.chunks.len() - 1, vec![&25_000]));
    }
}
