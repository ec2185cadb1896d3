//! Durations as people write them: `30s`, `10m`, `24h`, `7d`, and joined (`1h30m`).

use std::{fmt, str::FromStr};

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A length of time of whole seconds, at most ten years. A day is 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Span(u32);

const UNITS: [(char, u32); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
const LONGEST: u32 = 10 * 366 * 86_400;

impl Span {
    /// That many seconds.
    #[must_use]
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// For arithmetic with timestamps.
    #[must_use]
    pub const fn signed(self) -> SignedDuration {
        SignedDuration::from_secs(self.0 as i64)
    }

    /// For timers.
    #[must_use]
    pub const fn std(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.0 as u64)
    }
}

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let shown: String = text.chars().take(40).collect();
            format!("{shown:?} is not a duration; write a whole number and a unit: 30s, 10m, 24h, 7d, 1h30m")
        };
        let mut rest = text.trim();
        let mut total = 0_u32;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let number: u32 = rest[..digits].parse().map_err(|_| wrong())?;
            let unit = rest[digits..].chars().next().ok_or_else(wrong)?;
            let (_, factor) = UNITS.iter().find(|(letter, _)| *letter == unit).ok_or_else(wrong)?;
            let part = number.checked_mul(*factor).ok_or_else(wrong)?;
            total = total.checked_add(part).filter(|total| *total <= LONGEST).ok_or_else(wrong)?;
            rest = &rest[digits + unit.len_utf8()..];
        }
        Ok(Self(total))
    }
}

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (letter, factor) in &UNITS[1..] {
            if rest / factor > 0 {
                write!(f, "{}{letter}", rest / factor)?;
                rest %= factor;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_written() {
        for text in ["30s", "10m", "24h", "7d", "1h30m", "0s"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span, "{text}");
        }
        assert_eq!("1w".parse::<Span>().unwrap().to_string(), "7d");
        assert_eq!("90m".parse::<Span>().unwrap(), Span::seconds(5400));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for bad in ["", "10", "m", "-5m", "1.5h", "10 m", "99999999999s", "99999w", "5µ", "1y"] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
        }
    }
}
