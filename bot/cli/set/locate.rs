//! Which file a path means, and whether it is one that may be written.
//!
//! Symlinks and submodules are never written, as in all of Gantry: what Git keeps of a symlink is where it
//! leads, so a change through one would be a change of another file than the one that was named; and a
//! submodule's files belong to another repository. A symlink outside of any Git work tree, such as macOS's
//! `/tmp`, is the machine's matter. Known race: somebody may put a symlink there right after the look.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use super::super::error::CliError;

/// The most bytes of a `.gitmodules` that are read.
const MODULES: u64 = 1 << 20;

/// The file that a path means: itself, or the kustomization of a folder.
///
/// # Errors
/// Nothing stands there, or something that is never written.
pub(super) fn locate(path: &Path) -> Result<PathBuf, CliError> {
    let data = fs::symlink_metadata(path).map_err(|error| unreadable(path, &error))?;
    let path = if data.is_dir() { kustomization(path)? } else { path.to_owned() };
    way(&path)?;
    let data = fs::symlink_metadata(&path).map_err(|error| unreadable(&path, &error))?;
    if data.is_symlink() {
        let message = format!("{} is a symlink, which is never written", path.display());
        return Err(CliError::config(message).hint("Name the real file."));
    }
    if !data.is_file() {
        return Err(CliError::config(format!("{} is no file", path.display())));
    }
    Ok(path)
}

/// The one kustomization in a folder.
fn kustomization(folder: &Path) -> Result<PathBuf, CliError> {
    let names = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
    let found: Vec<PathBuf> = names
        .iter()
        .map(|name| folder.join(name))
        .filter(|path| fs::symlink_metadata(path).is_ok())
        .collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(CliError::config(format!("{} holds no kustomization file", folder.display()))),
        [one, other, ..] => {
            let message = format!("both {} and {} are there; keep one", one.display(), other.display());
            Err(CliError::config(message))
        }
    }
}

/// Goes the way to a file, folder by folder, as the system would.
///
/// # Errors
/// A folder on it is a symlink within a Git work tree, or a submodule of one, unless the command runs in
/// that submodule: there it is the repository that is meant.
fn way(path: &Path) -> Result<(), CliError> {
    let here = std::env::current_dir().and_then(fs::canonicalize);
    let here = here.map_err(|error| CliError::failed(format!("no working folder: {error}")))?;
    let mut at = if path.is_absolute() { PathBuf::new() } else { here.clone() };
    let mut written = PathBuf::new();
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        written.push(part);
        match part {
            Component::CurDir => continue,
            // `at` has no symlinks, so that its parent is the one that the system takes.
            Component::ParentDir => {
                at.pop();
                continue;
            }
            Component::Prefix(_) | Component::RootDir => {
                at.push(part);
                continue;
            }
            Component::Normal(name) => at.push(name),
        }
        // Of the file itself the caller tells.
        if parts.peek().is_none() {
            break;
        }
        let data = fs::symlink_metadata(&at).map_err(|error| unreadable(path, &error))?;
        if data.is_symlink() {
            let real = fs::canonicalize(&at).map_err(|error| unreadable(path, &error))?;
            if at.parent().and_then(work_tree).is_some() {
                let message = format!(
                    "{}: {} is a symlink to {}, and through symlinks nothing is ever written",
                    path.display(),
                    written.display(),
                    real.display()
                );
                return Err(
                    CliError::config(message).hint("Name the file by the folder that it really is in.")
                );
            }
            at = real;
        } else if !here.starts_with(&at) && is_submodule(&at) {
            let message =
                format!("{}: {} is a submodule, which is never written", path.display(), written.display());
            let hint = "Its files belong to another repository; run the command in that folder.";
            return Err(CliError::config(message).hint(hint));
        }
    }
    Ok(())
}

/// The root of the work tree that a folder is in.
fn work_tree(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|folder| fs::symlink_metadata(folder.join(".git")).is_ok())
}

/// Whether the work tree around a folder names it in its `.gitmodules`. What Git has in its index would say it
/// too; but a submodule without that entry is one that Git itself can't do anything with.
fn is_submodule(folder: &Path) -> bool {
    let Some(root) = folder.parent().and_then(work_tree) else { return false };
    let Ok(own) = folder.strip_prefix(root) else { return false };
    let mut text = Vec::new();
    let read = fs::File::open(root.join(".gitmodules"))
        .and_then(|file| io::Read::read_to_end(&mut io::Read::take(file, MODULES), &mut text));
    read.is_ok()
        && String::from_utf8_lossy(&text).lines().any(|line| {
            let value = line.trim().strip_prefix("path").map(str::trim_start);
            let value = value.and_then(|value| value.strip_prefix('=')).map(str::trim);
            value.is_some_and(|value| Path::new(value.trim_matches('"')) == own)
        })
}

/// Says that a path can't be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> CliError {
    if error.kind() == io::ErrorKind::NotFound {
        return CliError::config(format!("there is no file {}", path.display()));
    }
    CliError::config(format!("{}: {error}", path.display()))
}
