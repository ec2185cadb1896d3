//! What Gantry writes: opening, describing, statuses, closing.

use std::collections::HashSet;

use gantry_core::{
    facts::HeadStatus,
    ids::{BranchName, CommitId, ProposalNumber},
};
use sqlx::{Executor, Row, Sqlite, Transaction};

use super::{LocalForge, rows, text};
use crate::forge::{Draft, ForgeError, Presented};

impl LocalForge {
    /// As [`LocalForge::present_all`] for one.
    pub(super) async fn present_alone(&self, one: Presented) -> Result<ProposalNumber, ForgeError> {
        let mut answers = self.present_all(&[one]).await?;
        answers.pop().unwrap_or_else(|| Err(self.database.invalid("nothing was asked for")))
    }

    /// Opens proposals, updates those that are open, and sets statuses, all in one transaction. What one of them
    /// can't be is told for it alone. Without a look at Git where nothing is open on a branch and the mirror knows
    /// it: that is how thousands are opened.
    pub(super) async fn present_all(
        &self,
        all: &[Presented],
    ) -> Result<Vec<Result<ProposalNumber, ForgeError>>, ForgeError> {
        let opened: Vec<&Draft> =
            all.iter().filter(|one| one.number.is_none()).map(|one| &one.draft).collect();
        for draft in &opened {
            if self.open_on(self.database.pool(), draft).await?.is_some_and(|(_, head)| head != draft.head) {
                // A person may have merged the last seen head; then a new proposal begins.
                self.sync().await?;
                break;
            }
        }
        let branches = self.known_branches(&opened).await?;
        let mut transaction = self.database.begin().await?;
        let mut answers = Vec::with_capacity(all.len());
        for one in all {
            answers.push(match self.present_in(&mut transaction, one, &branches).await {
                Err(error @ ForgeError::Invalid { .. }) => Err(error),
                answer => Ok(answer?),
            });
        }
        self.database.commit(transaction).await?;
        Ok(answers)
    }

    async fn present_in(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        one: &Presented,
        branches: &HashSet<BranchName>,
    ) -> Result<ProposalNumber, ForgeError> {
        let number = match one.number {
            None => self.open_in(transaction, &one.draft, branches).await?,
            Some(number) => {
                self.must_stand_in(&mut **transaction, number).await?;
                if one.text {
                    self.rewrite(transaction, number, &one.draft, None).await?;
                }
                number
            }
        };
        if let Some(statuses) = &one.statuses {
            self.put_statuses(transaction, number, &one.draft.head, statuses).await?;
        }
        Ok(number)
    }

    async fn open_in(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        draft: &Draft,
        branches: &HashSet<BranchName>,
    ) -> Result<ProposalNumber, ForgeError> {
        if draft.branch != draft.place.branch() || draft.branch == draft.base {
            return Err(self.database.invalid(format!(
                "{} is not the branch of a proposal for {} to {}",
                draft.branch, draft.place, draft.base
            )));
        }
        if let Some((number, _)) = self.open_on(&mut **transaction, draft).await? {
            self.rewrite(transaction, number, draft, Some(&draft.head)).await?;
            return Ok(number);
        }
        if !branches.contains(&draft.branch) {
            return Err(self
                .database
                .invalid(format!("there is no branch {} to open a proposal on", draft.branch)));
        }
        let inserted = sqlx::query(
            "INSERT INTO proposal (branch, base, head, release, title, body, opened_ms, state) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'open') RETURNING number",
        )
        .bind(draft.branch.as_str())
        .bind(draft.base.as_str())
        .bind(draft.head.as_str())
        .bind(draft.release.as_str())
        .bind(text::line(&draft.title, text::TITLE))
        .bind(text::prose(&draft.body, text::BODY))
        .bind(self.clock.now().as_millisecond())
        .fetch_one(&mut **transaction)
        .await;
        let number = self.database.read(inserted.and_then(|row| rows::number(&row, "number")))?;
        self.kept.touch(number);
        Ok(number)
    }

    async fn open_on(
        &self,
        database: impl Executor<'_, Database = Sqlite>,
        draft: &Draft,
    ) -> Result<Option<(ProposalNumber, CommitId)>, ForgeError> {
        let row = sqlx::query("SELECT number, head FROM proposal WHERE branch = $1 AND state = 'open'")
            .bind(draft.branch.as_str())
            .fetch_optional(database)
            .await;
        let read = |row| Ok((rows::number(&row, "number")?, rows::id(&row, "head")?));
        self.database.read(row.and_then(|row| row.map(read).transpose()))
    }

    /// Which of the branches are there. A proposal without a branch would at the next look be taken for one whose
    /// branch a person deleted: for a rejection. So it is not opened.
    async fn known_branches(&self, drafts: &[&Draft]) -> Result<HashSet<BranchName>, ForgeError> {
        if drafts.is_empty() {
            return Ok(HashSet::new());
        }
        let wanted: Vec<BranchName> = drafts.iter().map(|draft| draft.branch.clone()).collect();
        self.git(move |mirror| {
            let all = |heads: &crate::git::Heads| {
                wanted.iter().all(|branch| heads.branches.contains_key(branch.as_str()))
            };
            let mut heads = mirror.heads();
            if !all(&heads) {
                heads = mirror.fetch()?;
            }
            let known = |branch: &BranchName| heads.branches.contains_key(branch.as_str());
            Ok(wanted.iter().filter(|branch| known(branch)).cloned().collect())
        })
        .await
    }

    /// Makes an open proposal say this, where it does not say so yet.
    async fn rewrite(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        number: ProposalNumber,
        draft: &Draft,
        head: Option<&CommitId>,
    ) -> Result<(), ForgeError> {
        self.kept.touch(number);
        // What is known of the base holds for the head that was seen; a head that is only told here is looked at
        // anew.
        let done = sqlx::query(
            "UPDATE proposal SET title = $2, body = $3, release = $4, base = $5, head = ifnull($6, head), \
                 base_head = CASE WHEN base = $5 AND head = ifnull($6, head) THEN base_head END \
             WHERE number = $1 AND state = 'open' \
               AND (title, body, release, base, head) IS NOT ($2, $3, $4, $5, ifnull($6, head))",
        )
        .bind(rows::key(number))
        .bind(text::line(&draft.title, text::TITLE))
        .bind(text::prose(&draft.body, text::BODY))
        .bind(draft.release.as_str())
        .bind(draft.base.as_str())
        .bind(head.map(CommitId::as_str))
        .execute(&mut **transaction)
        .await;
        self.database.read(done).map(drop)
    }

    /// Sets statuses on a head, each by its context; others stay.
    pub(super) async fn put_statuses(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        number: ProposalNumber,
        head: &CommitId,
        statuses: &[HeadStatus],
    ) -> Result<(), ForgeError> {
        if statuses.len() > text::STATUSES {
            let most = text::STATUSES;
            return Err(self.database.invalid(format!("{} statuses, at most {most}", statuses.len())));
        }
        for status in statuses {
            text::short("a status's context", &status.context)
                .and_then(|()| text::short("a status's state", &status.state))
                .map_err(|message| self.database.invalid(message))?;
        }
        let standing = self.must_stand_in(&mut **transaction, number).await?;
        self.kept.touch(number);
        for status in statuses {
            let done = sqlx::query(
                "INSERT INTO status (proposal, head, context, state, description) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (proposal, head, context) \
                 DO UPDATE SET state = excluded.state, description = excluded.description \
                 WHERE (state, description) IS NOT (excluded.state, excluded.description)",
            )
            .bind(rows::key(number))
            .bind(head.as_str())
            .bind(status.context.as_str())
            .bind(status.state.as_str())
            .bind(text::line(&status.description, text::DESCRIPTION))
            .execute(&mut **transaction)
            .await;
            self.database.read(done)?;
        }
        // Heads that were replaced are of no more use to anybody.
        let pruned = sqlx::query("DELETE FROM status WHERE proposal = $1 AND head NOT IN ($2, $3)")
            .bind(rows::key(number))
            .bind(head.as_str())
            .bind(standing.head.as_str())
            .execute(&mut **transaction)
            .await;
        self.database.read(pruned).map(drop)
    }

    /// Closes an open proposal. Who closes: a person, or `None` for Gantry itself. `false`: it was not open.
    pub(super) async fn shut(
        &self,
        number: ProposalNumber,
        by: Option<&str>,
        why: &str,
    ) -> Result<bool, ForgeError> {
        let (name, why) = (by.unwrap_or(&self.bot.name), text::prose(why, text::PROSE));
        let now = self.clock.now().as_millisecond();
        self.kept.touch(number);
        let mut transaction = self.database.begin().await?;
        let closed = sqlx::query(
            "UPDATE proposal SET state = 'closed', ended_ms = $2, ended_by = $3, by_gantry = $4, reason = $5 \
             WHERE number = $1 AND state = 'open'",
        )
        .bind(rows::key(number))
        .bind(now)
        .bind(name)
        .bind(i64::from(by.is_none()))
        .bind(why.as_str())
        .execute(&mut *transaction)
        .await;
        if self.database.read(closed)?.rows_affected() == 0 {
            return Ok(false);
        }
        if !why.trim().is_empty() {
            let commented =
                sqlx::query("INSERT INTO comment (proposal, person, at_ms, text) VALUES ($1, $2, $3, $4)")
                    .bind(rows::key(number))
                    .bind(name)
                    .bind(now)
                    .bind(why.as_str())
                    .execute(&mut *transaction)
                    .await;
            self.database.read(commented)?;
        }
        self.database.commit(transaction).await?;
        Ok(true)
    }

    /// What was said on a proposal, oldest first.
    ///
    /// # Errors
    /// [`ForgeError::Unavailable`] when the database can't be read.
    pub async fn comments(&self, number: ProposalNumber) -> Result<Vec<super::Comment>, ForgeError> {
        let found = sqlx::query("SELECT person, at_ms, text FROM comment WHERE proposal = $1 ORDER BY id")
            .bind(rows::key(number))
            .fetch_all(self.database.pool())
            .await;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            Ok(super::Comment {
                by: row.try_get("person")?,
                at: rows::time(row, "at_ms")?,
                text: row.try_get("text")?,
            })
        };
        let found = self.database.read(found)?;
        self.database.read(found.iter().map(read).collect())
    }
}
