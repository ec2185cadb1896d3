//! What was decided, remembered: only applications of which something changed are decided on again.
//!
//! The answer is the one of [`decide`](super::decide()) on the same facts at the same time; a test holds the two
//! against each other. An application is decided on again when facts of its own places changed, when something is
//! known of one of its images that was not, when people ask for something of it or a write for it was refused, and
//! when the time comes that its last decision named. When what concerns all changes (the pipeline, whether Git and
//! the forge answer), all are.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    Decision, decision_of, leftover, moved,
    standing::{RequestOutcome, Step},
};
use crate::{
    config::pipeline::Pipeline,
    effects::Effect,
    facts::Facts,
    ids::{ApplicationName, Digest, ImageName},
};

/// How many releases are at each step of their way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Step, usize>);

impl Tally {
    /// Counts those of a decision.
    #[must_use]
    pub fn of(decision: &Decision) -> Self {
        let mut tally = Self::default();
        for next in decision.standings.iter().flat_map(|standing| &standing.next) {
            *tally.0.entry(next.step).or_default() += 1;
        }
        tally
    }

    /// How many are at this step.
    #[must_use]
    pub fn at(&self, step: Step) -> usize {
        self.0.get(&step).copied().unwrap_or_default()
    }

    fn add(&mut self, other: &Self) {
        for (step, count) in &other.0 {
            *self.0.entry(*step).or_default() += count;
        }
    }
}

/// A decision without what is only said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// What is wanted; at most one change for each place.
    pub effects: Vec<Effect>,
    /// What became of the promotions that people asked for.
    pub requests: Vec<(i64, RequestOutcome)>,
    /// When time alone will change the decision.
    pub next_look: Option<Timestamp>,
    /// What is on its way.
    pub under_way: Tally,
    /// The artifacts of it.
    pub coming: BTreeSet<(ImageName, Digest)>,
}

impl From<Decision> for Wanted {
    fn from(decision: Decision) -> Self {
        let under_way = Tally::of(&decision);
        let Decision { standings, effects, requests, next_look } = decision;
        let coming = standings.iter().flat_map(|standing| &standing.next);
        let coming = coming.flat_map(|next| &next.release.artifacts);
        let coming = coming.map(|artifact| (artifact.image.clone(), artifact.digest.clone())).collect();
        Self { effects, requests, next_look, under_way, coming }
    }
}

/// Decides again and again.
#[derive(Debug, Default)]
pub struct Decider {
    last: Option<Last>,
    of: BTreeMap<ApplicationName, Wanted>,
    /// Those to which something came at a time that is still to come, by a clock that went back: how long it soaks
    /// changes with each moment.
    ahead: BTreeSet<ApplicationName>,
    /// The applications of each image.
    by_image: HashMap<ImageName, Vec<ApplicationName>>,
    again: usize,
}

/// What was last decided on.
#[derive(Debug)]
struct Last {
    pipeline: Arc<Pipeline>,
    facts: Arc<Facts>,
    now: Timestamp,
}

impl Decider {
    /// Decides for the whole pipeline.
    pub fn decide(&mut self, pipeline: &Arc<Pipeline>, facts: &Arc<Facts>, now: Timestamp) -> Wanted {
        match self.changed(pipeline, facts, now) {
            Some(changed) => {
                self.again = changed.len();
                for application in changed {
                    self.one(pipeline, facts, now, &application);
                }
            }
            None => self.all(pipeline, facts, now),
        }
        self.last = Some(Last { pipeline: Arc::clone(pipeline), facts: Arc::clone(facts), now });
        let mut wanted = Wanted { effects: moved(facts).into_iter().collect(), ..Wanted::default() };
        for one in self.of.values() {
            wanted.effects.extend(one.effects.iter().cloned());
            wanted.requests.extend(one.requests.iter().cloned());
            wanted.next_look = wanted.next_look.into_iter().chain(one.next_look).min();
            wanted.under_way.add(&one.under_way);
            wanted.coming.extend(one.coming.iter().cloned());
        }
        wanted.effects.extend(leftover::effects(pipeline, facts));
        wanted.requests.extend(leftover::requests(pipeline, facts));
        wanted
    }

    /// How many applications the last decision was made anew for.
    #[must_use]
    pub fn again(&self) -> usize {
        self.again
    }

    fn one(&mut self, pipeline: &Pipeline, facts: &Facts, now: Timestamp, application: &ApplicationName) {
        self.ahead.remove(application);
        self.of.remove(application);
        let Some(decision) = decision_of(pipeline, facts, now, application) else { return };
        let places = decision.standings.iter().filter_map(|standing| facts.places.get(&standing.place));
        if places.flat_map(|seen| &seen.history).any(|arrival| arrival.since > now) {
            self.ahead.insert(application.clone());
        }
        self.of.insert(application.clone(), decision.into());
    }

    fn all(&mut self, pipeline: &Pipeline, facts: &Facts, now: Timestamp) {
        *self = Self::default();
        for (name, application) in &pipeline.applications {
            for image in &application.images {
                self.by_image.entry(image.image.clone()).or_default().push(name.clone());
            }
            self.one(pipeline, facts, now, name);
        }
        self.again = self.of.len();
    }

    /// The applications that must be decided on again; `None` for all of them.
    fn changed(
        &self,
        pipeline: &Arc<Pipeline>,
        facts: &Arc<Facts>,
        now: Timestamp,
    ) -> Option<BTreeSet<ApplicationName>> {
        let last = self.last.as_ref()?;
        // Taken apart, so that a new field cannot be forgotten here.
        let Facts {
            // They matter to what was refused alone.
            heads: _,
            places,
            default_branch,
            rejections,
            recorded,
            unmoved,
            // What is left over is decided on each time.
            leftovers: _,
            config_sound: _,
            // It is promoted from, and decides nothing.
            configs: _,
            catalog,
            presence,
            reports_lost,
            looks,
            proposals,
            git_silent,
            forge_silent,
            branches,
            requests,
            failures,
        } = &**facts;
        let old = &*last.facts;
        let common = (git_silent, forge_silent, default_branch, unmoved, reports_lost)
            == (&old.git_silent, &old.forge_silent, &old.default_branch, &old.unmoved, &old.reports_lost)
            && presence.hosts == old.presence.hosts;
        let clock = now >= last.now;
        if !Arc::ptr_eq(pipeline, &last.pipeline) || !common || !clock || *recorded != old.recorded {
            return None;
        }
        let mut changed = BTreeSet::new();
        let places = places.differing(&old.places).into_iter();
        let places = places.chain(proposals.differing(&old.proposals));
        let places = places.chain(branches.differing(&old.branches));
        changed.extend(places.map(|place| place.application.clone()));
        if !Arc::ptr_eq(rejections, &old.rejections) {
            let both = rejections.keys().chain(old.rejections.keys());
            let differing = both.filter(|place| rejections.get(*place) != old.rejections.get(*place));
            changed.extend(differing.map(|place| place.application.clone()));
        }
        let told = |looks: &BTreeMap<ImageName, crate::facts::Look>, image: &ImageName| {
            looks.get(image).and_then(|look| look.problem.clone())
        };
        let asked = looks.keys().chain(old.looks.keys());
        let asked = asked.filter(|image| told(looks, image) != told(&old.looks, image));
        let said = presence.differing(&old.presence);
        for image in catalog.differing(&old.catalog).into_iter().chain(asked).chain(said) {
            changed.extend(self.by_image.get(image).into_iter().flatten().cloned());
        }
        for asked in requests.iter().chain(&old.requests) {
            changed.insert(asked.place.application.clone());
        }
        for (place, _) in failures.keys().chain(old.failures.keys()) {
            changed.insert(place.application.clone());
        }
        let due = self.of.iter().filter(|(_, wanted)| wanted.next_look.is_some_and(|at| at <= now));
        changed.extend(due.map(|(application, _)| application.clone()).chain(self.ahead.iter().cloned()));
        // What was seen under an old name concerns the application that has a new one.
        let renamed = changed.iter().filter_map(|name| pipeline.renamed.get(name).cloned());
        let renamed: Vec<ApplicationName> = renamed.collect();
        changed.extend(renamed);
        Some(changed)
    }
}
