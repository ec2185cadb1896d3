//! Numbers of any length, for `select: { numerical: … }`.
//!
//! Compared as text, so that a build number of 40 digits is as good as one of four: nothing overflows and
//! nothing is rounded.

use std::cmp::Ordering;

/// A decimal number without sign: digits, and optionally a point and more digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    /// Without leading zeros.
    whole: Box<str>,
    /// Without trailing zeros.
    fraction: Box<str>,
}

impl Number {
    /// Reads `007`, `12.50`; anything else (a sign, an exponent, `.5`, `5.`) is no number here.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        (digits(whole) && digits(fraction)).then(|| Self {
            whole: whole.trim_start_matches('0').into(),
            fraction: fraction.trim_end_matches('0').into(),
        })
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.whole.len().cmp(&other.whole.len()))
            .then_with(|| self.whole.cmp(&other.whole))
            .then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn length_and_zeros_do_not_mislead() {
        assert!(number("10") > number("9"));
        assert!(number("1.5") > number("1.25"));
        assert!(number("100000000000000000000000000000001") > number("100000000000000000000000000000000"));
        assert_eq!(number("007"), number("7.0"));
        for bad in ["", ".5", "5.", "-1", "+1", "1e3", "1.2.3", "0x1", "1_000", "١"] {
            assert!(Number::parse(bad).is_none(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn orders_as_integers_do(a: u128, b: u128) {
            prop_assert_eq!(number(&a.to_string()).cmp(&number(&b.to_string())), a.cmp(&b));
        }
    }
}
