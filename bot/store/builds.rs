//! Builds as CI reports them.

use std::collections::BTreeSet;

use gantry_core::{
    build::{BuildReport, BuildStatus},
    ids::{Digest, Tag},
};
use jiff::Timestamp;
use sqlx::{Any, Row, Transaction};

use super::{InboxId, Recorded, Result, SqlStore, StoreError, bounds, rows};

/// What is stored of a build already.
struct Known {
    status: String,
    tag: Tag,
    entry: i64,
}

impl SqlStore {
    pub(super) async fn put_build(
        &self,
        report: &BuildReport,
        entry: InboxId,
        received: Timestamp,
    ) -> Result<Recorded> {
        bounds::name("check", &report.check)?;
        bounds::line("url", report.url.as_deref())?;
        bounds::line("revision", report.revision.as_deref())?;
        bounds::line("source", report.source.as_deref())?;
        let Some(digest) = &report.digest else {
            let reason = "the tag was not resolved yet; ask the registry first".to_owned();
            return Err(StoreError::Refused { field: "digest", reason });
        };
        let mut transaction = self.begin().await?;
        let known = self.known_build(&mut transaction, report, digest).await?;
        let recorded = match &known {
            None => Recorded::New,
            Some(known) if known.entry > entry.0 => return Ok(Recorded::Older),
            Some(known) if known.status == report.status.as_str() => Recorded::Same,
            Some(_) => Recorded::Changed,
        };
        // The time of an unchanged status stays: it says since when.
        sqlx::query(
            "INSERT INTO build (image, digest, check_name, tag, status, url, at_ms, entry) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (image, digest, check_name) DO UPDATE SET tag = excluded.tag, url = excluded.url, \
             at_ms = CASE WHEN build.status = excluded.status THEN build.at_ms ELSE excluded.at_ms END, \
             status = excluded.status, entry = excluded.entry WHERE build.entry <= excluded.entry",
        )
        .bind(report.image.as_str())
        .bind(digest.as_str())
        .bind(&report.check)
        .bind(report.tag.as_str())
        .bind(report.status.as_str())
        .bind(report.url.as_deref())
        .bind(received.as_millisecond())
        .bind(entry.0)
        .execute(&mut *transaction)
        .await
        .map_err(|error| self.sort(error))?;
        // A repetition is no new sighting of the tag: it may have moved on since.
        let seen_before = recorded == Recorded::Same && known.is_some_and(|known| known.tag == report.tag);
        if report.status == BuildStatus::Success && !seen_before {
            self.know_artifact(&mut transaction, report, digest, received).await?;
        }
        self.note_change(&mut transaction, &BTreeSet::from([&report.image])).await?;
        self.commit(transaction).await?;
        Ok(recorded)
    }

    async fn known_build(
        &self,
        transaction: &mut Transaction<'static, Any>,
        report: &BuildReport,
        digest: &Digest,
    ) -> Result<Option<Known>> {
        let row = sqlx::query(
            "SELECT status, tag, entry FROM build WHERE image = $1 AND digest = $2 AND check_name = $3",
        )
        .bind(report.image.as_str())
        .bind(digest.as_str())
        .bind(&report.check)
        .fetch_optional(&mut **transaction)
        .await;
        row.and_then(|row| match row {
            Some(row) => Ok(Some(Known {
                status: rows::text(&row, 0)?.to_owned(),
                tag: rows::id(&row, 1)?,
                entry: row.try_get(2)?,
            })),
            None => Ok(None),
        })
        .map_err(|error| self.sort(error))
    }

    /// Makes the artifact of a good build known: CI fills gaps, and what stands already stays.
    async fn know_artifact(
        &self,
        transaction: &mut Transaction<'static, Any>,
        report: &BuildReport,
        digest: &Digest,
        received: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO artifact (image, digest, built_ms, revision, source, described) \
             VALUES ($1, $2, $3, $4, $5, 0) \
             ON CONFLICT (image, digest) DO UPDATE SET built_ms = COALESCE(artifact.built_ms, excluded.built_ms), \
             revision = COALESCE(artifact.revision, excluded.revision), \
             source = COALESCE(artifact.source, excluded.source)",
        )
        .bind(report.image.as_str())
        .bind(digest.as_str())
        .bind(report.created.map(Timestamp::as_millisecond))
        .bind(report.revision.as_deref())
        .bind(report.source.as_deref())
        .execute(&mut **transaction)
        .await
        .map_err(|error| self.sort(error))?;
        // State 0 is "reported"; a tag that was gone is there again, as far as CI knows.
        sqlx::query(
            "INSERT INTO tag (image, tag, digest, state, seen_ms) VALUES ($1, $2, $3, 0, $4) \
             ON CONFLICT (image, tag) DO UPDATE SET digest = excluded.digest, seen_ms = excluded.seen_ms, \
             state = CASE WHEN tag.state = 2 THEN 0 ELSE tag.state END \
             WHERE tag.digest IS NULL OR excluded.seen_ms >= tag.seen_ms",
        )
        .bind(report.image.as_str())
        .bind(report.tag.as_str())
        .bind(digest.as_str())
        .bind(received.as_millisecond())
        .execute(&mut **transaction)
        .await
        .map_err(|error| self.sort(error))?;
        Ok(())
    }
}
