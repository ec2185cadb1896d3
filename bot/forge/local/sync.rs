//! Looks at Git, and writes down what became of the open proposals. Every answer of the forge begins here.

use std::collections::{BTreeSet, HashMap};

use gantry_core::ids::{BranchName, CommitId, ProposalNumber};
use sqlx::{Executor, Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{
    LocalForge,
    rows::{self, Watched},
    settle::{Fate, Look},
};
use crate::{forge::ForgeError, git::GitError};

impl LocalForge {
    /// Fetches, and brings the open proposals in line with Git. The caller holds the forge's lock.
    pub(super) async fn sync(&self) -> Result<(), ForgeError> {
        let watched = self.watched().await?;
        let lines = self.lines.clone();
        let (bases, fates) = self
            .git(move |mirror| {
                let heads = mirror.fetch()?;
                let mut look = Look::new(mirror, &heads, &lines);
                let mut bases: HashMap<BranchName, CommitId> = HashMap::new();
                let mut fates: Vec<(Watched, Fate)> = Vec::new();
                for one in watched {
                    let fate = look.fate(&one)?;
                    if let Some(head) = look.head(&one.base) {
                        bases.insert(one.base.clone(), head.clone());
                    }
                    let moved = bases.get(&one.base) != one.base_head.as_ref();
                    if fate != Fate::Same || moved {
                        fates.push((one, fate));
                    }
                }
                Ok::<_, GitError>((bases, fates))
            })
            .await?;
        if fates.is_empty() {
            return Ok(());
        }
        let mut transaction = self.database.begin().await?;
        let mut moved: BTreeSet<(BranchName, Option<CommitId>)> = BTreeSet::new();
        for (one, fate) in fates {
            self.write(&mut transaction, one.number, &fate).await?;
            moved.insert((one.base, one.base_head));
        }
        for (base, before) in moved {
            // Only of proposals that this look has seen: nobody opens one meanwhile, the lock is held.
            let Some(now) = bases.get(&base) else { continue };
            let done = sqlx::query(
                "UPDATE proposal SET base_head = $1 WHERE state = 'open' AND base = $2 AND base_head IS $3",
            )
            .bind(now.as_str())
            .bind(base.as_str())
            .bind(before.as_ref().map(CommitId::as_str))
            .execute(&mut *transaction)
            .await;
            self.database.read(done)?;
        }
        self.database.commit(transaction).await
    }

    /// The open proposals with the merges that were begun.
    async fn watched(&self) -> Result<Vec<Watched>, ForgeError> {
        let found = sqlx::query(
            "SELECT number, branch, base, head, base_head FROM proposal WHERE state = 'open' ORDER BY number",
        )
        .fetch_all(self.database.pool())
        .await;
        let found = self.database.read(found)?;
        let mut watched: Vec<Watched> = self.database.read(found.iter().map(rows::watched).collect())?;
        let tries = sqlx::query(
            "SELECT proposal, becomes FROM merge_try JOIN proposal ON number = proposal AND state = 'open' \
             ORDER BY at_ms",
        )
        .fetch_all(self.database.pool())
        .await;
        let tries = self.database.read(tries)?;
        let read = |row: &SqliteRow| Ok((rows::number(row, "proposal")?, rows::id(row, "becomes")?));
        let tries: Vec<(ProposalNumber, CommitId)> = self.database.read(tries.iter().map(read).collect())?;
        for (number, commit) in tries {
            // Sorted by number, so thousands of merges begun cost no quadratic search.
            if let Ok(at) = watched.binary_search_by_key(&number, |one| one.number) {
                watched[at].tries.push(commit);
            }
        }
        Ok(watched)
    }

    /// Writes down what became of an open proposal.
    pub(super) async fn write(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        number: ProposalNumber,
        fate: &Fate,
    ) -> Result<(), ForgeError> {
        let now = self.clock.now().as_millisecond();
        let query = match fate {
            Fate::Same => return Ok(()),
            Fate::Head(head) => {
                sqlx::query("UPDATE proposal SET head = $2 WHERE number = $1 AND state = 'open'")
                    .bind(rows::key(number))
                    .bind(head.as_str())
            }
            Fate::Merged { commit, by } => sqlx::query(
                "UPDATE proposal SET state = 'merged', merged_as = $2, ended_ms = $3, ended_by = $4, \
                 by_gantry = $5 WHERE number = $1 AND state = 'open'",
            )
            .bind(rows::key(number))
            .bind(commit.as_str())
            .bind(now)
            .bind(by.unwrap_or(&self.bot.name))
            .bind(i64::from(by.is_none())),
            Fate::Closed { by, reason } => sqlx::query(
                "UPDATE proposal SET state = 'closed', reason = $2, ended_ms = $3, ended_by = $4 \
                 WHERE number = $1 AND state = 'open'",
            )
            .bind(rows::key(number))
            .bind(reason.as_str())
            .bind(now)
            .bind(*by),
        };
        self.kept.touch(number);
        let done = query.execute(&mut **transaction).await;
        self.database.read(done).map(drop)
    }

    /// A proposal's state and what a merge needs of it.
    pub(super) async fn stands(&self, number: ProposalNumber) -> Result<Option<Standing>, ForgeError> {
        self.stands_in(self.database.pool(), number).await
    }

    async fn stands_in(
        &self,
        database: impl Executor<'_, Database = Sqlite>,
        number: ProposalNumber,
    ) -> Result<Option<Standing>, ForgeError> {
        let row = sqlx::query("SELECT branch, base, head, state, merged_as FROM proposal WHERE number = $1")
            .bind(rows::key(number))
            .fetch_optional(database)
            .await;
        let Some(row) = self.database.read(row)? else { return Ok(None) };
        self.database.read(Standing::read(&row)).map(Some)
    }

    /// The same, of one that must be there.
    pub(super) async fn must_stand(&self, number: ProposalNumber) -> Result<Standing, ForgeError> {
        self.must_stand_in(self.database.pool(), number).await
    }

    /// The same, within a transaction.
    pub(super) async fn must_stand_in(
        &self,
        database: impl Executor<'_, Database = Sqlite>,
        number: ProposalNumber,
    ) -> Result<Standing, ForgeError> {
        let standing = self.stands_in(database, number).await?;
        standing.ok_or_else(|| self.database.invalid(format!("there is no proposal {number}")))
    }
}

/// Where a proposal stands, in short.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) branch: BranchName,
    pub(super) base: BranchName,
    pub(super) head: CommitId,
    pub(super) open: bool,
    pub(super) merged: Option<CommitId>,
}

impl Standing {
    pub(super) fn read(row: &SqliteRow) -> rows::Read<Self> {
        Ok(Self {
            branch: rows::id(row, "branch")?,
            base: rows::id(row, "base")?,
            head: rows::id(row, "head")?,
            open: row.try_get::<&str, _>("state")? == "open",
            merged: rows::maybe_id(row, "merged_as")?,
        })
    }
}
