//! Whether the registries have the digests that are to be promoted.
//!
//! CI may report a digest that it never pushed, and a registry may remove one. So what is on its way is asked
//! for by digest, beside the loop: a registry that is slow holds up nothing but what it never showed. Answers
//! live in memory; after a start what is on its way is asked for again.
//!
//! Races known: a digest that is removed right after it was asked for is seen at the next poll.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gantry_core::{
    facts::Presence,
    ids::{Digest, ImageName},
};
use jiff::Timestamp;

/// One digest of an image.
pub(super) type Wanted = (ImageName, Digest);

/// The most digests that are asked for in all; what is beyond waits until others have arrived.
const MOST: usize = 10_000;

/// What is to be asked for, and what was answered.
pub(super) struct Presences(Mutex<Inner>);

struct Inner {
    /// By infra repository, what is on its way there.
    wanted: BTreeMap<String, BTreeSet<Wanted>>,
    asked: BTreeMap<Wanted, Timestamp>,
    said: Arc<Presence>,
}

impl Presences {
    pub(super) fn new(hosts: BTreeSet<String>) -> Self {
        let said = Arc::new(Presence { hosts, digests: BTreeMap::new() });
        Self(Mutex::new(Inner { wanted: BTreeMap::new(), asked: BTreeMap::new(), said }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is on its way in an infra repository now. Says whether some of it was never asked for.
    pub(super) fn want(&self, repository: &str, wanted: BTreeSet<Wanted>) -> bool {
        let mut inner = self.inner();
        let new = wanted.iter().any(|one| !inner.asked.contains_key(one));
        inner.wanted.insert(repository.to_owned(), wanted);
        // What nobody wants any more is forgotten, so that this stays as small as what is on its way.
        let all: BTreeSet<Wanted> = inner.wanted.values().flatten().take(MOST).cloned().collect();
        inner.asked.retain(|one, _| all.contains(one));
        let stale = |said: &Presence| {
            let known = said.digests.iter().flat_map(|(image, of)| of.keys().map(move |d| (image, d)));
            known.filter(|(image, d)| !all.contains(&((*image).clone(), (*d).clone()))).count() > 0
        };
        if stale(&inner.said) {
            let said = Arc::make_mut(&mut inner.said);
            for (image, of) in &mut said.digests {
                of.retain(|digest, _| all.contains(&(image.clone(), digest.clone())));
            }
            said.digests.retain(|_, of| !of.is_empty());
        }
        new
    }

    /// What is to be asked of a host at `now`: what was not asked for since `since`.
    pub(super) fn due(&self, host: &str, since: Timestamp) -> Vec<Wanted> {
        let inner = self.inner();
        let of_host = inner.wanted.values().flatten().take(MOST).filter(|(image, _)| image.host() == host);
        let due = of_host.filter(|one| inner.asked.get(one).is_none_or(|at| *at <= since));
        due.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// Notes that a digest was asked for, and the answer where there was one. Says whether that is news.
    pub(super) fn note(&self, one: &Wanted, there: Option<bool>, at: Timestamp) -> bool {
        let mut inner = self.inner();
        inner.asked.insert(one.clone(), at);
        let Some(there) = there else { return false };
        if inner.said.of(&one.0, &one.1) == Some(there) {
            return false;
        }
        let said = Arc::make_mut(&mut inner.said);
        said.digests.entry(one.0.clone()).or_default().insert(one.1.clone(), there);
        true
    }

    /// What was answered so far.
    pub(super) fn said(&self) -> Arc<Presence> {
        Arc::clone(&self.inner().said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(fill: char) -> Wanted {
        let digest = format!("sha256:{}", fill.to_string().repeat(64)).parse().unwrap();
        ("registry.example.com/shop/checkout".parse().unwrap(), digest)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_is_wanted_is_asked_for_once_a_poll_and_forgotten_when_it_arrived() {
        let (one, two) = (wanted('a'), wanted('b'));
        let all = Presences::new(["registry.example.com".to_owned()].into());
        assert!(all.want("shop", [one.clone(), two.clone()].into()));
        assert_eq!(all.due("registry.example.com", at(0)).len(), 2);
        assert_eq!(all.due("other.example.com", at(0)), []);
        assert!(all.note(&one, Some(true), at(100)));
        assert!(!all.note(&two, None, at(100)), "no answer is no news");
        assert!(!all.want("shop", [one.clone(), two.clone()].into()), "asked for, if without an answer");
        assert_eq!(all.due("registry.example.com", at(99)), []);
        assert_eq!(all.due("registry.example.com", at(100)).len(), 2, "a poll later");
        assert_eq!((all.said().of(&one.0, &one.1), all.said().of(&two.0, &two.1)), (Some(true), None));
        assert!(all.note(&one, Some(false), at(200)), "it is gone now");
        assert!(!all.note(&one, Some(false), at(300)));
        all.want("shop", [two].into());
        assert_eq!(all.said().of(&one.0, &one.1), None);
    }
}
