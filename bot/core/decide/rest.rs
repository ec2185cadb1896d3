//! Why nothing comes next where nothing does.

use super::{candidates, context::Context};
use crate::reason::Reason;

/// Why there is no candidate at all.
pub(super) fn nothing(context: &Context<'_>) -> Reason {
    let view = &context.view;
    let upstream = view.pipeline.upstream(view.application, context.stage);
    for environment in &upstream {
        if let Some(Err(reason)) = view.visits(environment).into_iter().next().map(|visit| visit.release) {
            return reason;
        }
    }
    if upstream.is_empty() {
        for image in &view.application.images {
            let missing = candidates::undescribed(view, image);
            if missing > 0 {
                return Reason::ListIncomplete { image: image.image.clone(), missing };
            }
        }
    }
    if upstream.is_empty() && context.present.release.is_none() {
        for image in &view.application.images {
            if !view.facts.catalog.tags_of(&image.image).any(|(tag, _)| image.select.matches(tag)) {
                let problem = view.facts.looks.get(&image.image).and_then(|look| look.problem.clone());
                return Reason::NoBuild { image: image.image.clone(), problem };
            }
        }
    }
    Reason::NothingNewer
}
