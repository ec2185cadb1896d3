//! The reading side of the loop: one look at one infra repository and all that it names.
//!
//! A look reads Git, the forge and what the store holds of registries and CI, and makes facts of it. It
//! changes nothing outside the store. What can't be read leaves the last good facts in force and becomes a
//! problem that is shown; it never becomes an empty fact, because an empty fact would decide something
//! (promises 4 and 10).
//!
//! Nothing is waited for but Git and the database: the forge's proposals are read beside ([`proposals`]), and so are
//! registries ([`images`]).
//!
//! Races known: the forge is read before Git. A proposal that is merged in between is still seen as open,
//! with its release in place already: closing it then finds it merged, and nothing is done twice. The other
//! order could see it merged and its release missing, and would propose it again.

mod adoption;
pub(crate) mod audit;
mod belief;
mod branches;
mod catalog;
mod changes;
mod config;
pub(crate) mod contents;
mod faults;
mod found_images;
mod git_side;
mod history;
pub mod images;
mod inbox;
mod journal;
mod presence;
mod promoted;
pub mod proposals;
mod rejections;
mod resolving;
mod rulings;
mod sightings;
mod stretch;
mod wanted;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gantry_core::{
    config::pipeline::Pipeline,
    decide::{
        decider::{Tally, Wanted},
        leftover,
    },
    facts::{Closing, Facts, Failure, Person, Place, PromotionRequest, Proposal, ProposalState},
    ids::{BranchName, ReleaseId},
    reason::{Owner, Problem, Reason},
    shared::SharedMap,
};
use jiff::{SignedDuration, Timestamp};

use self::{
    catalog::Resident,
    git_side::GitSide,
    images::Images,
    proposals::{Moment, Proposals},
    rulings::RulingLog,
    sightings::Sightings,
};
pub use self::{
    changes::Changes,
    config::FILE as CONFIG_FILE,
    inbox::{Asked, BUILD, REFUSED as BUILD_REFUSED},
};
use crate::{
    clock::Clock,
    git::{GitError, Mirror},
    intake::request::Request,
    seal::Trust,
    speak::Renderer,
    store::{Born, Store, StoreError, board::Seen},
};

/// What a look needs.
pub struct Sources {
    /// The repository's name in the settings.
    pub repository: String,
    /// Its default branch, if the settings say it.
    pub branch: Option<BranchName>,
    /// Its mirror.
    pub mirror: Arc<Mirror>,
    /// Its proposals.
    pub proposals: Arc<Proposals>,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The registries.
    pub images: Arc<Images>,
    /// The sentences of the audit log.
    pub renderer: Renderer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Wakes the loop.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// In whose name the bot commits: other commits on its branches are people's.
    pub bot: Person,
    /// Since when the database is there.
    pub born: Born,
    /// Whose seals are believed.
    pub trust: Arc<Trust>,
}

/// Looks at one infra repository, again and again.
pub struct Observer {
    sources: Sources,
    /// Taken away and given back by the thread that reads Git.
    git: Option<Box<GitSide>>,
    /// What is known of the pipeline's images.
    catalog: Resident,
    /// The list of proposals that the last look took.
    listed: Option<Arc<Vec<Proposal>>>,
    last: Option<Seen>,
    /// Whether a promotion of this pipeline is older than the database.
    aged: Option<(Arc<Pipeline>, bool)>,
}

/// One look, and the requests that wait for an answer.
pub struct Look {
    /// What was seen.
    pub seen: Seen,
    /// Approvals and rejections that people asked for.
    pub asked: Vec<Asked>,
    /// Builds were taken in: they may concern other repositories too.
    pub took_builds: bool,
    /// When the list of proposals that was taken began to be read.
    pub list: Moment,
    /// The applications of which something in Git or at the forge changed since the look before.
    pub changed: Changes,
}

/// The database failed, without which nothing is done.
pub type LookError = StoreError;

impl Observer {
    /// Looks through these sources.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        let catalog = Resident::default();
        Self { sources, git: Some(Box::default()), catalog, listed: None, last: None, aged: None }
    }

    /// Nothing is being asked beside the looks, whose answer would be a reason for another one.
    pub async fn quiet(&self) {
        self.sources.images.quiet().await;
    }

    /// Looks once. `failures` are the writes that were refused so far.
    ///
    /// # Errors
    /// The database's. What else can't be read becomes a problem of the look.
    pub async fn look(
        &mut self,
        failures: &BTreeMap<(Place, ReleaseId), Failure>,
    ) -> Result<Look, LookError> {
        let now = self.sources.clock.now();
        let repository = self.sources.repository.clone();
        let (took_builds, asked) = inbox::take(
            &*self.sources.store,
            &self.sources.images,
            &self.sources.wake,
            &self.sources.renderer,
            &repository,
            now,
        )
        .await?;
        let mut problems = Vec::new();
        // Before Git is read, see above.
        let listed = self.sources.proposals.latest().await;
        let closings = match &listed.list {
            Some(list) => list.iter().filter_map(closing).collect(),
            None => BTreeSet::new(),
        };
        self.recall().await?;
        if let Some(sightings) = self.git.get_or_insert_default().sightings.as_mut() {
            sightings.begin(now, listed.list.as_deref().map_or(&[], Vec::as_slice));
        }
        let read = self.read_git(closings).await;
        self.note_sightings().await?;
        let mut facts = match read {
            Ok(facts) => facts,
            Err(error) => {
                problems.push(Problem { owner: error.owner(), ..platform(error.to_string()) });
                // With old branches and a new forge a merged proposal would be opened again.
                let last = self.last.as_ref().map(|seen| (*seen.facts).clone()).unwrap_or_default();
                Facts { git_silent: true, ..last }
            }
        };
        let last = self.last.as_ref().map(|seen| seen.facts.proposals.clone()).unwrap_or_default();
        facts.proposals = match &listed.list {
            Some(list) if self.listed.as_ref().is_none_or(|known| !Arc::ptr_eq(known, list)) => {
                by_place(last, list.iter().cloned().collect())
            }
            Some(_) => last,
            None => SharedMap::new(),
        };
        self.listed.clone_from(&listed.list);
        facts.forge_silent = listed.list.is_none() || listed.error.is_some();
        // One cause is told once.
        let told = facts.git_silent && self.sources.proposals.rests_on_git();
        problems.extend(listed.error.filter(|_| !told).map(platform));
        self.note().await?;
        let git = self.git.get_or_insert_default();
        problems.extend(git.config.problems.iter().chain(&git.rejections.problems).cloned());
        problems.extend(self.sources.clock.jumped().map(clock_jumped));
        let pipeline = git.config.pipeline.clone();
        let config_at = git.config.at.clone();
        if let Some(pipeline) = &pipeline {
            if facts.config_sound {
                problems.extend(left_over(&self.sources.renderer, pipeline, &facts));
            }
            facts.catalog = self.catalog.update(&*self.sources.store, pipeline, &facts).await?;
        }
        facts.looks = self.sources.images.looks();
        let images = pipeline.iter().flat_map(|pipeline| pipeline.applications.values());
        let images = images.flat_map(|app| &app.images).map(|image| image.image.clone()).collect();
        problems.extend(self.sources.images.problems(&images));
        facts.presence = self.sources.images.presence();
        facts.reports_lost = self.reports_lost(pipeline.as_ref(), &facts);
        facts.failures.clone_from(failures);
        facts.requests = asked.iter().filter_map(request).collect();
        let at = self.sources.clock.now();
        let seen = Seen {
            repository,
            pipeline,
            facts: Arc::new(facts),
            config_at,
            problems,
            at,
            settled: false,
            under_way: Tally::default(),
        };
        journal::note(&*self.sources.store, &self.sources.renderer, self.last.as_ref(), &seen).await?;
        let changed = Changes::between(self.last.as_ref(), &seen);
        self.last = Some(seen.clone());
        let asked = asked.into_iter().filter(|asked| request(asked).is_none()).collect();
        Ok(Look { seen, asked, took_builds, list: listed.began, changed })
    }

    /// Until when CI's results were lost with a database: this one replaced another, or is younger than a promotion
    /// that Gantry sealed. What Gantry seals from now on is younger, so each pipeline is looked at once.
    fn reports_lost(&mut self, pipeline: Option<&Arc<Pipeline>>, facts: &Facts) -> Option<Timestamp> {
        let born = self.sources.born;
        if born.replaced.is_some() {
            return born.replaced;
        }
        let pipeline = pipeline?;
        if !self.aged.as_ref().is_some_and(|(at, _)| Arc::ptr_eq(at, pipeline)) {
            let mut arrivals = facts.places.values().flat_map(|place| &place.history);
            let older = arrivals.any(|arrival| arrival.record.is_some() && arrival.at < born.at);
            let known = self.aged.as_ref().is_some_and(|(_, older)| *older);
            self.aged = Some((Arc::clone(pipeline), older || known));
        }
        self.aged.as_ref().is_some_and(|(_, older)| *older).then_some(born.at)
    }

    /// Says which builds are on their way, so that their registries are asked whether they have them.
    pub fn want(&self, decision: &Wanted) -> bool {
        self.sources.images.want(&self.sources.repository, decision.coming.clone())
    }

    async fn read_git(&mut self, closings: BTreeSet<Closing>) -> Result<Facts, GitError> {
        let mut side = self.git.take().unwrap_or_default();
        let mirror = Arc::clone(&self.sources.mirror);
        let branch = self.sources.branch.clone();
        let (bot, trust) = (self.sources.bot.clone(), Arc::clone(&self.sources.trust));
        let joined = tokio::task::spawn_blocking(move || {
            let mut result = side.read(&mirror, branch.clone(), (&bot, &trust), &closings);
            // What was damaged is there again after the next fetch, so nobody has to hear of it.
            if result.is_err() && mirror.will_mend() {
                result = side.read(&mirror, branch, (&bot, &trust), &closings);
            }
            (side, result)
        });
        match joined.await {
            Ok((side, result)) => {
                self.git = Some(side);
                result
            }
            // What was kept went with the thread; the next look reads everything again.
            Err(error) => Err(GitError::unfinished(error)),
        }
    }

    /// How far the commits were searched for rejections, and when they were first seen, from the database: once in a
    /// process.
    async fn recall(&mut self) -> Result<(), StoreError> {
        let name = self.note_name();
        let git = self.git.get_or_insert_default();
        if git.sightings.is_none() {
            git.sightings =
                Some(Sightings::load(self.sources.store.first_seen(&self.sources.repository).await?));
        }
        if git.noted.is_none() {
            let noted = self.sources.store.noted(&name).await?;
            let log: RulingLog =
                noted.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
            (git.rejections.log, git.noted) = (log.clone(), Some(log));
        }
        Ok(())
    }

    /// Writes down which commits were seen for the first time, before anything is decided by it.
    async fn note_sightings(&mut self) -> Result<(), StoreError> {
        let git = self.git.get_or_insert_default();
        let known = &git.places;
        let arrivals = git.history.iter().flat_map(|(branch, history)| {
            let places = history.places().filter_map(|place| known.get(place));
            places.flat_map(|facts| &facts.history).map(move |arrival| (branch, arrival))
        });
        let Some(sightings) = git.sightings.as_mut() else { return Ok(()) };
        let (seen, gone) = sightings.changes(arrivals);
        if seen.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let noted = self.sources.store.note_first_seen(&self.sources.repository, &seen, &gone).await;
        if noted.is_err() {
            sightings.again(seen, gone);
        }
        noted
    }

    /// Keeps how far the commits were searched.
    async fn note(&mut self) -> Result<(), StoreError> {
        let name = self.note_name();
        let git = self.git.get_or_insert_default();
        if git.noted.as_ref().is_some_and(|noted| *noted != git.rejections.log)
            && let Ok(value) = serde_json::to_value(&git.rejections.log)
        {
            match self.sources.store.note(&name, &value).await {
                // It is too long to be kept: the next process reads the commits again.
                Ok(()) | Err(StoreError::Refused { .. }) => git.noted = Some(git.rejections.log.clone()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn note_name(&self) -> String {
        format!("rulings:{}", self.sources.repository)
    }
}

/// The proposals by their place. What is as it was in `last` is shared with it.
fn by_place(
    mut last: SharedMap<Place, Vec<Proposal>>,
    list: Vec<Proposal>,
) -> SharedMap<Place, Vec<Proposal>> {
    let mut by_place: BTreeMap<Place, Vec<Proposal>> = BTreeMap::new();
    for proposal in list {
        by_place.entry(proposal.place.clone()).or_default().push(proposal);
    }
    update(&mut last, by_place);
    last
}

/// Makes `map` what `now` says. Entries that are equal stay as they are.
fn update<V: Clone + PartialEq>(map: &mut SharedMap<Place, V>, now: BTreeMap<Place, V>) {
    let gone: Vec<Place> = map.keys().filter(|place| !now.contains_key(*place)).cloned().collect();
    for place in gone {
        map.remove(&place);
    }
    for (place, value) in now {
        if map.get(&place) != Some(&value) {
            map.insert(place, value);
        }
    }
}

/// The open proposals that belong to nothing any more: they are shown until they are closed.
fn left_over(renderer: &Renderer, pipeline: &Pipeline, facts: &Facts) -> Vec<Problem> {
    let open = leftover::proposals(pipeline, facts);
    let said = |(proposal, reason): (&Proposal, Reason)| Problem {
        file: None,
        line: None,
        column: None,
        message: renderer.left_over(proposal.number, &reason),
        owner: Owner::Nobody,
    };
    open.into_iter().map(said).collect()
}

/// A closing by a person, which is a rejection.
fn closing(proposal: &Proposal) -> Option<Closing> {
    let by_person = matches!(proposal.state, ProposalState::Closed { by_gantry: false, .. });
    Some((proposal.number, proposal.release.clone().filter(|_| by_person)?))
}

fn request(asked: &Asked) -> Option<PromotionRequest> {
    match &asked.request {
        Request::Promote { place, release, reason, .. } => Some(PromotionRequest {
            id: asked.id.0,
            place: place.clone(),
            release: release.clone(),
            by: asked.by.clone(),
            reason: reason.clone(),
        }),
        Request::Approve { .. } | Request::Reject { .. } => None,
    }
}

/// The machine's clock is not followed. How far it is ahead is said in whole minutes, so that the same jump is the
/// same problem at the next look.
fn clock_jumped(ahead: SignedDuration) -> Problem {
    let minutes = ahead.as_mins();
    platform(format!(
        "the machine's clock jumped ahead by {minutes} min and is not followed, so that no soak ends early; correct \
         the clock, or restart Gantry to take its time over"
    ))
}

fn platform(message: String) -> Problem {
    Problem { file: None, line: None, column: None, message, owner: Owner::Platform }
}
