//! Versions as people tag them: Semantic Versioning, read leniently.
//!
//! A strict version (`1.2.3-rc.1`) means exactly what SemVer 2.0.0 says, and orders as it does. Beyond it:
//! - one leading `v` or `V`; one to eight parts (`1`, `1.2`, `1.2.3.4`), compared as numbers one by one, a
//!   missing part being 0; leading zeros (`2026.01.05`);
//! - a single part without `v` has at most four digits: longer ones are build numbers, dates or the
//!   beginning of a commit id, and would win against every real version (use `numerical` for them);
//! - `_` stands for the `+` that a tag can't hold (as Helm writes it), so `1.2.3_build5` is 1.2.3 with build
//!   metadata; but `1.2.3_rc1` is a prerelease, because that is what its author means;
//! - a part over `u64` makes it no version.

use std::cmp::Ordering;

/// The most parts that a version may have.
pub(super) const PARTS: usize = 8;

/// Words that make what stands after `_` a prerelease and not build metadata.
const UNSTABLE: [&str; 8] = ["alpha", "beta", "rc", "pre", "dev", "snapshot", "nightly", "canary"];

/// A parsed version. Ordered by precedence, then by build metadata (as the order must be total).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Version {
    /// Major, minor, patch and what follows; zero where not given.
    pub(super) parts: [u64; PARTS],
    /// Dot-separated identifiers; empty for a release.
    pub(super) pre: Box<str>,
    /// Dot-separated identifiers; empty where there are none.
    build: Box<str>,
}

impl Version {
    /// Reads a tag; `None` where it is no version.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let end = body.find(['-', '_', '+']).unwrap_or(body.len());
        let (numbers, mut rest) = body.split_at(end);
        if body.len() == text.len() && numbers.len() > 4 && !numbers.contains('.') {
            return None;
        }
        let mut version = Self::default();
        for (index, part) in numbers.split('.').enumerate() {
            *version.parts.get_mut(index)? = number(part)?;
        }
        if let Some(after) = rest.strip_prefix('-') {
            let end = after.find(['_', '+']).unwrap_or(after.len());
            version.pre = identifiers(&after[..end])?;
            rest = &after[end..];
        }
        if !rest.is_empty() {
            let build = identifiers(&rest[1..])?;
            if rest.starts_with('_') && version.pre.is_empty() && unstable(&build) {
                version.pre = build;
            } else {
                version.build = build;
            }
        }
        Some(version)
    }

    /// A version with these leading parts.
    pub(super) fn of(parts: &[u64], pre: &str) -> Self {
        let mut version = Self { pre: pre.into(), ..Self::default() };
        for (slot, part) in version.parts.iter_mut().zip(parts) {
            *slot = *part;
        }
        version
    }

    /// SemVer precedence: build metadata doesn't count, and a prerelease comes before its release.
    pub(super) fn precedence(&self, other: &Self) -> Ordering {
        self.parts.cmp(&other.parts).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => by_identifiers(&self.pre, &other.pre),
        })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.precedence(other).then_with(|| by_identifiers(&self.build, &other.build))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One numeric part; leading zeros are fine, a sign or more than `u64` is not.
pub(super) fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Dot-separated identifiers, none of them empty.
pub(super) fn identifiers(text: &str) -> Option<Box<str>> {
    let fine = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    // Several `_` may follow each other in a tag (`1.2.3_linux_amd64`): they divide as dots do.
    let text = text.replace('_', ".");
    text.split('.').all(fine).then(|| text.into_boxed_str())
}

fn unstable(build: &str) -> bool {
    let build = build.to_ascii_lowercase();
    UNSTABLE.iter().any(|word| build.starts_with(word))
}

/// SemVer's order of identifiers: numbers as numbers and before words, words by ASCII, fewer before more.
fn by_identifiers(a: &str, b: &str) -> Ordering {
    let digits = |id: &str| id.bytes().all(|b| b.is_ascii_digit());
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(l), Some(r)) => match (digits(l), digits(r)) {
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => l.cmp(r),
                (true, true) => {
                    let (lv, rv) = (l.trim_start_matches('0'), r.trim_start_matches('0'));
                    lv.len().cmp(&rv.len()).then_with(|| lv.cmp(rv)).then_with(|| l.len().cmp(&r.len()))
                }
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("{text} is a version"))
    }

    #[test]
    fn lenient_forms_are_read() {
        assert_eq!(version("v1.2.3"), version("1.2.3"));
        assert_eq!(version("1.2"), version("1.2.0"));
        assert_eq!(version("2026.01.05"), version("2026.1.5"));
        assert_eq!(version("v20260105"), version("20260105.0"));
        assert!(version("1.2.3.4") > version("1.2.3") && version("1.2.3.10") > version("1.2.3.9"));
        assert_eq!(version("1.2.3_build5").precedence(&version("1.2.3")), Ordering::Equal);
        assert!(version("1.2.3_10") > version("1.2.3_9"));
        assert!(version("1.2.3_RC1").precedence(&version("1.2.3")) == Ordering::Less);
        assert_eq!(version("1.2.3-rc.1_b2").pre.as_ref(), "rc.1");
    }

    #[test]
    fn what_is_no_version_is_not_taken_for_one() {
        for bad in [
            "",
            "v",
            "latest",
            "vv1",
            "1.",
            ".1",
            "1..2",
            "1.2.3-",
            "1.2.3_",
            "1.2.3-a..b",
            "1.2rc1",
            "1.2.x",
            "99999999999999999999.0.0",
            "20260105",
            "8412365",
            "1.2.3.4.5.6.7.8.9",
            "1.-2",
            "main-1.2.3",
        ] {
            assert!(Version::parse(bad).is_none(), "{bad:?}");
        }
    }

    proptest! {
        /// Strict versions order exactly as the `semver` crate orders them.
        #[test]
        fn strict_versions_order_as_semver_does(a in strict(), b in strict()) {
            let theirs = (semver::Version::parse(&a).unwrap(), semver::Version::parse(&b).unwrap());
            prop_assert_eq!(version(&a).cmp(&version(&b)), theirs.0.cmp(&theirs.1));
            prop_assert_eq!(version(&a).precedence(&version(&b)), theirs.0.cmp_precedence(&theirs.1));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,40}") {
            let _ = Version::parse(&text);
        }
    }

    pub(in super::super) fn strict() -> impl Strategy<Value = String> {
        let id = "(0|[1-9][0-9]{0,2}|[a-z][a-z0-9-]{0,3})";
        let pre = format!("((-{id}(\\.{id}){{0,2}})?)");
        let build = format!("((\\+{id}(\\.{id}){{0,1}})?)");
        (0..4_u64, 0..4_u64, 0..12_u64, pre.as_str().prop_map_str(), build.as_str().prop_map_str())
            .prop_map(|(a, b, c, pre, build)| format!("{a}.{b}.{c}{pre}{build}"))
    }

    trait PropMapStr {
        fn prop_map_str(self) -> proptest::string::RegexGeneratorStrategy<String>;
    }

    impl PropMapStr for &str {
        fn prop_map_str(self) -> proptest::string::RegexGeneratorStrategy<String> {
            proptest::string::string_regex(self).unwrap()
        }
    }
}
