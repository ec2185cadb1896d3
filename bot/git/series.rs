//! The new objects of a series of commits, as a pack holds them.
//!
//! Each object is hashed, compared with its base and compressed once; the mirror's own pack and the one that
//! is pushed are both made of these bytes. Commits know their objects, so that a push of some of them takes
//! theirs and no more.
//!
//! Promises: an object that others are a delta of is never a delta of them in turn; no more than [`MAX_CHAIN`]
//! deltas stand on each other.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Read},
};

use flate2::read::ZlibDecoder;
use gix::{ObjectId, objs::Kind};

use super::{
    delta,
    pack_file::{Form, Place, Writer},
};

/// How many deltas may stand on each other, as in `pack.depth` of Git.
pub(super) const MAX_CHAIN: u8 = 50;

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
}

/// A commit that was made here.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) tree: ObjectId,
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
    /// The same object may be there as a delta of different bases: of each commit's own.
    forms: HashMap<(ObjectId, Option<ObjectId>), usize>,
    first: HashMap<ObjectId, usize>,
    depth: HashMap<ObjectId, u8>,
    bases: HashSet<ObjectId>,
    commits: HashMap<ObjectId, Made>,
    /// Objects of the commit that is being made.
    open: Vec<usize>,
    writer: Writer,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            items: Vec::new(),
            forms: HashMap::new(),
            first: HashMap::new(),
            depth: HashMap::new(),
            bases: HashSet::new(),
            commits: HashMap::new(),
            open: Vec::new(),
            writer: Writer::new(),
        }
    }
}

impl Series {
    /// Takes an object of the commit that is being made. `delta` is the object's base and its bytes against
    /// it; the base is in the first parent of that commit.
    pub(super) fn add(
        &mut self,
        kind: Kind,
        id: ObjectId,
        data: &[u8],
        delta: Option<(ObjectId, Vec<u8>)>,
    ) -> io::Result<()> {
        let delta = delta.filter(|(base, _)| self.depth_on(base) <= MAX_CHAIN && !self.bases.contains(&id));
        let base = delta.as_ref().map(|(base, _)| *base);
        if let Some(&index) = self.forms.get(&(id, base)) {
            self.open.push(index);
            return Ok(());
        }
        let form = match &delta {
            Some((base, delta)) => Form::Delta(*base, delta),
            None => Form::Whole(kind, data),
        };
        let (place, zipped) = self.writer.object(&mut self.bytes, &form)?;
        if let Some(base) = base {
            let depth = self.depth_on(&base);
            let known = self.depth.entry(id).or_default();
            *known = depth.max(*known);
            self.bases.insert(base);
        }
        let index = self.items.len();
        self.items.push(Item { id, kind, base, place, zipped });
        self.forms.insert((id, base), index);
        self.first.entry(id).or_insert(index);
        self.open.push(index);
        Ok(())
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
        let order = self.commits.len();
        self.commits.entry(id).or_insert(Made { tree, parents, order, items });
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
        base: &mut dyn FnMut(&ObjectId) -> Result<Option<Vec<u8>>, E>,
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
