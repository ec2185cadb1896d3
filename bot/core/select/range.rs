//! Version ranges, as in `select: { semver: ">=1.2.0 <2" }`.
//!
//! Comparators are divided by spaces or commas and must all hold; `||` divides alternatives. Known are
//! `= != > >= < <= ^ ~`, a bare version, `*` and `x` as parts, and `1.2 - 1.4`. A part that is left out
//! widens: `1.2` is any 1.2.x, `<=1.2` is below 1.3, `>1` is from 2 on.
//!
//! **Prereleases** match only in an alternative that itself names one: `>=1.0.0` never selects 2.0.0-rc.1,
//! `>=1.0.0-0` does. An upper bound without a prerelease excludes the bound's own: `>=1.0.0-0 <2.0.0` does
//! not select 2.0.0-rc.1.

use std::cmp::Ordering;

use super::version::{PARTS, Version, identifiers, number};

const LONGEST: usize = 500;
const MOST: usize = 50;

/// A parsed range: one of the alternatives must hold.
#[derive(Debug, Clone)]
pub(super) struct Range(Vec<Alternative>);

#[derive(Debug, Clone, Default)]
struct Alternative {
    all: Vec<Comparator>,
    /// A comparator names a prerelease.
    prereleases: bool,
}

#[derive(Debug, Clone)]
enum Comparator {
    Equal(Version),
    Not(Version),
    Above(Version),
    AtLeast(Version),
    Below(Version),
    AtMost(Version),
}

impl Range {
    /// Reads a range; the error says what is wrong with which part of it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a range has at most {LONGEST} characters"));
        }
        let alternatives = text.split("||").map(Alternative::parse).collect::<Result<Vec<_>, _>>()?;
        if alternatives.iter().map(|a| a.all.len()).sum::<usize>() > MOST {
            return Err(format!("a range has at most {MOST} comparators"));
        }
        Ok(Self(alternatives))
    }

    /// Whether the version is in the range.
    pub(super) fn matches(&self, version: &Version) -> bool {
        self.0.iter().any(|alternative| {
            (version.pre.is_empty() || alternative.prereleases)
                && alternative.all.iter().all(|comparator| comparator.matches(version))
        })
    }
}

impl Comparator {
    fn matches(&self, version: &Version) -> bool {
        match self {
            Self::Equal(own) => version.precedence(own) == Ordering::Equal,
            Self::Not(own) => version.precedence(own) != Ordering::Equal,
            Self::Above(own) => version.precedence(own) == Ordering::Greater,
            Self::AtLeast(own) => version.precedence(own) != Ordering::Less,
            Self::Below(own) if own.pre.is_empty() => version.parts < own.parts,
            Self::Below(own) => version.precedence(own) == Ordering::Less,
            Self::AtMost(own) => version.precedence(own) != Ordering::Greater,
        }
    }
}

impl Alternative {
    fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> =
            text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Err("an empty range".into());
        }
        let mut found = Self::default();
        let mut rest = words.as_slice();
        while let [word, after @ ..] = rest {
            if let ["-", upper, after @ ..] = after {
                found.add(">=", &Partial::parse(word)?)?;
                found.add("<=", &Partial::parse(upper)?)?;
                rest = after;
                continue;
            }
            let operator = word.find(|c| !"=!<>^~".contains(c)).unwrap_or(word.len());
            let (operator, version) = word.split_at(operator);
            rest = after;
            let version = match (version, after) {
                ("", [next, after @ ..]) => {
                    rest = after;
                    next
                }
                ("", []) => return Err(format!("no version after `{operator}`")),
                (version, _) => version,
            };
            found.add(operator, &Partial::parse(version)?)?;
        }
        Ok(found)
    }

    fn add(&mut self, operator: &str, partial: &Partial) -> Result<(), String> {
        use Comparator::{Above, AtLeast, AtMost, Below, Equal, Not};
        let version = || Version::of(&partial.parts, &partial.pre);
        let given = partial.parts.len();
        self.prereleases |= !partial.pre.is_empty();
        if given == 0 {
            return match operator {
                "" | "=" | ">=" | "<=" | "^" | "~" => Ok(()),
                other => Err(format!("`{}*` matches nothing", shown(other))),
            };
        }
        // The first version that differs in the part at `index`.
        let next = |index: usize| partial.next(index);
        let whole = given >= 3;
        match operator {
            "" | "=" if whole => self.all.push(Equal(version())),
            "" | "=" => self.all.extend([AtLeast(version()), Below(next(given - 1)?)]),
            "!=" if whole => self.all.push(Not(version())),
            "!=" => return Err("`!=` needs a version with all three parts".into()),
            ">" if whole => self.all.push(Above(version())),
            ">" => self.all.push(AtLeast(next(given - 1)?)),
            ">=" => self.all.push(AtLeast(version())),
            "<" => self.all.push(Below(version())),
            "<=" if whole => self.all.push(AtMost(version())),
            "<=" => self.all.push(Below(next(given - 1)?)),
            "~" => self.all.extend([AtLeast(version()), Below(next(1.min(given - 1))?)]),
            "^" => {
                let first = partial.parts.iter().position(|part| *part > 0).unwrap_or(given - 1);
                self.all.extend([AtLeast(version()), Below(next(first)?)]);
            }
            other => return Err(format!("unknown operator `{}`", shown(other))),
        }
        Ok(())
    }
}

/// A version in a range: as many parts as were written before a wildcard.
struct Partial {
    parts: Vec<u64>,
    pre: Box<str>,
}

impl Partial {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not a version", shown(text));
        let body = text.strip_prefix(['v', 'V']).unwrap_or(text);
        if body.contains('+') {
            return Err(format!("`{}`: build metadata can't be in a range", shown(text)));
        }
        let (numbers, pre) = match body.split_once('-') {
            Some((numbers, pre)) => (numbers, identifiers(pre).ok_or_else(wrong)?),
            None => (body, Box::default()),
        };
        let (mut parts, mut wild) = (Vec::new(), false);
        for part in numbers.split('.') {
            if matches!(part, "*" | "x" | "X") {
                wild = true;
            } else if wild || parts.len() == PARTS {
                return Err(wrong());
            } else {
                parts.push(number(part).ok_or_else(wrong)?);
            }
        }
        if !pre.is_empty() && (wild || parts.len() < 3) {
            return Err(format!("`{}`: a prerelease needs all three parts before it", shown(text)));
        }
        Ok(Self { parts, pre })
    }

    fn next(&self, index: usize) -> Result<Version, String> {
        let mut parts = self.parts[..=index].to_vec();
        parts[index] = parts[index].checked_add(1).ok_or("a number in the range is too large")?;
        Ok(Version::of(&parts, ""))
    }
}

fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matching(range: &str, versions: &str) -> String {
        let range = Range::parse(range).unwrap_or_else(|error| panic!("{range}: {error}"));
        let fits = |text: &&str| range.matches(&Version::parse(text).unwrap());
        versions.split(' ').filter(fits).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ranges_select_what_they_say() {
        let all = "0.9.0 1.0.0 1.2.0 1.2.3 1.2.3.4 1.3.0 1.4.9 1.5.0 2.0.0 2026.01.05";
        for (range, expected) in [
            ("*", all),
            ("x", all),
            (">=1.0.0 <2.0.0", "1.0.0 1.2.0 1.2.3 1.2.3.4 1.3.0 1.4.9 1.5.0"),
            (">= 1.3, < 1.5", "1.3.0 1.4.9"),
            ("1.2", "1.2.0 1.2.3 1.2.3.4"),
            ("1.2.x", "1.2.0 1.2.3 1.2.3.4"),
            ("=v1.2.3", "1.2.3"),
            ("1.2.3.4", "1.2.3.4"),
            ("~1.2.3", "1.2.3 1.2.3.4"),
            ("^1.3", "1.3.0 1.4.9 1.5.0"),
            ("^0.9", "0.9.0"),
            ("1.2 - 1.4", "1.2.0 1.2.3 1.2.3.4 1.3.0 1.4.9"),
            ("1.2.3 - 1.3.0", "1.2.3 1.2.3.4 1.3.0"),
            (">1", "2.0.0 2026.01.05"),
            ("<=1.2", "0.9.0 1.0.0 1.2.0 1.2.3 1.2.3.4"),
            ("<1 || >=2", "0.9.0 2.0.0 2026.01.05"),
            (">=1.2.0 !=1.3.0 <1.5", "1.2.0 1.2.3 1.2.3.4 1.4.9"),
            (">=2026.01.01", "2026.01.05"),
            (">=2 <1", ""),
        ] {
            assert_eq!(matching(range, all), expected, "{range}");
        }
    }

    #[test]
    fn prereleases_only_where_the_range_names_one() {
        let all = "1.0.0-rc.1 1.0.0 1.1.0-rc.1 1.1.0 2.0.0-rc.1 2.0.0";
        for (range, expected) in [
            (">=1.0.0", "1.0.0 1.1.0 2.0.0"),
            ("*", "1.0.0 1.1.0 2.0.0"),
            (">=1.0.0-0", all),
            (">=1.0.0-0 <2.0.0", "1.0.0-rc.1 1.0.0 1.1.0-rc.1 1.1.0"),
            ("^1.0.0-0", "1.0.0-rc.1 1.0.0 1.1.0-rc.1 1.1.0"),
            (">1.1.0-rc.1", "1.1.0 2.0.0-rc.1 2.0.0"),
            ("<1.0.0-rc.2", "1.0.0-rc.1"),
            ("1.0.0 || >=2.0.0-0", "1.0.0 2.0.0-rc.1 2.0.0"),
        ] {
            assert_eq!(matching(range, all), expected, "{range}");
        }
    }

    #[test]
    fn errors_say_which_part() {
        for (bad, part) in [
            ("", "empty"),
            ("1 ||", "empty"),
            (">=", "no version after `>=`"),
            (">=latest", "`latest`"),
            ("=>1.0", "unknown operator `=>`"),
            ("~>1.0", "unknown operator `~>`"),
            ("1.x.3", "`1.x.3`"),
            ("1.2-rc1", "all three parts"),
            (">=1.0.0+b", "build metadata"),
            ("<*", "matches nothing"),
            ("!=1", "all three parts"),
            ("^18446744073709551615", "too large"),
            ("99999999999999999999", "is not a version"),
            ("1.2 -", "`-`"),
        ] {
            let error = Range::parse(bad).unwrap_err();
            assert!(error.contains(part), "{bad:?}: {error}");
        }
        assert!(Range::parse(&"1 ".repeat(600)).is_err() && Range::parse(&"1 ".repeat(60)).is_err());
    }

    proptest! {
        /// One comparator of the `semver` crate means the same here; only prereleases are matched more
        /// widely, and only where the range names one.
        #[test]
        fn comparators_mean_what_they_mean_to_semver(
            operator in prop::sample::select(vec!["=", ">", ">=", "<", "<=", "~", "^"]),
            range in partial(),
            version in "[0-3]\\.[0-3]\\.[0-3](-(0|[1-9]|rc\\.[1-3]|a))?",
        ) {
            let range = format!("{operator}{range}");
            let theirs = semver::VersionReq::parse(&range).unwrap().matches(&version.parse().unwrap());
            let ours = Range::parse(&range).unwrap().matches(&Version::parse(&version).unwrap());
            if version.contains('-') && range.contains('-') {
                prop_assert!(ours || !theirs, "{} {}", range, version);
            } else {
                prop_assert_eq!(ours, theirs, "{} {}", range, version);
            }
        }

        #[test]
        fn nothing_panics(text in "[0-9.x*v<>=!^~| ,-]{0,40}|\\PC{0,40}") {
            let _ = Range::parse(&text);
        }
    }

    fn partial() -> impl Strategy<Value = String> {
        proptest::string::string_regex("[0-3](\\.[0-3](\\.[0-3](-(0|[1-9]|rc\\.[1-3]|a))?)?)?").unwrap()
    }
}
