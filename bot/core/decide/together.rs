//! Images that stay together: a release has builds of one source revision, or of one tag, of them.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{builds::ranked, order::Present, view::View};
use crate::{
    artifact::Artifact,
    config::pipeline::Image,
    ids::{ImageName, Tag},
};

/// The images that one `match` found.
fn group<'a>(view: &View<'a>, group: usize) -> impl Iterator<Item = &'a Image> {
    view.application.images.iter().filter(move |image| image.together == Some(group))
}

/// The newest builds of a group that belong together; what is held of it where that is newer, so that a group
/// never holds back other images. None while builds of an image are missing.
pub(super) fn newest(view: &View<'_>, present: &Present<'_>, number: usize) -> Option<Vec<Artifact>> {
    let set = whole(view, number);
    let held: Option<Vec<Artifact>> = group(view, number)
        .map(|image| present.release.and_then(|release| image.artifact(&release.artifacts)).cloned())
        .collect();
    match (set, held) {
        (Some(set), Some(held)) => {
            let older = group(view, number).zip(&set).zip(&held).any(|((image, new), held)| {
                image.select.compare((&new.tag, new.built), (&held.tag, held.built)) == Some(Ordering::Less)
            });
            Some(if older { held } else { set })
        }
        (set, held) => set.or(held),
    }
}

/// The newest set of builds, one of each image, of one revision or of one tag.
fn whole(view: &View<'_>, number: usize) -> Option<Vec<Artifact>> {
    let ranked: Vec<Vec<Artifact>> = group(view, number).map(|image| ranked(view, image)).collect();
    let (first, others) = ranked.split_first()?;
    let of = |builds: &[Artifact]| {
        let mut by_revision: BTreeMap<String, Artifact> = BTreeMap::new();
        let mut by_tag: BTreeMap<Tag, Artifact> = BTreeMap::new();
        // Newest first, so that the newest of a revision stays.
        for build in builds {
            by_tag.entry(build.tag.clone()).or_insert_with(|| build.clone());
            if let Some(revision) = &build.revision {
                by_revision.entry(revision.clone()).or_insert_with(|| build.clone());
            }
        }
        (by_revision, by_tag)
    };
    let others: Vec<_> = others.iter().map(|builds| of(builds)).collect();
    first.iter().find_map(|build| {
        let by_revision = build.revision.as_ref().and_then(|revision| {
            let all = others.iter().map(|(by_revision, _)| by_revision.get(revision).cloned());
            all.collect::<Option<Vec<Artifact>>>()
        });
        let by_tag = || others.iter().map(|(_, by_tag)| by_tag.get(&build.tag).cloned()).collect();
        let mut set = by_revision.or_else(by_tag)?;
        set.insert(0, build.clone());
        Some(set)
    })
}

/// The images that wait for others: one of which a build is there, and one of which none belongs to it.
pub(super) fn waits(view: &View<'_>) -> Option<(ImageName, ImageName, Tag)> {
    let mut numbers: Vec<usize> = view.application.images.iter().filter_map(|image| image.together).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().find_map(|number| {
        let newest: Vec<(&Image, Artifact)> = group(view, number)
            .filter_map(|image| Some((image, ranked(view, image).into_iter().next()?)))
            .collect();
        let (image, build) = newest.first()?;
        let apart = |other: &&Image| {
            let own = newest.iter().find(|(known, _)| known.image == other.image).map(|(_, own)| own);
            own.is_none_or(|own| {
                own.tag != build.tag && (own.revision.is_none() || own.revision != build.revision)
            })
        };
        let other = group(view, number).find(apart)?;
        Some((image.image.clone(), other.image.clone(), build.tag.clone()))
    })
}
