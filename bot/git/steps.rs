//! Which of a branch's commits changed files that matter, newest first.
//!
//! The first-parent history is gone through once: first the commits, which takes a few microseconds for each, then
//! what differs between the trees of two that follow each other, on all processors. Folders that are equal, or in
//! which nothing matters, are not looked into; a folder's list of 5,000 entries of which one changed is compared
//! entry by entry without being taken apart.

use std::{
    collections::HashMap,
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use gantry_core::ids::CommitId;
use gix::{ObjectId, objs::FindExt as _};
use jiff::Timestamp;

use super::{
    error::GitError,
    ids::{self, BlobId},
    lists::{List, Pair},
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

/// How many commits a thread takes at once.
const PIECE: usize = 64;
/// The most threads, each with handles and caches of its own.
const MAX_THREADS: usize = 8;

/// Which files matter.
pub trait Paths {
    /// Whether this file does.
    fn wants(&self, path: &str) -> bool;

    /// Whether any file below this folder, whose path ends with `/`, may.
    fn enters(&self, folder: &str) -> bool;
}

/// A commit that changed files that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The commit.
    pub commit: CommitId,
    /// Its first parent.
    pub parent: Option<CommitId>,
    /// What it changed against that, sorted by path.
    pub changed: Vec<Changed>,
}

/// Where a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// At the commit that it was to stop at.
    Stop,
    /// At the first commit of all.
    First,
    /// After as many commits as it might read. It goes on with this one.
    Limit(CommitId),
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// The commits that changed something, newest first.
    pub steps: Vec<Step>,
    /// Where it ended.
    pub end: End,
    /// The oldest commit that was read, with its committer's time.
    pub oldest: Option<(CommitId, Timestamp)>,
}

/// A first-parent commit.
struct Link {
    id: ObjectId,
    tree: ObjectId,
    parent: Option<ObjectId>,
}

impl Mirror {
    /// Goes from `head` back along first parents to `stop_at`, which is left out, through at most `limit` commits.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] when the mirror does not hold `head`.
    pub fn steps(
        &self,
        head: &CommitId,
        stop_at: Option<&CommitId>,
        limit: usize,
        paths: &(dyn Paths + Sync),
    ) -> Result<Steps, GitError> {
        let repository = self.repository();
        let stop = stop_at.and_then(ids::object);
        let (mut links, mut next) = (Vec::<Link>::new(), Some(self.known(&repository, head)?));
        let (mut buffer, mut at) = (Vec::new(), Timestamp::UNIX_EPOCH);
        let end = loop {
            let Some(id) = next else { break End::First };
            if stop == Some(id) {
                break End::Stop;
            }
            if links.len() >= limit {
                break End::Limit(self.commit_id(&id)?);
            }
            let commit = repository.objects.find_commit(&id, &mut buffer).map_err(|e| self.damage(&e))?;
            let seconds = commit.committer().map_or(0, |who| who.seconds());
            at = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
            next = commit.parents().next();
            links.push(Link { id, tree: commit.tree(), parent: next });
        };
        let oldest = match links.last() {
            Some(link) => Some((self.commit_id(&link.id)?, at)),
            None => None,
        };
        // Each commit is compared with the next one in the list; behind the last is its parent.
        let before_all = match links.last().and_then(|link| link.parent) {
            Some(parent) => Some(self.tree_of(&repository, parent)?),
            None => None,
        };
        Ok(Steps { steps: self.compare_all(&links, before_all, paths)?, end, oldest })
    }

    fn compare_all(
        &self,
        links: &[Link],
        before_all: Option<ObjectId>,
        paths: &(dyn Paths + Sync),
    ) -> Result<Vec<Step>, GitError> {
        let processors = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let threads = processors.min(links.len() / PIECE).max(1);
        let next = AtomicUsize::new(0);
        let run = || -> Result<Vec<(usize, Step)>, GitError> {
            let mut differ = Differ::new(self, paths);
            let mut found = Vec::new();
            loop {
                let start = next.fetch_add(PIECE, Ordering::Relaxed);
                for index in start..links.len().min(start + PIECE) {
                    let link = &links[index];
                    let before = links.get(index + 1).map(|older| older.tree).or(before_all);
                    let changed = differ.compare(before, link.tree)?;
                    if !changed.is_empty() {
                        let parent = link.parent.map(|parent| self.commit_id(&parent)).transpose()?;
                        found.push((index, Step { commit: self.commit_id(&link.id)?, parent, changed }));
                    }
                }
                if start + PIECE >= links.len() {
                    return Ok(found);
                }
            }
        };
        let found = thread::scope(|scope| {
            // Where no thread can be had, this one does all.
            let start = || thread::Builder::new().name("git-read".into()).spawn_scoped(scope, run).ok();
            let others: Vec<_> = (1..threads).filter_map(|_| start()).collect();
            let mut found = vec![run()];
            for other in others {
                found.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            found
        });
        let mut steps: Vec<(usize, Step)> = Vec::new();
        for part in found {
            steps.extend(part?);
        }
        steps.sort_unstable_by_key(|(index, _)| *index);
        Ok(steps.into_iter().map(|(_, step)| step).collect())
    }
}

/// Compares trees one after the other, each with the one before it.
pub(super) struct Differ<'a> {
    mirror: &'a Mirror,
    repository: gix::Repository,
    paths: &'a dyn Paths,
    /// The lists of the trees that were compared last, and of those before.
    lists: HashMap<ObjectId, Arc<List>>,
    older: HashMap<ObjectId, Arc<List>>,
}

impl<'a> Differ<'a> {
    pub(super) fn new(mirror: &'a Mirror, paths: &'a dyn Paths) -> Self {
        let (lists, older) = (HashMap::new(), HashMap::new());
        Self { mirror, repository: mirror.repository(), paths, lists, older }
    }

    /// The files that matter and differ, sorted by path.
    pub(super) fn compare(
        &mut self,
        before: Option<ObjectId>,
        after: ObjectId,
    ) -> Result<Vec<Changed>, GitError> {
        let mut changed = Vec::new();
        if before == Some(after) {
            return Ok(changed);
        }
        self.older = mem::take(&mut self.lists);
        let mut folders = vec![(String::new(), before, Some(after), 0)];
        while let Some((prefix, before, after, depth)) = folders.pop() {
            if depth >= MAX_DEPTH {
                return Err(self.mirror.too_large("the depth of folders", MAX_DEPTH.to_string()));
            }
            let after = self.list(after, None)?;
            let before = self.list(before, Some(&after))?;
            for Pair { name, before, after } in before.differences(&after) {
                let Ok(name) = std::str::from_utf8(name) else { continue };
                let path = format!("{prefix}{name}");
                let tree = |entry: Option<(_, gix::objs::tree::EntryMode)>| {
                    entry.filter(|(_, mode)| mode.is_tree()).map(|(id, _): (ObjectId, _)| id)
                };
                let file = |entry: Option<(ObjectId, gix::objs::tree::EntryMode)>| {
                    entry.filter(|(_, mode)| !mode.is_tree())
                };
                if tree(before) != tree(after) {
                    let folder = format!("{path}/");
                    if self.paths.enters(&folder) {
                        folders.push((folder, tree(before), tree(after), depth + 1));
                    }
                }
                if file(before) != file(after) && self.paths.wants(&path) {
                    let id = |entry: Option<(ObjectId, _)>| file(entry).map(|(id, _)| BlobId(id));
                    changed.push(Changed { path, before: id(before), after: id(after) });
                }
                if changed.len() > MAX_PATHS || folders.len() > MAX_PATHS {
                    return Err(self.mirror.too_large("the number of changed files", MAX_PATHS.to_string()));
                }
            }
        }
        changed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(changed)
    }

    /// A folder's list; `like` is one that it most likely has the entries of.
    fn list(&mut self, id: Option<ObjectId>, like: Option<&List>) -> Result<Arc<List>, GitError> {
        let Some(id) = id else { return Ok(Arc::default()) };
        if let Some(list) = self.lists.get(&id) {
            return Ok(Arc::clone(list));
        }
        let list = match self.older.get(&id) {
            Some(list) => Arc::clone(list),
            None => {
                let mut bytes = Vec::new();
                self.mirror.read_tree(&self.repository, id, &mut bytes)?;
                let list = match like {
                    Some(like) => List::parse_like(bytes, like),
                    None => List::parse(bytes),
                };
                let wrong = |why| self.mirror.damage_text(&format!("{why} (tree {id})"));
                Arc::new(list.map_err(wrong)?)
            }
        };
        self.lists.insert(id, Arc::clone(&list));
        Ok(list)
    }
}
