//! A folder on disk, read as Git would see it: no symlink is followed, `.git` is left out, a submodule is one
//! entry, and its size is bounded.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use gantry_core::ids::BranchName;

use super::super::error::CliError;
use crate::place::NoFile;

/// The most files in a folder, as in a config's expansion.
const FILES: usize = 1_000_000;
/// The deepest nesting of folders.
const DEPTH: usize = 64;
/// The beginning of a Git LFS pointer (Git LFS specification, "The Pointer").
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What a path holds.
#[derive(Debug)]
pub(super) enum Content<'a> {
    /// A file's bytes.
    Bytes(&'a [u8]),
    /// Nothing.
    Missing,
    /// Something that Gantry never writes.
    NoFile(NoFile),
    /// A file that can't be read, and why.
    Unreadable(String),
}

/// A folder whose files have been listed.
pub(super) struct Folder {
    root: PathBuf,
    paths: Vec<String>,
    /// The paths at which no file stands: symlinks and submodules.
    others: BTreeMap<String, NoFile>,
    last: Vec<u8>,
}

impl Folder {
    /// Lists the files.
    pub(super) fn open(root: &Path) -> Result<Self, CliError> {
        let mut folder =
            Self { root: root.to_owned(), paths: Vec::new(), others: BTreeMap::new(), last: Vec::new() };
        let mut open = vec![(root.to_owned(), String::new(), 0)];
        while let Some((path, prefix, depth)) = open.pop() {
            let wrong = |error: std::io::Error| CliError::config(format!("{}: {error}", path.display()));
            for entry in fs::read_dir(&path).map_err(wrong)? {
                let entry = entry.map_err(wrong)?;
                // A name that is not UTF-8 can't be written in gantry.yaml.
                let Ok(name) = entry.file_name().into_string() else { continue };
                if name == ".git" {
                    continue;
                }
                let kind = entry.file_type().map_err(wrong)?;
                let relative = format!("{prefix}{name}");
                // A work tree of its own: a submodule, or one that Git does not take for its own at all.
                let submodule = kind.is_dir() && fs::symlink_metadata(entry.path().join(".git")).is_ok();
                if kind.is_dir() && !submodule {
                    if depth == DEPTH {
                        let message = format!("{} is nested deeper than {DEPTH} folders", path.display());
                        return Err(CliError::config(message));
                    }
                    open.push((entry.path(), format!("{relative}/"), depth + 1));
                    continue;
                }
                if kind.is_symlink() {
                    folder.others.insert(relative.clone(), NoFile::Symlink);
                } else if submodule {
                    folder.others.insert(relative.clone(), NoFile::Submodule);
                } else if !kind.is_file() {
                    continue;
                }
                folder.paths.push(relative);
                if folder.paths.len() > FILES {
                    let message = format!("{} holds more than {FILES} files", root.display());
                    return Err(CliError::config(message).hint("Name the root of the infra repository."));
                }
            }
        }
        folder.paths.sort_unstable();
        Ok(folder)
    }

    /// All paths, with `/` between folders, sorted.
    pub(super) fn paths(&self) -> &[String] {
        &self.paths
    }

    /// The symlink or submodule that stands at a path or on the way to it.
    pub(super) fn other(&self, path: &str) -> Option<NoFile> {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        ends.filter_map(|end| self.others.get(&path[..end])).next().copied()
    }

    /// Whether a file, a symlink or a submodule stands there.
    pub(super) fn has_file(&self, path: &str) -> bool {
        self.paths.binary_search_by(|known| known.as_str().cmp(path)).is_ok()
    }

    /// Whether anything stands below the prefix, which ends in `/` or is empty.
    pub(super) fn has_folder(&self, prefix: &str) -> bool {
        let first = self.paths.partition_point(|known| known.as_str() < prefix);
        self.paths.get(first).is_some_and(|path| path.starts_with(prefix))
    }

    /// Reads a file that was listed.
    pub(super) fn read(&mut self, path: &str) -> Content<'_> {
        if let Some(other) = self.other(path) {
            return Content::NoFile(other);
        }
        if !self.has_file(path) {
            return Content::Missing;
        }
        // One byte more than the editor takes, so that it is the editor that says what is too large.
        let mut bytes = Vec::new();
        let limit = gantry_edit::MAX_BYTES as u64 + 1;
        let read =
            fs::File::open(self.root.join(path)).and_then(|file| file.take(limit).read_to_end(&mut bytes));
        match read {
            Err(error) => Content::Unreadable(error.to_string()),
            Ok(_) if bytes.starts_with(LFS) => Content::NoFile(NoFile::LfsPointer),
            Ok(_) => {
                self.last = bytes;
                Content::Bytes(&self.last)
            }
        }
    }

    /// The branch that is checked out, by `.git/HEAD`; none outside of Git, or on no branch.
    pub(super) fn branch(&self) -> Option<BranchName> {
        let git = self.root.join(".git");
        let head = if git.is_dir() {
            git.join("HEAD")
        } else {
            // A linked work tree: `.git` is a file that names its folder.
            let pointer = small(&git)?;
            self.root.join(pointer.trim().strip_prefix("gitdir: ")?).join("HEAD")
        };
        small(&head)?.trim().strip_prefix("ref: refs/heads/")?.parse().ok()
    }
}

fn small(path: &Path) -> Option<String> {
    let mut text = String::new();
    fs::File::open(path).ok()?.take(4096).read_to_string(&mut text).ok()?;
    Some(text)
}
