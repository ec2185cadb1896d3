//! The built-in forge: proposals over branches of the infra repository, for a team without a forge.
//!
//! Proposals, approvals, comments and statuses are rows in a SQLite file of its own; what a branch holds and what
//! is merged is read from Git each time. So a person may push to a branch, merge it or delete it with plain Git,
//! and the forge says what came of it.
//!
//! Promises:
//! - One open proposal for each branch, by a unique index; a number is never given out twice.
//! - A merge lands once, whatever is killed when (promise 3): see `merge.rs`.
//! - What people pushed is never overwritten (promise 6).
//! - An approval is of one head.
//!
//! Races known: Git tells what a branch is, not who moved it, so a merge or a deletion with plain Git is shown as
//! "someone's". A branch that is deleted and made again between two looks was never gone.

mod answers;
mod database;
mod list;
mod merge;
mod rows;
mod settle;
mod sync;
mod text;
mod write;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use async_trait::async_trait;
use gantry_core::{
    facts::{HeadStatus, Person, Proposal},
    ids::{CommitId, ProposalNumber},
};
use jiff::Timestamp;
use tokio::sync::Mutex;

use self::database::Database;
use super::{
    Answered, Draft, Forge, ForgeError, Merged, Presented,
    by_git::{MergesByGit, Merging},
};
use crate::{
    clock::Clock,
    git::{GitError, Lines, Mirror},
};

/// The built-in forge of one infra repository. Clones are the same forge.
#[derive(Clone)]
pub struct LocalForge {
    database: Arc<Database>,
    mirror: Arc<Mirror>,
    bot: Person,
    people: Arc<BTreeMap<String, String>>,
    clock: Arc<dyn Clock>,
    /// One call at a time: what a look at Git said must still hold when it is written down.
    turn: Arc<Mutex<()>>,
    /// Those of the bases, kept from look to look.
    lines: Arc<Lines>,
    /// The proposals as they were read last.
    kept: Arc<list::Kept>,
}

/// How many proposals are written down at once: the disk is waited for once for all of them.
const AT_ONCE: usize = 100;

/// Something that was said on a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Who said it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What; text from outside.
    pub text: String,
}

impl LocalForge {
    /// Opens the forge's file, or makes it with its parents, readable for its owner only. `bot` is the name that
    /// Gantry's own merges and closings carry. Does not use the network.
    ///
    /// # Errors
    /// [`ForgeError::Unavailable`] when the file can't be read or written, is damaged, is another program's, or
    /// was made by a newer Gantry; [`ForgeError::Invalid`] when the bot has no usable name.
    pub async fn open(
        path: &Path,
        mirror: Arc<Mirror>,
        bot: Person,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ForgeError> {
        let database = Database::open(path).await?;
        text::person(&bot.name).map_err(|message| database.invalid(format!("the bot: {message}")))?;
        Ok(Self {
            database: Arc::new(database),
            mirror,
            bot,
            people: Arc::default(),
            clock,
            turn: Arc::default(),
            lines: Arc::default(),
            kept: Arc::default(),
        })
    }

    /// Knows people's e-mail addresses by their names: who approved is a co-author of what Gantry merges.
    #[must_use]
    pub fn with_people(mut self, people: Arc<BTreeMap<String, String>>) -> Self {
        self.people = people;
        self
    }

    /// Works on the mirror, on a thread for blocking work.
    async fn git<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Mirror) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, ForgeError> {
        let mirror = self.mirror.clone();
        match tokio::task::spawn_blocking(move || work(&mirror)).await {
            Ok(result) => result.map_err(|error| self.database.unavailable(&error.to_string())),
            Err(_) => Err(self.database.unavailable("work on the mirror broke off; Gantry tries again")),
        }
    }
}

#[async_trait]
impl MergesByGit for LocalForge {
    async fn merging(
        &self,
        wanted: &[(ProposalNumber, CommitId)],
    ) -> Result<Box<dyn Merging + Send + Sync>, ForgeError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let proposals = self.mergeable(wanted).await?;
        Ok(Box::new(merge::Underway { forge: self.clone(), proposals, _turn: turn }))
    }
}

#[async_trait]
impl Forge for LocalForge {
    async fn proposals(&self) -> Result<Vec<Proposal>, ForgeError> {
        let _turn = self.turn.lock().await;
        self.sync().await?;
        self.kept.list(&self.database, self.clock.now()).await
    }

    fn rests_on_git(&self) -> bool {
        true
    }

    async fn open(&self, draft: &Draft) -> Result<ProposalNumber, ForgeError> {
        let _turn = self.turn.lock().await;
        let one = Presented { number: None, draft: draft.clone(), text: true, statuses: None };
        self.present_alone(one).await
    }

    async fn describe(&self, number: ProposalNumber, draft: &Draft) -> Result<(), ForgeError> {
        let _turn = self.turn.lock().await;
        let one = Presented { number: Some(number), draft: draft.clone(), text: true, statuses: None };
        self.present_alone(one).await.map(drop)
    }

    async fn set_statuses(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        statuses: &[HeadStatus],
    ) -> Result<(), ForgeError> {
        let _turn = self.turn.lock().await;
        let mut transaction = self.database.begin().await?;
        self.put_statuses(&mut transaction, number, head, statuses).await?;
        self.database.commit(transaction).await
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }

    async fn present(&self, all: &[Presented]) -> Vec<Result<ProposalNumber, ForgeError>> {
        let _turn = self.turn.lock().await;
        match self.present_all(all).await {
            Ok(answers) => answers,
            Err(error) => all.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn merges_by_git(&self) -> Option<&dyn MergesByGit> {
        Some(self)
    }

    async fn merge(&self, number: ProposalNumber, head: &CommitId) -> Result<Merged, ForgeError> {
        let _turn = self.turn.lock().await;
        self.merge_head(number, head).await
    }

    async fn close(&self, number: ProposalNumber, comment: &str) -> Result<(), ForgeError> {
        let _turn = self.turn.lock().await;
        if self.must_stand(number).await?.open {
            // What a person merged with Git just now was not closed by Gantry.
            self.sync().await?;
            self.shut(number, None, comment).await?;
        }
        Ok(())
    }

    async fn approve(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        by: &str,
        reason: &str,
    ) -> Result<Answered, ForgeError> {
        let _turn = self.turn.lock().await;
        self.record_approval(number, head, by, reason).await
    }

    async fn reject(&self, number: ProposalNumber, by: &str, reason: &str) -> Result<Answered, ForgeError> {
        let _turn = self.turn.lock().await;
        self.record_rejection(number, by, reason).await
    }
}
