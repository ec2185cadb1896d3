//! What files and commits say, as releases and stays.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place_of;
use crate::{
    artifact::{Artifact, Release},
    config::{
        pipeline::{Application, Image, Pipeline},
        types::Write,
    },
    facts::{Arrival, Facts, Held, Person, PlaceFacts, Record},
    gates::Stay,
    ids::{CommitId, EnvironmentName, ReleaseId, Tag},
    reason::Reason,
};

/// How what an environment holds came there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Put {
    /// By a promotion.
    Promotion {
        /// Its commit.
        commit: CommitId,
        /// The person who asked for it, where one did.
        by: Option<String>,
    },
    /// It has been there since the file appeared.
    Initial {
        /// The commit.
        commit: CommitId,
        /// Its author.
        by: Person,
    },
    /// By a commit that is no promotion: drift.
    Drift {
        /// The commit.
        commit: CommitId,
        /// Its author.
        by: Person,
    },
    /// The history that was read does not reach back to it.
    Unknown,
}

/// A stay of one content in one environment.
#[derive(Debug, Clone)]
pub struct Visit<'a> {
    /// The release, or why it is not known which one it is.
    pub release: Result<Release, Reason>,
    /// Since when.
    pub since: Timestamp,
    /// Until when; none for the present one.
    pub until: Option<Timestamp>,
    /// How it came.
    pub put: Put,
    /// The commit of a person that replaced it, if it was not a promotion that did.
    pub displaced: Option<&'a Arrival>,
}

/// One application's facts, read in the light of the pipeline.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// The facts.
    pub facts: &'a Facts,
    /// The application.
    pub application: &'a Application,
    /// The time.
    pub now: Timestamp,
}

impl<'a> View<'a> {
    /// What was seen of the application in `environment`.
    #[must_use]
    pub fn seen(&self, environment: &EnvironmentName) -> Option<&'a PlaceFacts> {
        self.facts.places.get(&place_of(&self.application.name, environment))
    }

    /// The release that `holds` is. `record` is what the commit that wrote it says of it.
    ///
    /// # Errors
    /// The image whose digest or tag nothing tells.
    pub fn identify(
        &self,
        environment: &EnvironmentName,
        holds: &[Held],
        record: Option<&Record>,
    ) -> Result<Release, Reason> {
        let mut artifacts = Vec::with_capacity(self.application.images.len());
        for image in &self.application.images {
            let held = holds.iter().find(|held| held.image == image.image);
            let artifact = held.and_then(|held| self.artifact(image, held, record));
            artifacts.push(artifact.ok_or_else(|| Reason::UnknownContents {
                environment: environment.clone(),
                image: image.image.clone(),
                held: held.map_or_else(|| "nothing".to_owned(), Held::version),
            })?);
        }
        Ok(Release::new(self.application.name.clone(), artifacts))
    }

    fn artifact(&self, image: &Image, held: &Held, record: Option<&Record>) -> Option<Artifact> {
        let catalog = &self.facts.catalog;
        let recorded = record.and_then(|r| r.artifacts.iter().find(|a| a.image == image.image));
        let digest = held
            .digest
            .clone()
            .or_else(|| recorded.filter(|a| held.tag.as_ref() == Some(&a.tag)).map(|a| a.digest.clone()))
            .or_else(|| held.tag.as_ref().and_then(|tag| catalog.digest_of(&image.image, tag)).cloned())?;
        let recorded = recorded.filter(|a| a.digest == digest);
        // With `write: digest` the tag beside the digest is left as it was and says nothing.
        let trusted: Option<Tag> = held.tag.clone().filter(|tag| {
            image.write != Write::Digest || catalog.digest_of(&image.image, tag) == Some(&digest)
        });
        let tag = trusted
            .or_else(|| recorded.map(|a| a.tag.clone()))
            .or_else(|| catalog.tag_of(&image.image, &digest).cloned())
            .or_else(|| held.tag.clone())?;
        let known = catalog.artifact(&image.image, &digest).cloned().unwrap_or_default();
        Some(Artifact {
            image: image.image.clone(),
            tag,
            digest,
            built: known.built.or(recorded.and_then(|a| a.built)),
            revision: known.revision.or_else(|| recorded.and_then(|a| a.revision.clone())),
            source: known.source.or_else(|| recorded.and_then(|a| a.source.clone())),
        })
    }

    /// The stays of this application in `environment`, newest first.
    #[must_use]
    pub fn visits(&self, environment: &EnvironmentName) -> Vec<Visit<'a>> {
        let Some(seen) = self.seen(environment) else { return Vec::new() };
        let place = place_of(&self.application.name, environment);
        let mut visits: Vec<Visit<'a>> = Vec::with_capacity(seen.history.len());
        let mut later: Option<(&'a Arrival, bool)> = None;
        for arrival in &seen.history {
            let record = arrival.record.as_ref().filter(|record| record.place == place);
            let release = self.identify(environment, &arrival.holds, record);
            let promoted = record.filter(|r| release.as_ref().is_ok_and(|found| found.id == r.release));
            let put = match promoted {
                Some(record) => Put::Promotion { commit: arrival.commit.clone(), by: record.by.clone() },
                None if arrival.first => {
                    Put::Initial { commit: arrival.commit.clone(), by: arrival.author.clone() }
                }
                None => Put::Drift { commit: arrival.commit.clone(), by: arrival.author.clone() },
            };
            let until = later.map(|(arrival, _)| arrival.at);
            let displaced = later.and_then(|(arrival, drift)| drift.then_some(arrival));
            later = Some((arrival, matches!(put, Put::Drift { .. })));
            visits.push(Visit { release, since: arrival.at, until, put, displaced });
        }
        visits
    }

    /// The latest stay of `release` among `visits`.
    #[must_use]
    pub fn stay(environment: &EnvironmentName, visits: &[Visit<'_>], release: &ReleaseId) -> Stay {
        let visit =
            visits.iter().find(|visit| visit.release.as_ref().is_ok_and(|found| found.id == *release));
        Stay {
            environment: environment.clone(),
            since: visit.map(|visit| visit.since),
            until: visit.and_then(|visit| visit.until),
        }
    }
}
