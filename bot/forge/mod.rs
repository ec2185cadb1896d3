//! Forges: where proposals live.
//!
//! [`Forge`] speaks neutral terms; each forge is one file. Nothing here decides anything: it reads what the
//! forge holds and makes one thing so. Every write compares first, because it may be repeated after a crash
//! (promise 3), and a merge names the head that it means, because somebody may have pushed (promise 6).

pub mod by_git;
pub mod local;

use async_trait::async_trait;
use gantry_core::{
    facts::{HeadStatus, Place, Proposal},
    ids::{BranchName, CommitId, ProposalNumber, ReleaseId},
};

/// What a proposal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it promotes where.
    pub place: Place,
    /// Its branch, which exists already.
    pub branch: BranchName,
    /// The branch's head that the text speaks of.
    pub head: CommitId,
    /// The branch that it goes to.
    pub base: BranchName,
    /// The release of its hidden marker.
    pub release: ReleaseId,
    /// Its title.
    pub title: String,
    /// Its body.
    pub body: String,
}

/// What a proposal is to say, with the statuses of its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// The open proposal; one is opened where there is none.
    pub number: Option<ProposalNumber>,
    /// What it says, and its head.
    pub draft: Draft,
    /// Whether an open proposal says something else yet.
    pub text: bool,
    /// The statuses to be set; none where they are as they should be.
    pub statuses: Option<Vec<HeadStatus>>,
}

/// How a merge went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// It is in the base branch, by this call or by an earlier one.
    Yes {
        /// The commit on the base branch.
        commit: CommitId,
    },
    /// The proposal's head or the base moved, or the two conflict: look again.
    Moved,
    /// The forge does not allow it: a hook, branch protection.
    Refused {
        /// What it said.
        message: String,
    },
}

/// How an approval or a closing by a person went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// It is recorded, by this call or by an earlier one.
    Done,
    /// The proposal's head is another one than the person saw.
    Moved,
    /// It is not open any more.
    NotOpen,
    /// There is no such proposal.
    Missing,
}

/// A forge can't be talked to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ForgeError {
    /// Its database or its API failed; it may work again later.
    #[error("{forge}: {message}")]
    Unavailable {
        /// Which forge.
        forge: String,
        /// What went wrong and who must act.
        message: String,
    },
    /// What was asked can't be done as it was asked; asking again changes nothing.
    #[error("{forge}: {message}")]
    Invalid {
        /// Which forge.
        forge: String,
        /// What is wrong and who must act.
        message: String,
    },
    /// It refused the credentials.
    #[error(
        "{forge} refuses the credentials: {message}; the platform engineer must renew them in the settings"
    )]
    Denied {
        /// Which forge.
        forge: String,
        /// What it said.
        message: String,
    },
}

/// Where proposals live.
#[async_trait]
pub trait Forge: Send + Sync {
    /// All proposals on Gantry's branches: the open ones, and of the closed and merged ones at least those of
    /// the last 90 days, at most 10,000. Newest first. What ended need not say its body.
    async fn proposals(&self) -> Result<Vec<Proposal>, ForgeError>;

    /// Whether it has no server of its own but the infra repository: while that can't be read, the forge can't
    /// either, and for the same cause.
    fn rests_on_git(&self) -> bool {
        false
    }

    /// Opens a proposal, or answers the number of the one that is open on that branch and updates its text.
    async fn open(&self, draft: &Draft) -> Result<ProposalNumber, ForgeError>;

    /// Makes an open proposal say this. One that is not open any more stays as it is: the next look tells.
    async fn describe(&self, number: ProposalNumber, draft: &Draft) -> Result<(), ForgeError>;

    /// Sets statuses on a proposal's head, each by its context; others stay.
    async fn set_statuses(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        statuses: &[HeadStatus],
    ) -> Result<(), ForgeError>;

    /// How many proposals it takes in one call of [`Forge::present`].
    fn at_once(&self) -> usize {
        1
    }

    /// Opens proposals or makes them say something, with their statuses; the answers are in their order.
    async fn present(&self, all: &[Presented]) -> Vec<Result<ProposalNumber, ForgeError>> {
        let mut answers = Vec::with_capacity(all.len());
        for one in all {
            answers.push(self.present_one(one).await);
        }
        answers
    }

    /// The same for one, call by call.
    async fn present_one(&self, one: &Presented) -> Result<ProposalNumber, ForgeError> {
        let number = match one.number {
            None => self.open(&one.draft).await?,
            Some(number) => {
                if one.text {
                    self.describe(number, &one.draft).await?;
                }
                number
            }
        };
        if let Some(statuses) = &one.statuses {
            self.set_statuses(number, &one.draft.head, statuses).await?;
        }
        Ok(number)
    }

    /// Where it merges by Git: then merges are made by whoever pushes, many in one push.
    fn merges_by_git(&self) -> Option<&dyn by_git::MergesByGit> {
        None
    }

    /// Merges a proposal, if its head is still `head`.
    async fn merge(&self, number: ProposalNumber, head: &CommitId) -> Result<Merged, ForgeError>;

    /// Closes a proposal in Gantry's own name, with a comment that says why. No rejection. One that is not open
    /// any more stays as it is. Its branch stays.
    async fn close(&self, number: ProposalNumber, comment: &str) -> Result<(), ForgeError>;

    /// Records a person's approval of `head`, with the reason where one is given.
    async fn approve(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        by: &str,
        reason: &str,
    ) -> Result<Answered, ForgeError>;

    /// Closes a proposal in a person's name: a rejection.
    async fn reject(&self, number: ProposalNumber, by: &str, reason: &str) -> Result<Answered, ForgeError>;
}
