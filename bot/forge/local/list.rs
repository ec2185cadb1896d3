//! Reads proposals with their approvals and statuses, in four queries however many there are.

use std::collections::HashMap;

use gantry_core::{
    facts::{Approval, HeadStatus, Proposal},
    ids::ProposalNumber,
};
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::{
    database::Database,
    rows::{self, Read, proposal_columns},
};
use crate::forge::ForgeError;

/// How long closed and merged proposals are shown: 90 days ([`crate::forge::Forge::proposals`]).
const SHOWN_MS: i64 = 90 * 24 * 3600 * 1000;

/// The numbers that are shown: all open ones, and at most 10,000 of the others. $1 is the oldest end shown.
macro_rules! shown {
    () => {
        "(SELECT number FROM proposal WHERE state = 'open' \
          UNION ALL \
          SELECT number FROM (SELECT number FROM proposal WHERE ended_ms IS NOT NULL AND ended_ms >= $1 \
                              ORDER BY number DESC LIMIT 10000))"
    };
}

/// The proposals that are shown, newest first.
pub(super) async fn proposals(database: &Database, now: Timestamp) -> Result<Vec<Proposal>, ForgeError> {
    let oldest = now.as_millisecond().saturating_sub(SHOWN_MS);
    let found = all(
        database,
        concat!(
            "SELECT ",
            proposal_columns!(),
            " FROM proposal WHERE number IN ",
            shown!(),
            " ORDER BY number DESC"
        ),
        oldest,
        rows::proposal,
    )
    .await?;
    let mut approvals: HashMap<ProposalNumber, Vec<Approval>> = HashMap::new();
    let given = all(
        database,
        concat!("SELECT * FROM approval WHERE proposal IN ", shown!(), " ORDER BY proposal, at_ms, person"),
        oldest,
        rows::approval,
    )
    .await?;
    for (number, approval) in given {
        approvals.entry(number).or_default().push(approval);
    }
    let mut statuses: HashMap<ProposalNumber, Vec<HeadStatus>> = HashMap::new();
    let set = all(
        database,
        concat!(
            "SELECT status.* FROM status JOIN proposal ON number = proposal AND proposal.head = status.head \
             WHERE proposal IN ",
            shown!(),
            " ORDER BY proposal, context"
        ),
        oldest,
        rows::status,
    )
    .await?;
    for (number, status) in set {
        statuses.entry(number).or_default().push(status);
    }
    Ok(found
        .into_iter()
        .map(|mut proposal| {
            proposal.approvals = approvals.remove(&proposal.number).unwrap_or_default();
            proposal.statuses = statuses.remove(&proposal.number).unwrap_or_default();
            proposal
        })
        .collect())
}

async fn all<T>(
    database: &Database,
    query: &'static str,
    oldest: i64,
    parse: fn(&SqliteRow) -> Read<T>,
) -> Result<Vec<T>, ForgeError> {
    let rows = database.read(sqlx::query(query).bind(oldest).fetch_all(database.pool()).await)?;
    database.read(rows.iter().map(parse).collect())
}
