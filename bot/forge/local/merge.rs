//! Merging: the base becomes a commit that holds the proposal; then its branch goes.
//!
//! Two pushes and not one, because a push of two branches may land by halves: a branch that is gone while its
//! base was refused would look like a person's rejection. Each push carries the id that the branch must still
//! have, so a person who pushed a moment ago is never overwritten (promise 6). The commit is written down before the push; whoever looks next finds it in the base or not, so
//! a kill at any moment neither loses the merge nor makes it twice (promise 3). Begun again for the same two
//! heads, a merge makes the very same commit, unless somebody approved meanwhile or the signature differs; each
//! commit that was begun is written down, and the push lets one of them land.
//!
//! Races known: a person's push to the proposal's branch between our look and the push of the base is not part of
//! the merge; it stays on the branch. A kill may leave the push of a dead process under way at the server. It can only land the commit
//! that is written down, and only as long as the base has not moved.

use std::collections::HashSet;

use gantry_core::ids::{BranchName, CommitId, ProposalNumber};
use jiff::Timestamp;
use sqlx::Row;

use super::{LocalForge, rows, settle::Fate, sync::Standing, text};
use crate::{
    forge::{ForgeError, Merged},
    git::{CommitInfo, Draft, GitError, Mirror, Person, RefResult, RefUpdate, Snapshot, trailers},
};

/// Paths with their new bytes; `None` deletes the file.
type Changes = Vec<(String, Option<Vec<u8>>)>;

/// What a merge would do to the base.
enum Plan {
    /// The base becomes this commit, which was not pushed yet.
    Becomes(CommitId),
    /// The branch must be built anew.
    Moved,
    /// People must act.
    Refused(String),
}

impl LocalForge {
    /// Merges a proposal whose head is `head`. The caller holds the forge's lock.
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
        if let Some(commit) = standing.merged {
            return Ok(Merged::Yes { commit });
        }
        if !standing.open || standing.head != *head {
            return Ok(Merged::Moved);
        }
        let Some(base_head) = self.head_of(&standing.base) else {
            let message = format!(
                "the branch {} does not exist; the team must create it or correct gantry.yaml",
                standing.base
            );
            return Ok(Merged::Refused { message });
        };
        let at = self.begun(number, head, &base_head).await?.unwrap_or_else(|| self.clock.now());
        let committer = Person { name: self.bot.name.clone(), email: self.bot.email.clone() };
        let (from, onto) = (head.clone(), base_head.clone());
        let names = self.co_authors(number, head).await?;
        let plan = self.git(move |mirror| plan(mirror, &from, &onto, &names, committer, at)).await?;
        match plan {
            Plan::Moved => Ok(Merged::Moved),
            Plan::Refused(message) => Ok(Merged::Refused { message }),
            Plan::Becomes(commit) => {
                self.begin_merge(number, head, &base_head, &commit, at).await?;
                let update = RefUpdate {
                    branch: standing.base.to_string(),
                    old: Some(base_head),
                    new: Some(commit.clone()),
                };
                let outcomes = self.git(move |mirror| mirror.push(&[update])).await?;
                let Some(outcome) = outcomes.into_iter().next() else {
                    return Err(self.database.unavailable("a push told nothing; please report this fault"));
                };
                self.end_merge(number, standing, commit, outcome.result).await
            }
        }
    }

    fn head_of(&self, branch: &BranchName) -> Option<CommitId> {
        self.mirror.heads().branches.get(branch.as_str()).cloned()
    }

    /// Who approved this head and has a known address, as trailers.
    async fn co_authors(
        &self,
        number: ProposalNumber,
        head: &CommitId,
    ) -> Result<Vec<(String, String)>, ForgeError> {
        let rows = sqlx::query(
            "SELECT person FROM approval WHERE proposal = $1 AND head = $2 ORDER BY at_ms, person LIMIT 50",
        )
        .bind(rows::key(number))
        .bind(head.as_str())
        .fetch_all(self.database.pool())
        .await;
        let mut found = Vec::new();
        for row in self.database.read(rows)? {
            let person: String = self.database.read(row.try_get("person"))?;
            found.extend(self.people.get(&person).and_then(|email| trailers::co_author(&person, email)));
        }
        Ok(found)
    }

    /// When a merge of these two was begun, by this process or by one that died.
    async fn begun(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        base_head: &CommitId,
    ) -> Result<Option<Timestamp>, ForgeError> {
        let row = sqlx::query(
            "SELECT at_ms FROM merge_try WHERE proposal = $1 AND head = $2 AND base_head = $3 ORDER BY at_ms",
        )
        .bind(rows::key(number))
        .bind(head.as_str())
        .bind(base_head.as_str())
        .fetch_optional(self.database.pool())
        .await;
        let row = self.database.read(row)?;
        self.database.read(row.map(|row| rows::time(&row, "at_ms")).transpose())
    }

    async fn begin_merge(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        base_head: &CommitId,
        becomes: &CommitId,
        at: Timestamp,
    ) -> Result<(), ForgeError> {
        let done = sqlx::query(
            "INSERT INTO merge_try (proposal, head, base_head, becomes, at_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING",
        )
        .bind(rows::key(number))
        .bind(head.as_str())
        .bind(base_head.as_str())
        .bind(becomes.as_str())
        .bind(at.as_millisecond())
        .execute(self.database.pool())
        .await;
        self.database.read(done).map(drop)
    }

    async fn end_merge(
        &self,
        number: ProposalNumber,
        standing: Standing,
        commit: CommitId,
        result: RefResult,
    ) -> Result<Merged, ForgeError> {
        match result {
            RefResult::Landed => {
                let mut transaction = self.database.begin().await?;
                self.write(&mut transaction, number, &Fate::Merged { commit: commit.clone(), by: None })
                    .await?;
                self.database.commit(transaction).await?;
                self.remove_branch(standing).await;
                Ok(Merged::Yes { commit })
            }
            RefResult::LostRace { .. } => {
                // Perhaps to the push of a process that died, which wanted the same.
                self.sync().await?;
                Ok(match self.must_stand(number).await?.merged {
                    Some(commit) => Merged::Yes { commit },
                    None => Merged::Moved,
                })
            }
            RefResult::Refused { message } => {
                let done = sqlx::query("DELETE FROM merge_try WHERE proposal = $1 AND becomes = $2")
                    .bind(rows::key(number))
                    .bind(commit.as_str())
                    .execute(self.database.pool())
                    .await;
                self.database.read(done)?;
                Ok(Merged::Refused { message: text::prose(&message, text::PROSE) })
            }
            RefResult::Unfinished { message } => Err(self.database.unavailable(&message)),
        }
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

/// Finds what the base would become, and makes that commit where it is a new one: where the base has moved, or
/// where it names who approved.
fn plan(
    mirror: &Mirror,
    head: &CommitId,
    base: &CommitId,
    co_authors: &[(String, String)],
    committer: Person,
    at: Timestamp,
) -> Result<Plan, GitError> {
    let Some(start) = mirror.merge_base(base, head)? else { return Ok(Plan::Moved) };
    let own = mirror.commits_between(base, head, 2)?;
    if start == *base && (co_authors.is_empty() || own.len() != 1) {
        return Ok(Plan::Becomes(head.clone()));
    }
    let [commit] = own.as_slice() else {
        return Ok(Plan::Refused(
            "the branch holds more than one commit and its base has moved; whoever committed to it must merge it with \
             git, or rebase it"
                .to_owned(),
        ));
    };
    match changes(mirror, &start, commit, base)? {
        None => Ok(Plan::Moved),
        Some(changes) => {
            let draft = Draft {
                parent: base.clone(),
                merges: Vec::new(),
                changes,
                message: match co_authors {
                    [] => commit.message.clone(),
                    names => trailers::with(&commit.message, names),
                },
                author: commit.author.clone(),
                committer,
                at,
            };
            mirror.commit(&draft).map(Plan::Becomes)
        }
    }
}

/// The changes of a commit on `start`, if they can be made on `base` as well: the files that it changed are
/// there as they were at its start, and each keeps its mode.
fn changes(
    mirror: &Mirror,
    start: &CommitId,
    commit: &CommitInfo,
    base: &CommitId,
) -> Result<Option<Changes>, GitError> {
    let changed = mirror.changed(Some(start), &commit.id, &|_| true)?;
    let paths: HashSet<&str> = changed.iter().map(|file| file.path.as_str()).collect();
    if !mirror.changed(Some(start), base, &|path| paths.contains(path))?.is_empty() {
        return Ok(None);
    }
    let (before, after) = (mirror.snapshot(start)?, mirror.snapshot(&commit.id)?);
    let mode = |snapshot: &Snapshot<'_>, path: &str| -> Result<_, GitError> {
        Ok(snapshot.read(path)?.map(|file| (file.executable, file.kind, file.bytes)))
    };
    let mut changes = Vec::with_capacity(changed.len());
    for file in changed {
        let (old, new) = (mode(&before, &file.path)?, mode(&after, &file.path)?);
        let same = match (&old, &new) {
            (Some(old), Some(new)) => old.0 == new.0 && old.1 == new.1,
            (None, Some(new)) => !new.0,
            (_, None) => true,
        };
        if !same {
            return Ok(None);
        }
        changes.push((file.path, new.map(|(.., bytes)| bytes)));
    }
    Ok(Some(changes))
}
