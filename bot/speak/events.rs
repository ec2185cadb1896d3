//! What happened, as sentences: the audit log, the event stream and the demo's story.

use gantry_core::{decide::view::Put, facts::Place, ids::ProposalNumber};

use super::{
    Renderer,
    sentences::{ended, sentence},
};

/// Something that happened at a proposal, or that somebody asked to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Opened.
    Proposed,
    /// Updated in place to a newer release.
    Updated,
    /// Approved by somebody.
    Approved,
    /// Merged.
    Merged,
    /// Closed by Gantry, having become pointless.
    Closed,
    /// Closed by a person.
    Rejected,
    /// Not done: its head is another one than the person saw.
    Moved,
    /// Not done: it isn't open any more.
    NotOpen,
    /// Not done: there is none of that number.
    Missing,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Proposed,
        Self::Updated,
        Self::Approved,
        Self::Merged,
        Self::Closed,
        Self::Rejected,
        Self::Moved,
        Self::NotOpen,
        Self::Missing,
    ];

    /// The action's name in the audit log, and the block of `events.txt`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Updated => "updated",
            Self::Approved => "approved",
            Self::Merged => "merged",
            Self::Closed => "closed",
            Self::Rejected => "rejected",
            Self::Moved => "moved",
            Self::NotOpen => "not_open",
            Self::Missing => "missing",
        }
    }
}

impl Renderer {
    /// An environment holds another version now.
    #[must_use]
    pub fn arrived(&self, place: &Place, version: &str, put: &Put) -> String {
        let (application, environment) = (place.application.as_str(), place.environment.as_str());
        let block = match put {
            Put::Drift { .. } => "drifted",
            Put::Config { .. } => "configured",
            Put::Promotion { .. } | Put::Initial { .. } | Put::Found { .. } | Put::Unknown => "promoted",
        };
        let how = self.put(put);
        ended(&self.block("events.txt", block, &values! { application, environment, version, how }))
    }

    /// Something happened at a proposal. `title`, `by` and `reason` are empty where there is none.
    #[must_use]
    pub fn event(&self, event: Event, number: ProposalNumber, title: &str, by: &str, reason: &str) -> String {
        sentence(&self.block("events.txt", event.name(), &values! { number => number.0, title, by, reason }))
    }

    /// A build was reported and refused.
    #[must_use]
    pub fn build_refused(&self, image: &str, tag: &str, by: &str, why: &str) -> String {
        sentence(&self.block("events.txt", "build_refused", &values! { image, tag, by, why }))
    }

    /// A build was reported.
    #[must_use]
    pub fn reported(&self, image: &str, tag: &str, status: &str, by: &str) -> String {
        sentence(&self.block("events.txt", "reported", &values! { image, tag, status, by }))
    }
}

/// The demo's sentences.
impl Renderer {
    /// The demo begins.
    #[must_use]
    pub fn demo_begins(&self, infra: &str, server: &str) -> String {
        self.lines("demo.txt", "begins", &values! { infra, server })
    }

    /// The demo's CI reports a build.
    #[must_use]
    pub fn demo_sends(&self, build: &str) -> String {
        self.block("demo.txt", "sends", &values! { build })
    }

    /// What a person can do next.
    #[must_use]
    pub fn demo_next(&self, server: &str, ci: &str, manager: &str, digest: &str) -> String {
        self.lines("demo.txt", "next", &values! { server, ci, manager, digest })
    }
}
