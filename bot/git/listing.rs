//! What a server says of itself before anything is fetched: its branches and its default branch.

use std::collections::BTreeMap;

use gix::{
    ObjectId,
    progress::Discard,
    protocol::{LsRefsCommand, handshake::Ref, ls_refs::RefPrefixes},
    refs::FullName,
};
use gix_transport::Service;

use super::{
    connect::{Deadline, Session},
    error::GitError,
    mirror::Mirror,
    negotiate::agent,
};

/// The most branches that a repository may have.
const MAX_BRANCHES: usize = 200_000;
/// Where branches are among the refs.
pub(super) const HEADS: &str = "refs/heads/";

/// What the server lists.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) branches: BTreeMap<String, ObjectId>,
    pub(super) default_branch: Option<String>,
    /// As the library wants them for a fetch.
    pub(super) refs: Vec<Ref>,
}

impl Mirror {
    /// Asks the server for its branches, and nothing else. For reading again after a push.
    pub(super) fn list_remote(&self, deadline: Deadline) -> Result<BTreeMap<String, ObjectId>, GitError> {
        let mut session = Session::open(&self.remote, &self.client, Service::UploadPack, deadline)?;
        let mut handshake = self.shake_hands(&mut session)?;
        Ok(self.list(&mut session, &mut handshake)?.branches)
    }

    pub(super) fn shake_hands(&self, session: &mut Session) -> Result<gix::protocol::Handshake, GitError> {
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

    pub(super) fn list(
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
        if listing.branches.len() > MAX_BRANCHES {
            return Err(GitError::TooLarge {
                url: self.url(),
                what: "the number of branches".into(),
                limit: MAX_BRANCHES.to_string(),
            });
        }
        Ok(listing)
    }
}
