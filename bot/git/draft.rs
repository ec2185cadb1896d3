//! Making commits without a work tree.
//!
//! Promises: bytes are written as given; a file keeps its mode; a symbolic link, a submodule or a pointer
//! into a large file store is never replaced, and a path is never one that a checkout would treat as Git's
//! own; the same draft gives the same commit id, so that doing it twice is harmless (a signature may hold its
//! time, so two signed commits may differ in that: the compare-and-swap of the push lets one of them land).
//!
//! Objects come to be in memory, in the form in which a pack holds them. [`Drafting::push`] sends them as they
//! are and puts them into the mirror meanwhile (sooner when they grow large); [`Drafting::keep`] does the second
//! alone.

use gantry_core::ids::CommitId;
use gix::{
    ObjectId,
    objs::{Kind, WriteTo as _},
};
use jiff::Timestamp;

use super::{
    ahead::Ahead,
    error::{GitError, tame},
    history::Person,
    ids,
    mirror::Mirror,
    push::{RefOutcome, RefUpdate},
    series::Series,
};

/// Above this many bytes in memory, objects are stored early.
const MAX_MEMORY: usize = 64 << 20;
/// The most bytes of a commit message: 256 KiB.
const MAX_MESSAGE: usize = 256 << 10;

/// A commit to be made. Equal drafts become equal commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The commit that it is made on; the mirror holds it, pushed or not.
    pub parent: CommitId,
    /// Further parents of a merge; `changes` are still relative to `parent`. Mostly empty.
    pub merges: Vec<CommitId>,
    /// Paths with their new bytes; `None` deletes the file, if it is there. No change at all makes an empty
    /// commit.
    pub changes: Vec<(String, Option<Vec<u8>>)>,
    /// The whole message with its trailers.
    pub message: String,
    /// Who wrote the change.
    pub author: Person,
    /// Who makes the commit.
    pub committer: Person,
    /// When; commits know whole seconds.
    pub at: Timestamp,
}

/// Commits being made on each other; only [`Drafting::keep`] and a push that lands make sure that they are in the
/// mirror. For one thread.
pub struct Drafting<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) repository: gix::Repository,
    pub(super) series: Series,
    ahead: Option<Ahead>,
}

impl Mirror {
    /// Starts a series of commits.
    #[must_use]
    pub fn drafting(&self) -> Drafting<'_> {
        Drafting { mirror: self, repository: self.repository(), series: Series::default(), ahead: None }
    }

    /// Starts a series of commits that are to be pushed: the server is asked for its branches meanwhile.
    #[must_use]
    pub fn drafting_to_push(&self) -> Drafting<'_> {
        Drafting { ahead: Ahead::ask(&self.remote, &self.client), ..self.drafting() }
    }

    /// Makes one commit and keeps it in the mirror. Nothing is pushed.
    ///
    /// # Errors
    /// As [`Drafting::commit`] and [`Drafting::keep`].
    pub fn commit(&self, draft: &Draft) -> Result<CommitId, GitError> {
        let mut drafting = self.drafting();
        let id = drafting.commit(draft)?;
        drafting.keep()?;
        Ok(id)
    }
}

impl Drafting<'_> {
    /// Makes a commit. Its parent may be one made here a moment ago.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] for an unknown parent, [`GitError::Draft`] for what must not be written,
    /// [`GitError::Unsigned`] where commits are signed and this one cannot be.
    pub fn commit(&mut self, draft: &Draft) -> Result<CommitId, GitError> {
        self.commit_saying(draft, |_| Ok(draft.message.clone()))
    }

    /// As [`Drafting::commit`], with a message that is made when the id of the commit's tree is known.
    ///
    /// # Errors
    /// As [`Drafting::commit`]; [`GitError::Draft`] with the text of `say` where it has no message.
    pub fn commit_saying(
        &mut self,
        draft: &Draft,
        say: impl FnOnce(&str) -> Result<String, String>,
    ) -> Result<CommitId, GitError> {
        self.message(&draft.message)?;
        let mut parents = vec![self.known(&draft.parent)?];
        for parent in &draft.merges {
            parents.push(self.known(parent)?);
        }
        let base = match self.series.commit(&parents[0]) {
            Some(made) => made.tree,
            None => self.mirror.tree_of(&self.repository, parents[0])?,
        };
        self.series.begin(parents[0]);
        let tree = self.tree(base, &draft.changes).inspect_err(|_| self.series.abandon())?;
        let said = say(&tree.to_string()).map_err(|why| self.refused("the commit message", &why));
        let message = said.and_then(|said| self.message(&said)).inspect_err(|_| self.series.abandon())?;
        let mut commit = gix::objs::Commit {
            tree,
            parents: parents.into(),
            author: signature(&draft.author, draft.at),
            committer: signature(&draft.committer, draft.at),
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        self.mirror.remote.sign(&mut commit).inspect_err(|_| self.series.abandon())?;
        let mut data = Vec::new();
        commit.write_to(&mut data).map_err(|error| self.mirror.damage_text(&error.to_string()))?;
        let id = self.hash(Kind::Commit, &data)?;
        self.series
            .add_commit(id, &data, tree, commit.parents.into_vec())
            .map_err(|source| self.mirror.io(source))?;
        if self.series.weight() > MAX_MEMORY {
            self.mirror.store_series(&self.repository, &self.series)?;
            self.series = Series::default();
        }
        self.mirror.commit_id(&id)
    }

    /// Puts everything made here into the mirror.
    ///
    /// # Errors
    /// [`GitError::Io`] when the folder cannot be written.
    pub fn keep(self) -> Result<(), GitError> {
        self.mirror.store_series(&self.repository, &self.series)
    }

    /// Pushes what was made here, as [`Mirror::push`] does, and keeps it.
    ///
    /// # Errors
    /// As [`Mirror::push`].
    pub fn push(self, updates: &[RefUpdate]) -> Result<Vec<RefOutcome>, GitError> {
        self.mirror.push_drafted(updates, Some(&self.series), self.ahead)
    }

    /// A commit made here or held by the mirror.
    fn known(&self, id: &CommitId) -> Result<ObjectId, GitError> {
        match ids::object(id).filter(|id| self.series.commit(id).is_some()) {
            Some(id) => Ok(id),
            None => self.mirror.known(&self.repository, id),
        }
    }

    pub(super) fn hash(&self, kind: Kind, data: &[u8]) -> Result<ObjectId, GitError> {
        gix::objs::compute_hash(self.repository.object_hash(), kind, data)
            .map_err(|error| self.mirror.damage(&error))
    }

    fn message(&self, message: &str) -> Result<String, GitError> {
        if message.trim().is_empty() || message.len() > MAX_MESSAGE || message.contains('\0') {
            let why = "it is empty, over 256 KiB or holds a NUL; this is a fault in a template or in Gantry";
            return Err(self.refused("the commit message", why));
        }
        Ok(format!("{}\n", message.trim_end_matches('\n')))
    }

    pub(super) fn refused(&self, path: &str, why: &str) -> GitError {
        GitError::Draft { url: self.mirror.url(), path: tame(path, 200), why: why.into() }
    }
}

/// Names come from outside: what would break the line in the commit is left out, as Git itself does.
fn signature(person: &Person, at: Timestamp) -> gix::actor::Signature {
    let plain = |text: &str| {
        let kept: String = tame(text, 200).chars().filter(|c| !matches!(c, '<' | '>')).collect();
        kept.trim_matches(|c: char| {
            c.is_whitespace() || matches!(c, '.' | ',' | ':' | ';' | '"' | '\\' | '\'')
        })
        .to_owned()
    };
    let name = match plain(&person.name) {
        name if name.is_empty() => "unknown".to_owned(),
        name => name,
    };
    gix::actor::Signature {
        name: name.into(),
        email: plain(&person.email).into(),
        time: gix::date::Time { seconds: at.as_second(), offset: 0 },
    }
}
