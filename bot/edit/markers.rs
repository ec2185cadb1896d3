//! Flux's marker comments: `# {"$imagepolicy": "NAMESPACE:NAME[:tag|:name|:digest]"}`.
//!
//! The scalar before the comment on its line is what the policy sets: the whole `NAME:TAG[@DIGEST]`, or the part
//! that the suffix says (Flux, "Configure image update for custom resources"). Parts that stand in one mapping
//! belong together. Whose image a `:tag` is says, in this order: a `:name` beside it, what its mapping is for a
//! chart (`repository`) or for kustomize (`name` and `newTag`), any other marker of the policy in the file; else
//! the caller must, and where the file has other marked values too, it must name the policy as the key.
//!
//! Comments are not in the tree. One is found by the text behind a scalar's end, so that what merely looks like
//! one in quotes or in a block is none. A comment of other words that holds a marker is none either, as for Flux;
//! one that starts as a marker and breaks its grammar blocks its value, since somebody meant it.

mod comment;
mod group;

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::refusal::{Reason, Refusal};
use crate::site::{Form, Found, Site, Slot};
use crate::syntax::{NodeId, Tree};
use comment::Marker;

/// Whether a marker stands in the file.
pub(crate) fn has_any(tree: &Tree<'_>) -> bool {
    comment::all(tree).next().is_some()
}

/// The values with a marker, of the policy alone where one is told.
pub(crate) fn find(tree: &Tree<'_>, policy: Option<&str>, found: &mut Found) -> Result<(), Refusal> {
    let mut marked: Vec<(NodeId, Marker<'_>)> = Vec::new();
    let mut others: BTreeSet<&str> = BTreeSet::new();
    let mut malformed: HashMap<NodeId, Refusal> = HashMap::new();
    // By value, as a mapping may hold values of several policies.
    let mut policies: HashMap<NodeId, &str> = HashMap::new();
    for (value, marker) in comment::all(tree) {
        policies.extend(marker.map(|marker| (value, marker.policy)));
        match marker {
            Some(marker) if policy.is_none_or(|policy| policy == marker.policy) => {
                marked.push((value, marker));
            }
            Some(marker) => {
                others.insert(marker.policy);
            }
            None => {
                blocked(tree, value, found);
                malformed.insert(value, unreadable(tree, value));
            }
        }
    }
    if let Some(policy) = policy.filter(|_| marked.is_empty()) {
        let present = others.into_iter().map(str::to_owned).collect();
        let key = policy.to_owned();
        return Err(Refusal::whole(Reason::NoSuchKey { key, deepest: String::new(), present }));
    }
    let places = group::Places::of(tree, marked.iter().map(|(value, _)| *value));
    let parts = marked
        .into_iter()
        .map(|(value, marker)| (marker.policy, marker.part, Slot::of((places.key(value), value))))
        .collect();
    group::sites(tree, &places, &policies, parts, policy.is_some(), found)?;
    refuse_parts(tree, found);
    // A value is not changed with others of its mapping either.
    for site in &found.sites {
        if let Some(refusal) = site.slots().find_map(|slot| malformed.get(&slot.value)) {
            found.odd.entry(site.at).or_insert_with(|| refusal.clone());
        }
    }
    Ok(())
}

/// A value whose marker cannot be read.
fn blocked(tree: &Tree<'_>, value: NodeId, found: &mut Found) {
    if let Some(site) = Site::joined(tree, Slot::item(value)) {
        found.odd.insert(site.at, unreadable(tree, value));
        found.sites.push(site);
    }
}

/// Blocks a value that a marker has as a whole reference, and that is but a part of one whose other parts stand
/// beside it: what is set would hold the tag twice.
fn refuse_parts(tree: &Tree<'_>, found: &mut Found) {
    let fields = found.sites.iter().filter(|site| matches!(site.form, Form::Fields(_)));
    let parts: HashSet<NodeId> =
        fields.flat_map(|site| site.slots().chain(site.name_slot())).map(|slot| slot.value).collect();
    for site in &found.sites {
        if let Form::Joined(slot) = &site.form
            && parts.contains(&slot.value)
        {
            let expected =
                "for a part (`:name`, `:tag`, `:digest`), since the others stand in values beside it";
            let reason = Reason::Shape { what: "this marker", expected };
            found.odd.entry(site.at).or_insert(Refusal::at(tree.position(slot.value), reason));
        }
    }
}

fn unreadable(tree: &Tree<'_>, value: NodeId) -> Refusal {
    let expected = "`{\"$imagepolicy\": \"NAMESPACE:NAME\"}`, for a part with `:tag`, `:name` or `:digest` \
                    behind the name, after a value of that form";
    Refusal::at(tree.position(value), Reason::Shape { what: "a marker", expected })
}
