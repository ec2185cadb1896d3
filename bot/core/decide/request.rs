//! What people ask for with `gantry promote`.

use super::{candidates::Considered, context::Context, rest::nothing, standing::RequestOutcome};
use crate::{
    config::types::Delivery, effects::Effect, facts::PromotionRequest, gates::Verdict, reason::Reason,
};

/// What becomes of a request now.
pub(super) enum Grant<'a> {
    /// The release is written or proposed.
    Now(&'a Considered),
    /// First its rejection is lifted, by this effect.
    Lift(Box<Effect>),
    /// There is nothing more to do for it.
    Answer(RequestOutcome),
}

/// A person's word goes over the order and over a rejection, never over a gate of a direct commit, and never
/// backwards: going back is a rollback.
pub(super) fn grant<'a>(context: &Context<'a>, request: &PromotionRequest) -> Grant<'a> {
    let refuse = |reason: Reason| Grant::Answer(RequestOutcome::Refused { reason });
    let present = context.present.release;
    if let (Some(release), Some(wanted)) = (present, &request.release)
        && release.id == *wanted
    {
        return Grant::Answer(RequestOutcome::Done {
            reason: Reason::InPlace { since: context.present.since },
        });
    }
    let found = match &request.release {
        Some(wanted) => context.considered.iter().find(|considered| considered.release.id == *wanted),
        None => context.considered.iter().find(|considered| !considered.is_past()),
    };
    let Some(considered) = found else {
        let upstream = context.view.pipeline.upstream(context.view.application, context.stage);
        return match (&request.release, upstream.into_iter().next()) {
            (Some(_), Some(environment)) => refuse(Reason::NotUpstream { environment }),
            (Some(_), None) | (None, _) => refuse(nothing(context)),
        };
    };
    let release = &considered.release;
    if let Some(proposal) = context.view.facts.open_proposal(&context.place)
        && proposal.release.as_ref() == Some(&release.id)
    {
        let reason = Reason::Proposed { proposal: proposal.number };
        return Grant::Answer(RequestOutcome::Done { reason });
    }
    match &considered.refused {
        Some(Reason::Rejected { .. }) => {
            return match context.refused(&release.id) {
                Some(reason) => refuse(reason),
                None => Grant::Lift(Box::new(Effect::Rule {
                    place: context.place.clone(),
                    base: context.ledger(),
                    release: release.id.clone(),
                    version: release.version(),
                    rejects: false,
                    by: request.by.clone(),
                    at: context.view.now,
                    reason: request.reason.clone(),
                    proposal: None,
                })),
            };
        }
        Some(reason @ Reason::OlderThanHeld { .. }) => return refuse(reason.clone()),
        Some(_) | None => {}
    }
    if let Some(reason) = context.refused(&release.id) {
        return refuse(reason);
    }
    if context.stage.delivery == Delivery::Commit
        && let Some(gate) = considered.gates.iter().find(|gate| gate.verdict != Verdict::Pass)
    {
        return refuse(gate.reason.clone());
    }
    if let Some(branch) = context.view.facts.branches.get(&context.place)
        && let Some((commit, person)) = &branch.foreign
    {
        return refuse(Reason::TakenOver { by: person.name.clone(), commit: commit.clone() });
    }
    Grant::Now(considered)
}
