//! What `why` needs beyond the decisions: which release a place speaks of, and how another one compares with
//! what is there.

use super::{
    order::{self, Came, Order, Present},
    rest,
    standing::{PlaceDecision, Standing},
    view::View,
};
use crate::{
    artifact::{Artifact, Release},
    config::pipeline::Image,
    ids::Tag,
    reason::Reason,
};

/// The release that the last of `decisions` speaks of: what is next there, else what is on its way to it, else what
/// it holds.
pub(crate) fn spoken_of(view: &View<'_>, decisions: &[PlaceDecision]) -> Option<Release> {
    let (last, before) = decisions.split_last()?;
    let standing = &last.standing;
    if let Some(release) = standing.said().release {
        return Some(release.clone());
    }
    let stage = view.pipeline.stage(&standing.place.environment)?;
    let ahead = rest::ahead(view, stage, &present(standing), before).map(|(release, _)| release);
    ahead.or_else(|| standing.release.clone())
}

/// Why a release that is no candidate here is none: by the order.
pub(crate) fn compared(view: &View<'_>, standing: &Standing, release: &Release) -> Reason {
    let failed = |artifact: &Artifact| view.facts.catalog.failure(&artifact.image, &artifact.digest);
    if let Some((check, url)) = release.artifacts.iter().find_map(failed) {
        return Reason::CheckFailed { check: check.to_owned(), url: url.map(str::to_owned) };
    }
    let compared = order::compare(view.application, release, Came::default(), &present(standing));
    let held = standing.version();
    match compared.order {
        Order::Older => Reason::OlderThanHeld { held, order: compared.by },
        Order::Unordered => Reason::Unordered { held },
        // It would be a candidate if it were known as a build.
        Order::Newer | Order::Same => Reason::NeverSeen { subject: release.version() },
    }
}

/// Why the build under a tag is no candidate where builds arrive; none where nothing is known of it.
pub(crate) fn passed_over(view: &View<'_>, standing: &Standing, image: &Image, tag: &Tag) -> Option<Reason> {
    let artifact = view.facts.catalog.artifact_at(&image.image, tag)?;
    let artifact = Artifact { entry: image.entry.clone(), ..artifact };
    let config = standing.release.as_ref().and_then(|release| release.config.clone());
    let release = Release::with_config(view.application.name.clone(), vec![artifact], config);
    Some(compared(view, standing, &release))
}

fn present(standing: &Standing) -> Present<'_> {
    Present {
        release: standing.release.as_ref(),
        holds: &standing.holds,
        config: standing.release.as_ref().and_then(|release| release.config.as_ref()),
        since: standing.since,
        put: &standing.put,
    }
}
