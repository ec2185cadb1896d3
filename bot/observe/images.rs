//! The registries: which tags there are, what they point to, and what was built when.
//!
//! A watcher asks on its own time and writes what it learns into the store, so that a registry that is slow
//! or down never holds up the rest. What it keeps to, each from an incident in LESSONS:
//! - a list that may be incomplete is not written: it decides nothing (promise 4; flux2 #4984);
//! - an artifact never changes, so its config is fetched once, ever (kargo #2836);
//! - `HEAD` tells whether a tag moved; nothing is rewritten when nothing changed;
//! - a registry that says "later" is asked later, and that host alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{StreamExt, stream};
use gantry_core::{
    artifact::Artifact,
    catalog::{Catalog, TagState},
    config::pipeline::Image,
    duration::Span,
    facts::{Look, Presence},
    ids::{Digest, ImageName, Tag},
    reason::Problem,
    select::Candidate,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    faults::{self, Fault},
    presence::Presences,
    resolving::{Begun, Resolved, Resolving},
};
use crate::{
    clock::Clock,
    registry::{Registry, RegistryError},
    store::{AuditEntry, Store, StoreError, board::RegistryHealth},
};

/// How many of the highest tags are resolved for orders that need no build time: the first that did not fail
/// is wanted.
const RESOLVED: usize = 5;
/// How many tags are described in one look; the rest in the next ones.
const DESCRIBED: usize = 2_000;
/// How long a registry that did not answer is not asked for one tag again: many builds may wait for it, and
/// each would hold the others up.
const SILENCE: SignedDuration = SignedDuration::from_secs(15);
/// How many images are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

/// A registry and how often it is asked.
pub struct Watched {
    /// The client.
    pub registry: Registry,
    /// The time between two looks at one image.
    pub poll: Span,
}

/// Watches all images whose registry is in the settings.
pub struct Images {
    registries: BTreeMap<String, Watched>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    looks: Mutex<BTreeMap<ImageName, Look>>,
    /// Of those that failed: what people must mend.
    faults: Mutex<BTreeMap<ImageName, Fault>>,
    due: Mutex<BTreeMap<ImageName, Timestamp>>,
    /// Hosts that did not answer when they were asked for one tag: until when they are left alone, and why.
    silent: Mutex<BTreeMap<String, (Timestamp, String)>>,
    /// Tags that the registry lists and doesn't serve.
    absent: Mutex<BTreeMap<ImageName, BTreeSet<Tag>>>,
    /// The digests that are on their way.
    presences: Presences,
    /// Tags that are being resolved beside the loop, by their host.
    resolving: Resolving,
}

/// What was learnt of one image's tags.
#[derive(Default)]
struct Learnt {
    described: Vec<Artifact>,
    /// Listed, and not served.
    missing: BTreeSet<Tag>,
}

/// What stopped the look at one image.
enum Stopped {
    Registry(RegistryError),
    Store(StoreError),
    Incomplete(String),
}

impl From<RegistryError> for Stopped {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Images {
    /// A watcher over these registries, by host.
    #[must_use]
    pub fn new(registries: BTreeMap<String, Watched>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            presences: Presences::new(registries.keys().cloned().collect()),
            registries,
            store,
            clock,
            looks: Mutex::default(),
            faults: Mutex::default(),
            due: Mutex::default(),
            silent: Mutex::default(),
            absent: Mutex::default(),
            resolving: Resolving::default(),
        }
    }

    /// How the last looks went.
    #[must_use]
    pub fn looks(&self) -> BTreeMap<ImageName, Look> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What people must mend of the registries of these images.
    #[must_use]
    pub fn problems(&self, images: &BTreeSet<ImageName>) -> Vec<Problem> {
        let known = images.iter().filter(|image| self.watches(image));
        faults::problems(known, &self.faults.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How each registry of these images stands.
    #[must_use]
    pub fn health(&self, images: &[Image]) -> Vec<RegistryHealth> {
        let known = images.iter().map(|image| &image.image).filter(|image| self.watches(image));
        let mut health = faults::health(known, &self.faults.lock().unwrap_or_else(PoisonError::into_inner));
        health.sort_by(|a, b| a.host.cmp(&b.host));
        health
    }

    /// Whether a registry in the settings holds the image.
    #[must_use]
    pub fn watches(&self, image: &ImageName) -> bool {
        self.registries.contains_key(image.host())
    }

    /// What a tag points to, as far as the registry has told by now: it is asked beside. `None` while it is, and
    /// `wake` is called then. Of a registry that was silent a moment ago, says what it said.
    pub fn resolved(
        self: &Arc<Self>,
        image: &ImageName,
        tag: &Tag,
        wake: &Arc<dyn Fn() + Send + Sync>,
    ) -> Option<Resolved> {
        let key = (image.clone(), tag.clone());
        let permit = match self.resolving.begin(&key) {
            Begun::Told(told) => return Some(told),
            Begun::Asked => return self.silence(image.host()).map(Resolved::Silent),
            Begun::Now(permits) => permits,
        };
        if let Some(why) = self.silence(image.host()) {
            self.resolving.tell(&key, None);
            self.resolving.end();
            return Some(Resolved::Silent(why));
        }
        let (images, wake) = (Arc::clone(self), Arc::clone(wake));
        tokio::spawn(async move {
            let permit = permit.acquire_owned().await;
            let told = images.resolve(&key.0, &key.1).await;
            drop(permit);
            let told = Some(told).filter(|told| !matches!(told, Resolved::Silent(_)));
            let news = told.is_some();
            images.resolving.tell(&key, told);
            if news {
                wake();
            }
            images.resolving.end();
        });
        None
    }

    /// Waits until no registry is being asked for a tag that a build waits for.
    pub async fn quiet(&self) {
        self.resolving.quiet().await;
    }

    /// What a host said that is left alone now.
    fn silence(&self, host: &str) -> Option<String> {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned();
        silent.filter(|(until, _)| self.clock.now() < *until).map(|(_, why)| why)
    }

    /// Asks the registry what a tag points to now; of one that was silent a moment ago, says what it said.
    async fn resolve(&self, image: &ImageName, tag: &Tag) -> Resolved {
        let Some(watched) = self.registries.get(image.host()) else { return Resolved::Missing };
        let now = self.clock.now();
        if let Some(why) = self.silence(image.host()) {
            return Resolved::Silent(why);
        }
        match watched.registry.resolve(image, tag, now).await {
            Ok(Some(digest)) => Resolved::Digest(digest),
            Ok(None) => Resolved::Missing,
            Err(error) if error.is_transient() => {
                // By the time after the attempt, which may have waited long.
                let now = self.clock.now();
                let mut until = now.checked_add(SILENCE).unwrap_or(now);
                if let RegistryError::RateLimited { until: later, .. } = &error {
                    until = until.max(*later);
                }
                let said = (until, error.to_string());
                self.silent
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(image.host().to_owned(), said.clone());
                Resolved::Silent(said.1)
            }
            Err(error) => Resolved::Refused(error.to_string()),
        }
    }

    /// The hosts of the registries in the settings.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.registries.keys().map(String::as_str)
    }

    /// What the registries said of the digests that are on their way.
    #[must_use]
    pub fn presence(&self) -> Arc<Presence> {
        self.presences.said()
    }

    /// Says which digests are on their way in an infra repository; `true` if some were never asked for.
    pub fn want(&self, repository: &str, wanted: BTreeSet<(ImageName, Digest)>) -> bool {
        let watched = wanted.into_iter().filter(|(image, _)| self.watches(image));
        self.presences.want(repository, watched.collect())
    }

    /// Asks a registry for the digests on their way that it was not asked for since its last poll. Says whether
    /// there was any news, and when it is to be asked again.
    pub async fn verify(&self, host: &str) -> (bool, Option<Timestamp>) {
        let Some(watched) = self.registries.get(host) else { return (false, None) };
        let now = self.clock.now();
        let since = now.checked_sub(watched.poll.signed()).unwrap_or(now);
        let due = self.presences.due(host, since);
        let news = stream::iter(due)
            .map(|one| async move {
                let there = match watched.registry.has(&one.0, &one.1, now).await {
                    Ok(there) => Some(there),
                    Err(error) => {
                        tracing::warn!(image = %one.0, digest = %one.1, %error, "a digest was not confirmed");
                        None
                    }
                };
                self.presences.note(&one, there, now)
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .fold(false, |any, news| async move { any | news })
            .await;
        (news, now.checked_add(watched.poll.signed()).ok())
    }

    /// Makes an image due: something was heard of it.
    pub fn hint(&self, image: &ImageName) {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).remove(image);
    }

    /// Looks at those of `images` that are due. Says whether anything was looked at, and when the next one is
    /// due.
    pub async fn look(&self, images: &[Image]) -> (bool, Option<Timestamp>) {
        let now = self.clock.now();
        let due: Vec<&Image> = {
            let due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            let is_due = |image: &&Image| due.get(&image.image).is_none_or(|at| *at <= now);
            images.iter().filter(|image| self.watches(&image.image)).filter(is_due).collect()
        };
        let looked = !due.is_empty();
        if looked {
            let names: Vec<ImageName> = due.iter().map(|image| image.image.clone()).collect();
            match self.store.catalog(Some(&names)).await {
                Ok(catalog) => {
                    let catalog = &catalog;
                    stream::iter(due)
                        .for_each_concurrent(
                            SIDE_BY_SIDE,
                            |image| async move { self.one(image, catalog).await },
                        )
                        .await;
                }
                Err(error) => tracing::warn!(%error, "the registries were not asked"),
            }
        }
        let due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let next = images.iter().filter_map(|image| due.get(&image.image)).min().copied();
        (looked, next)
    }

    async fn one(&self, image: &Image, catalog: &Catalog) {
        let Some(watched) = self.registries.get(image.image.host()) else { return };
        let began = self.clock.now();
        let result = self.ask(&watched.registry, image, catalog, began).await;
        let mut next = began.checked_add(watched.poll.signed()).unwrap_or(began);
        let mut fault = None;
        let problem = match result {
            Ok(()) => None,
            Err(Stopped::Registry(error)) => {
                if let RegistryError::RateLimited { until, .. } = &error {
                    next = next.max(*until);
                }
                fault = Fault::of(&error);
                Some(error.to_string())
            }
            // What is wrong with the database is told by everything else.
            Err(Stopped::Store(error)) => Some(error.to_string()),
            Err(Stopped::Incomplete(why)) => {
                fault = Some(Fault::of_image(why.clone()));
                Some(why)
            }
        };
        {
            let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
            match fault {
                Some(fault) => faults.insert(image.image.clone(), fault),
                None => faults.remove(&image.image),
            };
        }
        if let Some(problem) = &problem {
            tracing::warn!(image = %image.image, problem, "the registry could not be read");
        }
        let look = Look { at: began, problem };
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).insert(image.image.clone(), look);
        self.due.lock().unwrap_or_else(PoisonError::into_inner).insert(image.image.clone(), next);
    }

    async fn ask(
        &self,
        registry: &Registry,
        image: &Image,
        catalog: &Catalog,
        began: Timestamp,
    ) -> Result<(), Stopped> {
        let name = &image.image;
        let listing = registry.tags(name, began).await?;
        if !listing.complete {
            let why = listing.why_incomplete.unwrap_or_default();
            return Err(Stopped::Incomplete(format!("the list of tags of {name} is incomplete: {why}")));
        }
        let absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        self.mark(name, &listing.tags, &absent.unwrap_or_default(), began).await?;

        let known = |tag: &Tag| {
            let fact = catalog.tags_of(name).find(|(known, _)| *known == tag).map(|(_, fact)| fact)?;
            let digest = fact.digest.as_ref()?;
            let described = catalog.artifact(name, digest).is_some_and(|artifact| artifact.described);
            (described && fact.state != TagState::Gone).then(|| digest.clone())
        };
        let matching = listing.tags.iter().filter(|tag| image.select.matches(tag));
        let candidates = matching.map(|tag| Candidate {
            built: catalog.artifact_at(name, tag).and_then(|artifact| artifact.built),
            tag: tag.clone(),
            payload: (),
        });
        let ranked: Vec<Tag> =
            image.select.rank(candidates.collect()).into_iter().map(|candidate| candidate.tag).collect();
        // With `newest` every tag has to be described before one can be called the newest; those already
        // described come first in the rank, and the first of them is asked again whether it moved.
        let wanted: Vec<Tag> = if image.select.needs_build_time() {
            let moved = ranked.iter().take(1).cloned();
            moved
                .chain(ranked.iter().skip(1).filter(|tag| known(tag).is_none()).take(DESCRIBED).cloned())
                .collect()
        } else {
            ranked.iter().take(RESOLVED).cloned().collect()
        };
        let mut learnt = Learnt::default();
        let result = self.describe(registry, image, &wanted, known, began, &mut learnt).await;
        // What was learnt before something failed is kept: it need never be asked again.
        if !learnt.described.is_empty() {
            let now = self.clock.now();
            for line in learnt.described.iter().filter_map(|artifact| relabelled(catalog, artifact, now)) {
                self.store.append(&line).await?;
            }
            self.store.save_artifacts(&learnt.described, now).await?;
        }
        if result.is_ok() {
            self.mark(name, &listing.tags, &learnt.missing, began).await?;
            self.absent.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), learnt.missing);
        }
        result
    }

    /// Notes the tags that are listed and served.
    async fn mark(
        &self,
        image: &ImageName,
        listed: &[Tag],
        absent: &BTreeSet<Tag>,
        began: Timestamp,
    ) -> Result<(), StoreError> {
        let served: Vec<Tag> = listed.iter().filter(|tag| !absent.contains(tag)).cloned().collect();
        self.store.mark_listed(image, &served, began).await
    }

    async fn describe(
        &self,
        registry: &Registry,
        image: &Image,
        wanted: &[Tag],
        known: impl Fn(&Tag) -> Option<Digest>,
        began: Timestamp,
        learnt: &mut Learnt,
    ) -> Result<(), Stopped> {
        for tag in wanted {
            let Some(digest) = registry.resolve(&image.image, tag, began).await? else {
                learnt.missing.insert(tag.clone());
                continue;
            };
            if known(tag).as_ref() != Some(&digest) {
                learnt.described.push(registry.artifact(&image.image, tag, &digest, began).await?);
            }
        }
        Ok(())
    }
}

/// CI reported another source revision than the image's label says. The label counts, as it is part of the bytes that
/// are promoted; that is told, once for each digest.
fn relabelled(catalog: &Catalog, artifact: &Artifact, now: Timestamp) -> Option<AuditEntry> {
    let label = artifact.revision.as_deref()?;
    let known = catalog.artifact(&artifact.image, &artifact.digest).filter(|known| !known.described)?;
    let reported = known.revision.as_deref().filter(|reported| *reported != label)?;
    let (image, tag) = (&artifact.image, &artifact.tag);
    Some(AuditEntry {
        key: format!("revision:{}", artifact.digest),
        at: now,
        actor: "gantry".to_owned(),
        action: "revision".to_owned(),
        repository: "-".to_owned(),
        application: None,
        environment: None,
        release: None,
        text: format!(
            "CI reported {image}:{tag} as built from {reported}, and the image's label says {label}: the label counts."
        ),
        detail: json!({ "image": image, "tag": tag, "reported": reported, "label": label }),
    })
}
