//! `checks`: CI checks that must have succeeded for every image of the release.

use super::{GateVerdict, Subject, Verdict};
use crate::{build::BuildStatus, reason::Reason};

const GATE: &str = "checks";

pub(super) fn ask(names: &[String], subject: Subject<'_>) -> GateVerdict {
    let mut waits: Option<GateVerdict> = None;
    for artifact in &subject.release.artifacts {
        for check in names {
            let verdict = match subject.catalog.check(&artifact.image, &artifact.digest, check) {
                Some(result) => match result.status {
                    BuildStatus::Success => continue,
                    BuildStatus::Failed => {
                        let reason = Reason::CheckFailed { check: check.clone(), url: result.url.clone() };
                        return GateVerdict::new(GATE, Verdict::Fail, reason);
                    }
                    BuildStatus::Pending => {
                        let reason = Reason::CheckRunning { check: check.clone(), url: result.url.clone() };
                        GateVerdict::new(GATE, Verdict::Wait, reason)
                    }
                },
                None => {
                    let reason = Reason::CheckMissing {
                        check: check.clone(),
                        image: artifact.image.clone(),
                        revision: artifact.revision.clone(),
                    };
                    GateVerdict::new(GATE, Verdict::Wait, reason)
                }
            };
            waits.get_or_insert(verdict);
        }
    }
    waits.unwrap_or_else(|| {
        GateVerdict::new(GATE, Verdict::Pass, Reason::ChecksPassed { checks: names.to_vec() })
    })
}
