//! What SQLite needs: a file, its pragmas, and one writer.
//!
//! The file must be on a local disk; the write-ahead log does not work over network file systems.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
};
use sqlx::{
    AnyConnection, AnyPool, ConnectOptions, Connection, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
};

use super::StoreError;

/// For every connection. WAL lets readers read while the writer writes; FULL makes each commit wait for the
/// disk, which [`super::Store::enqueue`] promises; five seconds of patience for another process, such as a
/// backup; the log file is cut back to 64 MiB after a large transaction.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; \
                       PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF;";

/// Room that must be left for the server to be ready, in bytes: for a payload of the largest size, in the log and in
/// the database.
const ROOM: u64 = 2 << 20;

/// How long a call waits for the writer or for a reader.
const PATIENCE: Duration = Duration::from_secs(10);

/// The file of a URL `sqlite:PATH`, `sqlite://PATH` or `sqlite:///ABSOLUTE`; `%20` and the like are decoded.
pub(super) fn file_of(rest: &str) -> Result<PathBuf, StoreError> {
    let settings = |reason: &str| StoreError::Settings { reason: reason.to_owned() };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.contains(['?', '#']) {
        return Err(settings("a sqlite URL takes no parameters"));
    }
    let path =
        percent_decoded(path).ok_or_else(|| settings("the path of the sqlite URL is not UTF-8 text"))?;
    match path.as_str() {
        "" | "/" => Err(settings("the sqlite URL names no file")),
        ":memory:" | "/:memory:" => {
            Err(settings("a database in memory would lose requests at a restart; name a file"))
        }
        path if path.contains('\0') => Err(settings("the path of the sqlite URL contains a NUL character")),
        path => Ok(PathBuf::from(path)),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Makes the file where there is none, readable for its owner only, and its parents with it. Returns its
/// absolute path without links, so that a later change of directory means nothing.
pub(super) fn create(path: &Path) -> Result<PathBuf, StoreError> {
    let denied = |error: std::io::Error| of_disk(path, &error);
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(denied)?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(denied)?;
    path.canonicalize().map_err(denied)
}

/// What the system says of a file, by who must act.
fn of_disk(path: &Path, error: &std::io::Error) -> StoreError {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let (place, cause) = (path.display().to_string(), error.to_string());
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => StoreError::Full { place, cause },
        _ => StoreError::Denied { place, cause },
    }
}

/// Proves that the disk has room for a request of the largest size. A small write alone doesn't: it goes into the
/// part of the log that is there already.
pub(super) fn room(file: &Path) -> Result<(), StoreError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let reserve = || {
        // It has no name, so that nothing is left of it, whatever happens.
        let mut probe = tempfile::tempfile_in(folder)?;
        match fallocate(&probe, FallocateFlags::empty(), 0, ROOM) {
            // Not every file system can reserve.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                let block = [0; 64 * 1024];
                (0..ROOM / block.len() as u64).try_for_each(|_| probe.write_all(&block))
            }
            reserved => Ok(reserved?),
        }
    };
    reserve().map_err(|error: std::io::Error| of_disk(file, &error))
}

/// The pools of a file: one connection that writes, a few that read.
pub(super) async fn pools(file: &Path) -> Result<(AnyPool, AnyPool), sqlx::Error> {
    let options = options(file)?;
    // A pool tries again until its patience ends and then tells only that; one connection tells why.
    let mut first: AnyConnection = options.connect().await?;
    first.execute(PRAGMAS).await?;
    // Only a transaction makes the files that the log needs, for which a full disk has no room.
    first.execute("BEGIN IMMEDIATE; ROLLBACK").await?;
    first.close().await?;
    let pool = |most, reading| {
        let options = AnyPoolOptions::new().max_connections(most).acquire_timeout(PATIENCE);
        // SQLite itself ends a transaction when the disk is full. The driver then takes the connection to be
        // within it for ever and begins no other, so such a connection is thrown away. The driver pings a
        // connection before this is asked, and a rollback that is under way ends before the ping.
        let options = options
            .test_before_acquire(true)
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }));
        options.after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(PRAGMAS).await?;
                if reading {
                    connection.execute("PRAGMA query_only = ON").await?;
                }
                Ok(())
            })
        })
    };
    // The writer's connection is kept for ever: a writer that is closed and opened again would leave a
    // moment without any connection, in which SQLite folds the log back and removes it.
    let write = pool(1, false).idle_timeout(None).max_lifetime(None).connect_with(options.clone()).await?;
    let read = pool(3, true).idle_timeout(Duration::from_secs(60)).connect_lazy_with(options);
    Ok((write, read))
}

/// The driver takes a URL and nothing else, so the path is written as one, each odd byte escaped.
fn options(file: &Path) -> Result<AnyConnectOptions, sqlx::Error> {
    let mut url = String::from("sqlite://");
    for &byte in file.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url.push_str("?mode=rw");
    url.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_files() {
        for (rest, path) in [
            ("a.db", "a.db"),
            ("//a/b.db", "a/b.db"),
            ("///a/b%20c.db", "/a/b c.db"),
            ("//../x.db", "../x.db"),
        ] {
            assert_eq!(file_of(rest).unwrap(), PathBuf::from(path), "{rest}");
        }
        for bad in ["", "//", "///", ":memory:", "//:memory:", "a.db?mode=ro", "a%zz", "a%00", "a%"] {
            assert!(file_of(bad).is_err(), "{bad}");
        }
    }
}
