//! Newer, older, the same, or not to be told.
//!
//! Promise 4: nothing goes back by itself. A release goes on only if it is newer than what the environment
//! holds, by the order of the application's `select`; where that can't tell (the tag that is there is no
//! version, or its build time is unknown), only if it came later than the present content.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::put::Put;
use crate::{
    artifact::Release,
    config::{
        pipeline::{Application, Image},
        types::Write,
    },
    facts::Held,
    ids::{ConfigId, Tag},
    reason::OrderBy,
};

/// How a candidate compares with what an environment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Newer,
    Same,
    Older,
    Unordered,
}

/// An answer, and what it was told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) order: Order,
    pub(super) by: OrderBy,
}

/// What an environment holds, as far as it is known.
pub(super) struct Present<'a> {
    pub(super) release: Option<&'a Release>,
    pub(super) holds: &'a [Held],
    /// The config that goes with it; none where there is none, or it is not whole.
    pub(super) config: Option<&'a ConfigId>,
    pub(super) since: Option<Timestamp>,
    pub(super) put: &'a Put,
}

impl Present<'_> {
    /// As people write it.
    pub(super) fn version(&self) -> String {
        match self.release {
            Some(release) => release.version(),
            None => self.holds.iter().map(Held::version).collect::<Vec<_>>().join("+"),
        }
    }
}

/// Whether a release comes before another one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Came {
    /// When it entered the environment before; where there is none, its build time is used.
    pub(super) at: Option<Timestamp>,
    /// Whether it was the last there after what is present here; none if that one was never there.
    pub(super) after: Option<bool>,
}

/// Compares `candidate` with `present`. Images are compared by the order of their `select`. Config has no order
/// of its own: of two configs with the same images the one is newer that came later to the environment before.
pub(super) fn compare(
    application: &Application,
    candidate: &Release,
    came: Came,
    present: &Present<'_>,
) -> Compared {
    let arrival = |order| Compared { order, by: OrderBy::Arrival };
    if present.release.is_some_and(|release| release.id == candidate.id) {
        return arrival(Order::Same);
    }
    let mut newer = None;
    let mut unordered = false;
    for image in &application.images {
        let Some(new) = image.artifact(&candidate.artifacts) else { continue };
        let held = image.held(present.holds);
        let known = present.release.and_then(|r| image.artifact(&r.artifacts));
        if known.map(|a| &a.digest).or(held.and_then(|h| h.digest.as_ref())) == Some(&new.digest) {
            continue;
        }
        let built = known.and_then(|a| a.built);
        let tag = known.map(|a| &a.tag).or(held.and_then(|h| h.tag.as_ref()));
        if image.write == Write::Tag && tag == Some(&new.tag) {
            // The file would stay as it is: a tag that was pushed again is nothing to write.
            continue;
        }
        let order = tag.and_then(|tag| image.select.compare((&new.tag, new.built), (tag, built)));
        match order {
            Some(Ordering::Greater) => newer = Some(told_by(image, &new.tag, tag)),
            Some(Ordering::Less) => {
                return Compared { order: Order::Older, by: told_by(image, &new.tag, tag) };
            }
            // The same place in the order with other bytes: a tag that was pushed again.
            Some(Ordering::Equal) => match (new.built, built) {
                (Some(new), Some(old)) if new > old => newer = Some(OrderBy::BuildTime),
                (Some(new), Some(old)) if new < old => {
                    return Compared { order: Order::Older, by: OrderBy::BuildTime };
                }
                _ => unordered = true,
            },
            None => unordered = true,
        }
    }
    if unordered {
        arrival(later(came.at.or(candidate.built()), present))
    } else if let Some(by) = newer {
        Compared { order: Order::Newer, by }
    } else if candidate.config.as_ref() == present.config {
        arrival(Order::Same)
    } else {
        arrival(match came.after {
            Some(true) => Order::Newer,
            Some(false) => Order::Older,
            None => later(came.at, present),
        })
    }
}

/// What told one tag from another: of two that are equal by `select`, their build times did.
fn told_by(image: &Image, new: &Tag, old: Option<&Tag>) -> OrderBy {
    let equal = old.and_then(|old| image.select.compare((new, None), (old, None))) == Some(Ordering::Equal);
    if equal { OrderBy::BuildTime } else { image.select.order_by() }
}

fn later(came: Option<Timestamp>, present: &Present<'_>) -> Order {
    let later = match (came, present.since) {
        (Some(came), Some(since)) => came > since,
        _ => false,
    };
    if later || matches!(present.put, Put::Initial { .. }) { Order::Newer } else { Order::Unordered }
}
