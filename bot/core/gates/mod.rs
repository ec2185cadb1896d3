//! Gates: conditions on a promotion, one file each.
//!
//! `soak` and `checks` are asked where gantry.yaml says so. `registry` and `reports` are asked of every promotion
//! and are only told where they don't pass.

mod checks;
pub mod registry;
pub mod reports;
mod soak;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifact::Release, catalog::Catalog, config::types::Gate, facts::Facts, ids::EnvironmentName,
    reason::Reason,
};

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Not yet.
    Wait,
    /// No, and time alone will not change it.
    Fail,
}

/// What one gate says of one release, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GateVerdict {
    /// The gate: `soak`, `checks`, or `merge` for the question who merges; with an environment before it
    /// (`qa/checks`) where the release skipped that one.
    pub gate: String,
    /// The verdict.
    pub verdict: Verdict,
    /// When time alone will change it.
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: Reason,
}

impl GateVerdict {
    pub(crate) fn new(gate: &str, verdict: Verdict, reason: Reason) -> Self {
        Self { gate: gate.to_owned(), verdict, until: None, reason }
    }
}

/// One release's latest stay in one environment before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// Where.
    pub environment: EnvironmentName,
    /// Since when; none if it is not there.
    pub since: Option<Timestamp>,
    /// Until when; none if it is there still.
    pub until: Option<Timestamp>,
}

/// What the gates look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) release: &'a Release,
    pub(crate) stays: &'a [Stay],
    pub(crate) catalog: &'a Catalog,
    pub(crate) now: Timestamp,
}

/// Asks one gate.
pub(crate) fn ask(gate: &Gate, subject: Subject<'_>) -> GateVerdict {
    match gate {
        Gate::Soak(needs) => soak::ask(*needs, subject),
        Gate::Checks(names) => checks::ask(names, subject),
    }
}

/// What the registry's silence or denial says of the release; none where it has all of it.
pub(crate) fn ask_registry(facts: &Facts, subject: Subject<'_>) -> Option<GateVerdict> {
    registry::ask(facts, subject)
}

/// What the loss of CI's reports says of a build; none where there is nothing to wait for.
pub(crate) fn ask_reports(lost: Timestamp, subject: Subject<'_>) -> Option<GateVerdict> {
    reports::ask(lost, subject)
}

/// The verdict that holds a release back: one that fails before one that waits.
#[must_use]
pub fn holding(verdicts: &[GateVerdict]) -> Option<&GateVerdict> {
    let of = |verdict: Verdict| verdicts.iter().find(move |gate| gate.verdict == verdict);
    of(Verdict::Fail).or_else(|| of(Verdict::Wait))
}

/// Whether all of them pass.
#[must_use]
pub fn all_pass(verdicts: &[GateVerdict]) -> bool {
    verdicts.iter().all(|verdict| verdict.verdict == Verdict::Pass)
}
