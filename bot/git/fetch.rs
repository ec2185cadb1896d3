//! Fetching: all branches, forced and pruned, in one conversation.
//!
//! The mirror's branches are written here and not by the fetch of the library, so that a branch that made
//! room for another (`a` gone, `a/b` come) and thousands of branches are one pair of transactions.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicBool},
};

use gix::{
    ObjectId,
    progress::Discard,
    protocol::fetch::{Context, RefMap, Shallow, Tags, refmap},
    refs::{
        FullName, Target,
        transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog},
    },
};
use gix_transport::Service;

use super::{
    connect::{Deadline, Session},
    error::GitError,
    folder,
    listing::{HEADS, Listing},
    mirror::{Heads, Mirror},
    negotiate::{Haves, Known, agent},
};

/// The most memory for one object of a fetched pack.
const MAX_OBJECT: usize = 512 << 20;

impl Mirror {
    /// Brings every branch of the repository, whatever happened to it there (moved, rewound, deleted, the
    /// whole repository made anew), and tells the heads. Cheap when nothing changed. An empty repository is
    /// no error: [`Heads::is_empty`].
    ///
    /// # Errors
    /// Everything that can be wrong with a remote; the mirror then keeps what it had.
    pub fn fetch(&self) -> Result<Arc<Heads>, GitError> {
        let _one_at_a_time = self.network();
        if !folder::is_there(&self.folder).map_err(|source| self.io(source))? {
            let gone = self.damage_text("it is gone");
            if !self.will_mend() {
                return Err(gone);
            }
        }
        if self.will_mend() {
            return self.mend();
        }
        match self.fetch_into(&self.repository()) {
            Err(GitError::Damaged { .. }) if self.will_mend() => self.mend(),
            result => Ok(self.set_heads(result?)),
        }
    }

    /// Brings `repository`, which is the mirror or shall become it, to the server's state.
    pub(super) fn fetch_into(&self, repository: &gix::Repository) -> Result<Heads, GitError> {
        let stored = self.stored(repository)?;
        let deadline = Deadline::after(self.remote.timeout);
        let mut session = Session::open(&self.remote, &self.client, Service::UploadPack, deadline)?;
        let mut handshake = self.shake_hands(&mut session)?;
        let mut listing = self.list(&mut session, &mut handshake)?;
        if listing.branches != stored {
            self.receive(repository, &mut session, handshake, &mut listing, &stored)?;
            self.store(repository, &stored, &listing.branches)?;
        }
        let mut branches = BTreeMap::new();
        for (name, id) in &listing.branches {
            branches.insert(name.clone(), self.commit_id(id)?);
        }
        Ok(Heads { url: self.url(), branches, default_branch: listing.default_branch })
    }

    fn receive(
        &self,
        repository: &gix::Repository,
        session: &mut Session,
        mut handshake: gix::protocol::Handshake,
        listing: &mut Listing,
        stored: &BTreeMap<String, ObjectId>,
    ) -> Result<(), GitError> {
        if listing.branches.is_empty() {
            return Ok(());
        }
        let everything = "+refs/heads/*:refs/heads/*";
        let refspec = gix::refspec::parse(everything.into(), gix::refspec::parse::Operation::Fetch)
            .map_err(|error| self.damage(&error))?
            .to_owned();
        let specs = refmap::init::Context { fetch_refspecs: vec![refspec], extra_refspecs: Vec::new() };
        let map = RefMap::from_refs(std::mem::take(&mut listing.refs), &handshake.capabilities, specs)
            .map_err(|error| session.explain(&error))?;

        // As the library advises: what the server has and we do not must not make us look for new packs.
        let mut graph_repository = repository.clone();
        graph_repository.objects.refresh = gix::odb::store::RefreshMode::Never;
        graph_repository.objects.unset_object_cache();
        let mut graph = graph_repository.revision_graph(None);
        let failed = Cell::new(false);
        // What moved first: what came new most likely stands on it. Then the default branch.
        let default = listing.default_branch.as_ref().and_then(|name| stored.get(name));
        let moved = stored.iter().filter(|(name, id)| listing.branches.get(*name) != Some(*id));
        let tips = moved.map(|(_, id)| id).chain(default).chain(stored.values()).copied();
        let mut haves = Haves {
            repository: &graph_repository,
            graph: &mut graph,
            known: Known::of(&graph_repository, tips),
            map: &map,
            failed: &failed,
        };
        let packs = repository.objects.store_ref().path().join("pack");
        let options = gix_pack::bundle::write::Options {
            alloc_limit_bytes: Some(MAX_OBJECT),
            ..gix_pack::bundle::write::Options::default()
        };
        let shallow_file = repository.shallow_file().map_err(|error| self.damage(&error))?;
        let mut keep = None;
        let result = gix::protocol::fetch(
            &mut haves,
            |pack, progress, interrupt| {
                let bases = Some(repository.objects.clone());
                let hash = repository.object_hash();
                let written = gix_pack::Bundle::write_to_directory(
                    pack,
                    Some(&packs),
                    progress,
                    interrupt,
                    bases,
                    hash,
                    options,
                )
                .inspect_err(|_| failed.set(true))?;
                keep = written.keep_path;
                Ok(true)
            },
            Discard,
            &AtomicBool::new(false),
            Context {
                handshake: &mut handshake,
                transport: session.transport()?,
                user_agent: agent(),
                trace_packetlines: false,
            },
            gix::protocol::fetch::Options {
                shallow_file,
                shallow: &Shallow::NoChange,
                tags: Tags::None,
                reject_shallow_remote: true,
            },
        );
        if let Some(keep) = keep {
            // It would only matter to a garbage collection, and there is none beside us.
            let _ = std::fs::remove_file(keep);
        }
        if let Err(error) = result {
            // What we have could not be told, or what came does not fit to it, and the line is not at fault: it
            // is not all there. Only a new mirror shows whether the server is to blame after all.
            let ours = failed.get() && !stored.is_empty() && session.is_well() && !is_cut(&error);
            let fault = self.local_fault(&error).or_else(|| ours.then(|| self.damage(&error)));
            return Err(fault.unwrap_or_else(|| session.explain(&error)));
        }
        for (branch, id) in &listing.branches {
            match repository.try_find_header(*id) {
                Ok(Some(header)) if header.kind() == gix::objs::Kind::Commit => {}
                Ok(Some(_)) => {
                    let why = format!("its branch {branch} holds no commit");
                    return Err(GitError::Protocol { url: self.url(), why });
                }
                Ok(None) => return Err(self.damage_text(&format!("the head of {branch} did not arrive"))),
                Err(error) => return Err(self.damage(&error)),
            }
        }
        Ok(())
    }

    /// The error of a fetch that failed on this machine: a full disk must not be blamed on the server.
    fn local_fault(&self, error: &(dyn std::error::Error + 'static)) -> Option<GitError> {
        use std::io::ErrorKind;
        let mut next = Some(error);
        while let Some(error) = next {
            match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
                Some(ErrorKind::NotFound) => return Some(self.damage(error)),
                Some(
                    kind @ (ErrorKind::PermissionDenied
                    | ErrorKind::StorageFull
                    | ErrorKind::QuotaExceeded
                    | ErrorKind::ReadOnlyFilesystem),
                ) => return Some(GitError::Io { folder: self.folder.clone(), source: kind.into() }),
                _ => next = error.source(),
            }
        }
        None
    }

    /// Makes the mirror's branches those of the server: what is gone first, so that it makes room.
    fn store(
        &self,
        repository: &gix::Repository,
        old: &BTreeMap<String, ObjectId>,
        new: &BTreeMap<String, ObjectId>,
    ) -> Result<(), GitError> {
        let gone: BTreeSet<&String> = old.keys().filter(|name| !new.contains_key(*name)).collect();
        self.edit_branches(repository, gone.into_iter().map(|name| (name.as_str(), None)))?;
        let moved = new.iter().filter(|(name, id)| old.get(*name) != Some(*id));
        self.edit_branches(repository, moved.map(|(name, id)| (name.as_str(), Some(*id))))
    }

    /// Sets and deletes branches of the mirror in one transaction.
    pub(super) fn edit_branches<'a>(
        &self,
        repository: &gix::Repository,
        edits: impl Iterator<Item = (&'a str, Option<ObjectId>)>,
    ) -> Result<(), GitError> {
        let mut transaction = Vec::new();
        for (branch, id) in edits {
            let name = FullName::try_from(format!("{HEADS}{branch}")).map_err(|error| self.damage(&error))?;
            let change = match id {
                Some(id) => Change::Update {
                    log: LogChange {
                        mode: RefLog::AndReference,
                        force_create_reflog: false,
                        message: "".into(),
                    },
                    expected: PreviousValue::Any,
                    new: Target::Object(id),
                },
                None => Change::Delete { expected: PreviousValue::Any, log: RefLog::AndReference },
            };
            transaction.push(RefEdit { change, name, deref: false });
        }
        if transaction.is_empty() {
            return Ok(());
        }
        repository.edit_references(transaction).map_err(|error| self.damage(&error))?;
        Ok(())
    }
}

/// Whether what came ended too early, which is the fault of who sent it.
fn is_cut(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::UnexpectedEof)
    })
}
