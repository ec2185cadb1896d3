//! Commits and branches: everything that goes to Git in one push.
//!
//! Commits to an environment's branch are a chain on its head, one for each promotion or ruling, so that
//! each can be reverted alone. A proposal's branch is one commit on that same head. The push compares and
//! swaps each branch; one that lost its race changes nothing and is planned anew on the new head, while the
//! others have landed (LESSONS: image-automation-controller #939).

mod merge;
mod push;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Instant,
};

use gantry_core::{
    config::pipeline::Pipeline,
    effects::{Effect, Promotion},
    facts::{Facts, Person, Place},
    ids::{BranchName, CommitId, ReleaseId},
    reason::Owner,
    record,
};
use jiff::Timestamp;

pub(super) use self::merge::Merges;
use self::{merge::Merge, push::Push};
use super::{
    batch_size::{BatchSize, Went},
    edits,
    identities::Identities,
    prepared::{Ahead, Basis, Prepared},
    sealer::{Sealer, bound},
};
use crate::{
    forge::{ForgeError, by_git::Try},
    git::{Draft, Drafting, File, GitError, Mirror, RefResult, RefUpdate},
    speak::Renderer,
};

/// What became of the writing for one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// It is so now; for a proposal, its branch's head.
    Landed(Option<CommitId>),
    /// Somebody else was first: look again.
    LostRace,
    /// It can't be written: why, and who can mend it.
    Refused(ReleaseId, String, Owner),
    /// The server gave no answer, and the branch is as it was: try again in a while.
    Silent(ReleaseId, String),
    /// A branch could not be removed, for whatever reason: try again at the next look.
    Left(String),
}

/// Everything that writing needs.
pub(super) struct Writer<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) pipeline: &'a Pipeline,
    pub(super) facts: &'a Facts,
    pub(super) renderer: &'a Renderer,
    pub(super) identities: &'a Identities,
    pub(super) sealer: &'a Sealer,
    /// The merges that are made here.
    pub(super) merges: Merges<'a>,
    pub(super) now: Timestamp,
}

/// What a push came to.
#[derive(Debug, Default)]
pub(super) struct Wrote {
    /// By the effect's index.
    pub(super) done: BTreeMap<usize, Written>,
    /// What became of the merges, for the forge to write down.
    pub(super) merged: Vec<(Try, RefResult)>,
    /// The places whose merges the forge has written down.
    pub(super) settled: Vec<Place>,
    /// Some effects were left for the next look, see [`BatchSize`].
    pub(super) more: bool,
}

/// Nothing was pushed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Git did not work.
    Git(GitError),
    /// The forge could not write down the merges, without which they must not be pushed.
    Forge(ForgeError),
}

impl From<GitError> for Trouble {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}

/// A branch's new head, and for whom.
struct Planned {
    update: RefUpdate,
    places: Vec<(Place, ReleaseId)>,
    head: Option<CommitId>,
}

/// A branch that grows: its head and the files as the chain has left them.
pub(super) struct Chain {
    start: CommitId,
    /// The commit that `files` are changes of: the start, or a proposal's head that the branch became.
    pub(super) at: CommitId,
    pub(super) head: CommitId,
    files: HashMap<String, File>,
    /// All paths that the chain has changed, those too that are new or gone.
    pub(super) changed: HashSet<String>,
    /// `.gantry/rejections.yaml`, where the chain has written it.
    pub(super) rejections: Option<Vec<u8>>,
    pub(super) places: Vec<(Place, ReleaseId)>,
}

impl Writer<'_> {
    fn basis(&self) -> Basis<'_> {
        Basis { mirror: self.mirror, pipeline: self.pipeline, facts: self.facts }
    }

    /// Writes what `effects` want of Git, in one push. The answer has one entry for each effect that writes,
    /// by its index, and none for one that `batch_size` leaves for the next look.
    pub(super) fn write(&self, effects: &[Effect], batch_size: &mut BatchSize) -> Result<Wrote, Trouble> {
        let begin = Instant::now();
        let mut drafting = match effects.iter().any(writes) {
            true => self.mirror.drafting_to_push(),
            false => self.mirror.drafting(),
        };
        let mut done: BTreeMap<usize, Written> = BTreeMap::new();
        let mut chains: BTreeMap<BranchName, Chain> = BTreeMap::new();
        let mut of_chain: Vec<(usize, BranchName)> = Vec::new();
        let mut planned: Vec<(usize, Planned)> = Vec::new();
        let mut tries: Vec<(BranchName, Try)> = Vec::new();
        let mut left: BTreeSet<BranchName> = BTreeSet::new();
        let mut ahead = Ahead::default();
        let room = |chains: &BTreeMap<BranchName, Chain>, base: &BranchName| {
            batch_size.most(base).saturating_sub(chains.get(base).map_or(0, |chain| chain.places.len()))
        };
        for (index, effect) in effects.iter().enumerate() {
            if let Effect::Commit { promotion: Promotion { base, .. } }
            | Effect::Rule { base, .. }
            | Effect::MoveRejections { base, .. } = effect
                && room(&chains, base) == 0
            {
                left.insert(base.clone());
                continue;
            }
            match effect {
                Effect::Commit { promotion } => {
                    let prepared = ahead.take(self.basis(), effects, index, |base| room(&chains, base));
                    match self.link(&mut drafting, &mut chains, promotion, prepared)? {
                        Ok(true) => of_chain.push((index, promotion.base.clone())),
                        Ok(false) => drop(done.insert(index, nothing_to_write(promotion))),
                        Err(refused) => drop(done.insert(index, refused)),
                    }
                }
                Effect::Rule { base, .. } | Effect::MoveRejections { base, .. } => {
                    let chain = self.chain(&mut chains, base)?;
                    let linked = match effect {
                        Effect::MoveRejections { rejections, .. } => {
                            self.move_rejections(&mut drafting, base, chain, rejections)?
                        }
                        _ => self.rule(&mut drafting, base, chain, effect)?,
                    };
                    match linked {
                        Ok(true) => of_chain.push((index, base.clone())),
                        Ok(false) => {}
                        Err(refused) => drop(done.insert(index, refused)),
                    }
                }
                Effect::Propose { promotion, replaces, pushed: false, .. } => {
                    let prepared = ahead.take(self.basis(), effects, index, |base| room(&chains, base));
                    match self.propose(&mut drafting, promotion, replaces.as_ref(), prepared)? {
                        Ok(plan) => planned.push((index, plan)),
                        Err(refused) => drop(done.insert(index, refused)),
                    }
                }
                Effect::Propose { replaces, pushed: true, .. } => {
                    done.insert(index, Written::Landed(replaces.clone()));
                }
                Effect::Prune { place, head } => planned.push((
                    index,
                    Planned {
                        update: RefUpdate {
                            branch: place.branch().to_string(),
                            old: Some(head.clone()),
                            new: None,
                        },
                        places: Vec::new(),
                        head: None,
                    },
                )),
                Effect::Merge { place, proposal, .. } => {
                    match self.merge(&mut drafting, &mut chains, place, *proposal, room)? {
                        Merge::Made(base, merge) => {
                            of_chain.push((index, base.clone()));
                            tries.push((base, merge));
                        }
                        Merge::Left(base) => drop(left.insert(base)),
                        Merge::Not(written) => drop(done.insert(index, written)),
                        Merge::Elsewhere => {}
                    }
                }
                Effect::Describe { .. } | Effect::Close { .. } => {}
            }
        }
        let lengths: Vec<(BranchName, usize)> =
            chains.iter().map(|(branch, chain)| (branch.clone(), chain.places.len())).collect();
        let first: BTreeMap<BranchName, usize> =
            of_chain.iter().rev().map(|(index, branch)| (branch.clone(), *index)).collect();
        let changes = of_chain.len() + planned.len();
        let push = Push { drafting, chains, of_chain, planned, tries };
        let (done, merged) = push.run(&self.merges, done).inspect_err(|error| {
            // What took too long, or is too much, is not tried again as a whole.
            if matches!(error, Trouble::Git(GitError::Timeout { .. } | GitError::TooLarge { .. })) {
                for (branch, commits) in &lengths {
                    batch_size.learn(branch, Went::Lost { commits: *commits });
                }
            }
        })?;
        for (branch, commits) in lengths {
            let went = match first.get(&branch).and_then(|index| done.get(index)) {
                Some(Written::Landed(_)) => Went::Landed { more: left.contains(&branch) },
                // What took too long may be too large.
                Some(Written::LostRace | Written::Silent(..)) => Went::Lost { commits },
                Some(Written::Refused(..) | Written::Left(_)) | None => Went::Refused,
            };
            batch_size.learn(&branch, went);
        }
        batch_size.took(changes, begin.elapsed());
        Ok(Wrote { done, merged, settled: Vec::new(), more: !left.is_empty() })
    }

    fn chain<'c>(
        &self,
        chains: &'c mut BTreeMap<BranchName, Chain>,
        base: &BranchName,
    ) -> Result<&'c mut Chain, GitError> {
        let head =
            self.facts.heads.get(base).ok_or_else(|| GitError::unfinished(format!("no branch {base}")))?;
        Ok(chains.entry(base.clone()).or_insert_with(|| Chain {
            start: head.clone(),
            at: head.clone(),
            head: head.clone(),
            files: HashMap::new(),
            changed: HashSet::new(),
            rejections: None,
            places: Vec::new(),
        }))
    }

    /// Adds a promotion to its branch's chain; `false` if the files hold it already.
    fn link(
        &self,
        drafting: &mut Drafting<'_>,
        chains: &mut BTreeMap<BranchName, Chain>,
        promotion: &Promotion,
        prepared: Option<Prepared>,
    ) -> Result<Result<bool, Written>, GitError> {
        let chain = self.chain(chains, &promotion.base)?;
        let snapshot = self.mirror.snapshot(&chain.at)?;
        let mut read = |path: &str| match chain.files.get(path) {
            Some(file) => Ok(Some(file.clone())),
            None => snapshot.read(path),
        };
        let untouched = chain.at == chain.start;
        let changes = match prepared.filter(|prepared| untouched && prepared.holds(&chain.files)) {
            Some(prepared) => prepared.changes,
            None => edits::of(self.mirror, self.pipeline, self.facts, promotion, &mut read)?,
        };
        let changes = match changes {
            Ok(changes) => changes,
            Err(problem) => {
                let (release, message) = (promotion.release.id.clone(), problem.to_string());
                return Ok(Err(Written::Refused(release, message, problem.owner)));
            }
        };
        if changes.is_empty() {
            return Ok(Ok(false));
        }
        let mut files = Vec::new();
        for change in &changes {
            // What is new or gone belongs to this promotion alone: no other one reads it.
            if let (Some(after), Some(mut file)) = (&change.after, snapshot.read(&change.path)?) {
                file.bytes.clone_from(after);
                files.push((change.path.clone(), file));
            }
        }
        let message = self.message(promotion, None);
        let paths: Vec<String> = changes.iter().map(|change| change.path.clone()).collect();
        let changes = changes.into_iter().map(|change| (change.path, change.after)).collect();
        let draft = self.draft(chain.head.clone(), changes, message, None);
        match self.sealer.commit(drafting, &promotion.base, draft) {
            Ok(head) => chain.head = head,
            Err(error) => return refused(promotion, error),
        }
        // Only now: what is refused must not go along with the next one that edits the same file.
        chain.files.extend(files);
        chain.changed.extend(paths);
        chain.places.push((promotion.place.clone(), promotion.release.id.clone()));
        Ok(Ok(true))
    }

    fn propose(
        &self,
        drafting: &mut Drafting<'_>,
        promotion: &Promotion,
        replaces: Option<&CommitId>,
        prepared: Option<Prepared>,
    ) -> Result<Result<Planned, Written>, GitError> {
        let head = self.facts.heads.get(&promotion.base);
        let head = head.ok_or_else(|| GitError::unfinished(format!("no branch {}", promotion.base)))?;
        let changes = match prepared {
            Some(prepared) => prepared.changes,
            None => {
                let snapshot = self.mirror.snapshot(head)?;
                let mut read = |path: &str| snapshot.read(path);
                edits::of(self.mirror, self.pipeline, self.facts, promotion, &mut read)?
            }
        };
        let changes = match changes {
            Ok(changes) if changes.is_empty() => return Ok(Err(nothing_to_write(promotion))),
            Ok(changes) => changes,
            Err(problem) => {
                let (release, message) = (promotion.release.id.clone(), problem.to_string());
                return Ok(Err(Written::Refused(release, message, problem.owner)));
            }
        };
        let message = self.message(promotion, Some(head));
        let files = bound(&changes);
        let changes = changes.into_iter().map(|change| (change.path, change.after)).collect();
        let draft = self.draft(head.clone(), changes, message, None);
        let commit = match self.sealer.proposal(drafting, &promotion.base, &draft, &files) {
            Ok(commit) => commit,
            Err(error) => return refused(promotion, error),
        };
        Ok(Ok(Planned {
            update: RefUpdate {
                branch: promotion.place.branch().to_string(),
                old: replaces.cloned(),
                new: Some(commit.clone()),
            },
            places: vec![(promotion.place.clone(), promotion.release.id.clone())],
            head: Some(commit),
        }))
    }

    /// The message of a promotion's commit: the record, and who asked for it as a co-author. `base` is what a
    /// proposal's commit is made on.
    fn message(&self, promotion: &Promotion, base: Option<&CommitId>) -> String {
        let mut trailers = record::promotion_trailers(promotion);
        trailers.extend(self.sealer.belonging(base));
        trailers.extend(promotion.by.as_deref().and_then(|by| self.identities.co_author(by)));
        self.renderer.promotion_commit(promotion, &trailers)
    }

    pub(super) fn draft(
        &self,
        parent: CommitId,
        changes: Vec<(String, Option<Vec<u8>>)>,
        message: String,
        author: Option<Person>,
    ) -> Draft {
        Draft {
            parent,
            merges: Vec::new(),
            changes,
            message,
            author: author.unwrap_or_else(|| self.identities.author.clone()),
            committer: self.identities.committer.clone(),
            at: self.now,
        }
    }
}

/// Whether it takes a push, besides merges, which are pushed where the forge merges by Git.
pub(super) fn writes(effect: &Effect) -> bool {
    match effect {
        Effect::Commit { .. }
        | Effect::Rule { .. }
        | Effect::MoveRejections { .. }
        | Effect::Prune { .. } => true,
        Effect::Propose { pushed, .. } => !pushed,
        Effect::Describe { .. } | Effect::Merge { .. } | Effect::Close { .. } => false,
    }
}

/// What must not be written, or is too large, is refused for its own place; the others go on.
fn refused<T>(promotion: &Promotion, error: GitError) -> Result<Result<T, Written>, GitError> {
    match error {
        GitError::Draft { .. } | GitError::TooLarge { .. } => {
            Ok(Err(Written::Refused(promotion.release.id.clone(), error.to_string(), error.owner())))
        }
        other => Err(other),
    }
}

/// The files hold already what they should come to hold. Trying again would change nothing either.
fn nothing_to_write(promotion: &Promotion) -> Written {
    let message = "the files hold its tags and digests already; nothing is written".to_owned();
    Written::Refused(promotion.release.id.clone(), message, Owner::Team)
}
