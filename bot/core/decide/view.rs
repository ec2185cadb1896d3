//! What files and commits say, as releases and stays.
//!
//! A commit that Gantry did not seal is somebody's, whatever its trailers say (promise 11). It counts as having
//! been in an environment only where builds arrive.

use std::collections::BTreeSet;

use jiff::Timestamp;

pub use super::put::Put;
use super::{
    order::{self, Came, Order, Present},
    place_of,
};
use crate::{
    artifact::{Artifact, Release},
    config::{
        pipeline::{Application, Image, Pipeline},
        types::{First, Write},
    },
    facts::{Arrival, Facts, Held, PlaceFacts, Record},
    gates::Stay,
    ids::{ConfigId, EnvironmentName, ReleaseId, Tag},
    promoted::ConfigEntry,
    reason::{Owner, Problem, Reason},
};

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
    /// The commit of a person that took it out: it brought something that is not newer.
    pub displaced: Option<&'a Arrival>,
    /// The commit with which the stay began; none while it stands in history that is not read yet.
    pub arrival: Option<&'a Arrival>,
    /// The images that were there.
    pub holds: &'a [Held],
    /// The config that was there.
    pub config: Option<&'a ConfigId>,
}

impl Visit<'_> {
    /// Whether it is a stay of this release.
    #[must_use]
    pub fn is_of(&self, release: &ReleaseId) -> bool {
        self.release.as_ref().is_ok_and(|found| found.id == *release)
    }

    /// What was there then, to compare another release with. How it came makes nothing newer.
    pub(super) fn present(&self) -> Present<'_> {
        Present {
            release: self.release.as_ref().ok(),
            holds: self.holds,
            config: self.config,
            since: Some(self.since),
            put: &Put::Unknown,
        }
    }
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

/// How `arrival` came to be there; `before` is what was there before it.
fn put(arrival: &Arrival, before: &[Arrival], promoted: Option<&Record>, starts: bool) -> Put {
    let (commit, by) = (arrival.commit.clone(), arrival.author.clone());
    match promoted {
        Some(record) => Put::Promotion { commit, by: record.by.clone() },
        None if arrival.found => Put::Found { commit, by, at: arrival.at },
        // A file that was removed and added again is a change like any.
        None if arrival.first && before.is_empty() => Put::Initial { commit, by },
        None if starts && before.first().is_some_and(|before| before.holds == arrival.holds) => {
            Put::Config { commit, by }
        }
        None => Put::Drift { commit, by, claimed: arrival.claimed },
    }
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
        let starts = self.starts(environment);
        if let (Some(since), Ok(holds), []) = (seen.older, &seen.contents, &seen.history[..]) {
            let config = seen.config.as_ref().and_then(|config| config.id.as_ref());
            let release = self.identify(environment, holds, config, None);
            let (put, until, displaced) = (Put::Unknown, None, None);
            visits.push(Visit { release, since, until, put, displaced, arrival: None, holds, config });
        }
        for (index, arrival) in seen.history.iter().enumerate() {
            let before = &seen.history[index + 1..];
            let record = arrival.record.as_deref().filter(|record| record.place == place);
            let release = self.identify(environment, &arrival.holds, arrival.config.as_ref(), record);
            let promoted = record.filter(|r| release.as_ref().is_ok_and(|found| is_it(found, r, starts)));
            let put = put(arrival, before, promoted, starts);
            let until = visits.last().map(|later| later.since);
            let mut visit = Visit {
                release,
                since: arrival.since,
                until,
                put,
                displaced: None,
                arrival: Some(arrival),
                holds: &arrival.holds,
                config: arrival.config.as_ref(),
            };
            visit.displaced =
                visits.last().filter(|later| self.takes_out(&visit, later, before)).and_then(|v| v.arrival);
            visits.push(visit);
        }
        visits
    }

    /// Whether `later`, which replaced `visit`, took it out: a person's commit of something that is not newer.
    fn takes_out(&self, visit: &Visit<'_>, later: &Visit<'_>, before: &[Arrival]) -> bool {
        match &later.put {
            Put::Drift { .. } => {
                let Ok(release) = &visit.release else { return true };
                let came = Came::default();
                order::compare(self.application, release, came, &later.present()).order != Order::Older
            }
            // Config that goes back to what it was before takes this one out.
            Put::Config { .. } => before.iter().any(|before| before.config.as_ref() == later.config),
            Put::Promotion { .. } | Put::Initial { .. } | Put::Found { .. } | Put::Unknown => false,
        }
    }

    /// Whether `environment` is one where builds arrive: its config is what people commit there.
    #[must_use]
    pub fn starts(&self, environment: &EnvironmentName) -> bool {
        let stage = self.pipeline.stage(environment);
        stage.is_some_and(|stage| self.pipeline.upstream(self.application, stage).is_empty())
    }

    /// Whether `environment`, where builds arrive, takes in only what Gantry put there: `first: sealed` of its
    /// own, or of an environment before it in which the application is not.
    #[must_use]
    pub fn sealed_only(&self, environment: &EnvironmentName) -> bool {
        let mut open = vec![environment];
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            let Some(stage) = self.pipeline.stage(name).filter(|_| seen.insert(name)) else { continue };
            if stage.first == First::Sealed {
                return true;
            }
            open.extend(&stage.after);
        }
        false
    }

    /// Why `release`, which is or was in `environment`, does not count as having been there for what comes
    /// behind: only what Gantry promoted counts, and where builds arrive also what people put there.
    #[must_use]
    pub fn uncounted(
        &self,
        environment: &EnvironmentName,
        visits: &[Visit<'_>],
        release: &ReleaseId,
    ) -> Option<Reason> {
        let mut stays = visits.iter().filter(|visit| visit.is_of(release)).peekable();
        let latest = *stays.peek()?;
        if stays.any(|visit| matches!(visit.put, Put::Promotion { .. }))
            || (self.starts(environment) && !self.sealed_only(environment))
        {
            return None;
        }
        let environment = environment.clone();
        let Some(arrival) = latest.arrival else { return Some(Reason::HistoryUnread { environment }) };
        let (commit, by) = (arrival.commit.clone(), arrival.author.name.clone());
        Some(match &latest.put {
            Put::Initial { .. } | Put::Found { .. } | Put::Unknown => {
                let version = latest.release.as_ref().map(Release::version).unwrap_or_default();
                Reason::NeverPromoted { environment, version, by, commit }
            }
            Put::Drift { claimed, .. } => Reason::NotPromoted { environment, by, commit, claimed: *claimed },
            Put::Config { .. } | Put::Promotion { .. } => {
                Reason::NotPromoted { environment, by, commit, claimed: false }
            }
        })
    }

    /// The latest stay of `release` among `visits`.
    #[must_use]
    pub fn stay(environment: &EnvironmentName, visits: &[Visit<'_>], release: &ReleaseId) -> Stay {
        let visit = visits.iter().find(|visit| visit.is_of(release));
        Stay {
            environment: environment.clone(),
            since: visit.map(|visit| visit.since),
            until: visit.and_then(|visit| visit.until),
        }
    }
}
