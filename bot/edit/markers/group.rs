//! Parts with markers, put together to sites.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::comment::Part;
use crate::helm;
use crate::kustomization;
use crate::oci;
use crate::reference::What;
use crate::refusal::{Reason, Refusal};
use crate::site::{Fields, Form, Found, Names, Pin, Site, Slot};
use crate::syntax::{NodeId, Tree};

/// The keys and mappings of some values.
pub(super) struct Places {
    pairs: HashMap<usize, (NodeId, NodeId)>,
}

impl Places {
    /// One walk over the tree.
    pub(super) fn of(tree: &Tree<'_>, values: impl Iterator<Item = NodeId>) -> Self {
        let wanted: HashSet<usize> = values.map(NodeId::index).collect();
        let mut pairs = HashMap::new();
        if !wanted.is_empty() {
            for mapping in tree.ids() {
                let inside = tree.pairs(mapping).filter(|(_, value)| wanted.contains(&value.index()));
                pairs.extend(inside.map(|(key, value)| (value.index(), (mapping, key))));
            }
        }
        Self { pairs }
    }

    /// The key of a value; the value itself, where it is an item.
    pub(super) fn key(&self, value: NodeId) -> NodeId {
        self.pairs.get(&value.index()).map_or(value, |(_, key)| *key)
    }

    fn mapping(&self, value: NodeId) -> Option<NodeId> {
        self.pairs.get(&value.index()).map(|(mapping, _)| *mapping)
    }
}

/// The parts of one policy in one mapping.
#[derive(Default)]
struct Group {
    name: Option<Slot>,
    tag: Option<Slot>,
    digest: Option<Slot>,
    twice: bool,
}

/// Pushes the sites of all marked values, each with its policy; `told` where the caller named the policy.
pub(super) fn sites(
    tree: &Tree<'_>,
    places: &Places,
    policies: &HashMap<NodeId, &str>,
    marked: Vec<(&str, Part, Slot)>,
    told: bool,
    found: &mut Found,
) -> Result<(), Refusal> {
    let mut groups: BTreeMap<(&str, NodeId), Group> = BTreeMap::new();
    // What the markers of a policy name; nothing where they differ.
    let mut named: HashMap<&str, Option<String>> = HashMap::new();
    let mut name = |policy, image: &str| {
        let known = named.entry(policy).or_insert_with(|| Some(image.to_owned()));
        if known.as_deref() != Some(image) {
            *known = None;
        }
    };
    for (policy, part, slot) in marked {
        if part == Part::Whole {
            let value = slot.value;
            let digest = slot.text(tree).is_some_and(oci::is_digest);
            match Site::joined(tree, slot).filter(|_| !digest) {
                Some(site) => {
                    name(policy, &site.image);
                    found.sites.push(site);
                }
                None => super::blocked(tree, value, found),
            }
            continue;
        }
        let around = places.mapping(slot.value).unwrap_or(slot.value);
        let group = groups.entry((policy, around)).or_default();
        let place = match part {
            Part::Name => {
                slot.text(tree).into_iter().for_each(|text| name(policy, text));
                &mut group.name
            }
            Part::Digest => &mut group.digest,
            Part::Tag | Part::Whole => &mut group.tag,
        };
        group.twice |= place.replace(slot).is_some();
    }
    let mut unnamed: Vec<(&str, NodeId)> = Vec::new();
    // Asked once of a mapping, however many policies stand in it.
    let mut entries: HashMap<usize, Option<Site>> = HashMap::new();
    for ((policy, around), group) in groups {
        let twice = group.twice;
        if let Entry::Vacant(place) = entries.entry(around.index()) {
            place.insert(entry(tree, around)?);
        }
        let entry = entries.get(&around.index()).and_then(Option::as_ref);
        let policy_of = |slot: &Slot| policies.get(&slot.value).copied();
        let mine = entry.is_some_and(|entry| entry.slots().any(|slot| policy_of(slot) == Some(policy)));
        let torn = mine
            && entry.is_some_and(|entry| entry.slots().filter_map(policy_of).any(|other| other != policy));
        let Some(site) = group.site(entry, named.get(policy).cloned().flatten(), tree) else { continue };
        if torn {
            let expected = "set by one policy";
            let reason = Reason::Shape { what: "the parts of one image", expected };
            found.odd.insert(site.at, Refusal::at(tree.position(site.at), reason));
        }
        if twice {
            let expected = "set once in a mapping; leave one marker of each form";
            let reason = Reason::Shape { what: "what a policy sets", expected };
            found.odd.insert(site.at, Refusal::at(tree.position(site.at), reason));
        }
        if site.image.is_empty() {
            unnamed.push((policy, site.at));
        }
        found.sites.push(site);
    }
    // The caller can tell the image of a file with one policy that names none, not which of several is meant.
    let several = unnamed.iter().any(|(policy, _)| *policy != unnamed[0].0)
        || found.sites.iter().any(|site| !site.image.is_empty());
    for (_, at) in unnamed.into_iter().filter(|_| several && !told) {
        let expected = "named by a marker `:name`, or told together with the policy as the key";
        let reason = Reason::Shape { what: "the image of a policy", expected };
        found.odd.entry(at).or_insert(Refusal::at(tree.position(at), reason));
    }
    Ok(())
}

impl Group {
    /// The site of the group; nothing for a name alone, which has no version.
    fn site(mut self, entry: Option<&Site>, named: Option<String>, tree: &Tree<'_>) -> Option<Site> {
        let at = self.tag.as_ref().or(self.digest.as_ref()).map(|slot| slot.key)?;
        let at = self.name.as_ref().map_or(at, |slot| slot.key.min(at));
        let mine = |entry: &&Site| {
            let has = |slot: &Slot| entry.slots().any(|other| other.value == slot.value);
            self.name.is_none() && self.tag.iter().chain(&self.digest).all(has)
        };
        if let Some(entry) = entry.filter(mine) {
            return Some(Site { at, ..entry.clone() });
        }
        let (mut image, mut names, mut pin) = (named.unwrap_or_default(), Names::Elsewhere, Pin::Nowhere);
        if let Some(slot) = self.name.take() {
            image = slot.text(tree).unwrap_or_default().to_owned();
            names = Names::Repository { registry: None, repository: slot };
            pin = Pin::BehindTag;
        }
        let (tag, digest) = (self.tag, self.digest);
        let fields =
            Fields { mapping: None, names, tag, tag_key: "tag".into(), digest, pin, bare_hex: false };
        let form = Form::Fields(fields);
        Some(Site { what: What::Image, name: image.clone(), image, at, form })
    }
}

/// The mapping as a chart's image, or as an entry of a kustomization.
fn entry(tree: &Tree<'_>, around: NodeId) -> Result<Option<Site>, Refusal> {
    if let Some(site) = helm::image_mapping(tree, around)? {
        return Ok(Some(site));
    }
    let list = tree.around(around).and_then(|list| tree.key_before(list));
    let listed = list.is_some_and(|key| tree.node(key).text == "images");
    let versioned = tree.get(around, "newTag")?.is_some() || tree.get(around, "digest")?.is_some();
    Ok(kustomization::entry(tree, around).ok().filter(|_| listed && versioned))
}
