//! The catalog, resident: what the store holds of the pipeline's images and what Git remembers of them, brought up to
//! date by what changed.
//!
//! Two layers: what the store says comes first, and records in Git fill its gaps (promise 1). When either changes for
//! an image, that image's facts are put together again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use gantry_core::{
    catalog::{Catalog, ImageFacts},
    config::pipeline::Pipeline,
    facts::{Facts, Place, PlaceFacts, ProposalBranch, Record},
    ids::ImageName,
    shared::SharedMap,
};
use jiff::Timestamp;

use crate::store::{Store, StoreError};

/// Above this many images the whole table is read at once, which costs less than to ask for each.
const ALL: usize = 1_000;

/// The catalog of one pipeline.
#[derive(Default)]
pub(super) struct Resident {
    /// The pipeline's images.
    pipeline: Option<Arc<Pipeline>>,
    wanted: HashSet<ImageName>,
    /// The number of the last change in the store that is taken in.
    number: Option<i64>,
    /// What the store says.
    stored: HashMap<ImageName, ImageFacts>,
    /// What Git was like.
    places: SharedMap<Place, PlaceFacts>,
    branches: SharedMap<Place, ProposalBranch>,
    /// The places whose records tell of an image, and of which images those of a place do.
    places_of: HashMap<ImageName, BTreeSet<Place>>,
    images_of: BTreeMap<Place, Vec<ImageName>>,
    /// Both layers.
    catalog: Catalog,
}

impl Resident {
    /// Takes in what changed in the store and in Git.
    pub(super) async fn update(
        &mut self,
        store: &dyn Store,
        pipeline: &Arc<Pipeline>,
        facts: &Facts,
    ) -> Result<Catalog, StoreError> {
        let mut stale: BTreeSet<ImageName> = BTreeSet::new();
        // Before anything is read: what changes meanwhile is told the next time.
        let changes = store.catalog_changes(self.number).await?;
        let changed = changes.images.into_iter().filter(|image| self.stored.contains_key(image));
        let mut missing: BTreeSet<ImageName> = changed.collect();
        if self.pipeline.as_ref().is_none_or(|known| !Arc::ptr_eq(known, pipeline)) {
            let images = pipeline.applications.values().flat_map(|app| &app.images);
            self.wanted = images.map(|image| image.image.clone()).collect();
            self.stored.retain(|image, _| self.wanted.contains(image));
            let gone: Vec<ImageName> = self.catalog.images().map(|(image, _)| image.clone()).collect();
            stale.extend(gone.into_iter().filter(|image| !self.wanted.contains(image)));
            missing.extend(self.wanted.iter().filter(|image| !self.stored.contains_key(*image)).cloned());
            stale.extend(missing.iter().cloned());
        }
        if !missing.is_empty() {
            let images: Vec<ImageName> = missing.iter().cloned().collect();
            let images = Some(images.as_slice()).filter(|images| images.len() <= ALL);
            let read = store.catalog(images).await?;
            for image in missing {
                let facts = read.image(&image).cloned().unwrap_or_default();
                if self.stored.insert(image.clone(), facts.clone()) != Some(facts) {
                    stale.insert(image);
                }
            }
        }
        self.pipeline = Some(Arc::clone(pipeline));
        self.number = Some(changes.last);
        self.note_git(facts, &mut stale);
        for image in &stale {
            let facts = self.both(image);
            self.catalog.put(image, facts);
        }
        Ok(self.catalog.clone())
    }

    /// Takes in what Git was seen to be; adds the images of which it says something else.
    fn note_git(&mut self, facts: &Facts, stale: &mut BTreeSet<ImageName>) {
        let places = facts.places.differing(&self.places).into_iter();
        let places: BTreeSet<Place> =
            places.chain(facts.branches.differing(&self.branches)).cloned().collect();
        self.places = facts.places.clone();
        self.branches = facts.branches.clone();
        for place in places {
            let records = self.arrived(&place).chain(self.proposed(&place));
            let artifacts = records.flat_map(|(record, _)| &record.artifacts);
            let mut images: Vec<ImageName> = artifacts.map(|artifact| artifact.image.clone()).collect();
            images.sort();
            images.dedup();
            for image in self.images_of.remove(&place).unwrap_or_default() {
                if let Some(places) = self.places_of.get_mut(&image) {
                    places.remove(&place);
                }
                stale.insert(image);
            }
            for image in &images {
                self.places_of.entry(image.clone()).or_default().insert(place.clone());
                stale.insert(image.clone());
            }
            if !images.is_empty() {
                self.images_of.insert(place, images);
            }
        }
    }

    /// The records of what came to a place, and since when they count.
    fn arrived(&self, place: &Place) -> impl Iterator<Item = (&Record, Timestamp)> {
        let arrivals = self.places.get(place).into_iter().flat_map(|place| &place.history);
        arrivals.filter_map(|arrival| Some((&**arrival.record.as_ref()?, arrival.since)))
    }

    /// The record of what is proposed for a place, which fills what others leave open.
    fn proposed(&self, place: &Place) -> impl Iterator<Item = (&Record, Timestamp)> {
        let record = self.branches.get(place).and_then(|branch| branch.record.as_ref());
        record.map(|record| (record, Timestamp::UNIX_EPOCH)).into_iter()
    }

    /// What both layers say of an image.
    fn both(&self, image: &ImageName) -> ImageFacts {
        if !self.wanted.contains(image) {
            return ImageFacts::default();
        }
        let mut facts = self.stored.get(image).cloned().unwrap_or_default();
        let places = || self.places_of.get(image).into_iter().flatten();
        let records = places().flat_map(|place| self.arrived(place));
        for (record, at) in records.chain(places().flat_map(|place| self.proposed(place))) {
            for artifact in record.artifacts.iter().filter(|artifact| artifact.image == *image) {
                facts.remember(artifact, &record.checks, at);
            }
        }
        facts
    }
}
