//! Merging: the base becomes a commit that holds the proposal; then its branch goes.
//!
//! The server's loop pushes many merges at once, as commits of one chain ([`Merging`]); the branches go with one of
//! its next pushes. Two pushes and not one, because a push of two branches may land by halves: a branch that is gone
//! while its base was refused would look like a person's rejection. Each push carries the id that the branch must
//! still have, so a person who pushed a moment ago is never overwritten (promise 6). The commits are written down
//! before the push; whoever looks next finds each in the base or not, so a kill at any moment neither loses a merge
//! nor makes it twice (promise 3). Begun again for the same two heads, a merge makes the very same commit, unless
//! somebody approved meanwhile or the signature differs; each commit that was begun is written down, and the push
//! lets one of them land.
//!
//! Races known: a person's push to the proposal's branch between our look and the push of the base is not part of
//! the merge; it stays on the branch. A kill may leave the push of a dead process under way at the server. It can only land the commit
//! that is written down, and only as long as the base has not moved.

use std::collections::HashMap;

use async_trait::async_trait;
use gantry_core::{
    facts::Approval,
    ids::{CommitId, ProposalNumber},
};
use jiff::Timestamp;
use sqlx::{Sqlite, Transaction, sqlite::SqliteRow};
use tokio::sync::OwnedMutexGuard;

use super::{LocalForge, rows, settle::Fate, sync::Standing, text};
use crate::{
    forge::{
        ForgeError, Merged,
        by_git::{Mergeable, Merging, Onto, Replay, Try},
    },
    git::{Person, RefResult, RefUpdate, trailers},
};

/// How many co-authors a merge names.
const MOST_AUTHORS: usize = 50;

/// What is known of heads of proposals.
type OfHeads<T> = HashMap<(ProposalNumber, CommitId), Vec<T>>;

/// Merges under way: the forge is ours as long as this lives.
pub(super) struct Underway {
    pub(super) forge: LocalForge,
    pub(super) proposals: HashMap<ProposalNumber, Result<Mergeable, Merged>>,
    pub(super) _turn: OwnedMutexGuard<()>,
}

#[async_trait]
impl Merging for Underway {
    fn proposals(&self) -> &HashMap<ProposalNumber, Result<Mergeable, Merged>> {
        &self.proposals
    }

    async fn begin(&self, tries: &[Try]) -> Result<(), ForgeError> {
        self.forge.write_down(tries).await
    }

    async fn settle(&self, results: Vec<(Try, RefResult)>) -> Result<Vec<Merged>, ForgeError> {
        self.forge.settle_tries(results).await
    }
}

impl LocalForge {
    /// Merges one proposal whose head is `head`, by a push of its own. The caller holds the forge's lock.
    pub(super) async fn merge_head(
        &self,
        number: ProposalNumber,
        head: &CommitId,
    ) -> Result<Merged, ForgeError> {
        if let Some(commit) = self.must_stand(number).await?.merged {
            return Ok(Merged::Yes { commit });
        }
        self.sync().await?;
        let standing = self.must_stand(number).await?;
        let merge = match self.mergeable(&[(number, head.clone())]).await?.remove(&number) {
            Some(Ok(merge)) => merge,
            Some(Err(so)) => return Ok(so),
            None => return Ok(Merged::Moved),
        };
        let Some(onto) = self.mirror.heads().branches.get(merge.base.as_str()).cloned() else {
            let message = format!(
                "the branch {} does not exist; the team must create it or correct gantry.yaml",
                merge.base
            );
            return Ok(Merged::Refused { message });
        };
        let (planned, start, lines, now) = (merge, onto.clone(), self.lines.clone(), self.clock.now());
        let replayed = self.git(move |mirror| {
            let files = mirror.snapshot(&start)?;
            let replay = lines.at(mirror, &planned.base, &start, |line| {
                let (head, changed) = (&start, &|_: &str| false);
                Onto { mirror, line, files: &files, start: &start, head, changed, now }.replay(&planned)
            })?;
            Ok(match replay {
                Replay::Head => Ok((planned.head, now)),
                Replay::Commit(draft) => Ok((mirror.commit(&draft)?, draft.at)),
                Replay::Moved => Err(Merged::Moved),
                Replay::Refused(message) => Err(Merged::Refused { message }),
            })
        });
        let (becomes, at) = match replayed.await? {
            Ok(becomes) => becomes,
            Err(so) => return Ok(so),
        };
        let merge = Try { number, head: head.clone(), onto: onto.clone(), becomes: becomes.clone(), at };
        self.write_down(std::slice::from_ref(&merge)).await?;
        let update =
            RefUpdate { branch: standing.base.to_string(), old: Some(onto), new: Some(becomes.clone()) };
        let outcomes = self.git(move |mirror| mirror.push(&[update])).await?;
        let Some(outcome) = outcomes.into_iter().next() else {
            return Err(self.database.unavailable("a push told nothing; please report this fault"));
        };
        match outcome.result {
            RefResult::LostRace { .. } => {
                // Perhaps to the push of a process that died, which wanted the same.
                self.sync().await?;
                Ok(match self.must_stand(number).await?.merged {
                    Some(commit) => Merged::Yes { commit },
                    None => Merged::Moved,
                })
            }
            RefResult::Unfinished { message } => Err(self.database.unavailable(&message)),
            result => {
                let landed = result == RefResult::Landed;
                let mut answers = self.settle_tries(vec![(merge, result)]).await?;
                if landed {
                    self.remove_branch(standing).await;
                }
                Ok(answers.pop().unwrap_or(Merged::Moved))
            }
        }
    }

    /// What is known of proposals that are to be merged, as they stood at the last look at Git.
    pub(super) async fn mergeable(
        &self,
        wanted: &[(ProposalNumber, CommitId)],
    ) -> Result<HashMap<ProposalNumber, Result<Mergeable, Merged>>, ForgeError> {
        let committer = Person { name: self.bot.name.clone(), email: self.bot.email.clone() };
        let numbers: Vec<i64> = wanted.iter().map(|(number, _)| rows::key(*number)).collect();
        let numbers = serde_json::to_string(&numbers).unwrap_or_default();
        let standings = sqlx::query(
            "SELECT number, branch, base, head, state, merged_as FROM proposal \
             WHERE number IN (SELECT value FROM json_each($1))",
        );
        let standings = standings.bind(&numbers).fetch_all(self.database.pool()).await;
        let standings = self.database.read(standings)?;
        let read = |row: &SqliteRow| Ok((rows::number(row, "number")?, Standing::read(row)?));
        let mut standings: HashMap<ProposalNumber, Standing> =
            self.database.read(standings.iter().map(read).collect())?;
        let mut begun = self.begun(&numbers).await?;
        let mut approvers = self.approvers(&numbers).await?;
        let mut found = HashMap::with_capacity(wanted.len());
        for (number, head) in wanted {
            let so = match standings.remove(number) {
                Some(Standing { merged: Some(commit), .. }) => Err(Merged::Yes { commit }),
                Some(standing) if standing.open && standing.head == *head => {
                    let key = (*number, head.clone());
                    Ok(Mergeable {
                        number: *number,
                        base: standing.base,
                        approvers: approvers.remove(&key).unwrap_or_default(),
                        committer: committer.clone(),
                        begun: begun.remove(&key).unwrap_or_default(),
                        head: key.1,
                    })
                }
                Some(_) | None => Err(Merged::Moved),
            };
            found.insert(*number, so);
        }
        Ok(found)
    }

    /// Who approved which head, when and why, as trailers; and as co-authors those whose addresses are known.
    async fn approvers(&self, numbers: &str) -> Result<OfHeads<(String, String)>, ForgeError> {
        let given = sqlx::query(
            "SELECT proposal, head, person, at_ms, reason FROM approval \
             WHERE proposal IN (SELECT value FROM json_each($1)) ORDER BY at_ms, person",
        );
        let given = given.bind(numbers).fetch_all(self.database.pool()).await;
        let read = |row: &SqliteRow| Ok((rows::head_of(row)?, rows::approval(row)?.1));
        let given: Vec<_> = self.database.read(self.database.read(given)?.iter().map(read).collect())?;
        let mut found = OfHeads::new();
        let mut authors: OfHeads<(String, String)> = OfHeads::new();
        for (key, Approval { by, at, reason, .. }) in given {
            let of_head: &mut Vec<_> = found.entry(key.clone()).or_default();
            if of_head.len() >= MOST_AUTHORS {
                continue;
            }
            of_head.push(trailers::approved_by(&by, at, &reason));
            let author = self.people.get(&by).and_then(|email| trailers::co_author(&by, email));
            authors.entry(key).or_default().extend(author);
        }
        for (key, of_head) in authors {
            found.entry(key).or_default().extend(of_head);
        }
        Ok(found)
    }

    /// The merges that were begun, by this process or by one that died.
    async fn begun(&self, numbers: &str) -> Result<OfHeads<(CommitId, Timestamp)>, ForgeError> {
        let tries = sqlx::query(
            "SELECT proposal, head, base_head, at_ms FROM merge_try \
             WHERE proposal IN (SELECT value FROM json_each($1)) ORDER BY at_ms",
        );
        let tries = tries.bind(numbers).fetch_all(self.database.pool()).await;
        let read = |row: &SqliteRow| {
            Ok((rows::head_of(row)?, (rows::id(row, "base_head")?, rows::time(row, "at_ms")?)))
        };
        let tries: Vec<_> = self.database.read(self.database.read(tries)?.iter().map(read).collect())?;
        let mut found = OfHeads::new();
        for (key, begun) in tries {
            found.entry(key).or_default().push(begun);
        }
        Ok(found)
    }

    /// Writes merges down that are pushed next, all or none.
    async fn write_down(&self, tries: &[Try]) -> Result<(), ForgeError> {
        let mut transaction = self.database.begin().await?;
        for one in tries {
            let done = sqlx::query(
                "INSERT INTO merge_try (proposal, head, base_head, becomes, at_ms) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            )
            .bind(rows::key(one.number))
            .bind(one.head.as_str())
            .bind(one.onto.as_str())
            .bind(one.becomes.as_str())
            .bind(one.at.as_millisecond())
            .execute(&mut *transaction)
            .await;
            self.database.read(done)?;
        }
        self.database.commit(transaction).await
    }

    /// Writes down what became of merges. Of one that lost its race, or of which nothing was heard, nothing is
    /// known: the next look at Git tells, for its push may be that of a process that died.
    async fn settle_tries(&self, results: Vec<(Try, RefResult)>) -> Result<Vec<Merged>, ForgeError> {
        let mut transaction = self.database.begin().await?;
        let mut answers = Vec::with_capacity(results.len());
        for (merge, result) in results {
            answers.push(match result {
                RefResult::Landed => {
                    let fate = Fate::Merged { commit: merge.becomes.clone(), by: None };
                    self.write(&mut transaction, merge.number, &fate).await?;
                    Merged::Yes { commit: merge.becomes }
                }
                RefResult::Refused { message } => {
                    self.forget(&mut transaction, &merge).await?;
                    Merged::Refused { message: text::prose(&message, text::PROSE) }
                }
                RefResult::LostRace { .. } | RefResult::Unfinished { .. } => Merged::Moved,
            });
        }
        self.database.commit(transaction).await?;
        Ok(answers)
    }

    /// Takes back what was written down of a merge that the server refused.
    async fn forget(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        merge: &Try,
    ) -> Result<(), ForgeError> {
        let done = sqlx::query("DELETE FROM merge_try WHERE proposal = $1 AND becomes = $2")
            .bind(rows::key(merge.number))
            .bind(merge.becomes.as_str())
            .execute(&mut **transaction)
            .await;
        self.database.read(done).map(drop)
    }

    /// Removes a merged branch, unless a person pushed to it meanwhile. Where that fails, or the server deletes
    /// nothing, the branch stays for the engine to prune: what was asked, the merge, is done.
    async fn remove_branch(&self, standing: Standing) {
        let Standing { branch, head, .. } = standing;
        let gone = RefUpdate { branch: branch.to_string(), old: Some(head), new: None };
        if let Err(error) = self.git(move |mirror| mirror.push(&[gone])).await {
            tracing::debug!(%branch, %error, "a merged branch stays for now");
        }
    }
}
