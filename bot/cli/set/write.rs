//! Writing several files, all or none.
//!
//! Every file is written beside its place first and then renamed into it, so that a reader sees the old or
//! the new one and never a half. If a rename fails, those before it are taken back. A crash between two
//! renames leaves some files old and some new, each whole: no file system renames two at once.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{super::error::CliError, File};

/// Writes all files.
pub(super) fn all(files: &[&File]) -> Result<(), CliError> {
    let mut ready: Vec<PathBuf> = Vec::with_capacity(files.len());
    let result = prepare(files, &mut ready).and_then(|()| rename(files, &ready));
    for path in &ready {
        // Those that were renamed are gone already.
        let _ = fs::remove_file(path);
    }
    result
}

fn prepare(files: &[&File], ready: &mut Vec<PathBuf>) -> Result<(), CliError> {
    for file in files {
        let path = beside(&file.path, ready.len());
        ready.push(path.clone());
        let written = write(&path, &file.path, &file.edited.bytes);
        written.map_err(|error| failed(&file.path, &error).hint("No file was written."))?;
    }
    for file in files {
        let same = fs::read(&file.path).is_ok_and(|now| now == file.before);
        let link = fs::symlink_metadata(&file.path).is_ok_and(|data| data.is_symlink());
        if !same || link {
            let message = format!("{} was changed by somebody else meanwhile", file.path.display());
            return Err(CliError::failed(message).hint("No file was written; run the command again."));
        }
    }
    Ok(())
}

fn rename(files: &[&File], ready: &[PathBuf]) -> Result<(), CliError> {
    for (index, (file, path)) in files.iter().zip(ready).enumerate() {
        let Err(error) = fs::rename(path, &file.path) else { continue };
        for done in &files[..index] {
            let back = beside(&done.path, index);
            let taken = write(&back, &done.path, &done.before).and_then(|()| fs::rename(&back, &done.path));
            if let Err(other) = taken {
                let _ = fs::remove_file(&back);
                let message =
                    format!("{}: {error}; and {}: {other}", file.path.display(), done.path.display());
                return Err(CliError::failed(message).hint("Some files are changed; look at `git diff`."));
            }
        }
        return Err(failed(&file.path, &error).hint("No file was changed."));
    }
    Ok(())
}

/// A name in the same folder, for only there is a rename one step.
fn beside(path: &Path, index: usize) -> PathBuf {
    path.with_file_name(format!(".gantry-set-{}-{index}.tmp", std::process::id()))
}

/// Writes a new file with the mode of another.
fn write(path: &Path, like: &Path, bytes: &[u8]) -> io::Result<()> {
    let permissions = fs::metadata(like)?.permissions();
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.set_permissions(permissions)?;
    file.sync_all()
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::failed(format!("{} can't be written: {error}", path.display()))
}
