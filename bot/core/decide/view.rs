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
    ids::{CommitId, ConfigId, EnvironmentName, ReleaseId, Tag},
    promoted::ConfigEntry,
    reason::{Owner, Problem, Reason},
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
    /// Its config was changed in an environment where builds arrive, which is where config starts.
    Config {
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

/// Whether a commit's record is of the release that is found there. Config is people's own where it starts; and
/// what was recorded under another definition of `config`, or without one, can't be compared with it.
fn is_it(found: &Release, record: &Record, starts: bool) -> bool {
    let comparable = match (&found.config, &record.config) {
        (Some(found), Some(recorded)) => found.definition() == recorded.definition(),
        (None, _) | (_, None) => false,
    };
    found.id == record.release || ((starts || !comparable) && found.same_images(&record.artifacts))
}

/// An entry of `config` without a file: nothing could be promoted of it.
pub(super) fn incomplete(environment: &EnvironmentName, entry: Option<&ConfigEntry>) -> Problem {
    let message = format!("`config` is not whole in {environment}: each of its paths must have a file there");
    let file = entry.map(|entry| entry.path.clone());
    Problem { file, line: None, column: None, message, owner: Owner::Team }
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
    /// The image whose digest or tag nothing tells, or the config that is not whole.
    pub fn identify(
        &self,
        environment: &EnvironmentName,
        holds: &[Held],
        config: Option<&ConfigId>,
        record: Option<&Record>,
    ) -> Result<Release, Reason> {
        if let (Some(promoted), None) = (&self.application.config, config) {
            let entry = promoted.entries.get(environment).and_then(|entries| entries.first());
            return Err(Reason::Broken { problem: incomplete(environment, entry) });
        }
        let mut artifacts = Vec::with_capacity(self.application.images.len());
        for image in &self.application.images {
            let held = image.held(holds);
            let artifact = held.and_then(|held| self.artifact(image, held, record));
            artifacts.push(artifact.ok_or_else(|| Reason::UnknownContents {
                environment: environment.clone(),
                image: image.image.clone(),
                held: held.map_or_else(|| "nothing".to_owned(), Held::version),
            })?);
        }
        let config = config.filter(|_| self.application.config.is_some()).cloned();
        Ok(Release::with_config(self.application.name.clone(), artifacts, config))
    }

    fn artifact(&self, image: &Image, held: &Held, record: Option<&Record>) -> Option<Artifact> {
        let catalog = &self.facts.catalog;
        let recorded = record.and_then(|r| image.artifact(&r.artifacts));
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
            entry: image.entry.clone(),
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
        let mut later: Option<(&'a Arrival, Put)> = None;
        let starts = self.starts(environment);
        for (index, arrival) in seen.history.iter().enumerate() {
            let before = &seen.history[index + 1..];
            let record = arrival.record.as_deref().filter(|record| record.place == place);
            let release = self.identify(environment, &arrival.holds, arrival.config.as_ref(), record);
            let promoted = record.filter(|r| release.as_ref().is_ok_and(|found| is_it(found, r, starts)));
            let put = match promoted {
                Some(record) => Put::Promotion { commit: arrival.commit.clone(), by: record.by.clone() },
                None if arrival.first => {
                    Put::Initial { commit: arrival.commit.clone(), by: arrival.author.clone() }
                }
                None if starts && before.first().is_some_and(|b| b.holds == arrival.holds) => {
                    Put::Config { commit: arrival.commit.clone(), by: arrival.author.clone() }
                }
                None => Put::Drift { commit: arrival.commit.clone(), by: arrival.author.clone() },
            };
            let until = later.as_ref().map(|(arrival, _)| arrival.since);
            let displaced = match &later {
                Some((next, Put::Drift { .. })) => Some(*next),
                // Config that goes back to what it was before takes this one out.
                Some((next, Put::Config { .. })) if before.iter().any(|b| b.config == next.config) => {
                    Some(*next)
                }
                Some(_) | None => None,
            };
            later = Some((arrival, put.clone()));
            visits.push(Visit { release, since: arrival.since, until, put, displaced });
        }
        visits
    }

    /// Whether `environment` is one where builds arrive: its config is what people commit there.
    #[must_use]
    pub fn starts(&self, environment: &EnvironmentName) -> bool {
        let stage = self.pipeline.stage(environment);
        stage.is_some_and(|stage| self.pipeline.upstream(self.application, stage).is_empty())
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
