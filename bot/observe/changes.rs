//! What differs between two looks, by application: what has to be decided anew.

use std::{collections::BTreeSet, sync::Arc};

use gantry_core::ids::ApplicationName;

use crate::store::board::Seen;

/// Which applications a look found changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// All may have: it is the first look, or the pipeline changed, or what could be read at all did.
    All,
    /// These. Of the catalog, the requests and the failures nothing is said.
    Of(BTreeSet<ApplicationName>),
}

impl Changes {
    /// What differs in `now` from `before`.
    pub(super) fn between(before: Option<&Seen>, now: &Seen) -> Self {
        let Some(before) = before else { return Self::All };
        let same = match (&before.pipeline, &now.pipeline) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (None, None) => true,
            _ => false,
        };
        let (old, new) = (&before.facts, &now.facts);
        if !same
            || old.recorded != new.recorded
            || old.git_silent != new.git_silent
            || old.config_sound != new.config_sound
            || old.leftovers != new.leftovers
            || old.forge_silent != new.forge_silent
            || old.reports_lost != new.reports_lost
        {
            return Self::All;
        }
        let places = old.places.differing(&new.places).into_iter();
        let places = places.chain(old.proposals.differing(&new.proposals));
        let places = places.chain(old.branches.differing(&new.branches));
        let mut changed: BTreeSet<_> = places.map(|place| place.application.clone()).collect();
        if !Arc::ptr_eq(&old.rejections, &new.rejections) {
            let both = old.rejections.iter().chain(new.rejections.iter());
            let differing =
                both.filter(|(place, _)| old.rejections.get(*place) != new.rejections.get(*place));
            changed.extend(differing.map(|(place, _)| place.application.clone()));
        }
        Self::Of(changed)
    }
}
