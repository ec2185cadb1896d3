//! Pushing: compare-and-swap on each branch, many branches in one conversation.
//!
//! What became of a branch is told by the server's report where it says "landed", and by reading the branch
//! again in every other case: servers word a lost race in many ways, and a connection may end before the
//! report (LESSONS.md, kargo #3071 and #5286).
//!
//! Race known: where another push holds the server's lock on the branch while it refuses ours, and has not
//! finished when the branch is read again, the outcome is [`RefResult::Refused`] and the next try tells.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use gantry_core::ids::CommitId;
use gix::{ObjectId, refs::FullName};

use super::{
    ahead::{self, Ahead},
    connect::{Deadline, Session},
    error::{GitError, tame},
    ids,
    mirror::{Heads, Mirror},
    pack::drafted,
    remote::PushMethod,
    send_pack::{self, Advertised, Command},
    series::Series,
};

/// How long reading the branches again may take, where a whole push may take longer.
const READ_AGAIN: Duration = Duration::from_secs(60);
/// The most characters of what a server says about one branch.
const MAX_MESSAGE: usize = 1000;

/// One branch to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// What it must be now; `None`: it must not exist.
    pub old: Option<CommitId>,
    /// What it shall be, also where that is no descendant of `old`; `None` deletes it.
    pub new: Option<CommitId>,
}

/// What became of one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefOutcome {
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// What became of it.
    pub result: RefResult,
}

/// What became of a change to a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefResult {
    /// The branch is what it should be.
    Landed,
    /// Somebody else was first and nothing was overwritten: fetch and plan again.
    LostRace {
        /// The branch as it is now; `None`: it does not exist.
        now: Option<CommitId>,
    },
    /// The server does not take it; its owner must act.
    Refused {
        /// What the server and its hooks say, in one line.
        message: String,
    },
    /// The conversation ended before an answer, and the branch is as it was: try again.
    Unfinished {
        /// What happened.
        message: String,
    },
}

/// What the server, or the program, said of one branch.
pub(super) enum Told {
    Landed,
    /// It is this now, and not what the change is made for.
    Lost(Option<ObjectId>),
    No(String),
    Nothing(String),
}

/// Commits that were just made, on their way into the mirror.
struct Fresh<'a> {
    mirror: &'a Mirror,
    repository: &'a gix::Repository,
    series: Option<&'a Series>,
    kept: bool,
}

impl Fresh<'_> {
    /// Puts them there, once.
    fn keep(&mut self) -> Result<(), GitError> {
        let Some(series) = self.series.filter(|_| !self.kept) else { return Ok(()) };
        self.mirror.store_series(self.repository, series)?;
        self.kept = true;
        Ok(())
    }
}

/// A change whose ids are known to the mirror.
pub(super) struct Change<'a> {
    pub(super) branch: &'a str,
    pub(super) old: Option<ObjectId>,
    pub(super) new: Option<ObjectId>,
}

impl Mirror {
    /// Changes branches of the repository, all in one push. Outcomes are in the order of `updates`. A branch
    /// that already is what it should be counts as landed. The mirror's branches follow those that landed.
    ///
    /// # Errors
    /// Where nothing is known of any branch: the repository cannot be reached, or the updates make no sense.
    /// After [`GitError::Timeout`] and [`GitError::Unreachable`] they may have landed all the same.
    pub fn push(&self, updates: &[RefUpdate]) -> Result<Vec<RefOutcome>, GitError> {
        self.push_drafted(updates, None, None)
    }

    /// The same with commits that may not be in the mirror yet, and are then.
    pub(super) fn push_drafted(
        &self,
        updates: &[RefUpdate],
        series: Option<&Series>,
        ahead: Option<Ahead>,
    ) -> Result<Vec<RefOutcome>, GitError> {
        let _one_at_a_time = self.network();
        let repository = self.repository();
        let changes = self.changes(&repository, series, updates)?;
        let deadline = Deadline::after(self.remote.timeout);
        let mut fresh = Fresh { mirror: self, repository: &repository, series, kept: false };
        let results = match self.remote.push {
            PushMethod::Builtin => self.push_builtin(&mut fresh, &changes, ahead, deadline)?,
            PushMethod::GitProgram => {
                fresh.keep()?;
                let told = self.push_by_program(&changes, deadline)?;
                self.settle(&changes, told)?
            }
        };
        // It landed, whatever becomes of the mirror: its branches follow only where it has the commits, and else
        // the next fetch brings both.
        if fresh.keep().is_ok() {
            let _ = self.follow(&repository, &changes, &results);
        }
        let outcome =
            |(change, result): (&Change<'_>, RefResult)| RefOutcome { branch: change.branch.into(), result };
        Ok(changes.iter().zip(results).map(outcome).collect())
    }

    fn changes<'a>(
        &self,
        repository: &gix::Repository,
        series: Option<&Series>,
        updates: &'a [RefUpdate],
    ) -> Result<Vec<Change<'a>>, GitError> {
        let refuse = |branch: &str, why: &str| {
            Err(GitError::Draft { url: self.url(), path: tame(branch, 200), why: why.into() })
        };
        let mut seen = BTreeSet::new();
        let mut changes = Vec::with_capacity(updates.len());
        for RefUpdate { branch, old, new } in updates {
            if branch.starts_with('-') || FullName::try_from(format!("refs/heads/{branch}")).is_err() {
                return refuse(branch, "this is no name for a branch; correct it in gantry.yaml");
            }
            if !seen.insert(branch) {
                return refuse(branch, "the branch is twice in one push; this is a fault in Gantry");
            }
            let old = match old {
                Some(id) => match ids::object(id) {
                    Some(id) => Some(id),
                    None => {
                        return refuse(branch, "its old id is not of this repository's kind; fetch again");
                    }
                },
                None => None,
            };
            let drafted =
                |id| ids::object(id).filter(|id| series.is_some_and(|made| made.commit(id).is_some()));
            let known = |id| drafted(id).map_or_else(|| self.known(repository, id), Ok);
            let new = new.as_ref().map(known).transpose()?;
            changes.push(Change { branch, old, new });
        }
        Ok(changes)
    }

    fn push_builtin(
        &self,
        fresh: &mut Fresh<'_>,
        changes: &[Change<'_>],
        ahead: Option<Ahead>,
        deadline: Deadline,
    ) -> Result<Vec<RefResult>, GitError> {
        let open = || ahead::open(&self.remote, &self.client, deadline);
        let moved = |advertised: &Advertised| {
            let head = |change: &Change<'_>| advertised.branches.get(change.branch).copied();
            changes.iter().any(|change| head(change) != change.old && head(change) != change.new)
        };
        let (mut session, advertised) = match ahead.and_then(Ahead::wait).transpose()? {
            // What it tells of a branch that moved may be old itself.
            Some((session, advertised)) if moved(&advertised) => {
                session.hang_up();
                open()?
            }
            Some(early) => early,
            None => open()?,
        };
        if !advertised.sha1 {
            let why = "its object format is not sha1, the one that Gantry knows";
            return Err(GitError::Protocol { url: self.url(), why: why.into() });
        }
        // What the list of branches tells already.
        let mut told = Vec::with_capacity(changes.len());
        for change in changes {
            let head = advertised.branches.get(change.branch).copied();
            told.push(if head == change.new {
                Some(Told::Landed)
            } else if head != change.old {
                Some(Told::Lost(head))
            } else if change.new.is_none() && !advertised.deletes {
                Some(Told::No("the server does not delete branches".into()))
            } else {
                None
            });
        }
        let open: Vec<&Change<'_>> =
            changes.iter().zip(&told).filter(|(_, told)| told.is_none()).map(|(change, _)| change).collect();
        let mut answers = if open.is_empty() {
            session.hang_up();
            Vec::new()
        } else {
            self.send(fresh, &mut session, &advertised, &open)?
        }
        .into_iter();
        let told = told.into_iter().filter_map(|told| told.or_else(|| answers.next())).collect();
        self.settle(changes, told)
    }

    /// Sends what the server lacks for these changes, and hears what became of each.
    fn send(
        &self,
        fresh: &mut Fresh<'_>,
        session: &mut Session,
        advertised: &Advertised,
        changes: &[&Change<'_>],
    ) -> Result<Vec<Told>, GitError> {
        let new: Vec<ObjectId> = changes.iter().filter_map(|change| change.new).collect();
        let pack = match new.is_empty() {
            // A push that only deletes has no pack at all.
            true => None,
            false => {
                let theirs = self.theirs(fresh.repository, advertised);
                let commits = match fresh.series.and_then(|series| drafted(series, &new, &theirs)) {
                    Some(commits) => commits,
                    None => {
                        fresh.keep()?;
                        self.lacking(fresh.repository, &new, &theirs)?
                    }
                };
                Some(self.pack_of(fresh.repository, fresh.series, &commits, advertised.thin)?)
            }
        };
        let commands: Vec<Command<'_>> =
            changes.iter().map(|c| Command { branch: c.branch, old: c.old, new: c.new }).collect();
        // The server takes its time: the mirror keeps the commits meanwhile.
        let report = thread::scope(|scope| {
            let sending = || send_pack::send(session, advertised, &commands, pack.as_deref());
            let sending = thread::Builder::new().spawn_scoped(scope, sending);
            let kept = fresh.keep();
            match sending {
                Ok(sending) => sending.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(source) => kept.and(Err(self.io(source))),
            }
        });
        let told = match report {
            Ok(report) => {
                let said = tame(&report.said, MAX_MESSAGE);
                let unpack = report.unpack.map(|why| format!("the pack was not taken: {why}"));
                let mut branches = report.branches;
                let told = changes.iter().map(|change| match branches.remove(change.branch) {
                    Some(Ok(())) => Told::Landed,
                    Some(Err(why)) => Told::No(message(unpack.as_deref().unwrap_or(&why), &said)),
                    None => Told::Nothing(message(unpack.as_deref().unwrap_or("no answer for it"), &said)),
                });
                told.collect()
            }
            // Where somebody must act, waiting for another try would hide it.
            Err(error) if error.passes() => {
                changes.iter().map(|_| Told::Nothing(error.to_string())).collect()
            }
            Err(error) => changes.iter().map(|_| Told::No(error.to_string())).collect(),
        };
        Ok(told)
    }

    /// What the server has and the mirror too. Of a branch that moved to where the mirror has not been, that is
    /// what it was: else one person's commit would have all history sent with what stands on the head before it.
    fn theirs(&self, repository: &gix::Repository, advertised: &Advertised) -> Vec<ObjectId> {
        let mut theirs = self.common(repository, &advertised.tips);
        let known: BTreeSet<&ObjectId> = theirs.iter().collect();
        let heads = self.heads();
        let moved = heads.branches.iter().filter(|(branch, _)| {
            advertised.branches.get(branch.as_str()).is_some_and(|now| !known.contains(now))
        });
        let before: Vec<ObjectId> = moved.filter_map(|(_, head)| ids::object(head)).collect();
        theirs.extend(self.common(repository, &before));
        theirs
    }

    /// Tells a lost race from a refusal, and a push that landed without a word from one that did not, by
    /// reading the branches again.
    fn settle(&self, changes: &[Change<'_>], told: Vec<Told>) -> Result<Vec<RefResult>, GitError> {
        let now = if told.iter().all(|told| matches!(told, Told::Landed | Told::Lost(_))) {
            Ok(BTreeMap::new())
        } else {
            self.list_remote(Deadline::after(self.remote.timeout.min(READ_AGAIN)))
        };
        let now = match now {
            // Neither the push nor the reading got through: nothing is known.
            Err(error) if told.iter().all(|told| matches!(told, Told::Nothing(_))) => return Err(error),
            now => now,
        };
        let mut results = Vec::with_capacity(changes.len());
        for (change, told) in changes.iter().zip(told) {
            let result = match (told, &now) {
                (Told::Landed, _) => RefResult::Landed,
                (Told::Lost(now), _) => {
                    RefResult::LostRace { now: now.map(|id| self.commit_id(&id)).transpose()? }
                }
                (Told::No(message), Ok(now)) => self.seen(change, now, RefResult::Refused { message })?,
                (Told::Nothing(message), Ok(now)) => {
                    self.seen(change, now, RefResult::Unfinished { message })?
                }
                (Told::No(why) | Told::Nothing(why), Err(error)) => {
                    let message =
                        tame(&format!("{why}; the branch could not be read again: {error}"), MAX_MESSAGE);
                    RefResult::Unfinished { message }
                }
            };
            results.push(result);
        }
        Ok(results)
    }

    fn seen(
        &self,
        change: &Change<'_>,
        now: &BTreeMap<String, ObjectId>,
        unmoved: RefResult,
    ) -> Result<RefResult, GitError> {
        let now = now.get(change.branch).copied();
        Ok(if now == change.new {
            RefResult::Landed
        } else if now != change.old {
            RefResult::LostRace { now: now.map(|id| self.commit_id(&id)).transpose()? }
        } else {
            unmoved
        })
    }

    /// Lets the mirror's branches follow what landed.
    fn follow(
        &self,
        repository: &gix::Repository,
        changes: &[Change<'_>],
        results: &[RefResult],
    ) -> Result<(), GitError> {
        let landed = || {
            let pairs = changes.iter().zip(results);
            pairs
                .filter(|(_, result)| **result == RefResult::Landed)
                .map(|(change, _)| (change.branch, change.new))
        };
        let mut heads = Heads::clone(&self.heads());
        for (branch, new) in landed() {
            match new {
                // Looked for, since other handles know of a new pack only when somebody has missed something.
                Some(id) if !repository.has_object(id) => {
                    return Err(self.damage_text("a new commit is gone"));
                }
                Some(id) => heads.branches.insert(branch.to_owned(), self.commit_id(&id)?),
                None => heads.branches.remove(branch),
            };
        }
        self.set_heads(heads);
        // Deletions first: they may make room for a branch below the same name.
        self.edit_branches(repository, landed().filter(|(_, new)| new.is_none()))?;
        self.edit_branches(repository, landed().filter(|(_, new)| new.is_some()))
    }
}

/// The server's reason with what its hooks wrote.
fn message(why: &str, said: &str) -> String {
    let text = if said.is_empty() { why.to_owned() } else { format!("{why}: {said}") };
    tame(&text, MAX_MESSAGE)
}
