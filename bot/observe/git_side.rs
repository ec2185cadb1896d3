//! What is read of Git, kept from look to look: the config, what stands in each place and how it came there, Gantry's
//! branches and the rejections. Only what changed since the last look is read again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gantry_core::{
    config::pipeline::{Application, Pipeline, Stage},
    facts::{Closing, Facts, Person, Place, PlaceFacts},
    ids::{BranchName, CommitId, ConfigId},
    promoted::ConfigState,
    shared::SharedMap,
};

use super::{
    adoption::Adoption,
    branches::{Branches, By},
    config::ConfigWatch,
    history::{Belief, BranchHistory, Reading},
    promoted,
    rejections::{RejectionWatch, Where},
    rulings::RulingLog,
    sightings::Sightings,
    stretch::Contents,
    wanted,
};
use crate::{
    git::{GitError, Heads, Mirror},
    seal::Trust,
};

/// What matters on each branch, and the pipeline that it was made of.
type WantedOf = (Arc<Pipeline>, BTreeMap<BranchName, Arc<wanted::Wanted>>);

/// What was read of Git, kept so that the next look reads only what changed.
#[derive(Default)]
pub(super) struct GitSide {
    pub(super) config: ConfigWatch,
    /// What matters on each branch, by the pipeline.
    wanted: Option<WantedOf>,
    pub(super) history: BTreeMap<BranchName, BranchHistory>,
    branches: Branches,
    pub(super) rejections: RejectionWatch,
    /// What the database holds of the rejections' log.
    pub(super) noted: Option<RulingLog>,
    pub(super) places: SharedMap<Place, PlaceFacts>,
    configs: SharedMap<ConfigId, ConfigState>,
    pub(super) sightings: Option<Sightings>,
    adoption: Adoption,
    read_at: Option<(BTreeMap<BranchName, CommitId>, Arc<Pipeline>)>,
}

impl GitSide {
    /// Fetches, and brings what is known of Git up to date.
    pub(super) fn read(
        &mut self,
        mirror: &Mirror,
        branch: Option<BranchName>,
        (bot, trust): (&Person, &Trust),
        closings: &BTreeSet<Closing>,
    ) -> Result<Facts, GitError> {
        let heads = mirror.fetch()?;
        let default = default_branch(&heads, branch);
        let branches = named(&heads);
        self.config.look(mirror, &heads, &default)?;
        let Some(pipeline) = self.config.pipeline.clone() else { return Ok(Facts::default()) };
        let by = By { mirror, pipeline: &pipeline, bot, trust };
        let mut facts = Facts { branches: self.branches.look(by, &branches)?, ..Facts::default() };
        for stage in &pipeline.environments {
            if let Some(head) = branches.get(&stage.branch) {
                facts.heads.insert(stage.branch.clone(), head.clone());
            }
        }
        let key = (facts.heads.clone(), Arc::clone(&pipeline));
        let same = self.read_at.as_ref().is_some_and(|at| at.0 == key.0 && Arc::ptr_eq(&at.1, &key.1));
        if !same {
            self.read_at = None;
            self.read_places(mirror, &pipeline, &facts.heads, trust, (&default, branches.get(&default)))?;
            self.configs = configs(&pipeline, &self.history);
            self.read_at = Some(key);
        }
        facts.places = self.places.clone();
        let at = Where { mirror, pipeline: &pipeline, default: &default, heads: &branches };
        self.rejections.look(at, closings, &mut facts)?;
        facts.config_sound = self.config.problems.is_empty();
        facts.leftovers = self.branches.leftovers();
        facts.configs = self.configs.clone();
        Ok(facts)
    }

    fn read_places(
        &mut self,
        mirror: &Mirror,
        pipeline: &Arc<Pipeline>,
        heads: &BTreeMap<BranchName, CommitId>,
        trust: &Trust,
        default: (&BranchName, Option<&CommitId>),
    ) -> Result<(), GitError> {
        let mut belief = Belief { trust, sightings: self.sightings.get_or_insert_default() };
        let anew = self.wanted.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, pipeline));
        if anew {
            let wanted =
                wanted::Wanted::of(pipeline).into_iter().map(|(branch, wanted)| (branch, Arc::new(wanted)));
            self.wanted = Some((Arc::clone(pipeline), wanted.collect()));
        }
        let Some((_, wanted)) = self.wanted.clone() else { return Ok(()) };
        let left: Vec<BranchName> =
            self.history.keys().filter(|branch| !wanted.contains_key(*branch)).cloned().collect();
        for branch in left {
            if let Some(history) = self.history.remove(&branch) {
                history.places().for_each(|place| drop(self.places.remove(place)));
            }
        }
        for (branch, wanted) in &wanted {
            let Some(head) = heads.get(branch) else { continue };
            let history = self.history.entry(branch.clone()).or_default();
            let reading = Reading::of(mirror, pipeline, branch, wanted);
            let touched = history.follow(reading, head, &mut belief, &mut self.places)?;
            let places: Vec<Place> = touched.keys().cloned().collect();
            for (place, contents) in touched {
                settle(pipeline, history, head, &place, contents, &mut self.places);
            }
            if let Some(tip) = default.1 {
                let marked =
                    self.adoption.mark(mirror, pipeline, (default.0, tip), &places, &mut self.places);
                marked.inspect_err(|_| history.forget_head())?;
            }
        }
        Ok(())
    }
}

/// Writes down what a place holds at the head of its branch.
fn settle(
    pipeline: &Pipeline,
    history: &BranchHistory,
    head: &CommitId,
    place: &Place,
    contents: Contents,
    places: &mut SharedMap<Place, PlaceFacts>,
) {
    let application = pipeline.applications.get(&place.application).zip(pipeline.stage(&place.environment));
    let Some((application, stage)) = application else { return };
    let notes = contents.as_ref().map_or_else(|_| Vec::new(), |contents| contents.notes.clone());
    let mut contents = contents.map(|contents| contents.held);
    let config = match history.config.state(application, &stage.name, head) {
        Ok(Some(state)) if state.id.is_none() && starts(pipeline, application, stage) => {
            let missing = promoted::missing(application, &stage.name, &stage.branch, &state);
            contents = contents.and(Err(missing));
            None
        }
        Ok(state) => state,
        Err(problem) => {
            contents = contents.and(Err(problem));
            None
        }
    };
    let known = places.get(place).map(|facts| facts.history.clone()).unwrap_or_default();
    let facts = PlaceFacts { contents, notes, config, history: known, older: history.older(place) };
    places.insert(place.clone(), facts);
}

/// Where each config stands, to be promoted from there. Where values are kept, one config stands in several
/// environments with other bytes: what is new elsewhere comes from where config starts.
fn configs(
    pipeline: &Pipeline,
    history: &BTreeMap<BranchName, BranchHistory>,
) -> SharedMap<ConfigId, ConfigState> {
    let (mut configs, mut elsewhere): (BTreeMap<_, _>, BTreeMap<_, _>) = Default::default();
    for (place, states) in history.values().flat_map(|history| &history.states) {
        let stage = pipeline.stage(&place.environment);
        let application = pipeline.applications.get(&place.application).zip(stage);
        let first = application.is_some_and(|(app, stage)| starts(pipeline, app, stage));
        let known = if first { &mut configs } else { &mut elsewhere };
        for state in states.iter().flatten() {
            if let Some(id) = &state.id {
                known.entry(id.clone()).or_insert_with(|| state.clone());
            }
        }
    }
    for (id, state) in elsewhere {
        configs.entry(id).or_insert(state);
    }
    configs.into_iter().collect()
}

/// Whether builds and config arrive in this environment.
fn starts(pipeline: &Pipeline, application: &Application, stage: &Stage) -> bool {
    pipeline.upstream(application, stage).is_empty()
}

/// The branches whose names Gantry can use; others are nobody's environment.
fn named(heads: &Heads) -> BTreeMap<BranchName, CommitId> {
    let named = heads.branches.iter().filter_map(|(name, head)| Some((name.parse().ok()?, head.clone())));
    named.collect()
}

/// The settings' word, else the repository's, else `main`.
fn default_branch(heads: &Heads, set: Option<BranchName>) -> BranchName {
    let told = || heads.default_branch.as_ref().and_then(|name| name.parse().ok());
    match set.or_else(told).map_or_else(|| "main".parse(), Ok) {
        Ok(branch) => branch,
        Err(_) => unreachable!("`main` is a branch name"),
    }
}
