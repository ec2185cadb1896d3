//! The resident bare mirror of one infra repository: its folder, its lock, and what was last fetched.
//!
//! The folder holds nothing that cannot be fetched again, so every doubt about it ends in making it anew,
//! in a folder beside it that then takes its place by a rename. It is only ever removed when it carries
//! Gantry's mark.

use std::{
    collections::BTreeMap,
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use gantry_core::ids::CommitId;
use gix::ObjectId;

use super::{
    error::{GitError, chain},
    http, ids,
    remote::Remote,
};

/// The file in the folder that says it is a mirror of Gantry's, and of which URL.
const MARK: &str = "gantry-mirror";
/// Decoded trees and commits kept in memory while one caller works with the mirror.
const OBJECT_CACHE: usize = 16 << 20;
/// Room for this many packs while the process lives; [`Mirror::maintain`] keeps them far below.
const PACK_SLOTS: u16 = 1024;

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
    pub(super) remote: Remote,
    pub(super) folder: PathBuf,
    pub(super) client: http::Client,
    repository: RwLock<gix::ThreadSafeRepository>,
    heads: Mutex<Arc<Heads>>,
    network: Mutex<()>,
    damaged: AtomicBool,
    /// Held as long as the mirror lives; the system frees it when the process dies, however it dies.
    _lock: File,
}

impl Mirror {
    /// Opens the mirror of `remote` in `folder`, and makes an empty one where there is none, where it is
    /// damaged, or where it belongs to another URL. Does not use the network.
    ///
    /// # Errors
    /// [`GitError::Settings`] for a remote that cannot be used, [`GitError::InUse`] when another process has
    /// the mirror open, [`GitError::Io`] when the folder cannot be written or holds something else.
    pub fn open(remote: Remote, folder: &Path) -> Result<Self, GitError> {
        remote.check()?;
        let lock = lock(folder)?;
        let repository = match existing(&remote, folder)? {
            Some(repository) => repository,
            None => make(&remote, folder)?,
        };
        let mirror = Self {
            heads: Mutex::new(Arc::new(Heads { url: remote.shown(), ..Heads::default() })),
            remote,
            folder: folder.to_owned(),
            client: http::Client::default(),
            repository: RwLock::new(repository),
            network: Mutex::new(()),
            damaged: AtomicBool::new(false),
            _lock: lock,
        };
        if mirror.load_heads().is_err() {
            mirror.make_anew()?;
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

    /// An object that must be there is not, or cannot be read: the next fetch makes the mirror anew.
    pub(super) fn damage(&self, why: &(dyn std::error::Error + 'static)) -> GitError {
        self.damaged.store(true, Ordering::SeqCst);
        GitError::Damaged { folder: self.folder.clone(), why: chain(why) }
    }

    pub(super) fn damage_text(&self, why: &str) -> GitError {
        self.damage(&io::Error::other(why.to_owned()))
    }

    pub(super) fn take_damaged(&self) -> bool {
        self.damaged.swap(false, Ordering::SeqCst)
    }

    /// A commit id that the mirror holds, as an object id.
    pub(super) fn known(&self, repository: &gix::Repository, id: &CommitId) -> Result<ObjectId, GitError> {
        let missing = || GitError::NoCommit { url: self.url(), id: id.clone() };
        let object = ids::object(id).ok_or_else(missing)?;
        match repository.try_find_header(object) {
            Ok(Some(header)) if header.kind() == gix::objs::Kind::Commit => Ok(object),
            Ok(_) => Err(missing()),
            Err(error) => Err(self.damage(&error)),
        }
    }

    /// An object id of a commit as the core's id.
    pub(super) fn commit_id(&self, id: &gix::oid) -> Result<CommitId, GitError> {
        ids::commit(id).ok_or_else(|| self.damage_text("an object id is not hexadecimal"))
    }

    /// Works with another folder's content from now on.
    pub(super) fn replace(&self, repository: gix::ThreadSafeRepository) {
        *self.repository.write().unwrap_or_else(PoisonError::into_inner) = repository;
        self.damaged.store(false, Ordering::SeqCst);
    }

    /// Throws the folder away and makes an empty mirror. Objects that were not pushed are lost.
    pub(super) fn make_anew(&self) -> Result<(), GitError> {
        self.replace(make(&self.remote, &self.folder)?);
        let default_branch = self.heads().default_branch.clone();
        self.set_heads(Heads { url: self.url(), branches: BTreeMap::new(), default_branch });
        Ok(())
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
    repository
}

/// `folder` with something appended to its last part.
fn beside(folder: &Path, suffix: &str) -> PathBuf {
    let mut path = folder.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn io_error(folder: &Path) -> impl Fn(io::Error) -> GitError + '_ {
    move |source| GitError::Io { folder: folder.to_owned(), source }
}

/// Takes the lock beside the folder.
fn lock(folder: &Path) -> Result<File, GitError> {
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent).map_err(io_error(folder))?;
    }
    let file = File::create(beside(folder, ".lock")).map_err(io_error(folder))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(GitError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io_error(folder)(error)),
    }
}

/// Nothing of the host's Git configuration is read, whoever owns the folder.
fn options() -> gix::open::Options {
    gix::open::Options::isolated()
        .object_store_slots(gix::odb::store::init::Slots::Given(PACK_SLOTS))
        .open_path_as_is(true)
        .config_overrides(["core.logAllRefUpdates=false", "gc.auto=0"])
}

/// The mirror that is there, if it is one of this URL and opens.
fn existing(remote: &Remote, folder: &Path) -> Result<Option<gix::ThreadSafeRepository>, GitError> {
    match std::fs::read_to_string(folder.join(MARK)) {
        Ok(mark) if mark.trim_end() == remote.shown() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let empty = match std::fs::read_dir(folder) {
                Ok(mut entries) => entries.next().is_none(),
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            };
            if empty {
                return Ok(None);
            }
            let text = "it holds something that is no mirror of Gantry's; name another folder";
            return Err(io_error(folder)(io::Error::other(text)));
        }
        Err(error) => return Err(io_error(folder)(error)),
    }
    clear_leftovers(folder).map_err(io_error(folder))?;
    for suffix in [".new", ".old"] {
        remove(&beside(folder, suffix)).map_err(io_error(folder))?;
    }
    Ok(options().open(folder).ok())
}

/// Removes what a killed process left: locks, which would stop every later change, and half-written packs.
/// The lock beside the folder is held, so nobody else uses them.
fn clear_leftovers(folder: &Path) -> io::Result<()> {
    let is_lock = |name: &str| name.ends_with(".lock");
    let half_written =
        |name: &str| name.starts_with(".tmp") || name.starts_with("tmp") || name.ends_with(".keep");
    clear(folder, 0, &is_lock)?;
    clear(&folder.join("refs"), 32, &is_lock)?;
    clear(&folder.join("objects"), 1, &|name: &str| half_written(name) && !name.ends_with(".keep"))?;
    clear(&folder.join("objects/pack"), 0, &half_written)
}

fn clear(folder: &Path, depth: usize, leftover: &dyn Fn(&str) -> bool) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if depth > 0 {
                clear(&entry.path(), depth - 1, leftover)?;
            }
        } else if entry.file_name().to_str().is_some_and(leftover) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Makes an empty mirror beside the folder and puts it in its place.
fn make(remote: &Remote, folder: &Path) -> Result<gix::ThreadSafeRepository, GitError> {
    build(remote, folder)?;
    swap(folder)
}

/// Makes an empty mirror beside the folder.
pub(super) fn build(remote: &Remote, folder: &Path) -> Result<gix::ThreadSafeRepository, GitError> {
    let new = beside(folder, ".new");
    let fail = io_error(folder);
    remove(&new).map_err(&fail)?;
    let repository = gix::ThreadSafeRepository::init_opts(
        &new,
        gix::create::Kind::Bare,
        gix::create::Options::default(),
        options(),
    );
    let repository = repository.map_err(|error| fail(io::Error::other(chain(&error))))?;
    // Samples of hooks that the library writes; nothing may ever run from here.
    remove(&new.join("hooks")).map_err(&fail)?;
    std::fs::write(new.join(MARK), remote.shown() + "\n").map_err(&fail)?;
    Ok(repository)
}

/// Puts what was built beside the folder in its place. Between the two renames a kill leaves no mirror, and
/// the next start makes one.
pub(super) fn swap(folder: &Path) -> Result<gix::ThreadSafeRepository, GitError> {
    let (new, old) = (beside(folder, ".new"), beside(folder, ".old"));
    let fail = io_error(folder);
    remove(&old).map_err(&fail)?;
    match std::fs::rename(folder, &old) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(error)),
    }
    std::fs::rename(&new, folder).map_err(&fail)?;
    remove(&old).map_err(&fail)?;
    options().open(folder).map_err(|error| fail(io::Error::other(chain(&error))))
}

fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
