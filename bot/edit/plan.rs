//! Sites become references, and wanted changes become splices: the same for every kind of YAML file.
//!
//! All references to an image in one file move together: an init container and the main one, a revision that
//! stands in five places. Only a kustomization's entries that go by one name are refused, since just one of
//! them counts.

mod apply;
mod look;

use std::collections::HashSet;

use crate::MAX_REFERENCES;
use crate::draft::Draft;
use crate::find::find;
use crate::oci;
use crate::reference::{Change, Reference, SetDigest, What};
use crate::refusal::{Reason, Refusal, Renamed};
use crate::site::{Found, Nested, Site, same_image};
use crate::syntax::Tree;
use crate::target::Target;

/// How deep files may stand in values of files.
const MAX_NESTED: usize = 3;

/// Every reference in the file, in its order.
pub(crate) fn read(target: &Target<'_>, tree: &Tree<'_>) -> Result<Vec<Reference>, Refusal> {
    let found = find(target, tree)?;
    let mut room = Room::default();
    let references = look::references(target, tree, &found, 0, &mut room);
    room.refuse().map_or(Ok(references), Err)
}

/// Writes the wanted changes into the draft.
pub(crate) fn set(
    target: &Target<'_>,
    tree: &Tree<'_>,
    changes: &[Change<'_>],
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    for change in changes {
        change.new_name.map_or(Ok(()), oci::check_name)?;
        if let SetDigest::Set(digest) = change.digest {
            oci::check_digest(digest)?;
        }
    }
    let found = find(target, tree)?;
    let mut tally = Tally { room: Room::default(), hits: vec![0; changes.len()], unread: None };
    level(target, tree, &found, changes, draft, &mut tally, 0)?;
    match tally.hits.iter().position(|hits| *hits == 0) {
        None => Ok(()),
        Some(missed) => Err(tally.unread.unwrap_or_else(|| missing(target, tree, &found, &changes[missed]))),
    }
}

/// How many references more there may be; none where there were too many.
struct Room(Option<usize>);

impl Default for Room {
    fn default() -> Self {
        Self(Some(MAX_REFERENCES))
    }
}

impl Room {
    /// Takes room for that many; whether there was.
    fn take(&mut self, count: usize) -> bool {
        self.0 = self.0.and_then(|room| room.checked_sub(count));
        self.0.is_some()
    }

    fn refuse(&self) -> Option<Refusal> {
        let reason = Reason::TooMany { what: "references", limit: MAX_REFERENCES };
        self.0.is_none().then(|| Refusal::whole(reason))
    }
}

/// What was found of each change.
struct Tally {
    room: Room,
    hits: Vec<usize>,
    /// Why a value that holds a file could not be read, where one could not.
    unread: Option<Refusal>,
}

fn level(
    target: &Target<'_>,
    tree: &Tree<'_>,
    found: &Found,
    changes: &[Change<'_>],
    draft: &mut Draft<'_, '_>,
    tally: &mut Tally,
    depth: usize,
) -> Result<(), Refusal> {
    if !tally.room.take(found.sites.len()) {
        return tally.room.refuse().map_or(Ok(()), Err);
    }
    let mut wanted: Vec<Option<usize>> = vec![None; found.sites.len()];
    for (at, change) in changes.iter().enumerate() {
        let hits = matching(target, tree, found, changes, change)?;
        tally.hits[at] += hits.len();
        for hit in hits {
            if wanted[hit].replace(at).is_some() {
                let reason = Reason::TwoChanges { image: change.image.to_owned() };
                return Err(Refusal::at(tree.position(found.sites[hit].at), reason));
            }
        }
    }
    for (site, wanted) in found.sites.iter().zip(wanted) {
        if let Some(at) = wanted {
            apply::site(target, tree, found, site, &changes[at], draft)?;
        }
    }
    if depth < MAX_NESTED {
        for nested in &found.nested {
            inside(target, tree, *nested, changes, draft, tally, depth)?;
        }
    }
    Ok(())
}

/// The changes in a value that is a file of its own.
fn inside(
    target: &Target<'_>,
    tree: &Tree<'_>,
    nested: Nested,
    changes: &[Change<'_>],
    draft: &mut Draft<'_, '_>,
    tally: &mut Tally,
    depth: usize,
) -> Result<(), Refusal> {
    let Some(text) = tree.string(nested.value) else { return Ok(()) };
    let own = Target { kind: nested.kind, key: None, ..*target };
    let outward = |refusal| look::outward(tree, nested.value, refusal);
    let read = Tree::parse(text.as_bytes()).and_then(|inner| Ok((find(&own, &inner)?, inner)));
    let (found, inner) = match read {
        Ok((found, inner)) if inner.bom() == 0 => (found, inner),
        Ok(_) => return Ok(()),
        Err(refusal) => {
            tally.unread.get_or_insert(outward(refusal));
            return Ok(());
        }
    };
    let mut draft_inside = Draft::new(&inner, target.follow);
    level(&own, &inner, &found, changes, &mut draft_inside, tally, depth + 1).map_err(outward)?;
    let (splices, edits) = draft_inside.splices(text.as_bytes()).map_err(outward)?;
    if splices.is_empty() {
        return Ok(());
    }
    draft.nested(nested.key, nested.value, splices, edits)
}

/// The sites that a change is meant for. A rename that was done before is found under its new name, so that
/// doing it twice is harmless.
fn matching(
    target: &Target<'_>,
    tree: &Tree<'_>,
    found: &Found,
    changes: &[Change<'_>],
    change: &Change<'_>,
) -> Result<Vec<usize>, Refusal> {
    let sites = &found.sites;
    if let Some(entry) = change.entry {
        let image = |site: &Site| [Some(change.image), change.new_name].contains(&Some(&site.image));
        let all = sites.iter().enumerate().filter(|(_, site)| site.name == entry && image(site));
        let hits: Vec<usize> = all.map(|(at, _)| at).collect();
        for hit in &hits {
            refuse_twins(tree, found, &sites[*hit])?;
        }
        return Ok(hits);
    }
    let names = || [Some(change.image), change.new_name].into_iter().flatten();
    // A bare value is of the image that the caller tells, else of any that is set under its key. Without a key
    // only a value that names the image will do, where there is one.
    let told = target.image.map_or(target.key.is_some(), |told| names().any(|name| same_image(told, name)));
    for image in names() {
        let all = || sites.iter().enumerate();
        let of = |good: &dyn Fn(&Site) -> bool| -> Vec<usize> {
            all().filter(|(_, site)| good(site)).map(|(at, _)| at).collect()
        };
        let named = |site: &Site| !site.image.is_empty();
        // `nginx` and `docker.io/library/nginx` move together, unless each has a change of its own.
        let own = |site: &Site, other: &Change<'_>| other.what.is_none_or(|what| what == site.what);
        let others = |site: &Site| changes.iter().any(|other| other.image == site.image && own(site, other));
        let mut hits = of(&|site| {
            let same = || same_image(&site.image, image) && !others(site);
            named(site) && (site.image == image || same())
        });
        if told && (target.key.is_some() || hits.is_empty()) {
            hits.extend(of(&|site| !named(site)));
        }
        if let Some(what) = change.what {
            hits.retain(|at| sites[*at].what == what);
        }
        // A registry's repository and a Git repository may have one name; what is built comes first.
        if hits.iter().any(|at| sites[*at].what != What::Revision) {
            hits.retain(|at| sites[*at].what != What::Revision);
        }
        // The entries of a kustomization are laid over all that its document holds else.
        let document = |at: &usize| tree.document(sites[*at].at);
        let laid: HashSet<usize> = hits.iter().filter(|at| sites[**at].is_entry()).map(document).collect();
        hits.retain(|at| sites[*at].is_entry() || !laid.contains(&document(at)));
        for hit in &hits {
            refuse_twins(tree, found, &sites[*hit])?;
        }
        if !hits.is_empty() {
            return Ok(hits);
        }
    }
    Ok(Vec::new())
}

/// Refuses an entry of a kustomization beside which another goes by the same name: just one of them counts.
fn refuse_twins(tree: &Tree<'_>, found: &Found, site: &Site) -> Result<(), Refusal> {
    let mut twins = found.twins(tree, site);
    let (Some(first), Some(_)) = (twins.next(), twins.next()) else { return Ok(()) };
    let lines = found.twins(tree, site).take(Tree::MAX_USERS).map(|twin| tree.position(twin.at).0).collect();
    Err(Refusal::at(tree.position(first.at), Reason::Ambiguous { image: site.image.clone(), lines }))
}

fn missing(target: &Target<'_>, tree: &Tree<'_>, found: &Found, change: &Change<'_>) -> Refusal {
    let old = found.sites.iter().find(|site| site.name == change.image);
    let renamed = old.map(|site| Renamed { new_name: site.image.clone(), line: tree.position(site.at).0 });
    let mut present: Vec<String> = look::references(target, tree, found, 0, &mut Room::default())
        .into_iter()
        .map(|reference| reference.image)
        .filter(|image| !image.is_empty())
        .collect();
    let mut seen = HashSet::new();
    present.retain(|image| seen.insert(image.clone()));
    Refusal::whole(Reason::NotFound { kind: target.kind, image: change.image.to_owned(), renamed, present })
}
