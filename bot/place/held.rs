//! What is held of an application's images, from the references in its files.
//!
//! An image is in one version wherever it is named. Only files that a pattern takes in may be behind: a cluster that
//! was added with the version that another one had. What most of them hold counts, and what the others hold is
//! told; the next promotion takes them along.

use std::collections::BTreeSet;

use gantry_core::{
    config::pipeline::{Application, FileEntry, Image},
    facts::{Held, HeldRef},
    ids::{EntryName, ImageName},
    reason::Problem,
};
use gantry_edit::{Located, Reference, What};

use super::{at, refused};

/// What the files of a place hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Of each image of the application.
    pub held: Vec<Held>,
    /// Files that are behind the others, and whatever else is good to know.
    pub notes: Vec<Problem>,
}

/// A reference, and where.
type Hit<'a> = (&'a FileEntry, &'a Reference);

/// What is held of the application's images, by the references of all its files in an environment.
///
/// # Errors
/// An image stands nowhere, or in versions that differ, or with a tag or digest that is none, or where it
/// can't be edited; a Git reference can't be.
pub fn find(
    application: &Application,
    references: &[(&FileEntry, Vec<Reference>)],
) -> Result<Contents, Problem> {
    let mut contents = Contents { held: Vec::with_capacity(application.images.len()), notes: Vec::new() };
    if application.images.is_empty() {
        let first = references.first().map_or("", |(entry, _)| entry.path.as_str());
        let all = references.iter().flat_map(|(_, found)| found);
        let names = listed(all).unwrap_or_else(|| "none".to_owned());
        let message = format!(
            "no image in the files of {} is one that `match` means; they name {names}",
            application.name
        );
        return Err(at(first, None, None, message));
    }
    for image in &application.images {
        let mut held = of_image(image, references, &mut contents.notes)?;
        let follows = |own: &&_| {
            let own: &gantry_core::config::pipeline::FollowingRef = own;
            own.follows == image.image && own.entry == image.entry
        };
        for own in application.refs.iter().filter(follows) {
            let Some(repository) = repository(&own.url) else {
                let message =
                    format!("`{}` under `refs` is no address of a Git repository; correct it", own.url);
                return Err(at("gantry.yaml", None, None, message));
            };
            let mut revisions = BTreeSet::new();
            for (entry, found) in references {
                for reference in found.iter().filter(|reference| is_revision(reference, &repository)) {
                    if let Some(refusal) = &reference.blocked {
                        return Err(refused(&entry.path, refusal));
                    }
                    revisions.insert(reference.tag.as_ref().map(|tag| tag.value.clone()));
                }
            }
            let mut revisions = revisions.into_iter();
            // Where they differ it is none, which no artifact wants.
            if let Some(first) = revisions.next() {
                let revision = first.filter(|_| revisions.next().is_none());
                held.refs.push(HeldRef { repository, revision, write: own.write });
            }
        }
        contents.held.push(held);
    }
    Ok(contents)
}

/// The name of the Git repository at an address: no scheme, user or `.git`.
#[must_use]
pub fn repository(url: &str) -> Option<String> {
    gantry_edit::repository(url)
}

/// Whether a reference is one to this Git repository.
pub(super) fn is_revision(reference: &Reference, repository: &str) -> bool {
    reference.what == What::Revision && reference.image == repository
}

fn of_image(
    image: &Image,
    references: &[(&FileEntry, Vec<Reference>)],
    notes: &mut Vec<Problem>,
) -> Result<Held, Problem> {
    let all = || references.iter().flat_map(|(entry, found)| found.iter().map(move |hit| (*entry, hit)));
    let hits: Vec<Hit<'_>> = all().filter(|(_, reference)| is_of(reference, image)).collect();
    if hits.is_empty() {
        return Err(nowhere(image, all(), references.first().map_or("", |(entry, _)| &entry.path)));
    }
    let held = |(entry, hit): &Hit<'_>| self::held(image, &entry.path, hit);
    let (by_pattern, named): (Vec<Hit<'_>>, Vec<Hit<'_>>) =
        hits.iter().partition(|(entry, _)| entry.by_pattern);
    let (first, wanted) = match named.first() {
        Some(first) => (*first, held(first)?),
        None => most(&by_pattern, held)?,
    };
    for hit in &named {
        if held(hit)? != wanted {
            let message = format!(
                "names image {} as {}, and {}:{} as {}; make them the same",
                told(image),
                version(hit.1),
                first.0.path,
                first.1.line,
                version(first.1)
            );
            return Err(at(&hit.0.path, Some(hit.1.line), Some(hit.1.column), message));
        }
    }
    for hit in &by_pattern {
        if held(hit)? != wanted {
            let message = format!(
                "holds {} of image {}, where the others hold {}; the next promotion takes it along",
                version(hit.1),
                told(image),
                version(first.1)
            );
            notes.push(at(&hit.0.path, Some(hit.1.line), Some(hit.1.column), message));
        }
    }
    Ok(wanted)
}

/// What most of the files hold; of as many the first.
fn most<'a>(
    hits: &[Hit<'a>],
    held: impl Fn(&Hit<'a>) -> Result<Held, Problem>,
) -> Result<(Hit<'a>, Held), Problem> {
    let mut counted: Vec<(Hit<'a>, Held, usize)> = Vec::new();
    for hit in hits {
        let own = held(hit)?;
        // An environment has a handful of versions, however many files; what is beyond that counts for nothing.
        match counted.iter().position(|(_, other, _)| *other == own) {
            Some(at) => counted[at].2 += 1,
            None if counted.len() < 100 => counted.push((*hit, own, 1)),
            None => {}
        }
    }
    let best = counted.iter().map(|(.., count)| *count).max().unwrap_or_default();
    match counted.into_iter().find(|(.., count)| *count == best) {
        Some((hit, held, _)) => Ok((hit, held)),
        None => unreachable!("only called with hits"),
    }
}

/// Whether a reference is one to the image (and not to a Git repository of that name).
#[must_use]
pub fn is_of(reference: &Reference, image: &Image) -> bool {
    let named = match reference.what {
        What::Image | What::Chart => true,
        What::Revision => false,
    };
    let entry = image.entry.as_ref().is_none_or(|entry| reference.name == entry.as_str());
    named && entry && gantry_edit::same_image(&reference.image, image.image.as_str())
}

fn held(image: &Image, path: &str, hit: &Reference) -> Result<Held, Problem> {
    if let Some(refusal) = &hit.blocked {
        return Err(refused(path, refusal));
    }
    let wrong = |located: &Located, error: &dyn std::fmt::Display| {
        at(path, Some(located.line), Some(located.column), format!("{error}; correct it"))
    };
    let tag = match &hit.tag {
        Some(tag) => Some(tag.value.parse().map_err(|error| wrong(tag, &error))?),
        None => None,
    };
    let digest = match &hit.digest {
        Some(digest) => Some(digest.value.parse().map_err(|error| wrong(digest, &error))?),
        None => None,
    };
    Ok(Held { image: image.image.clone(), entry: image.entry.clone(), tag, digest, refs: Vec::new() })
}

fn version(reference: &Reference) -> String {
    let parts = [&reference.tag, &reference.digest].map(|part| part.as_ref().map(|part| part.value.as_str()));
    match parts {
        [Some(tag), Some(digest)] => format!("{tag}@{digest}"),
        [Some(version), None] | [None, Some(version)] => version.to_owned(),
        [None, None] => String::from("(no version)"),
    }
}

/// The image, with its entry where it has one.
fn told(image: &Image) -> String {
    let entry = |entry: &EntryName| format!("{} (entry {entry})", image.image);
    image.entry.as_ref().map_or_else(|| image.image.to_string(), entry)
}

fn nowhere<'a>(image: &Image, mut all: impl Iterator<Item = Hit<'a>> + Clone, first: &str) -> Problem {
    let named = all.clone();
    let name: &ImageName = &image.image;
    let own = image.entry.as_ref().map_or(name.as_str(), EntryName::as_str);
    match all.find(|(_, reference)| reference.name == own) {
        Some((entry, reference)) if reference.image != name.as_str() => {
            let message = format!(
                "names image {} with newName {}; name {} in gantry.yaml",
                told(image),
                reference.image,
                reference.image
            );
            at(&entry.path, Some(reference.line), Some(reference.column), message)
        }
        _ => {
            let names = listed(named.map(|(_, reference)| reference));
            let only = names.map(|names| format!(", only {names}")).unwrap_or_default();
            let message = format!("names no image {}{only}; add it, or correct gantry.yaml", told(image));
            at(first, None, None, message)
        }
    }
}

/// The images of some references (Git repositories are none), each once, at most three named; `None` without
/// any.
fn listed<'a>(references: impl Iterator<Item = &'a Reference>) -> Option<String> {
    let names: BTreeSet<&str> = references
        .filter(|reference| reference.what != What::Revision)
        .map(|reference| reference.image.as_str())
        .collect();
    let shown = |name: &&str| name.chars().filter(|c| !c.is_control()).take(100).collect::<String>();
    let first: Vec<String> = names.iter().take(3).map(shown).collect();
    let more = names.len().saturating_sub(first.len());
    match (first.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(first.join(", ")),
        (false, more) => Some(format!("{} and {more} more", first.join(", "))),
    }
}
