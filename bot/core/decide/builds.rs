//! The builds of an image, newest first.

use super::view::View;
use crate::{artifact::Artifact, catalog::TagState, config::pipeline::Image, select::Candidate as Tagged};

/// How many of the newest builds of an image are looked at behind ones that failed.
const DEPTH: usize = 50;

/// The builds of one image that the config selects, newest first, without those that CI says failed.
pub(super) fn ranked(view: &View<'_>, image: &Image) -> Vec<Artifact> {
    let catalog = &view.facts.catalog;
    let candidates = catalog
        .tags_of(&image.image)
        .filter(|(tag, fact)| fact.state != TagState::Gone && image.select.matches(tag))
        .filter_map(|(tag, _)| catalog.artifact_at(&image.image, tag))
        .map(|artifact| Artifact { entry: image.entry.clone(), ..artifact })
        .filter(|artifact| catalog.failure(&image.image, &artifact.digest).is_none())
        .map(|artifact| Tagged { tag: artifact.tag.clone(), built: artifact.built, payload: artifact });
    let mut ranked = image.select.rank(candidates.collect());
    ranked.truncate(DEPTH);
    ranked.into_iter().map(|candidate| candidate.payload).collect()
}
