//! Rejections and their liftings: commits that edit `.gantry/rejections.yaml` on the default branch.
//!
//! Each is a commit of its own in the name of the person who asked, with trailers for the log; several in one
//! round are a chain. What stands in the file is read at the head that the push names, so that a lost race changes
//! nothing and is planned anew.

use gantry_core::{
    effects::Effect,
    facts::{Person, Place, Rejected, Rejection},
    ids::{BranchName, ReleaseId},
    reason::{Owner, Problem},
    record,
};

use super::write::{Chain, Writer, Written};
use crate::{
    git::{Drafting, GitError, Kind},
    place,
    rejections::{FILE, add, lift, problem},
    speak::Ruled,
};

/// What becomes of one commit in the chain: `true` if there is one, `false` if nothing is to be written.
type Linked = Result<Result<bool, Written>, GitError>;

impl Writer<'_> {
    /// Adds a rejection or its lifting to the chain of the default branch.
    pub(super) fn rule(
        &self,
        drafting: &mut Drafting<'_>,
        base: &BranchName,
        chain: &mut Chain,
        effect: &Effect,
    ) -> Linked {
        let Effect::Rule { place, base: _, release, version, rejects, by, at, reason, proposal } = effect
        else {
            return Ok(Ok(false));
        };
        let edited = self.rejections(chain)?.and_then(|present| match (rejects, present) {
            (true, present) => {
                let rejection = Rejection {
                    release: release.clone(),
                    version: version.clone(),
                    by: by.clone(),
                    at: *at,
                    reason: reason.clone(),
                    proposal: *proposal,
                };
                add(present.as_deref(), place, &rejection)
            }
            (false, Some(present)) => lift(&present, place, release),
            (false, None) => Ok(None),
        });
        let after = match edited {
            Ok(after) => after,
            Err(problem) => return Ok(Err(refusal(release, &problem))),
        };
        // A closed proposal of what is rejected already is noted by a commit without a change.
        if after.is_none() && proposal.is_none() {
            return Ok(Ok(false));
        }
        let mut trailers = record::ruling_trailers(place, release, *rejects, by, *proposal);
        trailers.extend(self.sealer.belonging(None));
        let ruled = Ruled { place, version, rejects: *rejects, by, reason };
        let message = self.renderer.ruling_commit(&ruled, &trailers);
        let author = Some(self.identities.person(by));
        self.edit(drafting, base, chain, after, (message, author), (place, release))
    }

    /// Writes the file for the first time, with what commits of earlier versions say.
    pub(super) fn move_rejections(
        &self,
        drafting: &mut Drafting<'_>,
        base: &BranchName,
        chain: &mut Chain,
        rejections: &[Rejected],
    ) -> Linked {
        let Some(first) = rejections.first() else { return Ok(Ok(false)) };
        let release = &first.rejection.release;
        let mut file = match self.rejections(chain)? {
            Ok(None) => None,
            Ok(Some(_)) => return Ok(Ok(false)),
            Err(problem) => return Ok(Err(refusal(release, &problem))),
        };
        for Rejected { place, rejection } in rejections {
            match add(file.as_deref(), place, rejection) {
                Ok(Some(after)) => file = Some(after),
                Ok(None) => {}
                Err(problem) => return Ok(Err(refusal(release, &problem))),
            }
        }
        let message = self.renderer.moved_commit(rejections.len());
        self.edit(drafting, base, chain, file, (message, None), (&first.place, release))
    }

    /// The file as the chain has left it; none where there is none.
    fn rejections(&self, chain: &Chain) -> Result<Result<Option<Vec<u8>>, Problem>, GitError> {
        if let Some(bytes) = &chain.rejections {
            return Ok(Ok(Some(bytes.clone())));
        }
        let found = match self.mirror.snapshot(&chain.at)?.read(FILE) {
            Err(error @ GitError::TooLarge { .. }) => return Ok(Err(problem(None, error.to_string()))),
            found => found?,
        };
        Ok(match found {
            None => Ok(None),
            Some(file) => match file.kind {
                Kind::Regular => Ok(Some(file.bytes)),
                Kind::Symlink => Err(place::not_a_file(FILE, place::NoFile::Symlink)),
                Kind::Submodule => Err(place::not_a_file(FILE, place::NoFile::Submodule)),
                Kind::LfsPointer => Err(place::not_a_file(FILE, place::NoFile::LfsPointer)),
            },
        })
    }

    fn edit(
        &self,
        drafting: &mut Drafting<'_>,
        base: &BranchName,
        chain: &mut Chain,
        after: Option<Vec<u8>>,
        (message, author): (String, Option<Person>),
        (place, release): (&Place, &ReleaseId),
    ) -> Linked {
        let changes = after.iter().map(|bytes| (FILE.to_owned(), Some(bytes.clone()))).collect();
        match self.sealer.commit(drafting, base, self.draft(chain.head.clone(), changes, message, author)) {
            Ok(head) => chain.head = head,
            Err(error @ (GitError::Draft { .. } | GitError::TooLarge { .. })) => {
                return Ok(Err(Written::Refused(release.clone(), error.to_string(), error.owner())));
            }
            Err(error) => return Err(error),
        }
        if after.is_some() {
            chain.changed.insert(FILE.to_owned());
            chain.rejections = after;
        }
        chain.places.push((place.clone(), release.clone()));
        Ok(Ok(true))
    }
}

fn refusal(release: &ReleaseId, problem: &Problem) -> Written {
    Written::Refused(release.clone(), problem.to_string(), Owner::Team)
}
