//! The validated pipeline: what [`super::types::Config`] means for one tree of an infra repository.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    kinds::FileKind,
    types::{Delivery, First, Gate, Merge, RefWrite, Write},
};
use crate::{
    artifact::Artifact,
    facts::{Held, Place, Record},
    ids::{ApplicationName, BranchName, EntryName, EnvironmentName, ImageName},
    promoted::ConfigEntry,
    select::Selector,
};

/// A config that passed validation, together with the applications that the tree holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// The stages in topological order: each after all of its `after`.
    pub environments: Vec<Stage>,
    /// The applications by name.
    pub applications: BTreeMap<ApplicationName, Application>,
    /// The present names of applications by those that they had before.
    pub renamed: BTreeMap<ApplicationName, ApplicationName>,
}

/// An environment, with its defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: EnvironmentName,
    /// The environments before it; empty for those where builds arrive.
    pub after: Vec<EnvironmentName>,
    /// The branch that holds it.
    pub branch: BranchName,
    /// How a change gets there.
    pub delivery: Delivery,
    /// Who merges.
    pub merge: Merge,
    /// The conditions.
    pub gates: Vec<Gate>,
    /// Whose arrivals go on from here, where builds arrive.
    pub first: First,
}

/// An application as it stands in the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// Its name.
    pub name: ApplicationName,
    /// The names that it had before.
    pub was: Vec<ApplicationName>,
    /// Its source repository.
    pub source: Option<String>,
    /// Its images.
    pub images: Vec<Image>,
    /// The Git references that move with its images.
    pub refs: Vec<FollowingRef>,
    /// Its files by environment. An environment that it isn't in is absent.
    pub files: BTreeMap<EnvironmentName, Vec<FileEntry>>,
    /// The config that is promoted with its releases.
    pub config: Option<PromotedConfig>,
}

/// The files of an application that are promoted byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotedConfig {
    /// Tells one way of writing `config` from another: 8 hexadecimal digits.
    pub definition: String,
    /// By environment, in the same order in each.
    pub entries: BTreeMap<EnvironmentName, Vec<ConfigEntry>>,
}

/// A file of an application in one environment, and how the images in it are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its path from the root of the infra repository. Several entries may share it, with different keys.
    pub path: String,
    /// What it is; by its name and content where none is given.
    pub kind: Option<FileKind>,
    /// Where the value stands (see [`super::files::FileRule::key`]).
    pub key: Option<String>,
    /// The image that a value without image name belongs to: as written, else the application's only one.
    pub image: Option<ImageName>,
    /// A value behind a YAML alias is written where its anchor stands, if all users are of the same image.
    pub follow_anchors: bool,
    /// The key is added where it is missing.
    pub create: bool,
    /// It is one of the files that a pattern with `*` takes in.
    pub by_pattern: bool,
}

impl FileEntry {
    /// A file of which nothing but its path is said.
    #[must_use]
    pub fn of_path(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            kind: None,
            key: None,
            image: None,
            follow_anchors: false,
            create: false,
            by_pattern: false,
        }
    }
}

/// One image of an application.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// The image.
    pub image: ImageName,
    /// The entry of a kustomization that alone is meant, where `images` says one.
    pub entry: Option<EntryName>,
    /// Images with the same number were found by one `match`: a release has builds of one source revision, or of
    /// one tag, of them.
    pub together: Option<usize>,
    /// How its newest tag is found.
    pub select: Selector,
    /// What is written.
    pub write: Write,
}

impl Image {
    /// Its artifact among those of a release.
    #[must_use]
    pub fn artifact<'a>(&self, artifacts: &'a [Artifact]) -> Option<&'a Artifact> {
        artifacts.iter().find(|artifact| artifact.image == self.image && artifact.entry == self.entry)
    }

    /// What is held of it.
    #[must_use]
    pub fn held<'a>(&self, holds: &'a [Held]) -> Option<&'a Held> {
        holds.iter().find(|held| held.image == self.image && held.entry == self.entry)
    }
}

/// A Git repository whose references in the files move with an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowingRef {
    /// An address of the repository.
    pub url: String,
    /// The image.
    pub follows: ImageName,
    /// The image's entry, where it has one.
    pub entry: Option<EntryName>,
    /// What is written.
    pub write: RefWrite,
}

impl Application {
    /// A record as one of this application, which may have had another name when it was written: then its release is
    /// that of the same artifacts and config under the present name. `None` for a record of another application.
    #[must_use]
    pub fn own(&self, record: Record) -> Option<Record> {
        if record.place.application == self.name {
            return Some(record);
        }
        if !self.was.contains(&record.place.application) {
            return None;
        }
        let release = record.release().under(&self.name).id;
        let place = Place { application: self.name.clone(), ..record.place };
        // What it came from is known by its old id alone.
        Some(Record { place, release, from: None, ..record })
    }
}

impl Pipeline {
    /// Whether it names this place.
    #[must_use]
    pub fn has(&self, place: &Place) -> bool {
        self.stage(&place.environment).is_some()
            && self
                .applications
                .get(&place.application)
                .is_some_and(|app| app.files.contains_key(&place.environment))
    }

    /// The application that has this name, or had it before.
    #[must_use]
    pub fn application_named(&self, name: &ApplicationName) -> Option<&Application> {
        self.applications
            .get(name)
            .or_else(|| self.renamed.get(name).and_then(|new| self.applications.get(new)))
    }

    /// The stage of that name.
    #[must_use]
    pub fn stage(&self, name: &EnvironmentName) -> Option<&Stage> {
        self.environments.iter().find(|stage| stage.name == *name)
    }

    /// The environments of `stage.after` that `application` is really in; one that it is not in is passed
    /// through to that one's own `after`.
    #[must_use]
    pub fn upstream(&self, application: &Application, stage: &Stage) -> Vec<EnvironmentName> {
        let mut found = BTreeSet::new();
        // Ways that meet again are gone once: their number can double with each environment.
        let mut seen = BTreeSet::new();
        let mut open: Vec<&EnvironmentName> = stage.after.iter().collect();
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            if application.files.contains_key(name) {
                found.insert(name.clone());
            } else if let Some(stage) = self.stage(name) {
                open.extend(&stage.after);
            }
        }
        found.into_iter().collect()
    }
}
