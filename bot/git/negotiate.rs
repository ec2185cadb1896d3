//! How Gantry introduces itself, and which commits it tells a server that it has.
//!
//! A server can leave out what we have as soon as it knows a commit of ours behind each that we want: mostly that
//! is where a branch stood before it moved, so these come first, and then what is behind them, step by step. The
//! library's own way looks at all commits since the date of a common one, which is the whole history where dates
//! lie.

use std::{
    cell::Cell,
    collections::{HashSet, VecDeque},
};

use gix::{
    ObjectId,
    negotiate::{Graph, Negotiator},
    objs::FindExt as _,
    protocol::fetch::{Arguments, Negotiate, RefMap, Response, Shallow, Tags, negotiate, refmap},
};

/// How Gantry names itself to servers.
pub(super) fn agent() -> (&'static str, Option<String>) {
    ("agent", Some(AGENT.to_owned()))
}

/// The value of [`agent`].
pub(super) const AGENT: &str = concat!("gantry/", env!("CARGO_PKG_VERSION"));

/// Tells the server what the mirror has.
pub(super) struct Haves<'a, 'b, 'c> {
    pub(super) repository: &'a gix::Repository,
    /// Asked for by the library, and not used.
    pub(super) graph: &'a mut Graph<'b, 'c>,
    pub(super) known: Known<'a>,
    pub(super) map: &'a RefMap,
    /// Set where the mirror's own branches and commits could not be read.
    pub(super) failed: &'a Cell<bool>,
}

impl Negotiate for Haves<'_, '_, '_> {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<negotiate::Action> {
        let here = |mapping: &refmap::Mapping| match mapping.remote.as_id() {
            Some(id) => self.repository.try_find_header(id).map(|header| header.is_some()),
            None => Ok(false),
        };
        let known: Result<Vec<bool>, _> = self.map.mappings.iter().map(here).collect();
        let remote_ref_target_known = known.inspect_err(|_| self.failed.set(true))?;
        if remote_ref_target_known.iter().all(|known| *known) {
            return Ok(negotiate::Action::SkipToRefUpdate);
        }
        Ok(negotiate::Action::MustNegotiate { remote_ref_target_known })
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
        negotiate::one_round(&mut self.known, self.graph, state, arguments, previous)
            .inspect_err(|_| self.failed.set(true))
    }
}

/// What the mirror has, in the order in which it is told.
pub(super) struct Known<'a> {
    repository: &'a gix::Repository,
    next: VecDeque<ObjectId>,
    seen: HashSet<ObjectId>,
    common: HashSet<ObjectId>,
    buffer: Vec<u8>,
}

impl<'a> Known<'a> {
    /// Begins with these tips.
    pub(super) fn of(repository: &'a gix::Repository, tips: impl Iterator<Item = ObjectId>) -> Self {
        let mut seen = HashSet::new();
        let next = tips.filter(|tip| seen.insert(*tip)).collect();
        Self { repository, next, seen, common: HashSet::new(), buffer: Vec::new() }
    }

    fn parents(&mut self, id: ObjectId) -> gix::Result<Vec<ObjectId>> {
        let commit = self.repository.objects.find_commit_iter(&id, &mut self.buffer)?;
        Ok(commit.parent_ids().collect())
    }
}

impl Negotiator for Known<'_> {
    fn known_common(&mut self, _: ObjectId, _: &mut Graph<'_, '_>) -> gix::Result<()> {
        Ok(())
    }

    fn add_tip(&mut self, _: ObjectId, _: &mut Graph<'_, '_>) -> gix::Result<()> {
        Ok(())
    }

    fn next_have(&mut self, _: &mut Graph<'_, '_>) -> Option<gix::Result<ObjectId>> {
        loop {
            let id = self.next.pop_front()?;
            if self.common.contains(&id) {
                continue;
            }
            let parents = match self.parents(id) {
                Ok(parents) => parents,
                Err(error) => return Some(Err(error)),
            };
            self.next.extend(parents.into_iter().filter(|parent| self.seen.insert(*parent)));
            return Some(Ok(id));
        }
    }

    fn in_common_with_remote(&mut self, id: ObjectId, _: &mut Graph<'_, '_>) -> gix::Result<bool> {
        let known = self.common.contains(&id);
        // What is behind it is common too, and need not be told.
        let mut marked = vec![id];
        while let Some(id) = marked.pop() {
            if self.common.insert(id) {
                let parents = self.parents(id)?;
                marked.extend(parents.into_iter().filter(|parent| self.seen.contains(parent)));
            }
        }
        Ok(known)
    }
}
