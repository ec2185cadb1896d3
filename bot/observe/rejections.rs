//! Which releases people rejected, and which closings of proposals Git has as rejections.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gantry_core::{
    config::pipeline::Pipeline,
    facts::{Closing, Place, Rejection},
    ids::BranchName,
};

use super::history::BranchHistory;

/// What people rejected.
#[derive(Debug, Default)]
pub(super) struct Rejections {
    /// The rejections in force.
    pub(super) in_force: Arc<BTreeMap<Place, Vec<Rejection>>>,
    /// The closings that Git has.
    pub(super) recorded: Option<Arc<BTreeSet<Closing>>>,
}

impl Rejections {
    /// What the commits on each environment's branch say: of each release, the latest one.
    pub(super) fn of_history(pipeline: &Pipeline, history: &BTreeMap<BranchName, BranchHistory>) -> Self {
        let (mut in_force, mut recorded) = (BTreeMap::<Place, Vec<Rejection>>::new(), BTreeSet::new());
        for stage in &pipeline.environments {
            let Some(history) = history.get(&stage.branch) else { continue };
            let here = history.rulings.iter().filter(|(place, _)| place.environment == stage.name);
            for (place, rulings) in here {
                let mut seen = BTreeSet::new();
                for ruling in rulings {
                    recorded.extend(ruling.proposal.map(|number| (number, ruling.release.clone())));
                    if seen.insert(&ruling.release) && ruling.rejects {
                        in_force.entry(place.clone()).or_default().push(Rejection {
                            release: ruling.release.clone(),
                            version: ruling.release.short().to_owned(),
                            by: ruling.by.clone(),
                            at: ruling.at,
                            reason: ruling.reason.clone(),
                            proposal: ruling.proposal,
                        });
                    }
                }
            }
        }
        Self { in_force: Arc::new(in_force), recorded: Some(Arc::new(recorded)) }
    }
}
