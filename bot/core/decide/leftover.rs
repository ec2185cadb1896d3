//! What belongs to nothing any more: its application or its environment is not in the config.
//!
//! An open proposal is closed with the reason, a branch goes once no proposal needs it, and who asks for a promotion
//! there is told. With a config that can't be read the last good one is in force, and nothing is closed.

use super::{place_of, standing::RequestOutcome};
use crate::{
    config::pipeline::{Application, Pipeline},
    effects::Effect,
    facts::{Facts, Place, PromotionRequest, Proposal, ProposalState},
    ids::CommitId,
    reason::Reason,
};

/// Why a place is none: its application or environment is not in the config. `None` if it is there.
#[must_use]
pub fn gone(pipeline: &Pipeline, place: &Place) -> Option<Reason> {
    if pipeline.has(place) {
        return None;
    }
    let here = |now: &&Application| pipeline.has(&place_of(&now.name, &place.environment));
    let now = pipeline.application_named(&place.application).filter(here);
    Some(Reason::NotConfigured {
        application: place.application.clone(),
        environment: place.environment.clone(),
        now: now.map(|now| now.name.clone()),
    })
}

/// The open proposals that belong to nothing any more.
pub fn proposals<'f>(pipeline: &Pipeline, facts: &'f Facts) -> Vec<(&'f Proposal, Reason)> {
    let open = facts
        .proposals
        .iter()
        .filter_map(|(_, list)| list.iter().find(|proposal| proposal.state == ProposalState::Open));
    open.filter_map(|proposal| Some((proposal, gone(pipeline, &proposal.place)?))).collect()
}

/// What is to be closed and removed.
#[must_use]
pub fn effects(pipeline: &Pipeline, facts: &Facts) -> Vec<Effect> {
    if !facts.config_sound || facts.git_silent || facts.forge_silent {
        return Vec::new();
    }
    let open = proposals(pipeline, facts).into_iter().map(|(proposal, because)| Effect::Close {
        place: proposal.place.clone(),
        proposal: proposal.number,
        because,
    });
    let branches = facts.leftovers.iter().filter(|(place, _)| facts.open_proposal(place).is_none());
    let prune =
        |(place, head): (&Place, &CommitId)| Effect::Prune { place: place.clone(), head: head.clone() };
    open.chain(branches.map(prune)).collect()
}

/// What is answered to who asks for a promotion to where nothing is any more.
#[must_use]
pub fn requests(pipeline: &Pipeline, facts: &Facts) -> Vec<(i64, RequestOutcome)> {
    let refused = |request: &PromotionRequest| {
        let reason = gone(pipeline, &request.place)?;
        Some((request.id, RequestOutcome::Refused { reason }))
    };
    facts.requests.iter().filter_map(refused).collect()
}
