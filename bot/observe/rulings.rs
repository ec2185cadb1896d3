//! The commits that record rejections and their liftings, found by their trailers.
//!
//! The file at the head says what is in force. The log is read for two things only: what earlier versions wrote
//! into commits alone, which is moved to the file once; and which closings of proposals were taken into the file
//! before, so that a rejection which a person lifted by removing its entry is not written again. Only messages are
//! read, each once: how far is kept in the database.

use std::collections::{BTreeMap, BTreeSet};

use gantry_core::{
    config::pipeline::Pipeline,
    facts::{Closing, Place, Rejected, Rejection, Ruling},
    ids::{BranchName, CommitId},
    record,
};
use serde::{Deserialize, Serialize};

use crate::{
    git::{CommitInfo, GitError, Mirror, trailers},
    rejections::FILE,
};

/// The most rulings that are kept of a branch; older ones are dropped first.
const MOST: usize = 500;

/// What the commits of some branches say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RulingLog {
    branches: BTreeMap<BranchName, Branch>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Branch {
    head: Option<CommitId>,
    /// Newest first.
    found: Vec<Found>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Found {
    place: Place,
    ruling: Ruling,
    /// The commit's tree holds the file: it is no commit of an earlier version.
    filed: bool,
}

impl RulingLog {
    /// Reads what is new on a branch.
    pub(super) fn follow(
        &mut self,
        mirror: &Mirror,
        branch: &BranchName,
        head: &CommitId,
    ) -> Result<(), GitError> {
        let known = self.branches.entry(branch.clone()).or_default();
        if known.head.as_ref() == Some(head) {
            return Ok(());
        }
        // After a forced push everything is read again.
        let before = known.head.clone();
        let before = before.filter(|before| mirror.is_ancestor(before, head).unwrap_or(false));
        let commits = mirror.search(head, before.as_ref(), &[record::REJECTS, record::ACCEPTS])?;
        let mut found = Vec::new();
        for commit in &commits {
            if let Some((place, ruling)) = ruling_of(commit) {
                let filed = mirror.snapshot(&commit.id)?.read(FILE).is_ok_and(|file| file.is_some());
                found.push(Found { place, ruling, filed });
            }
        }
        if before.is_some() {
            found.append(&mut known.found);
        }
        found.truncate(MOST);
        *known = Branch { head: Some(head.clone()), found };
        Ok(())
    }

    /// The closings of proposals that were written down.
    pub(super) fn recorded(&self) -> BTreeSet<Closing> {
        let found = self.branches.values().flat_map(|branch| &branch.found);
        found.filter_map(|found| Some((found.ruling.proposal?, found.ruling.release.clone()))).collect()
    }

    /// Whether a commit shows that there was a file.
    pub(super) fn filed(&self) -> bool {
        self.branches.values().flat_map(|branch| &branch.found).any(|found| found.filed)
    }

    /// The rejections in force by what earlier versions wrote: for each release the latest word on the branch of
    /// its environment.
    pub(super) fn unfiled(&self, pipeline: &Pipeline) -> Vec<Rejected> {
        let mut rejections = Vec::new();
        for stage in &pipeline.environments {
            let Some(branch) = self.branches.get(&stage.branch) else { continue };
            let here = branch.found.iter().filter(|found| found.place.environment == stage.name);
            let mut seen = BTreeSet::new();
            for Found { place, ruling, .. } in here.filter(|found| !found.filed) {
                if seen.insert((place, &ruling.release)) && ruling.rejects {
                    let rejection = Rejection {
                        release: ruling.release.clone(),
                        version: ruling.release.short().to_owned(),
                        by: ruling.by.clone(),
                        at: ruling.at,
                        reason: ruling.reason.clone(),
                        proposal: ruling.proposal,
                    };
                    rejections.push(Rejected { place: place.clone(), rejection });
                }
            }
        }
        rejections.sort_by(|a, b| (a.rejection.at, &a.place).cmp(&(b.rejection.at, &b.place)));
        rejections
    }
}

fn ruling_of(commit: &CommitInfo) -> Option<(Place, Ruling)> {
    let found = trailers::parse(&commit.message);
    let reason = reason_of(&commit.message);
    record::read_ruling(&found, &commit.id, commit.at, &commit.author.name, &reason)
}

/// The first paragraph after the subject, which is where a ruling's reason stands.
fn reason_of(message: &str) -> String {
    let body = message.split_once("\n\n").map_or("", |(_, body)| body);
    let paragraph = body.split("\n\n").next().unwrap_or_default();
    if paragraph.starts_with("Gantry-") {
        return String::new();
    }
    paragraph.lines().collect::<Vec<_>>().join(" ").chars().take(500).collect()
}
