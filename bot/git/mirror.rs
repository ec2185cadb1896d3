//! The resident bare mirror of one infra repository: who may use it when, and what was last fetched.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use gantry_core::ids::CommitId;
use gix::ObjectId;
use gix_pack::cache::lru::MemoryCappedHashmap;

use super::{
    error::{GitError, chain},
    folder, http, ids,
    kept::Kept,
    lists::List,
    remote::Remote,
};

/// Decoded trees and commits kept in memory while one caller works with the mirror.
const OBJECT_CACHE: usize = 16 << 20;
/// Objects from packs kept for the deltas on them while one caller works with the mirror.
const PACK_CACHE: usize = 16 << 20;
/// Folders' lists kept in memory for all callers, in bytes; twice as many for a moment.
const MAX_LISTS: usize = 16 << 20;
/// Files kept in memory for all callers, likewise.
const MAX_FILES: usize = 8 << 20;

/// The branches of a repository at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heads {
    pub(super) url: String,
    /// Every branch, without `refs/heads/`, and its head.
    pub branches: BTreeMap<String, CommitId>,
    /// The branch that the repository's `HEAD` names, which may not exist yet; `None` where the server does
    /// not tell.
    pub default_branch: Option<String>,
}

impl Heads {
    /// Whether the repository has no commit at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// The head of a branch.
    ///
    /// # Errors
    /// [`GitError::Empty`] or [`GitError::NoBranch`], with the repository's URL.
    pub fn require(&self, branch: &str) -> Result<&CommitId, GitError> {
        match self.branches.get(branch) {
            Some(id) => Ok(id),
            None if self.is_empty() => Err(GitError::Empty { url: self.url.clone() }),
            None => Err(GitError::NoBranch { url: self.url.clone(), branch: branch.to_owned() }),
        }
    }
}

/// A bare mirror of one infra repository. `Send` and `Sync`: reads go on beside each other; one fetch or
/// push runs at a time.
pub struct Mirror {
    pub(super) remote: Arc<Remote>,
    pub(super) folder: PathBuf,
    pub(super) client: Arc<http::Client>,
    repository: RwLock<gix::ThreadSafeRepository>,
    heads: Mutex<Arc<Heads>>,
    network: Mutex<()>,
    damaged: AtomicBool,
    /// When it was last made anew for damage, and how long not again.
    pub(super) cured: Mutex<Option<(Instant, Duration)>>,
    /// The commit that was not there, for which the history was last gone through.
    sought: Mutex<Option<CommitId>>,
    pub(super) lists: Kept<List>,
    pub(super) files: Kept<Vec<u8>>,
    /// Held as long as the mirror lives; the system frees it when the process dies, however it dies.
    lock: File,
}

impl Drop for Mirror {
    fn drop(&mut self) {
        // Closing alone leaves the lock to a child that another thread is just starting. An error here is one
        // of a file that is closed next anyway.
        let _ = self.lock.unlock();
    }
}

impl Mirror {
    /// Opens the mirror of `remote` in `folder`, and makes an empty one where there is none, where it is
    /// damaged, or where it belongs to another URL. Does not use the network.
    ///
    /// # Errors
    /// [`GitError::Settings`] for a remote that cannot be used, [`GitError::Unsigned`] for a key that cannot
    /// sign, [`GitError::InUse`] when another process has
    /// the mirror open, [`GitError::Io`] when the folder cannot be written or holds something else.
    pub fn open(remote: Remote, folder: &Path) -> Result<Self, GitError> {
        remote.check()?;
        remote.check_signing()?;
        let lock = folder::lock(folder)?;
        let repository = match folder::existing(&remote, folder)? {
            Some(repository) => repository,
            None => folder::make(&remote, folder)?,
        };
        let mirror = Self {
            heads: Mutex::new(Arc::new(Heads { url: remote.shown(), ..Heads::default() })),
            client: Arc::new(http::Client::of(&remote)),
            remote: Arc::new(remote),
            folder: folder.to_owned(),
            repository: RwLock::new(repository),
            network: Mutex::new(()),
            damaged: AtomicBool::new(false),
            cured: Mutex::default(),
            sought: Mutex::default(),
            lists: Kept::new(MAX_LISTS),
            files: Kept::new(MAX_FILES),
            lock,
        };
        if mirror.load_heads().is_err() {
            mirror.replace(folder::make(&mirror.remote, folder)?);
        }
        Ok(mirror)
    }

    /// What the last fetch of this process saw; what the mirror holds from earlier ones before that.
    #[must_use]
    pub fn heads(&self) -> Arc<Heads> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The repository's URL as shown to people.
    #[must_use]
    pub fn url(&self) -> String {
        self.remote.shown()
    }

    /// A handle for one caller.
    pub(super) fn repository(&self) -> gix::Repository {
        local(&self.repository.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Only one fetch or push at a time, so that what one learns is never older than what the other wrote.
    pub(super) fn network(&self) -> MutexGuard<'_, ()> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_heads(&self, heads: Heads) -> Arc<Heads> {
        let heads = Arc::new(heads);
        *self.heads.lock().unwrap_or_else(PoisonError::into_inner) = heads.clone();
        heads
    }

    /// The folder cannot be read or written. What is not there any more was taken away, which is damage.
    pub(super) fn io(&self, source: io::Error) -> GitError {
        if source.kind() == io::ErrorKind::NotFound {
            return self.damage(&source);
        }
        GitError::Io { folder: self.folder.clone(), source }
    }

    /// An object that must be there is not, or cannot be read: the next fetch makes the mirror anew.
    pub(super) fn damage(&self, why: &(dyn std::error::Error + 'static)) -> GitError {
        self.damaged.store(true, Ordering::SeqCst);
        GitError::Damaged { folder: self.folder.clone(), why: chain(why) }
    }

    pub(super) fn damage_text(&self, why: &str) -> GitError {
        self.damage(&io::Error::other(why.to_owned()))
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::SeqCst)
    }

    /// A commit id that the mirror holds, as an object id.
    pub(super) fn known(&self, repository: &gix::Repository, id: &CommitId) -> Result<ObjectId, GitError> {
        let missing = || GitError::NoCommit { url: self.url(), id: id.clone() };
        let object = ids::object(id).ok_or_else(missing)?;
        match repository.try_find_header(object) {
            Ok(Some(header)) if header.kind() == gix::objs::Kind::Commit => Ok(object),
            // The tip of a branch was brought by a fetch: that it is gone is damage, and not a stale plan.
            Ok(_) if self.heads().branches.values().any(|head| head == id) => {
                Err(self.damage_text("the tip of a branch is gone"))
            }
            Ok(_) => {
                self.whole_but_for(repository, id)?;
                Err(missing())
            }
            Err(error) => Err(self.damage(&error)),
        }
    }

    /// Goes through the history of all branches, once for each commit that is missing: what is behind a tip
    /// must be there too, and then it is not the plan that is stale.
    fn whole_but_for(&self, repository: &gix::Repository, id: &CommitId) -> Result<(), GitError> {
        let before = self.sought.lock().unwrap_or_else(PoisonError::into_inner).replace(id.clone());
        if before.as_ref() == Some(id) {
            return Ok(());
        }
        let tips: Vec<ObjectId> = self.heads().branches.values().filter_map(ids::object).collect();
        let walk = repository.rev_walk(tips).all().map_err(|error| self.damage(&error))?;
        for step in walk {
            step.map_err(|error| self.damage(&error))?;
        }
        Ok(())
    }

    /// An object id of a commit as the core's id.
    pub(super) fn commit_id(&self, id: &gix::oid) -> Result<CommitId, GitError> {
        ids::commit(id).ok_or_else(|| self.damage_text("an object id is not hexadecimal"))
    }

    /// Works with another folder's content from now on.
    pub(super) fn replace(&self, repository: gix::ThreadSafeRepository) {
        *self.repository.write().unwrap_or_else(PoisonError::into_inner) = repository;
        self.damaged.store(false, Ordering::SeqCst);
        *self.sought.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The branches that the mirror holds on disk.
    pub(super) fn stored(
        &self,
        repository: &gix::Repository,
    ) -> Result<BTreeMap<String, ObjectId>, GitError> {
        let references = repository.references().map_err(|e| self.damage(&e))?;
        let mut stored = BTreeMap::new();
        for reference in references.local_branches().map_err(|e| self.damage(&e))? {
            let reference = reference.map_err(|e| self.damage_text(&e.to_string()))?;
            let Some(id) = reference.try_id() else { continue };
            let name = reference.name().shorten().to_string();
            stored.insert(name, id.detach());
        }
        Ok(stored)
    }

    /// Reads the branches from disk and checks that their commits are there.
    fn load_heads(&self) -> Result<(), GitError> {
        let repository = self.repository();
        let mut branches = BTreeMap::new();
        for (name, id) in self.stored(&repository)? {
            let id = self.commit_id(&id)?;
            self.known(&repository, &id)?;
            branches.insert(name, id);
        }
        self.set_heads(Heads { url: self.url(), branches, default_branch: None });
        Ok(())
    }
}

/// A handle for one caller, with its own memory of what it read.
pub(super) fn local(repository: &gix::ThreadSafeRepository) -> gix::Repository {
    let mut repository = repository.to_thread_local();
    repository.object_cache_size_if_unset(OBJECT_CACHE);
    // Files of one kind are often packed as deltas of each other, and are read in another order than theirs.
    repository.objects.set_pack_cache(|| Box::new(MemoryCappedHashmap::new(PACK_CACHE)));
    repository
}
