//! Rows as values. What does not parse is damage, for every value was checked before it was written.

use std::str::FromStr;

use gantry_core::{
    facts::{Approval, HeadStatus, Place, Proposal, ProposalState},
    ids::{BranchName, CommitId, ProposalNumber},
};
use jiff::Timestamp;
use sqlx::{Row, sqlite::SqliteRow};

/// A result before the database's name is joined to its error.
pub(super) type Read<T> = Result<T, sqlx::Error>;

/// The columns that [`proposal`] reads.
macro_rules! proposal_columns {
    () => {
        "number, branch, base, head, release, title, CASE WHEN state = 'open' THEN body ELSE '' END AS body, opened_ms, state, ended_ms, ended_by, by_gantry, reason, merged_as"
    };
}
pub(super) use proposal_columns;

/// An open proposal as far as Git matters to it.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) number: ProposalNumber,
    pub(super) branch: BranchName,
    pub(super) base: BranchName,
    /// The branch's head at the last look.
    pub(super) head: CommitId,
    /// The base's head at the last look; `head` and `tries` are not in it.
    pub(super) base_head: Option<CommitId>,
    /// The commits of merges that were begun and whose end is not known.
    pub(super) tries: Vec<CommitId>,
}

fn damaged(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

/// An identifier, checked again.
pub(super) fn id<T>(row: &SqliteRow, column: &str) -> Read<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<&str, _>(column)?.parse().map_err(damaged)
}

/// An identifier that may be missing.
pub(super) fn maybe_id<T>(row: &SqliteRow, column: &str) -> Read<Option<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<Option<&str>, _>(column)?.map(str::parse).transpose().map_err(damaged)
}

/// The number of a proposal.
pub(super) fn number(row: &SqliteRow, column: &str) -> Read<ProposalNumber> {
    u64::try_from(row.try_get::<i64, _>(column)?).map(ProposalNumber).map_err(damaged)
}

/// A proposal at one of its heads.
pub(super) fn head_of(row: &SqliteRow) -> Read<(ProposalNumber, CommitId)> {
    Ok((number(row, "proposal")?, id(row, "head")?))
}

/// A time.
pub(super) fn time(row: &SqliteRow, column: &str) -> Read<Timestamp> {
    Timestamp::from_millisecond(row.try_get(column)?).map_err(damaged)
}

/// A number as SQLite takes it. One that is out of its range names no proposal.
pub(super) fn key(number: ProposalNumber) -> i64 {
    i64::try_from(number.0).unwrap_or(-1)
}

/// What a branch promotes where: `gantry/<environment>/<application>`.
pub(super) fn place_of(branch: &BranchName) -> Option<Place> {
    let (environment, application) = branch.as_str().strip_prefix("gantry/")?.split_once('/')?;
    Some(Place { application: application.parse().ok()?, environment: environment.parse().ok()? })
}

/// A proposal without its approvals and statuses.
pub(super) fn proposal(row: &SqliteRow) -> Read<Proposal> {
    let branch: BranchName = id(row, "branch")?;
    let place = place_of(&branch).ok_or_else(|| damaged(format!("{branch} is no branch of a proposal")))?;
    let state = match row.try_get("state")? {
        "open" => ProposalState::Open,
        "merged" => ProposalState::Merged {
            at: time(row, "ended_ms")?,
            by: row.try_get("ended_by")?,
            commit: maybe_id(row, "merged_as")?,
        },
        "closed" => ProposalState::Closed {
            at: time(row, "ended_ms")?,
            by: row.try_get("ended_by")?,
            by_gantry: row.try_get::<i64, _>("by_gantry")? != 0,
            reason: row.try_get("reason")?,
        },
        other => return Err(damaged(format!("{other:?} is no state of a proposal"))),
    };
    Ok(Proposal {
        number: number(row, "number")?,
        place,
        base: id(row, "base")?,
        head: id(row, "head")?,
        state,
        title: row.try_get("title")?,
        body: row.try_get("body")?,
        url: String::new(),
        release: Some(id(row, "release")?),
        opened: time(row, "opened_ms")?,
        approvals: Vec::new(),
        statuses: Vec::new(),
    })
}

/// An approval and whose it is.
pub(super) fn approval(row: &SqliteRow) -> Read<(ProposalNumber, Approval)> {
    let approval = Approval {
        by: row.try_get("person")?,
        head: id(row, "head")?,
        at: time(row, "at_ms")?,
        reason: row.try_get("reason")?,
    };
    Ok((number(row, "proposal")?, approval))
}

/// A status and whose it is.
pub(super) fn status(row: &SqliteRow) -> Read<(ProposalNumber, HeadStatus)> {
    let status = HeadStatus {
        context: row.try_get("context")?,
        state: row.try_get("state")?,
        description: row.try_get("description")?,
    };
    Ok((number(row, "proposal")?, status))
}

/// An open proposal without its merges begun.
pub(super) fn watched(row: &SqliteRow) -> Read<Watched> {
    Ok(Watched {
        number: number(row, "number")?,
        branch: id(row, "branch")?,
        base: id(row, "base")?,
        head: id(row, "head")?,
        base_head: maybe_id(row, "base_head")?,
        tries: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_from_its_branch() {
        let place =
            Place { application: "check.out".parse().unwrap(), environment: "prod-eu".parse().unwrap() };
        assert_eq!(place_of(&place.branch()), Some(place));
        for other in ["main", "gantry/qa", "gantry/qa/a/b", "feature/qa/a"] {
            assert_eq!(place_of(&other.parse().unwrap()), None, "{other}");
        }
    }
}
