//! The new objects of a series of commits, as a pack holds them.
//!
//! Each object is hashed, compared with its base and compressed once; the mirror's own pack and the one that
//! is pushed are both made of these bytes. Commits know their objects, so that a push of some of them takes
//! theirs and no more.
//!
//! Promises: an object that others are a delta of is never a delta of them in turn; no more than [`MAX_CHAIN`]
//! deltas stand on each other.

use std::{
    collections::HashMap,
    io::{self, Read},
};

use flate2::read::ZlibDecoder;
use gix::{
    ObjectId,
    hashtable::{HashMap as IdMap, HashSet as IdSet},
    objs::Kind,
};

use super::{
    delta,
    pack_file::{Form, Place, Writer},
};

/// How many deltas may stand on each other, as in `pack.depth` of Git.
pub(super) const MAX_CHAIN: u8 = 50;

/// Reads an object that is not in the series.
type Elsewhere<'a, E> = dyn FnMut(&ObjectId) -> Result<Option<Vec<u8>>, E> + 'a;

/// One object, in one form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) id: ObjectId,
    pub(super) kind: Kind,
    /// What it is a delta of.
    pub(super) base: Option<ObjectId>,
    pub(super) place: Place,
    /// Where in those bytes the compressed ones begin.
    zipped: usize,
    /// The next form of the same object: a delta of another base, of another commit's own.
    next: Option<usize>,
}

/// An object as its difference from another one.
#[derive(Debug)]
pub(super) struct Delta {
    /// An object of the first parent's, or of another commit that is behind it.
    pub(super) base: ObjectId,
    pub(super) bytes: Vec<u8>,
    /// Which one it is in its row, see [`Series::earlier`].
    pub(super) turn: u32,
}

/// A commit that was made here.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) tree: ObjectId,
    row: usize,
    pub(super) parents: Vec<ObjectId>,
    /// How many were made here before it.
    pub(super) order: usize,
    /// What it has and its first parent has not, itself last, by index.
    pub(super) items: Vec<usize>,
}

/// The objects of a series.
pub(super) struct Series {
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// The first form of each object.
    first: IdMap<ObjectId, usize>,
    depth: IdMap<ObjectId, u8>,
    /// The base and the turn of what is a delta, by the row of commits that it is in.
    rows: HashMap<(usize, ObjectId), (ObjectId, u32)>,
    /// The last commit of each row.
    ends: Vec<Option<ObjectId>>,
    /// The row of the commit that is being made.
    row: usize,
    bases: IdSet<ObjectId>,
    commits: IdMap<ObjectId, Made>,
    /// Objects of the commit that is being made.
    open: Vec<usize>,
    writer: Writer,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            items: Vec::new(),
            first: IdMap::default(),
            depth: IdMap::default(),
            rows: HashMap::new(),
            ends: Vec::new(),
            row: 0,
            bases: IdSet::default(),
            commits: IdMap::default(),
            open: Vec::new(),
            writer: Writer::new(),
        }
    }
}

impl Series {
    /// Starts a commit on this first parent. Commits are in one row when each stands on the one before: then
    /// what an earlier one holds is there for who takes a later one.
    pub(super) fn begin(&mut self, parent: ObjectId) {
        let row = self.commits.get(&parent).map(|made| made.row);
        self.row = row.filter(|row| self.ends[*row] == Some(parent)).unwrap_or_else(|| {
            self.ends.push(None);
            self.ends.len() - 1
        });
    }

    /// Takes an object of the commit that is being made.
    pub(super) fn add(
        &mut self,
        kind: Kind,
        id: ObjectId,
        data: &[u8],
        delta: Option<Delta>,
    ) -> io::Result<()> {
        let delta =
            delta.filter(|delta| self.depth_on(&delta.base) <= MAX_CHAIN && !self.bases.contains(&id));
        let base = delta.as_ref().map(|delta| delta.base);
        let forms = std::iter::successors(self.first.get(&id).copied(), |index| self.items[*index].next);
        let mut last = None;
        for index in forms {
            if self.items[index].base == base {
                self.open.push(index);
                return Ok(());
            }
            last = Some(index);
        }
        let form = match &delta {
            Some(delta) => Form::Delta(delta.base, &delta.bytes),
            None => Form::Whole(kind, data),
        };
        let (place, zipped) = self.writer.object(&mut self.bytes, &form)?;
        if let Some(Delta { base, turn, .. }) = delta {
            let depth = self.depth_on(&base);
            self.rows.insert((self.row, id), (base, turn));
            let known = self.depth.entry(id).or_default();
            *known = depth.max(*known);
            self.bases.insert(base);
        }
        let index = self.items.len();
        self.items.push(Item { id, kind, base, place, zipped, next: None });
        match last {
            Some(last) => self.items[last].next = Some(index),
            None => drop(self.first.insert(id, index)),
        }
        self.open.push(index);
        Ok(())
    }

    /// What a list that is made of `old` should be a delta of, and its turn in the row of lists that are made of
    /// each other. Not of `old` itself each time: the n-th stands on the one whose turn is n without its lowest
    /// one bit (the sixth on the fourth, the eighth on the first of all). So 1,000 of them are ten deltas deep
    /// and not a thousand, for some 200 bytes each.
    pub(super) fn earlier(&self, old: ObjectId) -> (ObjectId, u32) {
        let turn_of = |id: &ObjectId| self.rows.get(&(self.row, *id)).map_or(0, |(_, turn)| *turn);
        let turn = turn_of(&old) + 1;
        let wanted = turn & (turn - 1);
        let mut base = old;
        while turn_of(&base) > wanted
            && let Some((earlier, _)) = self.rows.get(&(self.row, base))
        {
            base = *earlier;
        }
        (base, turn)
    }

    /// How many deltas stand on each other in one of `base`.
    fn depth_on(&self, base: &ObjectId) -> u8 {
        self.depth.get(base).map_or(1, |depth| depth + 1)
    }

    /// Takes the commit that its objects, which were added before, belong to.
    pub(super) fn add_commit(
        &mut self,
        id: ObjectId,
        data: &[u8],
        tree: ObjectId,
        parents: Vec<ObjectId>,
    ) -> io::Result<()> {
        self.add(Kind::Commit, id, data, None)?;
        let items = std::mem::take(&mut self.open);
        let (order, row) = (self.commits.len(), self.row);
        self.ends[row] = Some(id);
        self.commits.entry(id).or_insert(Made { tree, row, parents, order, items });
        Ok(())
    }

    /// Forgets the objects of a commit that came to nothing. They stay among the bytes and go nowhere.
    pub(super) fn abandon(&mut self) {
        self.open.clear();
    }

    pub(super) fn commit(&self, id: &ObjectId) -> Option<&Made> {
        self.commits.get(id)
    }

    pub(super) fn item(&self, index: usize) -> &Item {
        &self.items[index]
    }

    /// The bytes of an object as it stands in a pack.
    pub(super) fn packed(&self, item: &Item) -> &[u8] {
        &self.bytes[item.place.start..item.place.end]
    }

    /// Every object once, in an order in which bases stand before what is made of them, where they are here.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Item> {
        let first = |(index, item): &(usize, &Item)| self.first.get(&item.id) == Some(index);
        self.items.iter().enumerate().filter(first).map(|(_, item)| item)
    }

    pub(super) fn has(&self, id: &ObjectId) -> bool {
        self.first.contains_key(id)
    }

    /// How many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn len(&self) -> usize {
        self.first.len()
    }

    /// An object's kind and bytes; `base` reads what is not here. `None` where it is not here, or its base
    /// nowhere.
    pub(super) fn read<E>(
        &self,
        id: &ObjectId,
        base: &mut Elsewhere<'_, E>,
    ) -> Result<Option<(Kind, Vec<u8>)>, E> {
        let Some(&index) = self.first.get(id) else { return Ok(None) };
        let kind = self.items[index].kind;
        // From the object down to what is whole, then up again.
        let (mut deltas, mut next) = (Vec::new(), Some(*id));
        let mut data = None;
        while let Some(id) = next.take() {
            match self.first.get(&id).map(|index| &self.items[*index]) {
                Some(item @ Item { base: Some(base), .. }) => {
                    deltas.push(item);
                    next = Some(*base);
                }
                Some(item) => data = self.inflate(item),
                None => data = base(&id)?,
            }
        }
        for item in deltas.into_iter().rev() {
            data = data.and_then(|data| delta::apply(&data, &self.inflate(item)?));
        }
        Ok(data.map(|data| (kind, data)))
    }

    fn inflate(&self, item: &Item) -> Option<Vec<u8>> {
        let mut data = Vec::new();
        ZlibDecoder::new(&self.packed(item)[item.zipped..]).read_to_end(&mut data).ok()?;
        Some(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> ObjectId {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        ObjectId::try_from(bytes.as_slice()).unwrap()
    }

    #[test]
    fn a_thousand_lists_in_a_row_are_ten_deltas_deep() {
        let mut series = Series::default();
        let bytes = |n: u32| vec![n as u8; 3000];
        for n in 1..=1000 {
            // Commits have the ids from a million on.
            series.begin(id(1_000_000 + n - 1));
            let (base, turn) = series.earlier(id(n - 1));
            assert_eq!((base, turn), (id(n & (n - 1)), n));
            // Which turns earlier ones had tells the old bytes; these differ in all.
            let base_bytes = bytes(turn & (turn - 1));
            let delta = delta::from_splices(
                base_bytes.len(),
                3000,
                &[delta::Splice { at: 0, cut: 1, put: vec![n as u8] }],
            );
            series
                .add(Kind::Tree, id(n), &bytes(n), Some(Delta { base, bytes: delta.unwrap(), turn }))
                .unwrap();
            series.add_commit(id(1_000_000 + n), b"commit", id(n), vec![id(1_000_000 + n - 1)]).unwrap();
        }
        assert_eq!(series.depth.values().max(), Some(&9), "as many as 511 has one bits");
        // What another row made is no base here: it may never be sent.
        series.begin(id(7));
        assert_eq!(series.earlier(id(1000)), (id(1000), 1));
        // Back to an earlier state: what others stand on is whole.
        let (base, turn) = (id(1000), 1);
        series.add(Kind::Tree, id(512), &bytes(512), Some(Delta { base, bytes: vec![0; 9], turn })).unwrap();
        assert_eq!(series.items.last().unwrap().base, None);
        let (kind, read) = series.read::<()>(&id(3), &mut |_| Ok(Some(vec![9; 3000]))).unwrap().unwrap();
        assert_eq!((kind, read[0], read[1], read.len()), (Kind::Tree, 3, 9, 3000));
    }
}
