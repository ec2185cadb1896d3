//! What people answer: approvals and rejections.

use gantry_core::ids::{CommitId, ProposalNumber};
use sqlx::Row;

use super::{LocalForge, rows, text};
use crate::forge::{Answered, ForgeError};

impl LocalForge {
    /// Records an approval of the head that the person saw.
    pub(super) async fn record_approval(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        by: &str,
        reason: &str,
    ) -> Result<Answered, ForgeError> {
        let by = text::person(by).map_err(|message| self.database.invalid(message))?;
        let Some(before) = self.stands(number).await? else { return Ok(Answered::Missing) };
        let given = sqlx::query("SELECT 1 FROM approval WHERE proposal = $1 AND head = $2 AND person = $3")
            .bind(rows::key(number))
            .bind(head.as_str())
            .bind(by)
            .fetch_optional(self.database.pool())
            .await;
        if self.database.read(given)?.is_some() {
            return Ok(Answered::Done);
        }
        if !before.open {
            return Ok(Answered::NotOpen);
        }
        self.sync().await?;
        let now = self.must_stand(number).await?;
        if !now.open {
            return Ok(Answered::NotOpen);
        }
        if now.head != *head {
            return Ok(Answered::Moved);
        }
        self.kept.touch(number);
        let done = sqlx::query(
            "INSERT INTO approval (proposal, head, person, at_ms, reason) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING",
        )
        .bind(rows::key(number))
        .bind(head.as_str())
        .bind(by)
        .bind(self.clock.now().as_millisecond())
        .bind(text::prose(reason, text::PROSE))
        .execute(self.database.pool())
        .await;
        self.database.read(done)?;
        Ok(Answered::Done)
    }

    /// Closes in a person's name. Asked for again by the same person, it is done already.
    pub(super) async fn record_rejection(
        &self,
        number: ProposalNumber,
        by: &str,
        reason: &str,
    ) -> Result<Answered, ForgeError> {
        let by = text::person(by).map_err(|message| self.database.invalid(message))?;
        let Some(before) = self.stands(number).await? else { return Ok(Answered::Missing) };
        if before.open {
            // What a person merged with Git just now is not to be rejected.
            self.sync().await?;
            if self.shut(number, Some(by), reason).await? {
                return Ok(Answered::Done);
            }
        }
        let row = sqlx::query(
            "SELECT state = 'closed' AND by_gantry = 0 AND ended_by = $2 AS mine FROM proposal WHERE number = $1",
        )
        .bind(rows::key(number))
        .bind(by)
        .fetch_one(self.database.pool())
        .await;
        let mine: i64 = self.database.read(row.and_then(|row| row.try_get("mine")))?;
        Ok(if mine == 1 { Answered::Done } else { Answered::NotOpen })
    }
}
