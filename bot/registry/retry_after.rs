//! When a registry says to come back.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// The pause where a 429 names none.
const DEFAULT: SignedDuration = SignedDuration::from_secs(60);
/// A longer pause is cut to this: a registry's mistake must not stop the watch for good.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// Reads a `Retry-After` header (RFC 9110 10.2.3): seconds, or an HTTP date in any of its three forms.
///
/// A number that can only be Unix time (Docker Hub sends such) is read as one. What cannot be read, and a
/// missing header, give one minute; the answer is never before `now` and at most a day after it.
pub(crate) fn retry_after(header: Option<&str>, now: Timestamp) -> Timestamp {
    let latest = now.checked_add(LONGEST).unwrap_or(Timestamp::MAX);
    let wanted = header.map(str::trim).and_then(|text| at(text, now));
    wanted.or_else(|| now.checked_add(DEFAULT).ok()).unwrap_or(latest).clamp(now, latest)
}

fn at(text: &str, now: Timestamp) -> Option<Timestamp> {
    if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        let number: i64 = text.parse().unwrap_or(i64::MAX);
        return if (1_000_000_000..100_000_000_000).contains(&number) {
            Timestamp::from_second(number).ok()
        } else {
            now.checked_add(SignedDuration::from_secs(number)).or_else(|_| now.checked_add(LONGEST)).ok()
        };
    }
    if let Ok(zoned) = jiff::fmt::rfc2822::parse(text) {
        return Some(zoned.timestamp());
    }
    // RFC 850 and asctime: always GMT.
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"].iter().find_map(|form| {
        let civil = jiff::civil::DateTime::strptime(form, text).ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_bounded() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let read = |text: &str| retry_after(Some(text), now).to_string();
        assert_eq!(read("37"), "1994-11-06T08:49:37Z");
        assert_eq!(read(" 0 "), "1994-11-06T08:49:00Z");
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), "1994-11-06T08:49:37Z");
        assert_eq!(read("Sunday, 06-Nov-94 08:49:37 GMT"), "1994-11-06T08:49:37Z");
        assert_eq!(read("Sun Nov  6 08:49:37 1994"), "1994-11-06T08:49:37Z");
        // A date in the past, nonsense, and numbers without measure.
        assert_eq!(read("Sun, 06 Nov 1994 07:00:00 GMT"), "1994-11-06T08:49:00Z");
        assert_eq!(read("soon"), "1994-11-06T08:50:00Z");
        assert_eq!(read("-5"), "1994-11-06T08:50:00Z");
        assert_eq!(read("99999999999999999999999"), "1994-11-07T08:49:00Z");
        assert_eq!(retry_after(None, now).to_string(), "1994-11-06T08:50:00Z");
    }

    #[test]
    fn unix_time_is_taken_for_what_it_is() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let until = now.as_second() + 600;
        assert_eq!(retry_after(Some(&until.to_string()), now).as_second(), until);
    }
}
