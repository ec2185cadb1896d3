//! Gantry's own branches, as Git shows them.
//!
//! A branch of Gantry's holds one commit on some commit of its base. Any other commit on it is a person's,
//! and the branch is left alone from then on (promise 6). Gantry's own is told by its seal: whoever may push can use
//! the bot's name and address (promise 11).

use std::collections::{BTreeMap, HashMap, HashSet};

use gantry_core::{
    config::pipeline::{FileEntry, Pipeline},
    facts::{Person, Place, ProposalBranch},
    ids::{BranchName, CommitId},
    promoted::ConfigEntry,
    shared::SharedMap,
};

use super::{
    belief::{Judge, claim_of},
    history::is_bot,
};
use crate::{
    git::{Changed, CommitInfo, GitError, Mirror},
    seal::Trust,
};

/// More commits than this on a branch are not read: they can't be ours.
const MOST: usize = 50;

/// A base that gained more commits than this at once has all its branches read again.
const GAINED: usize = 5_000;

/// What was read of a branch, with the heads that it was read at.
type Read = (CommitId, CommitId, ProposalBranch);

/// What branches are read by.
#[derive(Clone, Copy)]
pub(super) struct By<'a> {
    /// The repository.
    pub(super) mirror: &'a Mirror,
    /// The pipeline in force.
    pub(super) pipeline: &'a Pipeline,
    /// In whose name Gantry commits.
    pub(super) bot: &'a Person,
    /// Whose seals are believed.
    pub(super) trust: &'a Trust,
}

/// Remembers what was read at which heads, so that a branch is read again only when it or its base moved.
#[derive(Debug, Default)]
pub(super) struct Branches {
    read: BTreeMap<Place, Read>,
    /// Whether the commits on them are as Gantry made them, by the branch that they go to: so their bases may move
    /// without each seal being checked again.
    sealed: HashMap<(BranchName, CommitId), bool>,
    /// Those of no application and environment.
    leftovers: BTreeMap<Place, Left>,
    /// What the last look found.
    found: SharedMap<Place, ProposalBranch>,
}

impl Branches {
    /// Reads all of Gantry's branches whose application and environment are in the pipeline.
    pub(super) fn look(
        &mut self,
        by: By<'_>,
        heads: &BTreeMap<BranchName, CommitId>,
    ) -> Result<SharedMap<Place, ProposalBranch>, GitError> {
        let (mut found, mut read, mut sealed) = (BTreeMap::new(), BTreeMap::new(), HashMap::new());
        let mut moves = Moves::default();
        self.leftovers.retain(|place, left| heads.get(&place.branch()) == Some(&left.head));
        for (name, head) in heads {
            let Some(place) = place_of_branch(name) else { continue };
            let Some((base_name, base)) = base_of(by.pipeline, heads, &place) else {
                self.nowhere(by, heads, &place, head)?;
                continue;
            };
            let branch = match self.read.remove(&place) {
                Some((at, on, branch)) if at == *head && on == *base => branch,
                Some((at, on, branch))
                    if at == *head && moves.untouched(by, (&on, base), &place, &branch)? =>
                {
                    branch
                }
                _ => look_at(by, &place, head, (base_name, base), &mut self.sealed)?,
            };
            let known = |id: &CommitId| {
                Some(((base_name.clone(), id.clone()), *self.sealed.get(&(base_name.clone(), id.clone()))?))
            };
            sealed.extend(known(head));
            self.leftovers.remove(&place);
            read.insert(place.clone(), (head.clone(), base.clone(), branch.clone()));
            found.insert(place, branch);
        }
        (self.read, self.sealed) = (read, sealed);
        super::update(&mut self.found, found);
        Ok(self.found.clone())
    }
}

impl Branches {
    /// The heads of branches that belong to nothing and hold Gantry's commit alone.
    pub(super) fn leftovers(&self) -> BTreeMap<Place, CommitId> {
        let ours = self.leftovers.iter().filter(|(_, left)| left.ours);
        ours.map(|(place, left)| (place.clone(), left.head.clone())).collect()
    }

    /// Looks at a branch that belongs to nothing: once for each head.
    fn nowhere(
        &mut self,
        By { mirror, pipeline: _, bot, trust }: By<'_>,
        heads: &BTreeMap<BranchName, CommitId>,
        place: &Place,
        head: &CommitId,
    ) -> Result<(), GitError> {
        if self.leftovers.contains_key(place) {
            return Ok(());
        }
        let commit = mirror.commit_info(head)?;
        let mut ours = false;
        if let (true, Some(parent)) = (is_claimed(&commit, place, bot), commit.parents.first()) {
            // What it was made on is on a branch of people's, and the seal is one for that branch.
            for (branch, other) in heads.iter().filter(|(name, _)| !name.as_str().starts_with("gantry/")) {
                let judge = Judge { mirror, trust, branch };
                ours = ours || (judge.is_proposal(&commit)? && mirror.is_ancestor(parent, other)?);
            }
        }
        self.leftovers.insert(place.clone(), Left { head: head.clone(), ours });
        Ok(())
    }
}

/// What the moves of bases since the last look did, each looked at once for all branches on it.
#[derive(Default)]
struct Moves(HashMap<(CommitId, CommitId), Option<Move>>);

/// A base that went forward.
struct Move {
    /// The commits that it gained.
    gained: HashSet<CommitId>,
    /// The files that are different now, sorted by path.
    changed: Vec<Changed>,
}

impl Moves {
    /// Whether a base that moved says nothing new of a branch that holds Gantry's commit alone: neither did it take
    /// that commit in, nor are the files of the place different on it.
    fn untouched(
        &mut self,
        By { mirror, pipeline, .. }: By<'_>,
        (before, now): (&CommitId, &CommitId),
        place: &Place,
        branch: &ProposalBranch,
    ) -> Result<bool, GitError> {
        if branch.record.is_none() || branch.foreign.is_some() {
            return Ok(false);
        }
        let key = (before.clone(), now.clone());
        if !self.0.contains_key(&key) {
            self.0.insert(key.clone(), moved(mirror, before, now)?);
        }
        let Some(Some(moved)) = self.0.get(&key) else { return Ok(false) };
        let differs =
            |path: &str| moved.changed.binary_search_by(|file| file.path.as_str().cmp(path)).is_ok();
        let config = config_of(pipeline, place);
        let touched = files_of(pipeline, place).iter().any(|file| differs(&file.path))
            || moved.changed.iter().any(|file| config.iter().any(|entry| entry.within(&file.path).is_some()));
        Ok(!touched && !moved.gained.contains(&branch.head))
    }
}

/// What a base gained; none where it was rewritten, or gained too much to be told.
fn moved(mirror: &Mirror, before: &CommitId, now: &CommitId) -> Result<Option<Move>, GitError> {
    let told = || -> Result<Option<Move>, GitError> {
        if !mirror.is_ancestor(before, now)? {
            return Ok(None);
        }
        let gained = mirror.commits_between(before, now, GAINED)?;
        let changed = mirror.changed(Some(before), now, &|_| true)?;
        let gained_all = gained.len() < GAINED;
        let gained = gained.into_iter().map(|commit| commit.id).collect();
        Ok(gained_all.then_some(Move { gained, changed }))
    };
    match told() {
        Err(GitError::NoCommit { .. } | GitError::TooLarge { .. }) => Ok(None),
        told => told,
    }
}

/// A branch that belongs to nothing.
#[derive(Debug)]
struct Left {
    head: CommitId,
    /// It holds one commit of Gantry's and nothing else.
    ours: bool,
}

/// A commit that says it is Gantry's for a place.
fn is_claimed(commit: &CommitInfo, place: &Place, bot: &Person) -> bool {
    is_bot(&commit.committer, bot) && claim_of(commit).is_some_and(|record| record.place == *place)
}

/// `gantry/<environment>/<application>`.
fn place_of_branch(name: &BranchName) -> Option<Place> {
    let (environment, application) = name.as_str().strip_prefix("gantry/")?.split_once('/')?;
    Some(Place { application: application.parse().ok()?, environment: environment.parse().ok()? })
}

fn base_of<'a>(
    pipeline: &'a Pipeline,
    heads: &'a BTreeMap<BranchName, CommitId>,
    place: &Place,
) -> Option<(&'a BranchName, &'a CommitId)> {
    let application = pipeline.applications.get(&place.application)?;
    application.files.get(&place.environment)?;
    let branch = &pipeline.stage(&place.environment)?.branch;
    heads.get(branch).map(|head| (branch, head))
}

fn look_at(
    By { mirror, pipeline, bot, trust }: By<'_>,
    place: &Place,
    head: &CommitId,
    (branch, base): (&BranchName, &CommitId),
    sealed: &mut HashMap<(BranchName, CommitId), bool>,
) -> Result<ProposalBranch, GitError> {
    let commits = mirror.commits_between(base, head, MOST)?;
    let judge = Judge { mirror, trust, branch };
    let (mut record, mut foreign) = (None, None);
    for commit in &commits {
        let claim = claim_of(commit).filter(|record| record.place == *place);
        let key = (branch.clone(), commit.id.clone());
        let ours = match sealed.get(&key) {
            Some(ours) => *ours,
            None => {
                let ours = judge.is_proposal(commit)?;
                sealed.insert(key, ours);
                ours
            }
        };
        if ours && claim.is_some() && is_bot(&commit.committer, bot) {
            record = record.or(claim);
        } else {
            foreign = foreign.or_else(|| Some((commit.id.clone(), commit.author.clone())));
        }
    }
    let start = mirror.merge_base(base, head)?;
    let current = commits.len() == 1
        && match &start {
            Some(start) if start == base => true,
            Some(start) => {
                let (files, config) = (files_of(pipeline, place), config_of(pipeline, place));
                mirror
                    .changed(Some(start), base, &|path| {
                        files.iter().any(|file| file.path == path)
                            || config.iter().any(|entry| entry.within(path).is_some())
                    })?
                    .is_empty()
            }
            None => false,
        };
    let at = commits.first().map_or(jiff::Timestamp::UNIX_EPOCH, |commit| commit.at);
    Ok(ProposalBranch { head: head.clone(), record, current, foreign, at })
}

fn files_of<'a>(pipeline: &'a Pipeline, place: &Place) -> &'a [FileEntry] {
    let application = pipeline.applications.get(&place.application);
    application.and_then(|application| application.files.get(&place.environment)).map_or(&[], Vec::as_slice)
}

fn config_of<'a>(pipeline: &'a Pipeline, place: &Place) -> &'a [ConfigEntry] {
    let config = pipeline.applications.get(&place.application).and_then(|app| app.config.as_ref());
    config.and_then(|config| config.entries.get(&place.environment)).map_or(&[], Vec::as_slice)
}
