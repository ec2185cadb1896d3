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
    time::Duration,
};

use gantry_core::ids::CommitId;
use gix::{ObjectId, refs::FullName};
use gix_transport::Service;

use super::{
    connect::{Deadline, Session},
    error::{GitError, tame},
    ids,
    mirror::{Heads, Mirror},
    remote::PushMethod,
    send_pack::{self, Command},
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
    No(String),
    Nothing(String),
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
        let _one_at_a_time = self.network();
        let repository = self.repository();
        let changes = self.changes(&repository, updates)?;
        let deadline = Deadline::after(self.remote.timeout);
        let results = match self.remote.push {
            PushMethod::Builtin => self.push_builtin(&repository, &changes, deadline)?,
            PushMethod::GitProgram => {
                let told = self.push_by_program(&changes, deadline)?;
                self.settle(&changes, told)?
            }
        };
        // It landed, whatever becomes of the mirror: a failure is noted there and cured by the next fetch.
        let _ = self.follow(&repository, &changes, &results);
        let outcome =
            |(change, result): (&Change<'_>, RefResult)| RefOutcome { branch: change.branch.into(), result };
        Ok(changes.iter().zip(results).map(outcome).collect())
    }

    fn changes<'a>(
        &self,
        repository: &gix::Repository,
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
            let new = new.as_ref().map(|id| self.known(repository, id)).transpose()?;
            changes.push(Change { branch, old, new });
        }
        Ok(changes)
    }

    fn push_builtin(
        &self,
        repository: &gix::Repository,
        changes: &[Change<'_>],
        deadline: Deadline,
    ) -> Result<Vec<RefResult>, GitError> {
        let mut session = Session::open(&self.remote, &self.client, Service::ReceivePack, deadline)?;
        let advertised = send_pack::advertised(&mut session)?;
        if !advertised.sha1 {
            let why = "its object format is not sha1, the one that Gantry knows";
            return Err(GitError::Protocol { url: self.url(), why: why.into() });
        }
        let mut results = Vec::with_capacity(changes.len());
        for change in changes {
            let now = advertised.branches.get(change.branch).copied();
            results.push(if now == change.new {
                Some(RefResult::Landed)
            } else if now != change.old {
                Some(RefResult::LostRace { now: now.map(|id| self.commit_id(&id)).transpose()? })
            } else if change.new.is_none() && !advertised.deletes {
                Some(RefResult::Refused { message: "the server does not delete branches".into() })
            } else {
                None
            });
        }
        let open: Vec<&Change<'_>> =
            changes.iter().zip(&results).filter(|(_, r)| r.is_none()).map(|(c, _)| c).collect();
        if open.is_empty() {
            session.hang_up();
            return Ok(results.into_iter().flatten().collect());
        }
        let new: Vec<ObjectId> = open.iter().filter_map(|change| change.new).collect();
        let pack = match new.is_empty() {
            // A push that only deletes has no pack at all.
            true => None,
            false => {
                let theirs = self.common(repository, &advertised.tips);
                let fresh = self.take_fresh();
                Some(self.pack_between(repository, fresh.as_ref(), &new, &theirs, advertised.thin)?)
            }
        };
        let commands: Vec<Command<'_>> =
            open.iter().map(|c| Command { branch: c.branch, old: c.old, new: c.new }).collect();
        let told = match send_pack::send(&mut session, &advertised, &commands, pack.as_deref()) {
            Ok(report) => {
                let said = tame(&report.said, MAX_MESSAGE);
                let unpack = report.unpack.map(|why| format!("the pack was not taken: {why}"));
                let mut branches = report.branches;
                open.iter()
                    .map(|change| match branches.remove(change.branch) {
                        Some(Ok(())) => Told::Landed,
                        Some(Err(why)) => Told::No(message(unpack.as_deref().unwrap_or(&why), &said)),
                        None => {
                            Told::Nothing(message(unpack.as_deref().unwrap_or("no answer for it"), &said))
                        }
                    })
                    .collect()
            }
            // Where somebody must act, waiting for another try would hide it.
            Err(error) if error.passes() => open.iter().map(|_| Told::Nothing(error.to_string())).collect(),
            Err(error) => open.iter().map(|_| Told::No(error.to_string())).collect::<Vec<_>>(),
        };
        drop(session);
        let open: Vec<Change<'_>> =
            open.iter().map(|c| Change { branch: c.branch, old: c.old, new: c.new }).collect();
        let mut settled = self.settle(&open, told)?.into_iter();
        Ok(results.into_iter().filter_map(|result| result.or_else(|| settled.next())).collect())
    }

    /// Tells a lost race from a refusal, and a push that landed without a word from one that did not, by
    /// reading the branches again.
    fn settle(&self, changes: &[Change<'_>], told: Vec<Told>) -> Result<Vec<RefResult>, GitError> {
        let now = if told.iter().all(|told| matches!(told, Told::Landed)) {
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
