//! Why nothing comes next where nothing does.

use std::collections::BTreeSet;

use super::{
    candidates,
    context::Context,
    order::{self, Came, Order, Present},
    standing::PlaceDecision,
    together,
    view::View,
};
use crate::{artifact::Release, config::pipeline::Stage, ids::EnvironmentName, reason::Reason};

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
    if upstream.is_empty()
        && let Some((image, other, tag)) = together::waits(view)
    {
        return Reason::NotTogether { image, tag, other };
    }
    match ahead(view, context.stage, &context.present, context.before) {
        Some((release, environment)) => Reason::NewerUpstream { version: release.version(), environment },
        None => Reason::NothingNewer,
    }
}

/// The newest release on its way to `stage` that is newer than what is there, with the environment directly
/// before `stage` that it is not in yet. `before` are the decisions for the environments before.
pub(super) fn ahead(
    view: &View<'_>,
    stage: &Stage,
    present: &Present<'_>,
    before: &[PlaceDecision],
) -> Option<(Release, EnvironmentName)> {
    let direct = view.pipeline.upstream(view.application, stage);
    let newer = |release: &Release| {
        order::compare(view.application, release, Came::default(), present).order == Order::Newer
    };
    let missing = |release: &Release| {
        let at = |name: &EnvironmentName| before.iter().find(|d| d.standing.place.environment == *name);
        let holds = |decision: &PlaceDecision| {
            decision.standing.release.as_ref().is_some_and(|held| held.id == release.id)
        };
        direct.iter().find(|name| !at(name).is_some_and(holds)).cloned()
    };
    let mut seen = BTreeSet::new();
    let mut open: Vec<EnvironmentName> = direct.clone();
    let mut index = 0;
    // The nearest environments first.
    while let Some(name) = open.get(index).cloned() {
        index += 1;
        if !seen.insert(name.clone()) {
            continue;
        }
        if let Some(decision) = before.iter().find(|decision| decision.standing.place.environment == name) {
            let standing = &decision.standing;
            let coming = standing.next.iter().map(|next| &next.release).chain(&standing.release);
            for release in coming {
                if newer(release)
                    && let Some(environment) = missing(release)
                {
                    return Some((release.clone(), environment));
                }
            }
        }
        if let Some(stage) = view.pipeline.stage(&name) {
            open.extend(view.pipeline.upstream(view.application, stage));
        }
    }
    None
}
