//! How what an environment holds came there: read from the commits.
//!
//! The first-parent history of a branch is what was on it at each time. It is read once, and from then on only the
//! new commits are; of a pipeline that changed, only the places are read again whose files did. A branch that was
//! force-pushed is read again from the beginning.
//!
//! Nothing that stands in a place is ever taken to be missing because it is old. A look reads back [`DEPTH`]
//! commits; what has not changed since stands there at least since the oldest of them ([`PlaceFacts::older`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gantry_core::{
    config::pipeline::Pipeline,
    decide::place_of,
    facts::{Arrival, Person, Place, PlaceFacts, Record},
    ids::{BranchName, CommitId},
    promoted::ConfigState,
    shared::SharedMap,
};
use jiff::Timestamp;

use super::{
    belief::{Judge, Ledger, Word, holds},
    promoted::ConfigTree,
    sightings::Sightings,
    stretch::{Before, Contents, Moment, Outcome, Stretch},
    wanted::Wanted,
};
use crate::{
    git::{CommitInfo, End, GitError, Mirror, Step, Steps},
    seal::Trust,
};

/// How many commits of a branch a look reads back at most.
const DEPTH: usize = 20_000;
/// How many changes of one place are kept.
const KEPT: usize = 20;
/// How many commits a merge may bring that are searched for trailers.
const MERGED: usize = 200;

/// What the history of one branch says.
#[derive(Debug, Clone, Default)]
pub(super) struct BranchHistory {
    head: Option<CommitId>,
    wanted: Arc<Wanted>,
    ledger: Ledger,
    /// The promoted files at the head.
    pub(super) config: ConfigTree,
    /// Where the config of each arrival of a place with `config` stands, in the order of its history.
    pub(super) states: BTreeMap<Place, Vec<Option<ConfigState>>>,
    /// Whose present contents came with a commit that was not read yet.
    pub(super) older: Vec<Older>,
}

/// Places whose present contents are older than what was read of a branch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Older {
    /// The newest commit that was not read.
    pub(super) next: CommitId,
    /// Since when at least they hold it. No commit's own time tells that: whoever makes it chooses it.
    pub(super) at: Timestamp,
    /// The places.
    pub(super) places: BTreeSet<Place>,
}

/// What a branch is read by.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    /// The repository.
    pub(super) mirror: &'a Mirror,
    /// The pipeline in force.
    pub(super) pipeline: &'a Pipeline,
    /// The branch.
    pub(super) branch: &'a BranchName,
    /// What matters on it.
    pub(super) wanted: &'a Arc<Wanted>,
    /// How many commits are read back at most.
    pub(super) depth: usize,
}

impl<'a> Reading<'a> {
    /// Of a branch, as far back as a look goes.
    pub(super) fn of(
        mirror: &'a Mirror,
        pipeline: &'a Pipeline,
        branch: &'a BranchName,
        wanted: &'a Arc<Wanted>,
    ) -> Self {
        Self { mirror, pipeline, branch, wanted, depth: DEPTH }
    }
}

/// What arrivals are judged by.
pub(super) struct Belief<'a> {
    /// Whose seals are believed.
    pub(super) trust: &'a Trust,
    /// From when arrivals count.
    pub(super) sightings: &'a mut Sightings,
}

/// What the files of places hold at the head; of places that nothing changed it is not told.
pub(super) type Touched = BTreeMap<Place, Contents>;

impl BranchHistory {
    /// Brings it up to `head`. The histories of `places` are made what they are then.
    pub(super) fn follow(
        &mut self,
        reading: Reading<'_>,
        head: &CommitId,
        belief: &mut Belief<'_>,
        places: &mut SharedMap<Place, PlaceFacts>,
    ) -> Result<Touched, GitError> {
        let Reading { mirror, wanted, depth, .. } = reading;
        let mut touched = Touched::new();
        if self.head.as_ref() == Some(head) && Arc::ptr_eq(&self.wanted, wanted) {
            return Ok(touched);
        }
        let before = std::mem::replace(&mut self.wanted, Arc::clone(wanted));
        let known = self.head.take();
        let mut fresh: BTreeSet<Place> =
            wanted.marks().filter(|(place, mark)| before.mark(place) != Some(*mark)).map(own).collect();
        let gone = before.marks().filter(|(place, _)| wanted.mark(place).is_none());
        let gone: Vec<Place> = gone.map(own).collect();
        for place in gone.iter().chain(&fresh) {
            self.forget(place, places);
        }
        self.config.retain(wanted);
        if let Some(known) = &known {
            let kept: Vec<Place> = wanted.marks().map(own).filter(|place| !fresh.contains(place)).collect();
            let narrow = (!fresh.is_empty()).then(|| wanted.only(&kept.into_iter().collect()));
            let narrow = narrow.as_ref().unwrap_or(wanted);
            let steps = mirror.steps(head, Some(known), depth, narrow)?;
            if steps.end == End::Stop {
                self.ledger.follow(head);
                let mut config = std::mem::take(&mut self.config);
                touched = self.take(reading, narrow, &steps, &mut config, belief, places)?;
                self.config = config;
            } else {
                // The branch was rewritten, or has come too far to tell.
                if !mirror.is_ancestor(known, head).unwrap_or_default() {
                    belief.sightings.rewritten(reading.branch);
                }
                fresh = self.anew(wanted, places);
            }
        } else {
            fresh = self.anew(wanted, places);
        }
        self.ledger.follow(head);
        if !fresh.is_empty() {
            touched.extend(self.begin(reading, head, &fresh, belief, places)?);
        }
        self.head = Some(head.clone());
        Ok(touched)
    }

    /// Reads the histories of these places from the head on.
    fn begin(
        &mut self,
        reading: Reading<'_>,
        head: &CommitId,
        fresh: &BTreeSet<Place>,
        belief: &mut Belief<'_>,
        places: &mut SharedMap<Place, PlaceFacts>,
    ) -> Result<Touched, GitError> {
        let Reading { mirror, wanted, depth, .. } = reading;
        let all = fresh.len() == wanted.marks().count();
        let narrow = (!all).then(|| wanted.only(fresh));
        let narrow = narrow.as_ref().unwrap_or(wanted);
        let steps = mirror.steps(head, None, depth, narrow)?;
        let mut config = match &steps.oldest {
            Some((oldest, _)) => ConfigTree::before(mirror, oldest, narrow)?,
            None => ConfigTree::default(),
        };
        let mut touched = self.take(reading, narrow, &steps, &mut config, belief, places)?;
        self.config.extend(config);
        let untouched: BTreeSet<&Place> =
            fresh.iter().filter(|place| !touched.contains_key(*place)).collect();
        let stretch = stretch(reading, narrow, &[]);
        touched.extend(stretch.contents_at(head, &untouched)?);
        if let End::Limit(next) = &steps.end {
            // What came to the others in this stretch came after it, from times that can be trusted.
            let others = fresh.iter().filter_map(|place| places.get(place)).flat_map(|facts| &facts.history);
            let now = belief.sightings.now();
            let at = others.map(|arrival| arrival.since).min().map_or(now, |since| since.min(now));
            let unknown = |place: &&Place| places.get(*place).is_none_or(|facts| facts.history.is_empty());
            let places: BTreeSet<Place> = fresh.iter().filter(unknown).cloned().collect();
            if !places.is_empty() {
                self.older.push(Older { next: next.clone(), at, places });
            }
        }
        Ok(touched)
    }

    /// Takes in a stretch. Answers what the files hold that it changed.
    fn take(
        &mut self,
        reading: Reading<'_>,
        wanted: &Wanted,
        steps: &Steps,
        config: &mut ConfigTree,
        belief: &mut Belief<'_>,
        places: &mut SharedMap<Place, PlaceFacts>,
    ) -> Result<Touched, GitError> {
        let known = |place: &Place| {
            let last = places.get(place)?.history.first()?;
            Some(Before { holds: last.holds.clone(), config: last.config.clone() })
        };
        let Outcome { moments, contents } = stretch(reading, wanted, &steps.steps).go(config, &known)?;
        self.arrive(reading, moments, belief, places)?;
        Ok(contents)
    }

    /// Makes arrivals of moments, which come oldest first.
    fn arrive(
        &mut self,
        reading: Reading<'_>,
        moments: Vec<(Place, Moment)>,
        belief: &mut Belief<'_>,
        places: &mut SharedMap<Place, PlaceFacts>,
    ) -> Result<(), GitError> {
        let judge = Judge { mirror: reading.mirror, trust: belief.trust, branch: reading.branch };
        let mut told: Option<Told> = None;
        let mut fresh: BTreeMap<Place, Fresh> = BTreeMap::new();
        for (place, moment) in moments {
            if told.as_ref().is_none_or(|told| told.commit.id != moment.commit) {
                told = Some(Told::read(reading.mirror, &moment.commit)?);
            }
            let Some(told) = &told else { continue };
            let holding = |record: &Record| holds(record, &moment.holds);
            let mut word = judge.word(&mut self.ledger, &place, &told.commit, &told.merged, &holding)?;
            let application = reading.pipeline.applications.get(&place.application);
            for (application, name) in
                application.iter().flat_map(|app| app.was.iter().map(move |was| (app, was)))
            {
                // What was recorded under an old name is this application's.
                if word.believed.is_none() {
                    let former = place_of(name, &place.environment);
                    let under =
                        judge.word(&mut self.ledger, &former, &told.commit, &told.merged, &holding)?;
                    word = under.under(word.claimed, |record| application.own(record));
                }
            }
            let believed = word.believed.as_ref();
            let since = belief.sightings.since(reading.branch, &place, &moment.commit, believed);
            let arrival = arrival(&moment, &told.commit, word, since);
            let fresh = fresh.entry(place).or_default();
            fresh.arrivals.push(arrival);
            fresh.states.push(moment.state);
        }
        for (place, Fresh { mut arrivals, mut states }) in fresh {
            for older in &mut self.older {
                older.places.remove(&place);
            }
            if states.iter().any(Option::is_some) || self.states.contains_key(&place) {
                states.reverse();
                let known = self.states.entry(place.clone()).or_default();
                states.append(known);
                states.truncate(KEPT);
                *known = states;
            }
            let facts = places.get_or_insert_with(place, unread);
            facts.older = None;
            arrivals.reverse();
            arrivals.append(&mut facts.history);
            // What was there before another counts from no later: it may have been seen for the first time only now.
            let mut latest = Timestamp::MAX;
            for arrival in &mut arrivals {
                latest = latest.min(arrival.since);
                arrival.since = latest;
            }
            arrivals.truncate(KEPT);
            arrivals.shrink_to_fit();
            facts.history = arrivals;
        }
        self.older.retain(|older| !older.places.is_empty());
        Ok(())
    }

    /// The places with files on the branch.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.wanted.marks().map(|(place, _)| place)
    }

    /// Since when at least a place has held what it holds, where the commit that brought it was not read yet.
    pub(super) fn older(&self, place: &Place) -> Option<Timestamp> {
        self.older.iter().find(|older| older.places.contains(place)).map(|older| older.at)
    }

    /// Has everything read again at the next look.
    pub(super) fn forget_head(&mut self) {
        self.head = None;
    }

    /// Forgets everything; answers the places to be read.
    fn anew(&mut self, wanted: &Arc<Wanted>, places: &mut SharedMap<Place, PlaceFacts>) -> BTreeSet<Place> {
        *self = Self { wanted: Arc::clone(wanted), ..Self::default() };
        let all: BTreeSet<Place> = wanted.marks().map(own).collect();
        all.iter().for_each(|place| self.forget(place, places));
        all
    }

    fn forget(&mut self, place: &Place, places: &mut SharedMap<Place, PlaceFacts>) {
        self.states.remove(place);
        for older in &mut self.older {
            older.places.remove(place);
        }
        places.remove(place);
    }
}

/// The arrivals of a place that are new, with where their config stands.
#[derive(Default)]
struct Fresh {
    arrivals: Vec<Arrival>,
    states: Vec<Option<ConfigState>>,
}

/// A place of which nothing was read yet.
fn unread() -> PlaceFacts {
    PlaceFacts { contents: Ok(Vec::new()), notes: Vec::new(), config: None, history: Vec::new(), older: None }
}

fn own((place, _): (&Place, super::wanted::Mark)) -> Place {
    place.clone()
}

fn stretch<'a>(reading: Reading<'a>, wanted: &'a Wanted, steps: &'a [Step]) -> Stretch<'a> {
    let Reading { mirror, pipeline, branch, .. } = reading;
    Stretch { mirror, pipeline, branch, wanted, steps }
}

/// A commit, and those that it merged.
struct Told {
    commit: CommitInfo,
    merged: Vec<CommitInfo>,
}

impl Told {
    fn read(mirror: &Mirror, commit: &CommitId) -> Result<Self, GitError> {
        let commit = mirror.commit_info(commit)?;
        let merged = match commit.parents.as_slice() {
            [parent, _, ..] => mirror.commits_between(parent, &commit.id, MERGED)?,
            _ => Vec::new(),
        };
        Ok(Self { commit, merged })
    }
}

fn arrival(moment: &Moment, commit: &CommitInfo, word: Word, since: Timestamp) -> Arrival {
    Arrival {
        commit: commit.id.clone(),
        at: commit.at,
        since,
        author: commit.author.clone(),
        subject: commit.subject.clone(),
        holds: moment.holds.clone(),
        config: moment.state.as_ref().and_then(|state| state.id.clone()),
        record: word.believed.map(|believed| Arc::new(believed.record)),
        claimed: word.claimed,
        found: false,
        first: moment.appeared,
    }
}

/// Somebody as Git names them.
pub(super) fn is_bot(person: &Person, bot: &Person) -> bool {
    person.email == bot.email
}
