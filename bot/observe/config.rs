//! `gantry.yaml`, read from the default branch only (DESIGN section 6).
//!
//! Promise 10: a mistake leaves the last good config in force. It is read again when a commit changes it, or
//! when the tree's files change, which is what `discover` goes by.

use std::{collections::BTreeMap, sync::Arc};

use gantry_core::{
    config::{self, ConfigError, Parsed, pipeline::Pipeline},
    ids::{BranchName, CommitId},
    reason::{Owner, Problem},
};

use super::found_images::FoundImages;
use crate::git::{BlobId, CommitInfo, GitError, Heads, Mirror};

/// The file's name, at the root of the repository.
pub const FILE: &str = "gantry.yaml";

/// How many commits are searched for the last good config after a restart.
const HISTORY: usize = 2_000;

/// The last good config, and what is wrong with the present one.
#[derive(Debug, Default)]
pub(super) struct ConfigWatch {
    good: Option<(BlobId, Parsed)>,
    tried: Option<BlobId>,
    expanded: Option<(BTreeMap<BranchName, CommitId>, BlobId)>,
    images: FoundImages,
    /// The last expansion had no mistakes.
    sound: bool,
    /// The pipeline in force.
    pub(super) pipeline: Option<Arc<Pipeline>>,
    /// What people must mend.
    pub(super) problems: Vec<Problem>,
    /// The commit that the config in force was read from.
    pub(super) at: Option<CommitId>,
}

impl ConfigWatch {
    /// Looks at the config on the head of `default`.
    pub(super) fn look(
        &mut self,
        mirror: &Mirror,
        heads: &Heads,
        default: &BranchName,
    ) -> Result<(), GitError> {
        let Some(head) = heads.branches.get(default.as_str()) else {
            self.problems = vec![missing_branch(default, heads)];
            return Ok(());
        };
        let snapshot = mirror.snapshot(head)?;
        let found = match snapshot.read(FILE) {
            Err(error @ GitError::TooLarge { .. }) => {
                self.tried = None;
                if self.good.is_none() {
                    self.find_last_good(mirror, head)?;
                }
                let problem = Problem { file: Some(FILE.to_owned()), ..plain(error.to_string()) };
                self.problems = vec![told(problem, self.in_force(mirror)?.as_ref())];
                return self.expand(mirror, heads, default);
            }
            found => found?,
        };
        let Some(file) = found else {
            let message = format!(
                "there is no {FILE} on branch {default}; add one, for instance a copy of the reference repository's"
            );
            let problem = Problem { file: Some(FILE.to_owned()), ..plain(message) };
            self.problems = vec![told(problem, self.in_force(mirror)?.as_ref())];
            self.tried = None;
            return Ok(());
        };
        if self.tried.as_ref() != Some(&file.id) {
            self.tried = Some(file.id);
            match config::parse(&file.bytes, FILE) {
                Ok(parsed) => {
                    self.problems.clear();
                    self.good = Some((file.id, parsed));
                    self.at = Some(head.clone());
                }
                Err(errors) => {
                    if self.good.is_none() {
                        self.find_last_good(mirror, head)?;
                    }
                    let in_force = self.in_force(mirror)?;
                    self.problems =
                        errors.iter().map(|error| told(problem(error), in_force.as_ref())).collect();
                }
            }
        }
        self.expand(mirror, heads, default)
    }

    /// The commit of the last good config.
    fn in_force(&self, mirror: &Mirror) -> Result<Option<CommitInfo>, GitError> {
        let Some(at) = &self.at else { return Ok(None) };
        Ok(mirror.log(at, None, 1)?.into_iter().next())
    }

    /// After a restart the last good config is found in the history (promises 1 and 10).
    fn find_last_good(&mut self, mirror: &Mirror, head: &CommitId) -> Result<(), GitError> {
        let mut tried = self.tried;
        for commit in mirror.log(head, None, HISTORY)? {
            let file = match mirror.snapshot(&commit.id)?.read(FILE) {
                Ok(Some(file)) => file,
                Ok(None) | Err(GitError::TooLarge { .. }) => continue,
                Err(error) => return Err(error),
            };
            if tried.replace(file.id) == Some(file.id) {
                continue;
            }
            if let Ok(parsed) = config::parse(&file.bytes, FILE) {
                self.good = Some((file.id, parsed));
                self.at = Some(commit.id);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Finds the applications in the trees of the environments' branches.
    fn expand(&mut self, mirror: &Mirror, heads: &Heads, default: &BranchName) -> Result<(), GitError> {
        let Some((id, parsed)) = &self.good else { return Ok(()) };
        let branches: Vec<BranchName> = parsed
            .config
            .environments
            .iter()
            .map(|environment| environment.branch.clone().unwrap_or_else(|| default.clone()))
            .collect();
        let at: BTreeMap<BranchName, CommitId> = branches
            .iter()
            .filter_map(|branch| {
                heads.branches.get(branch.as_str()).map(|head| (branch.clone(), head.clone()))
            })
            .collect();
        let missing: Vec<Problem> = branches
            .iter()
            .filter(|branch| !at.contains_key(*branch))
            .map(|branch| missing_branch(branch, heads))
            .collect();
        if !missing.is_empty() {
            // Without its branch an environment would seem to hold nothing, and the one after it would be fed
            // from the one before: the last good pipeline stays in force (promise 10).
            self.problems.extend(
                missing.into_iter().filter(|problem| !self.problems.contains(problem)).collect::<Vec<_>>(),
            );
            self.expanded = None;
            return Ok(());
        }
        let key = (at, *id);
        if self.expanded.as_ref() == Some(&key) {
            return Ok(());
        }
        // Only which files there are matters, so what changes their bytes alone changes nothing here; unless images
        // are looked for in them.
        let mut images = parsed.config.applications.iter().flat_map(|rule| &rule.images);
        if let Some((before, blob)) = &self.expanded
            && self.sound
            && blob == id
            && images.all(|image| image.matches.is_none())
            && same_paths(mirror, before, &key.0)?
        {
            self.expanded = Some(key);
            return Ok(());
        }
        let mut snapshots = BTreeMap::new();
        for branch in &branches {
            if let Some(head) = key.0.get(branch) {
                snapshots.insert(branch.clone(), mirror.snapshot(head)?);
            }
        }
        let mut trees = BTreeMap::new();
        for branch in &branches {
            let paths = match snapshots.get(branch) {
                Some(snapshot) => snapshot.paths()?.into_iter().map(|listed| listed.path).collect(),
                None => Vec::new(),
            };
            trees.insert(branch.clone(), paths);
        }
        let broken = self.tried.as_ref() != Some(id);
        let images = &mut self.images;
        images.begin();
        let mut failed = None;
        let expanded = parsed.expand(default, &trees, &mut |branch, entry| {
            let snapshot = snapshots.get(branch);
            let names = snapshot.map_or_else(|| Ok(Vec::new()), |snapshot| images.of(snapshot, entry));
            names.unwrap_or_else(|error| {
                failed.get_or_insert(error);
                Vec::new()
            })
        });
        images.end();
        if let Some(error) = failed {
            return Err(error);
        }
        self.sound = expanded.is_ok();
        match expanded {
            Ok((pipeline, _)) => {
                // What is equal stays the same one, by which others know that nothing changed.
                if self.pipeline.as_deref() != Some(&pipeline) {
                    self.pipeline = Some(Arc::new(pipeline));
                }
                if !broken {
                    self.problems.clear();
                }
            }
            Err(errors) if !broken => self.problems = errors.iter().map(problem).collect(),
            // The mistakes of the newer file are what is shown.
            Err(_) => {}
        }
        self.expanded = Some(key);
        Ok(())
    }
}

/// Whether each branch has the same files as before, whatever is in them.
fn same_paths(
    mirror: &Mirror,
    before: &BTreeMap<BranchName, CommitId>,
    now: &BTreeMap<BranchName, CommitId>,
) -> Result<bool, GitError> {
    if !before.keys().eq(now.keys()) {
        return Ok(false);
    }
    for (old, new) in before.values().zip(now.values()).filter(|(old, new)| old != new) {
        match mirror.changed(Some(old), new, &|_| true) {
            Ok(changed) if changed.iter().all(|file| file.before.is_some() && file.after.is_some()) => {}
            Ok(_) | Err(GitError::NoCommit { .. } | GitError::TooLarge { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn missing_branch(branch: &BranchName, heads: &Heads) -> Problem {
    if heads.branches.is_empty() {
        return plain("the infra repository is empty; push a first commit with gantry.yaml".to_owned());
    }
    let known: Vec<&str> = heads
        .branches
        .keys()
        .map(String::as_str)
        .filter(|name| !name.starts_with("gantry/"))
        .take(5)
        .collect();
    plain(format!(
        "the infra repository has no branch {branch} (it has {}); push it, or correct `branch`",
        known.join(", ")
    ))
}

/// A mistake in the present config, with what is in force until it is mended.
fn told(problem: Problem, in_force: Option<&CommitInfo>) -> Problem {
    let Some(commit) = in_force else { return problem };
    let (short, at) = (commit.id.short(), commit.at.strftime("%Y-%m-%d %H:%M UTC"));
    let message = format!(
        "{}; until it is mended the last good {FILE} stays in force, that of commit {short} from {at}",
        problem.message
    );
    Problem { message, ..problem }
}

fn plain(message: String) -> Problem {
    Problem { file: None, line: None, column: None, message, owner: Owner::Team }
}

fn problem(error: &ConfigError) -> Problem {
    let key = if error.key.is_empty() { String::new() } else { format!("{}: ", error.key) };
    let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    Problem {
        file: Some(error.file.clone()),
        line: Some(error.line),
        column: Some(error.column),
        message: format!("{key}{}{hint}", error.message),
        owner: Owner::Team,
    }
}
