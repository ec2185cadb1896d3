//! What the functions that decide on one place share.

use super::{candidates::Considered, order::Present, standing::PlaceDecision, view::View};
use crate::{
    artifact::Release,
    config::pipeline::Stage,
    effects::Promotion,
    facts::{Place, PromotionRequest},
    gates::GateVerdict,
    ids::{BranchName, ReleaseId},
    reason::Reason,
};

/// A release that is to be written, and who asked for it.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) considered: &'a Considered,
    pub(super) request: Option<&'a PromotionRequest>,
}

/// What the functions of one place share.
pub(super) struct Context<'a> {
    pub(super) view: View<'a>,
    pub(super) stage: &'a Stage,
    pub(super) place: Place,
    pub(super) present: Present<'a>,
    pub(super) considered: &'a [Considered],
    /// The decisions for the environments before this one.
    pub(super) before: &'a [PlaceDecision],
}

impl Context<'_> {
    pub(super) fn promotion(
        &self,
        release: &Release,
        gates: Vec<GateVerdict>,
        request: Option<&PromotionRequest>,
    ) -> Promotion {
        Promotion {
            place: self.place.clone(),
            base: self.stage.branch.clone(),
            release: release.clone(),
            from: self.present.release.map(|release| release.id.clone()),
            from_version: self.held_version(),
            gates,
            checks: self.view.facts.catalog.passed(&release.artifacts),
            by: request.map(|request| request.by.clone()),
        }
    }

    /// The branch on which rejections stand.
    pub(super) fn ledger(&self) -> BranchName {
        self.view.facts.default_branch.clone().unwrap_or_else(|| self.stage.branch.clone())
    }

    /// That the environment holds what it holds.
    pub(super) fn in_place(&self) -> Reason {
        self.present.put.in_place(self.present.since)
    }

    /// What is there, as people write it.
    pub(super) fn held_version(&self) -> String {
        self.present.version()
    }

    /// The refusal of the last try to write this release on this very head, while it is not time to try again.
    pub(super) fn refused(&self, release: &ReleaseId) -> Option<Reason> {
        let failure = self.view.facts.failures.get(&(self.place.clone(), release.clone()))?;
        let head = self.view.facts.heads.get(&self.stage.branch)?;
        (failure.head == *head && failure.retry > self.view.now).then(|| Reason::WriteRefused {
            message: failure.message.clone(),
            owner: failure.owner,
            retry: failure.retry,
        })
    }
}
