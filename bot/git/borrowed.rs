//! Somebody's repository, read where it lies: a clone or a bare repository on this machine.
//!
//! Nothing is written into it, and nothing of it is copied: a mirror in a temporary folder reads its objects. Of a
//! clone the branches of its origin are meant, where it has fetched them.

use std::{collections::BTreeMap, io, path::Path};

use super::{
    error::{GitError, chain},
    folder,
    mirror::Mirror,
    remote::Remote,
};

/// What the branches of a clone's origin are called in it.
const TRACKED: &str = "refs/remotes/origin/";
/// What branches are called.
const BRANCHES: &str = "refs/heads/";

/// A repository that is read where it lies.
pub struct Borrowed {
    /// Reads it. It must not be fetched into or pushed from.
    pub mirror: Mirror,
    /// The URL of its origin, as it is written in its configuration.
    pub origin: Option<String>,
    /// Its default branch, as far as it tells.
    pub default_branch: Option<String>,
    /// Goes after the mirror in it.
    _folder: tempfile::TempDir,
}

impl Borrowed {
    /// Opens the repository at `folder`: a work tree's root, or a bare repository.
    ///
    /// # Errors
    /// [`GitError::Io`] where there is none, or it can't be read; [`GitError::Settings`] for a shallow clone, which
    /// lacks a part of its history.
    pub fn open(folder: &Path) -> Result<Self, GitError> {
        let fail = |why: String| GitError::Io { folder: folder.to_owned(), source: io::Error::other(why) };
        let path = std::fs::canonicalize(folder)
            .map_err(|source| GitError::Io { folder: folder.to_owned(), source })?;
        let repository =
            gix::open_opts(&path, gix::open::Options::isolated()).map_err(|e| fail(chain(&e)))?;
        let remote = Remote::new(path.to_str().ok_or_else(|| fail("its path is not UTF-8".to_owned()))?)?;
        if repository.common_dir().join("shallow").exists() {
            let what =
                "it is a shallow clone, which lacks a part of its history; run `git fetch --unshallow`";
            return Err(GitError::Settings { url: remote.shown(), what: what.to_owned() });
        }
        let (mut local, mut tracked) = (BTreeMap::new(), BTreeMap::new());
        let (mut default_branch, mut told) = (None, None);
        let references = repository.references().map_err(|e| fail(chain(&e)))?;
        for reference in references.all().map_err(|e| fail(chain(&e)))? {
            let reference = reference.map_err(|e| fail(e.to_string()))?;
            let name = reference.name().as_bstr().to_string();
            if name == format!("{TRACKED}HEAD") {
                let target = reference.target().try_name().map(|target| target.as_bstr().to_string());
                told = target.and_then(|target| target.strip_prefix(TRACKED).map(str::to_owned));
                continue;
            }
            let Some(id) = reference.try_id() else { continue };
            if let Some(branch) = name.strip_prefix(BRANCHES) {
                local.insert(branch.to_owned(), id.detach());
            } else if let Some(branch) = name.strip_prefix(TRACKED) {
                tracked.insert(branch.to_owned(), id.detach());
            }
        }
        if let Ok(Some(head)) = repository.head_name() {
            default_branch = head.as_bstr().to_string().strip_prefix(BRANCHES).map(str::to_owned);
        }
        let origin = repository.config_snapshot().string("remote.origin.url").map(|url| url.to_string());
        let branches = if tracked.is_empty() { local } else { tracked };

        let temporary =
            tempfile::tempdir().map_err(|source| GitError::Io { folder: path.clone(), source })?;
        let place = temporary.path().join("mirror");
        drop(folder::make(&remote, &place)?);
        let objects = repository.objects.store_ref().path().to_owned();
        let objects = std::fs::canonicalize(&objects).unwrap_or(objects);
        let lines: String = branches.iter().map(|(name, id)| format!("{id} {BRANCHES}{name}\n")).collect();
        std::fs::create_dir_all(place.join("objects/info"))
            .and_then(|()| {
                std::fs::write(place.join("objects/info/alternates"), format!("{}\n", objects.display()))
            })
            .and_then(|()| {
                std::fs::write(place.join("packed-refs"), format!("# pack-refs with: sorted \n{lines}"))
            })
            .map_err(|source| GitError::Io { folder: place.clone(), source })?;
        let mirror = Mirror::open(remote, &place)?;
        if mirror.heads().branches.len() != branches.len() {
            return Err(fail("its branches can't be read; `git fsck` tells what is missing".to_owned()));
        }
        Ok(Self { mirror, origin, default_branch: told.or(default_branch), _folder: temporary })
    }
}
