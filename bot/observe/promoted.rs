//! The config files that are promoted with releases: which stand on a branch, kept up to date commit by commit.
//!
//! A branch is listed once; from then on only what its commits change is read, so that a look costs what
//! changed. Only ids are kept, never bytes: a file in which values are kept is read when a commit changes it, and
//! what it is compared by stays with its id.

use std::{collections::BTreeMap, ops::Bound};

use gantry_core::{
    config::pipeline::Application,
    ids::{BranchName, CommitId, EnvironmentName},
    promoted::{ConfigFile, ConfigState, config_id},
    reason::Problem,
};

use super::wanted::Wanted;
use crate::{
    git::{BlobId, Changed, GitError, Kind, Listed, Mirror, Snapshot},
    place::{self, NoFile},
};

/// The most promoted files of one application in one environment.
const MOST: usize = 2_000;

/// A file as it stands on the branch.
#[derive(Debug, Clone)]
struct Leaf {
    id: BlobId,
    kind: Kind,
    /// Of a file in which values are kept: what it is compared by, or why it can't be.
    content: Option<Result<String, Problem>>,
}

/// The promoted files on one branch, by path.
#[derive(Debug, Clone, Default)]
pub(super) struct ConfigTree(BTreeMap<String, Leaf>);

impl ConfigTree {
    /// Everything before one commit: at its first parent, if it has one.
    pub(super) fn before(mirror: &Mirror, commit: &CommitId, wanted: &Wanted) -> Result<Self, GitError> {
        if !wanted.any_config() {
            return Ok(Self::default());
        }
        match mirror.commit_info(commit)?.parents.first() {
            Some(parent) => Self::list(&mirror.snapshot(parent)?, wanted),
            None => Ok(Self::default()),
        }
    }

    /// Forgets what is not wanted any more.
    pub(super) fn retain(&mut self, wanted: &Wanted) {
        self.0.retain(|path, _| wanted.is_config(path));
    }

    /// Takes over what another one lists.
    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Everything at one commit.
    fn list(snapshot: &Snapshot<'_>, wanted: &Wanted) -> Result<Self, GitError> {
        if !wanted.any_config() {
            return Ok(Self::default());
        }
        let listed = snapshot.paths()?.into_iter().filter(|listed| wanted.is_config(&listed.path));
        let leaf = |listed: Listed| {
            let content = content(snapshot, wanted, &listed.path)?;
            Ok((listed.path, Leaf { id: listed.id, kind: listed.kind, content }))
        };
        Ok(Self(listed.map(leaf).collect::<Result<_, GitError>>()?))
    }

    /// Takes over what a commit changed.
    pub(super) fn take(
        &mut self,
        changed: &[Changed],
        snapshot: &Snapshot<'_>,
        wanted: &Wanted,
    ) -> Result<(), GitError> {
        for change in changed.iter().filter(|change| wanted.is_config(&change.path)) {
            let Some(id) = change.after else {
                self.0.remove(&change.path);
                continue;
            };
            let kind = match snapshot.read(&change.path) {
                // A listing does not tell LFS pointers either; the writer refuses them.
                Ok(Some(file)) if file.kind == Kind::LfsPointer => Kind::Regular,
                Ok(Some(file)) => file.kind,
                Ok(None) | Err(GitError::TooLarge { .. }) => Kind::Regular,
                Err(error) => return Err(error),
            };
            let content = content(snapshot, wanted, &change.path)?;
            self.0.insert(change.path.clone(), Leaf { id, kind, content });
        }
        Ok(())
    }

    /// What an application has of it in an environment; none where it has no `config`.
    ///
    /// # Errors
    /// The inner error is something that can't be promoted, which its owners must mend.
    pub(super) fn state(
        &self,
        application: &Application,
        environment: &EnvironmentName,
        at: &CommitId,
    ) -> Result<Option<ConfigState>, Problem> {
        let Some(config) = &application.config else { return Ok(None) };
        let Some(entries) = config.entries.get(environment) else { return Ok(None) };
        let mut files: Vec<ConfigFile> = Vec::new();
        let mut whole = true;
        for (index, entry) in entries.iter().enumerate() {
            let before = files.len();
            let below = self.0.range::<str, _>((Bound::Included(entry.path.as_str()), Bound::Unbounded));
            for (path, leaf) in below.take_while(|(path, _)| path.starts_with(&entry.path)) {
                let Some(within) = entry.within(path) else { continue };
                match leaf.kind {
                    Kind::Regular | Kind::LfsPointer => {}
                    Kind::Symlink => return Err(place::not_promoted(path, NoFile::Symlink)),
                    Kind::Submodule => return Err(place::not_promoted(path, NoFile::Submodule)),
                }
                let blob = leaf.id.to_string();
                let content = leaf.content.clone().transpose()?.unwrap_or_else(|| blob.clone());
                let (within, path) = (within.to_owned(), path.clone());
                files.push(ConfigFile { entry: index, within, path, blob, content });
                if files.len() > MOST {
                    let message = format!(
                        "makes more than {MOST} files that are promoted with {}; name fewer in `config`",
                        application.name
                    );
                    return Err(place::problem(&entry.path, message));
                }
            }
            whole &= files.len() > before;
        }
        let id = whole.then(|| config_id(&config.definition, &files));
        Ok(Some(ConfigState { id, at: at.clone(), files: files.into() }))
    }
}

/// What a file is compared by in which values are kept; none of any other.
fn content(
    snapshot: &Snapshot<'_>,
    wanted: &Wanted,
    path: &str,
) -> Result<Option<Result<String, Problem>>, GitError> {
    let keys = wanted.keys(path);
    if keys.is_empty() {
        return Ok(None);
    }
    Ok(match snapshot.read(path) {
        Ok(Some(file)) => match file.kind {
            Kind::Regular => Some(place::content(path, &file.bytes, keys)),
            Kind::LfsPointer => Some(Err(place::not_a_file(path, NoFile::LfsPointer))),
            // Refused as what they are.
            Kind::Symlink | Kind::Submodule => None,
        },
        Ok(None) => None,
        Err(error @ GitError::TooLarge { .. }) => Some(Err(place::problem(path, error.to_string()))),
        Err(error) => return Err(error),
    })
}

/// The first entry of `config` that has no file where config starts.
pub(super) fn missing(
    application: &Application,
    environment: &EnvironmentName,
    branch: &BranchName,
    state: &ConfigState,
) -> Problem {
    let entries = application.config.as_ref().and_then(|config| config.entries.get(environment));
    let absent = |index: usize| !state.files.iter().any(|file| file.entry == index);
    let entry = entries.into_iter().flatten().enumerate().find(|(index, _)| absent(*index));
    let path = entry.map_or("", |(_, entry)| entry.path.as_str());
    place::nothing_to_promote(path, &format!("on branch {branch}"), &application.name)
}
