//! Which files differ between two commits, without looking into folders that are equal.

use std::cmp::Ordering;

use gantry_core::ids::CommitId;
use gix::{
    ObjectId,
    bstr::{BString, ByteSlice},
    objs::tree::EntryMode,
};

use super::{
    error::GitError,
    ids::BlobId,
    mirror::Mirror,
    snapshot::{MAX_DEPTH, MAX_PATHS},
};

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The path with `/` between its parts.
    pub path: String,
    /// The bytes before; `None` where there was no file.
    pub before: Option<BlobId>,
    /// The bytes after; `None` where there is no file. Equal to `before` when only the mode changed.
    pub after: Option<BlobId>,
}

/// An entry of a tree, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: BString,
    mode: EntryMode,
    id: ObjectId,
}

impl Mirror {
    /// The files for which `wanted` says yes that differ between `parent` (nothing, for `None`) and `commit`,
    /// sorted by path. Paths that are not UTF-8 are left out.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold one of the two.
    pub fn changed(
        &self,
        parent: Option<&CommitId>,
        commit: &CommitId,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Changed>, GitError> {
        let repository = self.repository();
        let before = match parent {
            Some(parent) => Some(self.tree_of(&repository, self.known(&repository, parent)?)?),
            None => None,
        };
        let after = self.tree_of(&repository, self.known(&repository, commit)?)?;
        let mut changed = Vec::new();
        let mut folders = vec![(String::new(), before, Some(after), 0)];
        while let Some((prefix, before, after, depth)) = folders.pop() {
            if before == after {
                continue;
            }
            if depth >= MAX_DEPTH {
                return Err(self.too_large("the depth of folders", MAX_DEPTH.to_string()));
            }
            let (before, after) = (self.entries(&repository, before)?, self.entries(&repository, after)?);
            for (before, after) in pairs(&before, &after) {
                let Some(name) = before.or(after).and_then(|entry| entry.name.to_str().ok()) else {
                    continue;
                };
                let path = format!("{prefix}{name}");
                let folder = |entry: Option<&Entry>| entry.filter(|e| e.mode.is_tree()).map(|e| e.id);
                let file =
                    |entry: Option<&Entry>| entry.filter(|e| !e.mode.is_tree()).map(|e| (e.id, e.mode));
                if folder(before) != folder(after) {
                    folders.push((format!("{path}/"), folder(before), folder(after), depth + 1));
                }
                if file(before) != file(after) && wanted(&path) {
                    let (before, after) = (file(before), file(after));
                    changed.push(Changed {
                        path,
                        before: before.map(|(id, _)| BlobId(id)),
                        after: after.map(|(id, _)| BlobId(id)),
                    });
                }
                if changed.len() > MAX_PATHS || folders.len() > MAX_PATHS {
                    return Err(self.too_large("the number of changed files", MAX_PATHS.to_string()));
                }
            }
        }
        changed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(changed)
    }

    fn entries(&self, repository: &gix::Repository, tree: Option<ObjectId>) -> Result<Vec<Entry>, GitError> {
        let Some(tree) = tree else { return Ok(Vec::new()) };
        let mut buffer = Vec::new();
        let mut entries = Vec::new();
        for entry in self.read_tree(repository, tree, &mut buffer)? {
            let entry = entry.map_err(|error| self.damage(&error))?;
            entries.push(Entry {
                name: entry.filename.to_owned(),
                mode: entry.mode,
                id: entry.oid.to_owned(),
            });
        }
        // Git sorts a folder as if its name ended in '/'; by plain name, a file and a folder of the same name
        // on the two sides come together. Well-formed trees are nearly sorted that way already.
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

/// Brings entries of the same name together, and leaves out equal ones.
fn pairs<'a>(before: &'a [Entry], after: &'a [Entry]) -> Vec<(Option<&'a Entry>, Option<&'a Entry>)> {
    let (mut left, mut right) = (before.iter().peekable(), after.iter().peekable());
    let mut out = Vec::new();
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return out,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.name.cmp(&b.name),
        };
        let pair = match order {
            Ordering::Less => (left.next(), None),
            Ordering::Greater => (None, right.next()),
            Ordering::Equal => (left.next(), right.next()),
        };
        if pair.0 != pair.1 {
            out.push(pair);
        }
    }
}
