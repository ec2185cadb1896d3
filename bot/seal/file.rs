//! The file of the key that seals.
//!
//! It is made at the first start, readable for its owner only, and never replaced: of two processes that make it
//! at the same time one wins, and both use what it made. A file that others may read is refused, because whoever
//! has the key can seal.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::key::Key;
use crate::random;

/// The largest file that is read.
const LARGEST: u64 = 4096;
/// What others may do with it: nothing. The owner's group may read, as with secrets that are mounted.
const OTHERS: u32 = 0o037;
/// The line that the file begins with.
const COMMENT: &str =
    "# Gantry's key for seals. Keep it secret and back it up: what it has sealed is believed by it alone.";

/// The key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file can't be read or made.
    #[error("{path}: {error}; the platform engineer must let Gantry read it, or name another `key_file`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Others may read or change it.
    #[error(
        "{path}: others than its owner may read or change it (mode {mode:03o}), so they could seal as Gantry; \
         the platform engineer must make a new key, or run `chmod 600` if nobody has read it"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds no key.
    #[error(
        "{path}: it holds no key of Gantry's; restore it from a backup, or remove it to have a new one made"
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the key.
///
/// # Errors
/// There is none, it can't be read, others may read it, or it is none.
pub fn load(path: &Path) -> Result<Key, KeyFileError> {
    let fail = |error| KeyFileError::Io { path: path.to_owned(), error };
    let file = File::open(path).map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    if !metadata.is_file() {
        return Err(KeyFileError::NoKey { path: path.to_owned() });
    }
    if metadata.mode() & OTHERS != 0 {
        return Err(KeyFileError::Open { path: path.to_owned(), mode: metadata.mode() & 0o777 });
    }
    let mut text = Zeroizing::new(String::with_capacity(LARGEST as usize));
    file.take(LARGEST).read_to_string(&mut text).map_err(fail)?;
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let key = match (lines.next(), lines.next()) {
        (Some(line), None) => Key::read(line),
        _ => None,
    };
    key.ok_or_else(|| KeyFileError::NoKey { path: path.to_owned() })
}

/// Reads the key, and makes one where there is no file.
///
/// # Errors
/// As [`load`], or the file can't be made.
pub fn load_or_make(path: &Path) -> Result<Key, KeyFileError> {
    match load(path) {
        Err(KeyFileError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => {}
        loaded => return loaded,
    }
    make(path).map_err(|error| KeyFileError::Io { path: path.to_owned(), error })?;
    load(path)
}

/// Makes the file beside its place and gives it its name in one step, unless another process was faster.
fn make(path: &Path) -> std::io::Result<()> {
    let (_, text) = Key::make();
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", random::hex(8)));
    let beside = PathBuf::from(beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let named = file
        .write_all(COMMENT.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .and_then(|()| match std::fs::hard_link(&beside, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        });
    std::fs::remove_file(&beside)?;
    named?;
    // The name itself has to be on the disk before anything is sealed.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        assert!(matches!(load(&path), Err(KeyFileError::Io { .. })), "reading makes none");
        let made = load_or_make(&path).ok().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(load_or_make(&path).ok().unwrap().public(), made.public());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn processes_that_start_at_once_share_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        let keys: Vec<String> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| load_or_make(&path).ok().unwrap().public().to_string()))
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        load_or_make(&path).ok().unwrap();
        for (mode, fine) in [(0o604, false), (0o660, false), (0o640, true), (0o400, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(load_or_make(&path).is_ok(), fine, "{mode:o}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for text in ["", "something else\n", "ed25519-secret:AAAA\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(load_or_make(&path), Err(KeyFileError::NoKey { .. })), "{text}");
        }
    }
}
