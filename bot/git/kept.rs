//! Objects that were read or made of late, in memory.
//!
//! An object never changes, only which one a path has: what is kept is never stale. One cache serves all
//! callers of a mirror, so that what one has read for an edit is at hand for the commit.

use std::sync::{Arc, Mutex, PoisonError};

use gix::{ObjectId, hashtable::HashMap};

/// What an entry takes beside the object itself, in bytes.
const ENTRY: usize = 200;

/// Objects in two halves, of which the older goes when the newer is full.
pub(super) struct Kept<T> {
    halves: Mutex<Halves<T>>,
    most: usize,
}

struct Halves<T> {
    newer: HashMap<ObjectId, (Arc<T>, usize)>,
    older: HashMap<ObjectId, (Arc<T>, usize)>,
    /// What the newer half weighs.
    weight: usize,
}

impl<T> Kept<T> {
    /// Keeps up to `most` bytes in each half.
    pub(super) fn new(most: usize) -> Self {
        let halves = Halves { newer: HashMap::default(), older: HashMap::default(), weight: 0 };
        Self { halves: Mutex::new(halves), most }
    }

    pub(super) fn get(&self, id: &ObjectId) -> Option<Arc<T>> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((object, _)) = halves.newer.get(id) {
            return Some(object.clone());
        }
        let (object, weight) = halves.older.remove(id)?;
        halves.put(*id, object.clone(), weight, self.most);
        Some(object)
    }

    /// Keeps an object of so many bytes.
    pub(super) fn put(&self, id: ObjectId, object: T, bytes: usize) -> Arc<T> {
        let object = Arc::new(object);
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.put(id, object.clone(), bytes + ENTRY, self.most);
        object
    }
}

impl<T> Halves<T> {
    fn put(&mut self, id: ObjectId, object: Arc<T>, weight: usize, most: usize) {
        if self.weight + weight > most {
            self.older = std::mem::take(&mut self.newer);
            self.weight = 0;
        }
        let before = self.newer.insert(id, (object, weight));
        self.weight = self.weight + weight - before.map_or(0, |(_, weight)| weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let kept = Kept::new(10 * (ENTRY + 100));
        let id = |n: u8| ObjectId::try_from([n; 20].as_slice()).unwrap();
        for n in 0..100 {
            kept.put(id(n), n, 100);
            assert_eq!(kept.get(&id(0)).as_deref(), Some(&0), "used all the time");
        }
        assert_eq!(kept.get(&id(99)).as_deref(), Some(&99));
        assert_eq!(kept.get(&id(50)), None);
        let halves = kept.halves.into_inner().unwrap();
        assert!(halves.newer.len() <= 10 && halves.older.len() <= 10);
        assert_eq!(halves.weight, halves.newer.len() * (ENTRY + 100));
    }
}
