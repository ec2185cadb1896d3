//! Gates: conditions on a promotion, one file each.

mod checks;
mod soak;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{artifact::Release, catalog::Catalog, config::types::Gate, ids::EnvironmentName, reason::Reason};

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
    /// The gate: `soak`, `checks`, or `merge` for the question who merges.
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

/// Whether all of them pass.
#[must_use]
pub fn all_pass(verdicts: &[GateVerdict]) -> bool {
    verdicts.iter().all(|verdict| verdict.verdict == Verdict::Pass)
}
