//! `soak`: the time that a release must have been in every environment before.
//!
//! It is the time of one stay without a break: a release that was replaced by a newer one after its soak
//! goes on, so that frequent builds can't starve the next environment. The beginning of a stay is the time of
//! its commit; one from the future (a clock that is wrong) counts as now.

use super::{GateVerdict, Subject, Verdict};
use crate::{duration::Span, reason::Reason};

const GATE: &str = "soak";

pub(super) fn ask(needs: Span, subject: Subject<'_>) -> GateVerdict {
    let mut waits: Option<GateVerdict> = None;
    for stay in subject.stays {
        let environment = stay.environment.clone();
        let Some(since) = stay.since.map(|since| since.min(subject.now)) else {
            return GateVerdict::new(GATE, Verdict::Wait, Reason::NotUpstream { environment });
        };
        let Ok(due) = since.checked_add(needs.signed()) else {
            return GateVerdict::new(GATE, Verdict::Wait, Reason::NotUpstream { environment });
        };
        if stay.until.is_some_and(|left| left < due) {
            let had = stay.until.map_or(0, |left| left.duration_since(since).as_secs().max(0));
            let had = Span::seconds(u32::try_from(had).unwrap_or(u32::MAX));
            return GateVerdict::new(GATE, Verdict::Fail, Reason::SoakCutShort { environment, had, needs });
        }
        if due > subject.now && waits.as_ref().and_then(|w| w.until).is_none_or(|until| until < due) {
            waits = Some(GateVerdict {
                until: Some(due),
                ..GateVerdict::new(GATE, Verdict::Wait, Reason::Soaking { environment, since, until: due })
            });
        }
    }
    waits.unwrap_or_else(|| GateVerdict::new(GATE, Verdict::Pass, Reason::Soaked { needs }))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{artifact::Release, catalog::Catalog, gates::Stay};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn verdict(stays: &[(&str, Option<i64>, Option<i64>)], now: i64) -> GateVerdict {
        let stays: Vec<Stay> = stays
            .iter()
            .map(|(name, since, until)| Stay {
                environment: name.parse().unwrap(),
                since: since.map(at),
                until: until.map(at),
            })
            .collect();
        let release = Release::new("a".parse().unwrap(), vec![]);
        let catalog = Catalog::default();
        ask(Span::seconds(60), Subject { release: &release, stays: &stays, catalog: &catalog, now: at(now) })
    }

    #[test]
    fn it_waits_to_the_second_and_names_the_slowest_environment() {
        let waits = verdict(&[("eu", Some(100), None), ("us", Some(120), None)], 170);
        assert_eq!((waits.verdict, waits.until), (Verdict::Wait, Some(at(180))));
        assert_eq!(verdict(&[("eu", Some(100), None), ("us", Some(120), None)], 180).verdict, Verdict::Pass);
    }

    #[test]
    fn a_release_that_was_replaced_after_its_soak_goes_on() {
        assert_eq!(verdict(&[("dev", Some(100), Some(160))], 500).verdict, Verdict::Pass);
        assert_eq!(verdict(&[("dev", Some(100), Some(159))], 500).verdict, Verdict::Fail);
    }

    #[test]
    fn a_commit_from_the_future_does_not_count_before_now() {
        let waits = verdict(&[("dev", Some(9_000), None)], 100);
        assert_eq!(waits.until, Some(at(160)));
    }

    #[test]
    fn a_release_that_is_not_there_waits() {
        assert_eq!(verdict(&[("dev", None, None)], 100).verdict, Verdict::Wait);
    }
}
