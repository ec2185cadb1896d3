//! Which releases people rejected in a place.
//!
//! The id of a release holds the application's name, so a release of an application that was renamed has another
//! id under each of its names. What was rejected under an old name is found by the id that the same artifacts (and
//! the same config) have under it.

use super::view::View;
use crate::{
    artifact::Release,
    facts::{Place, ProposalState, Rejection},
    ids::{EnvironmentName, ReleaseId},
    reason::Reason,
};

/// A rejection that is in force, and under which name.
pub(super) struct Rejected {
    /// The place as the rejection names it.
    pub(super) place: Place,
    /// The release as the rejection names it.
    pub(super) release: ReleaseId,
    /// As a reason.
    pub(super) reason: Reason,
}

/// The places of the application in an environment, under its own name and under those that it had before.
pub(super) fn places<'v>(
    view: &View<'v>,
    environment: &'v EnvironmentName,
) -> impl Iterator<Item = Place> + use<'v> {
    let names = std::iter::once(&view.application.name).chain(&view.application.was);
    names.map(|name| Place { application: name.clone(), environment: environment.clone() })
}

/// The rejection of a release that is in force: one in Git, or a proposal that was closed by a person and is not in
/// Git yet.
pub(super) fn rejection(
    view: &View<'_>,
    environment: &EnvironmentName,
    release: &Release,
) -> Option<Rejected> {
    places(view, environment).find_map(|place| {
        let renamed = place.application != release.application;
        let id = match renamed {
            true => release.under(&place.application).id,
            false => release.id.clone(),
        };
        let reason = closing(view, &place, &id).or_else(|| {
            // Config is known by how it is written as well, which a new name may have changed.
            let alike =
                |one: &&Rejection| renamed && release.config.is_some() && one.version == release.version();
            let mut all = view.facts.rejections_of(&place).iter();
            let found = all.find(|one| one.release == id || alike(one))?;
            Some((found.release.clone(), rejected(&found.by, found.at, &found.reason)))
        });
        reason.map(|(release, reason)| Rejected { place, release, reason })
    })
}

fn closing(view: &View<'_>, place: &Place, release: &ReleaseId) -> Option<(ReleaseId, Reason)> {
    view.facts.proposals.get(place).into_iter().flatten().find_map(|proposal| match &proposal.state {
        ProposalState::Closed { at, by, by_gantry: false, reason }
            if proposal.release.as_ref() == Some(release)
                && !view.facts.is_recorded(place, proposal.number, release) =>
        {
            Some((release.clone(), rejected(by, *at, reason)))
        }
        _ => None,
    })
}

fn rejected(by: &str, at: jiff::Timestamp, reason: &str) -> Reason {
    Reason::Rejected { by: by.to_owned(), at, reason: reason.to_owned() }
}
