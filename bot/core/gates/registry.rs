//! `registry`: the registry has what is promoted.
//!
//! It is asked of every promotion of an image whose registry is in the settings, and is only told where it does
//! not pass. A digest that the registry described once is taken to be there until the registry says that it is
//! gone, so that a registry which is down holds back nothing but builds that it never showed.

use super::{GateVerdict, Subject, Verdict};
use crate::{facts::Facts, reason::Reason};

/// The gate's name.
pub const GATE: &str = "registry";

pub(super) fn ask(facts: &Facts, subject: Subject<'_>) -> Option<GateVerdict> {
    let mut waits = None;
    for artifact in &subject.release.artifacts {
        if !facts.presence.watches(&artifact.image) {
            continue;
        }
        let (image, digest) = (artifact.image.clone(), artifact.digest.short().to_owned());
        match facts.presence.of(&artifact.image, &artifact.digest) {
            Some(true) => {}
            Some(false) => {
                let reason = Reason::DigestGone { image, digest };
                return Some(GateVerdict::new(GATE, Verdict::Fail, reason));
            }
            None => {
                let described = facts.catalog.artifact(&artifact.image, &artifact.digest);
                if !described.is_some_and(|fact| fact.described) {
                    let problem = facts.looks.get(&artifact.image).and_then(|look| look.problem.clone());
                    let reason = Reason::DigestUnseen { image, digest, problem };
                    waits.get_or_insert(GateVerdict::new(GATE, Verdict::Wait, reason));
                }
            }
        }
    }
    waits
}
