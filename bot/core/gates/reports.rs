//! `reports`: a build of which CI's word may be lost waits where builds arrive.
//!
//! That a check failed stands in the database alone. Once that is known to be lost, a build that only the
//! registry tells of may be one that must never be promoted. Where CI does report, it waits for CI's word; a
//! build that was made after the loss needs none, because its reports can't be lost.

use jiff::Timestamp;

use super::{GateVerdict, Subject, Verdict};
use crate::reason::Reason;

/// The gate's name.
pub const GATE: &str = "reports";

pub(super) fn ask(lost: Timestamp, subject: Subject<'_>) -> Option<GateVerdict> {
    let told = |artifact: &crate::artifact::Artifact| {
        subject.catalog.checks_of(&artifact.image, &artifact.digest).next().is_some()
            || artifact.built.is_some_and(|built| built > lost)
    };
    let silent = !subject.release.artifacts.iter().all(told);
    silent.then(|| GateVerdict::new(GATE, Verdict::Wait, Reason::ReportsLost { before: lost }))
}
