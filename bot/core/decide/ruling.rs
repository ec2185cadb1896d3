//! What is written to the list of rejections: people's closings, and what they lift.

use super::{
    context::Context,
    rejected::{places, rejection},
};
use crate::{
    artifact::Release,
    effects::Effect,
    facts::{PromotionRequest, ProposalState},
};

/// The effect that lifts the rejection of a release, because a person asks for it.
pub(super) fn lifting(
    context: &Context<'_>,
    release: &Release,
    request: &PromotionRequest,
) -> Option<Effect> {
    let rejected = rejection(&context.view, &context.stage.name, release)?;
    Some(Effect::Rule {
        place: rejected.place,
        base: context.ledger(),
        release: rejected.release,
        version: release.version(),
        rejects: false,
        by: request.by.clone(),
        at: context.view.now,
        reason: request.reason.clone(),
        proposal: None,
    })
}

/// People's closings that are not in Git yet are written there (promise 1).
pub(super) fn unwritten(context: &Context<'_>) -> Vec<Effect> {
    let facts = context.view.facts;
    if facts.recorded.is_none() || facts.unmoved {
        return Vec::new();
    }
    let all = places(&context.view, &context.stage.name);
    let all = all.filter_map(|place| Some((facts.proposals.get(&place)?, place)));
    all.flat_map(|(list, place)| list.iter().map(move |proposal| (proposal, place.clone())))
        .filter_map(|(proposal, place)| match (&proposal.state, &proposal.release) {
            (ProposalState::Closed { at, by, by_gantry: false, reason }, Some(release)) => {
                let recorded = facts.is_recorded(&place, proposal.number, release);
                let mut seen = context.considered.iter().map(|considered| &considered.release);
                let seen = seen.find(|seen| seen.under(&place.application).id == *release);
                let version = seen.map_or_else(|| release.short().to_owned(), Release::version);
                (!recorded && context.refused(release).is_none()).then(|| Effect::Rule {
                    place: place.clone(),
                    base: context.ledger(),
                    release: release.clone(),
                    version,
                    rejects: true,
                    by: by.clone(),
                    at: *at,
                    reason: reason.clone(),
                    proposal: Some(proposal.number),
                })
            }
            _ => None,
        })
        .collect()
}
