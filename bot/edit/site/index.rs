//! What is asked of all sites for each one of them, answered without a walk over all.

use std::collections::{HashMap, HashSet};

use super::{Found, Site, Slot};
use crate::refusal::Refusal;
use crate::syntax::{NodeId, Tree};

/// Sites by what they have in common.
#[derive(Debug)]
pub(crate) struct Index {
    /// The entries of kustomizations, by document, name and image.
    entries: Vec<usize>,
    /// For each anchor whose aliases all are values of sites of one image: one of those sites.
    of_one_image: HashMap<NodeId, usize>,
    /// The values that sites of different images share, as `<<` brings them.
    of_several: HashSet<NodeId>,
}

impl Found {
    /// The entries of kustomizations that go by the same name and image as this one in its document, in the
    /// order of the file; it is among them.
    pub(crate) fn twins<'f>(&'f self, tree: &Tree<'_>, site: &Site) -> impl Iterator<Item = &'f Site> {
        let entries = &self.index(tree).entries;
        let wanted = (tree.document(site.at), &site.name, &site.image);
        let key = |at: &usize| {
            let site = &self.sites[*at];
            (tree.document(site.at), &site.name, &site.image)
        };
        let start = entries.partition_point(|at| key(at) < wanted);
        let end = entries.partition_point(|at| key(at) <= wanted);
        let range = if site.is_entry() { start..end } else { 0..0 };
        entries[range].iter().map(|at| &self.sites[*at])
    }

    /// Whether all aliases of the anchor are values of sites of that image.
    pub(crate) fn is_all_of(&self, tree: &Tree<'_>, anchor: NodeId, image: &str) -> bool {
        let site = self.index(tree).of_one_image.get(&anchor);
        site.is_some_and(|at| self.sites[*at].image == image)
    }

    /// Whether sites of different images have this value, which `<<` brings to more than one.
    pub(crate) fn is_of_several(&self, tree: &Tree<'_>, slot: &Slot) -> bool {
        self.index(tree).of_several.contains(&slot.value)
    }

    /// Refuses a value on the way to which a key stands twice: readers differ on which of the two counts.
    pub(crate) fn refuse_doubled(&self, tree: &Tree<'_>, value: NodeId) -> Result<(), Refusal> {
        let mut known = self.doubled.borrow_mut();
        let mut inside = value;
        while let Some(around) = tree.around(inside) {
            let doubled = known.entry(around).or_insert_with(|| tree.doubled(around));
            if !doubled.is_empty()
                && let Some(key) = tree.key_before(inside)
                && let Some(pair) = doubled.iter().find(|pair| tree.node(pair.1).text == tree.node(key).text)
            {
                return Err(tree.duplicate(pair.0, pair.1));
            }
            inside = around;
        }
        Ok(())
    }

    fn index(&self, tree: &Tree<'_>) -> &Index {
        self.index.get_or_init(|| {
            let sites = &self.sites;
            let mut entries: Vec<usize> = (0..sites.len()).filter(|at| sites[*at].is_entry()).collect();
            entries.sort_by_cached_key(|at| {
                let site = &sites[*at];
                (tree.document(site.at), &site.name, &site.image, site.at)
            });
            let slots =
                sites.iter().enumerate().flat_map(|(at, site)| site.slots().map(move |slot| (slot, at)));
            let mut users: HashMap<NodeId, usize> = HashMap::new();
            let mut of_several = HashSet::new();
            for (slot, at) in slots {
                if let Some(other) = users.insert(slot.value, at)
                    && sites[other].image != sites[at].image
                {
                    of_several.insert(slot.value);
                }
            }
            let mut of_one_image = HashMap::new();
            for anchor in tree.anchors() {
                let mut sites_of = tree.aliases(anchor).iter().map(|alias| users.get(alias).copied());
                let Some(Some(first)) = sites_of.next() else { continue };
                if sites_of.all(|at| at.is_some_and(|at| sites[at].image == sites[first].image)) {
                    of_one_image.insert(anchor, first);
                }
            }
            Index { entries, of_one_image, of_several }
        })
    }
}
