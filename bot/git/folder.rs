//! The folder of a mirror: its lock and its mark, what a killed process leaves, and making it anew.
//!
//! The folder holds nothing that cannot be fetched again, so every doubt about it ends in making it anew,
//! beside it, with a rename at the end. It is only ever removed when it carries Gantry's mark.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    error::{GitError, chain},
    remote::Remote,
};

/// The file in the folder that says it is a mirror of Gantry's, and of which URL.
const MARK: &str = "gantry-mirror";
/// What is said of a folder without the mark.
const STRANGER: &str = "it holds something that is no mirror of Gantry's; name another folder";
/// What a write under way leaves in a folder that was removed beneath it.
const REMAINS: [&str; 3] = ["objects", "refs", "packed-refs"];
/// How long the lock of a process that has just died is waited for, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_millis(20);
/// Room for this many packs while the process lives; [`Mirror::maintain`] keeps them far below.
const PACK_SLOTS: u16 = 1024;

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
pub(super) fn lock(folder: &Path) -> Result<File, GitError> {
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent).map_err(io_error(folder))?;
    }
    let file = File::create(beside(folder, ".lock")).map_err(io_error(folder))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // A program that a killed process was just starting holds a copy of its lock until it runs.
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => std::thread::sleep(RETRY),
            Err(TryLockError::WouldBlock) => return Err(GitError::InUse { folder: folder.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(io_error(folder)(error)),
        }
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
pub(super) fn existing(
    remote: &Remote,
    folder: &Path,
) -> Result<Option<gix::ThreadSafeRepository>, GitError> {
    match std::fs::read_to_string(folder.join(MARK)) {
        Ok(mark) if mark.trim_end() == remote.shown() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            may_go(folder)?;
            return Ok(None);
        }
        Err(error) => return Err(io_error(folder)(error)),
    }
    clear_leftovers(folder).map_err(io_error(folder))?;
    for suffix in [".new", ".old"] {
        remove(&beside(folder, suffix)).map_err(io_error(folder))?;
    }
    // The library opens a folder whose HEAD is garbage; the git program, which may have to push, does not.
    let sound = |repository: &gix::ThreadSafeRepository| repository.to_thread_local().head().is_ok();
    Ok(options().open(folder).ok().filter(sound))
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

/// Whether the mirror is where it was made. A folder without a `HEAD` would be written to and not be one.
pub(super) fn is_there(folder: &Path) -> io::Result<bool> {
    folder.join("HEAD").try_exists()
}

/// Whether the folder of a mirror may be removed. Where the mark is gone, only remains may: what another program
/// put there is not ours.
///
/// # Errors
/// [`GitError::Io`] where it may not.
pub(super) fn may_go(folder: &Path) -> Result<(), GitError> {
    let fail = io_error(folder);
    if folder.join(MARK).try_exists().map_err(&fail)? {
        return Ok(());
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fail(error)),
    };
    for entry in entries {
        let name = entry.map_err(&fail)?.file_name();
        // No repository is without a HEAD, so these alone are none.
        if !REMAINS.iter().any(|remains| *remains == name) {
            return Err(fail(io::Error::other(STRANGER)));
        }
    }
    Ok(())
}

/// Makes an empty mirror beside the folder and puts it in its place.
pub(super) fn make(remote: &Remote, folder: &Path) -> Result<gix::ThreadSafeRepository, GitError> {
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
