//! Times as people read them: UTC, to the minute, or to the second where seconds matter.

use jiff::{SignedDuration, Timestamp};

/// `2026-11-21 12:00 UTC`; seconds are cut off.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `2026-11-21 12:00:05 UTC`.
#[must_use]
pub fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The end of a wait that began at `since`: to the second where the whole wait is shorter than an hour, else
/// to the next full minute, so that it is never over before the time that was said.
#[must_use]
pub fn due(since: Timestamp, until: Timestamp) -> String {
    if until.duration_since(since) < SignedDuration::from_hours(1) {
        return second(until);
    }
    let over = until.as_second().rem_euclid(60);
    let up = if over == 0 && until.subsec_nanosecond() == 0 { 0 } else { 60 - over };
    minute(until.checked_add(SignedDuration::from_secs(up)).unwrap_or(until))
}

/// A time, to the second where it is less than an hour from `other`, the other end of what is told.
#[must_use]
pub fn near(at: Timestamp, other: Timestamp) -> String {
    let apart = other.duration_since(at).abs();
    if apart < SignedDuration::from_hours(1) { second(at) } else { minute(at) }
}

/// How long ago something was, in its largest unit: `5 s`, `3 min`, `2 h`, `9 days`. A time from the future
/// (a clock that is wrong) is `now`.
#[must_use]
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    match seconds {
        ..1 => "now".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_short_wait_is_told_to_the_second_and_a_long_one_is_never_over_too_early() {
        let since = at("2026-11-21T12:00:05Z");
        assert_eq!(due(since, at("2026-11-21T12:00:10Z")), "2026-11-21 12:00:10 UTC");
        assert_eq!(near(since, at("2026-11-21T12:00:10Z")), "2026-11-21 12:00:05 UTC");
        assert_eq!(due(since, at("2026-11-22T12:00:05Z")), "2026-11-22 12:01 UTC");
        assert_eq!(due(at("2026-11-21T12:00:00Z"), at("2026-11-22T12:00:00Z")), "2026-11-22 12:00 UTC");
        assert_eq!(due(since, Timestamp::MAX), minute(Timestamp::MAX));
    }

    #[test]
    fn ages_have_one_unit() {
        let now = at("2026-11-21T12:00:00Z");
        let of = |seconds| ago(now.checked_sub(SignedDuration::from_secs(seconds)).unwrap(), now);
        assert_eq!([of(-5), of(0), of(59), of(60)], ["now", "now", "59 s", "1 min"]);
        assert_eq!([of(3_600), of(172_799), of(172_800)], ["1 h", "47 h", "2 days"]);
    }
}
