//! Fetching: all branches, forced and pruned, in one conversation.
//!
//! The mirror's branches are written here and not by the fetch of the library, so that a branch that made
//! room for another (`a` gone, `a/b` come) and thousands of branches are one pair of transactions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicBool},
};

use gix::{
    ObjectId,
    progress::Discard,
    protocol::{
        LsRefsCommand,
        fetch::{Arguments, Context, Negotiate, RefMap, Response, Shallow, Tags, negotiate, refmap},
        handshake::Ref,
        ls_refs::RefPrefixes,
    },
    refs::{
        FullName, Target,
        transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog},
    },
};
use gix_transport::Service;

use super::{
    connect::{Deadline, Session},
    error::GitError,
    mirror::{Heads, Mirror},
};

/// The most branches that a repository may have.
const MAX_BRANCHES: usize = 200_000;
/// The most memory for one object of a fetched pack.
const MAX_OBJECT: usize = 512 << 20;
const HEADS: &str = "refs/heads/";

/// What the server lists.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) branches: BTreeMap<String, ObjectId>,
    default_branch: Option<String>,
    refs: Vec<Ref>,
}

impl Mirror {
    /// Brings every branch of the repository, whatever happened to it there (moved, rewound, deleted, the
    /// whole repository made anew), and tells the heads. Cheap when nothing changed. An empty repository is
    /// no error: [`Heads::is_empty`].
    ///
    /// # Errors
    /// Everything that can be wrong with a remote; the mirror then keeps what it had.
    pub fn fetch(&self) -> Result<Arc<Heads>, GitError> {
        let _one_at_a_time = self.network();
        if self.take_damaged() {
            self.make_anew()?;
        }
        let heads = match self.fetch_into(&self.repository()) {
            Err(GitError::Damaged { .. }) => {
                self.make_anew()?;
                self.fetch_into(&self.repository())?
            }
            result => result?,
        };
        Ok(self.set_heads(heads))
    }

    /// Brings `repository`, which is the mirror or shall become it, to the server's state.
    pub(super) fn fetch_into(&self, repository: &gix::Repository) -> Result<Heads, GitError> {
        let stored = self.stored(repository)?;
        let deadline = Deadline::after(self.remote.timeout);
        let mut session = Session::open(&self.remote, &self.client, Service::UploadPack, deadline)?;
        let mut handshake = self.shake_hands(&mut session)?;
        let mut listing = self.list(&mut session, &mut handshake)?;
        if listing.branches != stored {
            self.receive(repository, &mut session, handshake, &mut listing)?;
            self.store(repository, &stored, &listing.branches)?;
        }
        let mut branches = BTreeMap::new();
        for (name, id) in &listing.branches {
            branches.insert(name.clone(), self.commit_id(id)?);
        }
        Ok(Heads { url: self.url(), branches, default_branch: listing.default_branch })
    }

    /// Asks the server for its branches, and nothing else. For reading again after a push.
    pub(super) fn list_remote(&self, deadline: Deadline) -> Result<BTreeMap<String, ObjectId>, GitError> {
        let mut session = Session::open(&self.remote, &self.client, Service::UploadPack, deadline)?;
        let mut handshake = self.shake_hands(&mut session)?;
        Ok(self.list(&mut session, &mut handshake)?.branches)
    }

    fn shake_hands(&self, session: &mut Session) -> Result<gix::protocol::Handshake, GitError> {
        // Credentials are the transport's business: no helper of the host is ever asked.
        let result = gix::protocol::handshake(
            session.transport()?,
            Service::UploadPack,
            |_| Ok(None),
            Vec::new(),
            &mut Discard,
        );
        let handshake = result.map_err(|error| session.explain(&error))?;
        match handshake
            .capabilities
            .capability("object-format")
            .and_then(|c| c.value().map(ToOwned::to_owned))
        {
            Some(format) if format != "sha1" => Err(GitError::Protocol {
                url: self.url(),
                why: format!("its object format is {format}, Gantry knows sha1"),
            }),
            _ => Ok(handshake),
        }
    }

    fn list(
        &self,
        session: &mut Session,
        handshake: &mut gix::protocol::Handshake,
    ) -> Result<Listing, GitError> {
        let refs = match handshake.refs.take() {
            Some(refs) => refs,
            None => {
                let mut prefixes = RefPrefixes::new();
                prefixes.extend(["HEAD".into(), HEADS.into()]);
                let command = LsRefsCommand::new(Some(prefixes), &handshake.capabilities, agent());
                command
                    .invoke_blocking(session.transport()?, &mut Discard, false)
                    .map_err(|error| session.explain(&error))?
            }
        };
        if refs.len() > MAX_BRANCHES {
            return Err(GitError::TooLarge {
                url: self.url(),
                what: "the number of branches".into(),
                limit: MAX_BRANCHES.to_string(),
            });
        }
        let mut listing = Listing::default();
        for reference in refs {
            let (name, id, _) = reference.unpack();
            let Ok(name) = std::str::from_utf8(name) else { continue };
            if name == "HEAD" {
                if let Ref::Symbolic { target, .. } | Ref::Unborn { target, .. } = &reference {
                    let target = String::from_utf8_lossy(target);
                    listing.default_branch = target.strip_prefix(HEADS).map(ToOwned::to_owned);
                }
                continue;
            }
            let (Some(branch), Some(id)) = (name.strip_prefix(HEADS), id) else { continue };
            // A name that Git itself would refuse is no branch that anyone can mean.
            if FullName::try_from(name).is_err() {
                continue;
            }
            listing.branches.insert(branch.to_owned(), id.to_owned());
            listing.refs.push(reference);
        }
        Ok(listing)
    }

    fn receive(
        &self,
        repository: &gix::Repository,
        session: &mut Session,
        mut handshake: gix::protocol::Handshake,
        listing: &mut Listing,
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
        let mut haves = Haves {
            repository: &graph_repository,
            graph: &mut graph,
            negotiator: gix::negotiate::Algorithm::Consecutive.into_negotiator(),
            map: &map,
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
                )?;
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
            return Err(self.local_fault(&error).unwrap_or_else(|| session.explain(&error)));
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

/// How Gantry names itself to servers.
fn agent() -> (&'static str, Option<String>) {
    ("agent", Some(AGENT.to_owned()))
}

/// The value of [`agent`].
pub(super) const AGENT: &str = concat!("gantry/", env!("CARGO_PKG_VERSION"));

/// Tells the server what the mirror has, by the library's own negotiation.
struct Haves<'a, 'b, 'c> {
    repository: &'a gix::Repository,
    graph: &'a mut gix::negotiate::Graph<'b, 'c>,
    negotiator: Box<dyn gix::negotiate::Negotiator>,
    map: &'a RefMap,
}

impl Negotiate for Haves<'_, '_, '_> {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<negotiate::Action> {
        type Alternate = (gix::refs::file::Store, gix::OdbHandle);
        negotiate::mark_complete_and_common_ref(
            &self.repository.objects,
            &self.repository.refs,
            || Ok(std::iter::empty::<Alternate>()),
            &mut *self.negotiator,
            self.graph,
            self.map,
            &Shallow::NoChange,
            negotiate::make_refmapping_ignore_predicate(Tags::None, self.map),
        )
    }

    fn add_wants(&mut self, arguments: &mut Arguments, known: &[bool]) -> bool {
        negotiate::add_wants(
            &self.repository.objects,
            arguments,
            self.map,
            known,
            &Shallow::NoChange,
            negotiate::make_refmapping_ignore_predicate(Tags::None, self.map),
        )
    }

    fn one_round(
        &mut self,
        state: &mut negotiate::one_round::State,
        arguments: &mut Arguments,
        previous: Option<&Response>,
    ) -> gix::Result<(negotiate::Round, bool)> {
        negotiate::one_round(&mut *self.negotiator, self.graph, state, arguments, previous)
    }
}
