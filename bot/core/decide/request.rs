//! What people ask for with `gantry promote`.

use super::{
    candidates::{self, Considered},
    context::Context,
    order::{self, Came, Order},
    proposal,
    rest::nothing,
    ruling,
    standing::RequestOutcome,
};
use crate::{
    config::types::Delivery,
    effects::Effect,
    facts::{PromotionRequest, ProposalBranch},
    gates::{GateVerdict, Verdict, registry::GATE as REGISTRY, reports::GATE as REPORTS},
    reason::Reason,
};

/// What becomes of a request now.
pub(super) enum Grant<'a> {
    /// The release is written or proposed.
    Now(&'a Considered),
    /// First its rejection is lifted, by this effect.
    Lift(Option<Effect>),
    /// There is nothing more to do for it.
    Answer(RequestOutcome),
}

/// A person's word goes over the order, over what other people took out or put in by hand, and over a
/// rejection; never over a gate of a direct commit, and never backwards: going back is a commit of theirs.
pub(super) fn grant<'a>(context: &Context<'a>, request: &PromotionRequest) -> Grant<'a> {
    let refuse = |reason: Reason| Grant::Answer(RequestOutcome::Refused { reason });
    let done = |reason: Reason| Grant::Answer(RequestOutcome::Done { reason });
    let present = context.present.release;
    if let (Some(release), Some(wanted)) = (present, &request.release)
        && release.id == *wanted
    {
        return done(context.in_place());
    }
    let found = match &request.release {
        Some(wanted) => context.considered.iter().find(|considered| considered.release.id == *wanted),
        None => context.considered.iter().find(|considered| !considered.is_past()),
    };
    let Some(considered) = found else { return refuse(absent(context, request)) };
    let release = &considered.release;
    match &considered.refused {
        Some(Reason::Rejected { .. }) => {
            return match context.refused(&release.id) {
                Some(reason) => refuse(reason),
                None => Grant::Lift(ruling::lifting(context, release, request)),
            };
        }
        Some(Reason::OlderThanHeld { held, order }) => {
            return refuse(Reason::GoesBack { held: held.clone(), order: *order });
        }
        Some(_) | None => {}
    }
    let gone = |gate: &&GateVerdict| gate.gate == REGISTRY && gate.verdict == Verdict::Fail;
    if let Some(gate) = considered.gates.iter().find(gone) {
        return refuse(gate.reason.clone());
    }
    let branch = context.view.facts.branches.get(&context.place);
    if let Some(proposal) = context.view.facts.open_proposal(&context.place)
        && proposal.release.as_ref() == Some(&release.id)
        && branch.is_none_or(|branch| is_kept(context, branch, considered))
    {
        return done(Reason::Proposed { proposal: proposal.number });
    }
    if let Some(reason) = context.refused(&release.id) {
        return refuse(reason);
    }
    if context.stage.delivery == Delivery::Commit {
        // Who asks for it by name vouches for reports that are lost.
        let vouched = |gate: &GateVerdict| request.release.is_some() && gate.gate == REPORTS;
        let mut open = considered.gates.iter().filter(|gate| gate.verdict != Verdict::Pass);
        if let Some(gate) = open.find(|gate| !vouched(gate)) {
            return refuse(gate.reason.clone());
        }
    }
    if let Some((commit, person)) = branch.and_then(|branch| branch.foreign.as_ref()) {
        return refuse(Reason::TakenOver { by: person.name.clone(), commit: commit.clone() });
    }
    Grant::Now(considered)
}

/// The open proposal of this very release stays as it is: nothing closes it, and nothing holds it back that a
/// person's asking would lift.
fn is_kept(context: &Context<'_>, branch: &ProposalBranch, considered: &Considered) -> bool {
    let asked = branch.record.as_ref().is_some_and(|record| record.by.is_some());
    proposal::pointless(context, branch).is_none() && (asked || considered.refused.is_none())
}

/// Why a release that is no candidate can't be promoted.
fn absent(context: &Context<'_>, request: &PromotionRequest) -> Reason {
    let view = &context.view;
    let Some(wanted) = &request.release else { return nothing(context) };
    if let Some(release) = candidates::known(view, &context.present, &context.stage.name, wanted) {
        let compared = order::compare(view.application, &release, Came::default(), &context.present);
        if compared.order == Order::Older {
            return Reason::GoesBack { held: context.held_version(), order: compared.by };
        }
    }
    match view.pipeline.upstream(view.application, context.stage).into_iter().next() {
        Some(environment) => Reason::NotUpstream { environment },
        None => nothing(context),
    }
}
