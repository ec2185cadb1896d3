//! Every promotion that a repository's branches tell of, and whether it is believed: what an auditor asks.

use std::collections::BTreeMap;

use gantry_core::{
    config::pipeline::Pipeline,
    facts::Place,
    ids::{BranchName, CommitId, ReleaseId},
    reason::Problem,
};
use jiff::Timestamp;

use super::{
    belief::{Judge, Ledger, claim_of, holds},
    config::ConfigWatch,
    contents,
};
use crate::{
    git::{CommitInfo, GitError, Mirror},
    seal::Trust,
};

/// How many commits are read at once.
const STEP: usize = 500;
/// How many commits a merge may bring that are searched for records.
const MERGED: usize = 10_000;

/// A commit that says that it is a promotion, or that brought one that does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Audited {
    /// The branch.
    pub(crate) branch: BranchName,
    /// The first-parent commit on it.
    pub(crate) commit: CommitId,
    /// Its own time.
    pub(crate) at: Timestamp,
    /// Its author's name.
    pub(crate) author: String,
    /// Where it says that it promoted.
    pub(crate) place: Place,
    /// Which release.
    pub(crate) release: ReleaseId,
    /// Its version.
    pub(crate) version: String,
    /// The key whose seal it rightly carries.
    pub(crate) sealed_by: Option<String>,
    /// Whether the files hold what it says; none where `gantry.yaml` does not name them any more, or they can't be
    /// read.
    pub(crate) holds: Option<bool>,
}

impl Audited {
    /// Whether the server believes it, as far as the files can be looked at.
    pub(crate) fn is_believed(&self) -> bool {
        self.sealed_by.is_some() && self.holds != Some(false)
    }
}

/// What stops an audit.
#[derive(Debug)]
pub(crate) enum NoAudit {
    /// The repository can't be read.
    Git(GitError),
    /// `gantry.yaml` can't be used.
    Config(Vec<Problem>),
}

impl From<GitError> for NoAudit {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}

/// Goes through the branches of all environments, from the newest commit to the first.
pub(crate) fn audit(mirror: &Mirror, trust: &Trust, default: &BranchName) -> Result<Vec<Audited>, NoAudit> {
    let heads = mirror.heads();
    let mut config = ConfigWatch::default();
    config.look(mirror, &heads, default)?;
    let Some(pipeline) = config.pipeline.clone() else { return Err(NoAudit::Config(config.problems)) };
    let mut branches: BTreeMap<&BranchName, &CommitId> = BTreeMap::new();
    for stage in &pipeline.environments {
        if let Some(head) = heads.branches.get(stage.branch.as_str()) {
            branches.insert(&stage.branch, head);
        }
    }
    let mut found = Vec::new();
    for (branch, head) in branches {
        let judge = Judge { mirror, trust, branch };
        let mut ledger = Ledger::default();
        ledger.follow(head);
        let mut next = Some(head.clone());
        while let Some(from) = next.take() {
            let commits = mirror.log(&from, None, STEP)?;
            for commit in &commits {
                one(&judge, &pipeline, &mut ledger, commit, &mut found)?;
            }
            next = commits.last().and_then(|oldest| oldest.parents.first().cloned());
        }
    }
    Ok(found)
}

fn one(
    judge: &Judge<'_>,
    pipeline: &Pipeline,
    ledger: &mut Ledger,
    commit: &CommitInfo,
    found: &mut Vec<Audited>,
) -> Result<(), GitError> {
    let merged = match commit.parents.as_slice() {
        [parent, _, ..] => judge.mirror.commits_between(parent, &commit.id, MERGED)?,
        _ => Vec::new(),
    };
    let mut told: Vec<_> = std::iter::once(commit).chain(&merged).filter_map(claim_of).collect();
    told.sort_by(|a, b| (&a.place, &a.release).cmp(&(&b.place, &b.release)));
    told.dedup_by(|a, b| a.place == b.place && a.release == b.release);
    for record in told {
        let word =
            judge.word(ledger, &record.place, commit, &merged, &|other| other.release == record.release)?;
        let application = pipeline.applications.get(&record.place.application);
        let files = application.and_then(|app| Some((app, app.files.get(&record.place.environment)?)));
        let held = match files {
            Some((application, files)) => {
                let snapshot = judge.mirror.snapshot(&commit.id)?;
                contents::read(&snapshot, judge.branch, application, files)?.ok()
            }
            None => None,
        };
        found.push(Audited {
            branch: judge.branch.clone(),
            commit: commit.id.clone(),
            at: commit.at,
            author: commit.author.name.clone(),
            version: record.release().version(),
            sealed_by: word.believed.map(|believed| believed.key.to_string()),
            holds: held.map(|found| holds(&record, &found.held)),
            place: record.place,
            release: record.release,
        });
    }
    Ok(())
}
