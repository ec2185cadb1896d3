//! The files of one branch that matter, and whose they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use gantry_core::{
    config::pipeline::{Application, FileEntry, Pipeline},
    decide::place_of,
    facts::Place,
    ids::BranchName,
    promoted::ConfigEntry,
};
use sha2::{Digest as _, Sha256};

use crate::git::Paths;

/// A hash of all in the pipeline that has a say in how a place's history is read.
pub(super) type Mark = [u8; 16];

/// The files of one branch that matter, and whose they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wanted {
    /// The files that name images, sorted by path.
    files: Vec<(Box<str>, Place)>,
    /// The promoted files, and folders with their last `/`.
    config: BTreeMap<String, BTreeSet<Place>>,
    /// What is promoted of each place, `keep` included.
    entries: BTreeMap<Place, Vec<ConfigEntry>>,
    /// Each place's mark, sorted by place.
    marks: Vec<(Place, Mark)>,
}

impl Wanted {
    /// What matters on each branch.
    pub(super) fn of(pipeline: &Pipeline) -> BTreeMap<BranchName, Self> {
        let mut wanted: BTreeMap<BranchName, Self> = BTreeMap::new();
        for application in pipeline.applications.values() {
            let images: Vec<_> =
                application.images.iter().map(|image| (&image.image, &image.entry)).collect();
            let own = format!("{images:?} {:?} {:?}", application.refs, application.was);
            for stage in &pipeline.environments {
                let place = place_of(&application.name, &stage.name);
                let files = application.files.get(&stage.name);
                let config = application.config.as_ref();
                let entries = config.and_then(|config| config.entries.get(&stage.name));
                if files.is_none() && entries.is_none() {
                    continue;
                }
                let on_branch = wanted.entry(stage.branch.clone()).or_default();
                for file in files.into_iter().flatten() {
                    on_branch.files.push((file.path.as_str().into(), place.clone()));
                }
                for entry in entries.into_iter().flatten() {
                    on_branch.config.entry(entry.path.clone()).or_default().insert(place.clone());
                }
                let definition = config.map(|config| &config.definition);
                let starts = pipeline.upstream(application, stage).is_empty();
                let said = format!("{own} {files:?} {definition:?} {entries:?} {starts}");
                let mark = Sha256::digest(said);
                let mark = Mark::try_from(&mark[..16]).unwrap_or_default();
                on_branch.marks.push((place.clone(), mark));
                if let Some(entries) = entries {
                    on_branch.entries.insert(place, entries.clone());
                }
            }
        }
        for on_branch in wanted.values_mut() {
            on_branch.files.sort();
            on_branch.files.shrink_to_fit();
            on_branch.marks.sort();
        }
        wanted
    }

    /// The part of it that is of some places only.
    pub(super) fn only(&self, places: &BTreeSet<Place>) -> Self {
        let (mut files, mut marks) = (self.files.clone(), self.marks.clone());
        files.retain(|(_, place)| places.contains(place));
        marks.retain(|(place, _)| places.contains(place));
        let mut entries = self.entries.clone();
        entries.retain(|place, _| places.contains(place));
        let mut config = self.config.clone();
        config.retain(|_, owners| {
            owners.retain(|place| places.contains(place));
            !owners.is_empty()
        });
        Self { files, config, entries, marks }
    }

    /// The places with files here, and their marks.
    pub(super) fn marks(&self) -> impl Iterator<Item = (&Place, Mark)> {
        self.marks.iter().map(|(place, mark)| (place, *mark))
    }

    /// The mark of a place; none where it has no files here.
    pub(super) fn mark(&self, place: &Place) -> Option<Mark> {
        let at = self.marks.binary_search_by(|(other, _)| other.cmp(place)).ok()?;
        self.marks.get(at).map(|(_, mark)| *mark)
    }

    /// Whether anything on the branch is promoted as config.
    pub(super) fn any_config(&self) -> bool {
        !self.config.is_empty()
    }

    /// Whether the file may be promoted as config.
    pub(super) fn is_config(&self, path: &str) -> bool {
        self.config_places(path).next().is_some()
    }

    /// The keys of a promoted file whose values are kept. A path belongs to one entry only: `config` is refused
    /// where two claim it.
    pub(super) fn keys(&self, path: &str) -> &[String] {
        let owners = self.config.get(path).into_iter().flatten();
        let mut entries = owners.filter_map(|place| self.entries.get(place)).flatten();
        entries.find(|entry| entry.path == path).map_or(&[], ConfigEntry::keys)
    }

    /// The places that a file belongs to.
    pub(super) fn places(&self, path: &str) -> impl Iterator<Item = &Place> {
        let files = self.files_at(path).iter().map(|(_, place)| place);
        files.chain(self.config_places(path))
    }

    fn files_at(&self, path: &str) -> &[(Box<str>, Place)] {
        let start = self.files.partition_point(|(other, _)| **other < *path);
        let rest = self.files.get(start..).unwrap_or_default();
        let count = rest.iter().take_while(|(other, _)| **other == *path).count();
        rest.get(..count).unwrap_or_default()
    }

    fn config_places(&self, path: &str) -> impl Iterator<Item = &Place> {
        let folders = if self.config.is_empty() { "" } else { path };
        let ends = folders.match_indices('/').map(|(at, _)| at + 1).chain([folders.len()]);
        ends.filter_map(move |end| self.config.get(path.get(..end)?)).flatten()
    }
}

impl Paths for Wanted {
    fn wants(&self, path: &str) -> bool {
        !self.files_at(path).is_empty() || self.is_config(path)
    }

    fn enters(&self, folder: &str) -> bool {
        let after = self.files.partition_point(|(path, _)| **path < *folder);
        let below = self.files.get(after).is_some_and(|(path, _)| path.starts_with(folder));
        let config = self.config.range::<str, _>((Bound::Included(folder), Bound::Unbounded)).next();
        below || config.is_some_and(|(path, _)| path.starts_with(folder)) || self.is_config(folder)
    }
}

/// The application of a place, and its files there.
pub(super) fn files_of<'a>(
    pipeline: &'a Pipeline,
    place: &Place,
) -> Option<(&'a Application, &'a [FileEntry])> {
    let application = pipeline.applications.get(&place.application)?;
    application.files.get(&place.environment).map(|files| (application, files.as_slice()))
}
