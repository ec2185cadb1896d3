//! What the functions that decide on one place share.

use super::{candidates::Considered, order::Present, view::View};
use crate::{
    artifact::Release,
    config::pipeline::Stage,
    effects::Promotion,
    facts::{Held, Place, PromotionRequest},
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
}

impl Context<'_> {
    pub(super) fn promotion(
        &self,
        release: &Release,
        gates: Vec<GateVerdict>,
        request: Option<&PromotionRequest>,
    ) -> Promotion {
        let held = self.present.holds.iter().map(Held::version).collect::<Vec<_>>().join("+");
        Promotion {
            place: self.place.clone(),
            base: self.stage.branch.clone(),
            release: release.clone(),
            from: self.present.release.map(|release| release.id.clone()),
            from_version: self.present.release.map_or(held, Release::version),
            gates,
            checks: self.view.facts.catalog.passed(&release.artifacts),
            by: request.map(|request| request.by.clone()),
        }
    }

    /// The branch on which rejections stand.
    pub(super) fn ledger(&self) -> BranchName {
        self.view.facts.default_branch.clone().unwrap_or_else(|| self.stage.branch.clone())
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
