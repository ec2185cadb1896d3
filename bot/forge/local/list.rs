//! Reads proposals with their approvals and statuses, in a few queries however many there are, and keeps them: only
//! those that were written to are read again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use gantry_core::{
    facts::{Approval, HeadStatus, Proposal, ProposalState},
    ids::ProposalNumber,
};
use jiff::Timestamp;
use sqlx::{Row, sqlite::SqliteRow};

use super::{
    database::Database,
    rows::{self, Read, proposal_columns},
};
use crate::forge::ForgeError;

/// How long closed and merged proposals are shown: 90 days ([`crate::forge::Forge::proposals`]).
const SHOWN_MS: i64 = 90 * 24 * 3600 * 1000;
/// How many of them at most.
const SHOWN: usize = 10_000;

/// The proposals as they were read last, and which were written to since.
#[derive(Default)]
pub(super) struct Kept {
    all: tokio::sync::Mutex<Option<All>>,
    stale: Mutex<BTreeSet<ProposalNumber>>,
}

struct All {
    /// SQLite's number for what other connections wrote to the file.
    version: i64,
    proposals: BTreeMap<ProposalNumber, Proposal>,
}

impl Kept {
    /// A proposal is written to.
    pub(super) fn touch(&self, number: ProposalNumber) {
        self.stale.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
    }

    /// The proposals that are shown, newest first. What ended says no more than its title.
    pub(super) async fn list(
        &self,
        database: &Database,
        now: Timestamp,
    ) -> Result<Vec<Proposal>, ForgeError> {
        let mut kept = self.all.lock().await;
        let row =
            sqlx::query("SELECT data_version FROM pragma_data_version").fetch_one(database.pool()).await;
        let version: i64 = database.read(row.and_then(|row| row.try_get(0)))?;
        let stale = std::mem::take(&mut *self.stale.lock().unwrap_or_else(PoisonError::into_inner));
        let oldest = now.as_millisecond().saturating_sub(SHOWN_MS);
        let read = match &*kept {
            Some(all) if all.version == version => stale.into_iter().collect(),
            _ => {
                *kept = None;
                shown(database, oldest).await?
            }
        };
        let all = kept.get_or_insert_with(|| All { version, proposals: BTreeMap::new() });
        match load(database, &read).await {
            Ok(proposals) => all.proposals.extend(proposals),
            Err(error) => {
                // What was stale is forgotten with the rest.
                *kept = None;
                return Err(error);
            }
        }
        let mut ended = 0;
        let list: Vec<Proposal> = all
            .proposals
            .values()
            .rev()
            .filter(|proposal| {
                let at = match &proposal.state {
                    ProposalState::Open => return true,
                    ProposalState::Merged { at, .. } | ProposalState::Closed { at, .. } => at,
                };
                ended += 1;
                ended <= SHOWN && at.as_millisecond() >= oldest
            })
            .cloned()
            .collect();
        if list.len() < all.proposals.len() {
            let shown: BTreeSet<ProposalNumber> = list.iter().map(|proposal| proposal.number).collect();
            all.proposals.retain(|number, _| shown.contains(number));
        }
        Ok(list)
    }
}

/// The numbers of all open ones, and of the others that ended since $1.
async fn shown(database: &Database, oldest: i64) -> Result<Vec<ProposalNumber>, ForgeError> {
    let found = sqlx::query(
        "SELECT number FROM proposal WHERE state = 'open' \
         UNION ALL \
         SELECT number FROM (SELECT number FROM proposal WHERE ended_ms IS NOT NULL AND ended_ms >= $1 \
                             ORDER BY number DESC LIMIT 10000)",
    )
    .bind(oldest)
    .fetch_all(database.pool())
    .await;
    let found = database.read(found)?;
    database.read(found.iter().map(|row| rows::number(row, "number")).collect())
}

/// Proposals by their numbers.
async fn load(
    database: &Database,
    numbers: &[ProposalNumber],
) -> Result<Vec<(ProposalNumber, Proposal)>, ForgeError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: Vec<i64> = numbers.iter().map(|number| rows::key(*number)).collect();
    let numbers = serde_json::to_string(&numbers).unwrap_or_default();
    let found = all(
        database,
        concat!(
            "SELECT ",
            proposal_columns!(),
            " FROM proposal WHERE number IN (SELECT value FROM json_each($1))"
        ),
        &numbers,
        rows::proposal,
    )
    .await?;
    let mut approvals: HashMap<ProposalNumber, Vec<Approval>> = HashMap::new();
    let given = all(
        database,
        "SELECT * FROM approval WHERE proposal IN (SELECT value FROM json_each($1)) \
         ORDER BY proposal, at_ms, person",
        &numbers,
        rows::approval,
    )
    .await?;
    for (number, approval) in given {
        approvals.entry(number).or_default().push(approval);
    }
    let mut statuses: HashMap<ProposalNumber, Vec<HeadStatus>> = HashMap::new();
    let set = all(
        database,
        "SELECT status.* FROM status JOIN proposal ON number = proposal AND proposal.head = status.head \
         WHERE proposal IN (SELECT value FROM json_each($1)) ORDER BY proposal, context",
        &numbers,
        rows::status,
    )
    .await?;
    for (number, status) in set {
        statuses.entry(number).or_default().push(status);
    }
    let whole = |mut proposal: Proposal| {
        proposal.approvals = approvals.remove(&proposal.number).unwrap_or_default();
        proposal.statuses = statuses.remove(&proposal.number).unwrap_or_default();
        (proposal.number, proposal)
    };
    Ok(found.into_iter().map(whole).collect())
}

async fn all<T>(
    database: &Database,
    query: &'static str,
    numbers: &str,
    parse: fn(&SqliteRow) -> Read<T>,
) -> Result<Vec<T>, ForgeError> {
    let rows = database.read(sqlx::query(query).bind(numbers).fetch_all(database.pool()).await)?;
    database.read(rows.iter().map(parse).collect())
}
