//! How Gantry introduces itself, and which commits it tells a server that it has.

use std::cell::Cell;

use gix::protocol::fetch::{Arguments, Negotiate, RefMap, Response, Shallow, Tags, negotiate};

/// How Gantry names itself to servers.
pub(super) fn agent() -> (&'static str, Option<String>) {
    ("agent", Some(AGENT.to_owned()))
}

/// The value of [`agent`].
pub(super) const AGENT: &str = concat!("gantry/", env!("CARGO_PKG_VERSION"));

/// Tells the server what the mirror has, by the library's own negotiation.
pub(super) struct Haves<'a, 'b, 'c> {
    pub(super) repository: &'a gix::Repository,
    pub(super) graph: &'a mut gix::negotiate::Graph<'b, 'c>,
    pub(super) negotiator: Box<dyn gix::negotiate::Negotiator>,
    pub(super) map: &'a RefMap,
    /// Set where the mirror's own branches and commits could not be read.
    pub(super) failed: &'a Cell<bool>,
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
        .inspect_err(|_| self.failed.set(true))
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
            .inspect_err(|_| self.failed.set(true))
    }
}
