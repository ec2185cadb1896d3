//! Tokens of the API: who sends, in which role, for which images.
//!
//! Gantry keeps the SHA-256 of a token and never the token. Tokens are long random strings, so a plain hash is
//! enough; a slow one is for passwords. Hashes are compared in constant time, all of them each time, so that
//! the time of an answer tells nothing of which token was nearly right.

use std::{fmt, str::FromStr};

use gantry_core::ids::ImageName;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The longest token that is looked at, in bytes.
const BEARER_MAX: usize = 1024;

/// What the holder of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A CI system: reports builds of its images.
    Ci,
    /// A release manager: promotes, approves, holds.
    ReleaseManager,
    /// Reads only.
    Viewer,
}

/// A pattern over image names. In a part between two `/` a `*` stands for any characters; `**` as the last
/// part stands for one part or more. `registry.example.com/shop/**` covers all images under `shop`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ImagePattern {
    parts: Vec<String>,
    /// Whether `**` follows the parts.
    deep: bool,
}

/// Why a text is no image pattern; whoever wrote the settings must correct it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an image pattern: {rule}; correct it in the settings")]
pub struct PatternError {
    /// The offending text, cut to 80 characters.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl FromStr for ImagePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let error = |rule| PatternError { text: text.chars().take(80).collect(), rule };
        if !(1..=255).contains(&text.len()) {
            return Err(error("it must have 1 to 255 characters"));
        }
        let mut parts: Vec<String> = text.split('/').map(str::to_owned).collect();
        let deep = parts.last().is_some_and(|last| last == "**");
        if deep {
            parts.pop();
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'*');
        for (index, part) in parts.iter().enumerate() {
            // A registry host may have a port; nowhere else stands a colon, for it would begin a tag.
            let colon_allowed = index == 0 && (parts.len() > 1 || deep);
            if part.is_empty() || !part.bytes().all(|b| allowed(b) || colon_allowed && b == b':') {
                return Err(error(
                    "parts between '/' are letters, digits, '.', '_', '-' and '*', without a tag",
                ));
            }
            if part.contains("**") {
                return Err(error("'**' may only stand alone, as the last part"));
            }
        }
        Ok(Self { parts, deep })
    }
}

impl TryFrom<String> for ImagePattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl ImagePattern {
    /// Whether the pattern covers an image. Upper and lower case differ.
    #[must_use]
    pub fn covers(&self, image: &ImageName) -> bool {
        let parts: Vec<&str> = image.as_str().split('/').collect();
        let long_enough =
            if self.deep { parts.len() > self.parts.len() } else { parts.len() == self.parts.len() };
        long_enough
            && self
                .parts
                .iter()
                .zip(&parts)
                .all(|(pattern, part)| part_fits(pattern.as_bytes(), part.as_bytes()))
    }
}

/// Fits a part with `*` in it: on a mismatch the last star takes one more character, which needs no more than
/// the product of both lengths.
fn part_fits(pattern: &[u8], part: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < part.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&part[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, t) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// One token, as the settings name it.
#[derive(Clone)]
pub struct Token {
    /// Its name for people, in the audit log and in the inbox.
    pub name: String,
    /// The SHA-256 of the token.
    pub sha256: [u8; 32],
    /// What its holder may do.
    pub role: Role,
    /// The images whose builds a CI token may report; none at all where it is empty.
    pub images: Vec<ImagePattern>,
}

impl fmt::Debug for Token {
    /// Without the hash: it is not the token, and still nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Token {
    /// Whether its holder may report builds of an image: only CI may, and only for its own images.
    #[must_use]
    pub fn may_report(&self, image: &ImageName) -> bool {
        match self.role {
            Role::Ci => self.images.iter().any(|pattern| pattern.covers(image)),
            Role::ReleaseManager | Role::Viewer => false,
        }
    }
}

/// The hash under which a token is kept.
#[must_use]
pub fn hash(bearer: &str) -> [u8; 32] {
    Sha256::digest(bearer.as_bytes()).into()
}

/// The token that a sender shows, `None` where none fits. An empty one and one of more than 1,024 bytes never
/// fit.
#[must_use]
pub fn authenticate<'a>(tokens: &'a [Token], bearer: &str) -> Option<&'a Token> {
    if bearer.is_empty() || bearer.len() > BEARER_MAX {
        return None;
    }
    let shown = hash(bearer);
    let mut found = None;
    for token in tokens {
        let fits = bool::from(token.sha256.ct_eq(&shown));
        if fits && found.is_none() {
            found = Some(token);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, bearer: &str, role: Role, images: &[&str]) -> Token {
        let images = images.iter().map(|text| text.parse().unwrap()).collect();
        Token { name: name.into(), sha256: hash(bearer), role, images }
    }

    #[test]
    fn a_token_is_known_by_its_hash() {
        let tokens = [
            token("a", "first", Role::Ci, &[]),
            token("b", "second", Role::Viewer, &[]),
            token("c", "second", Role::Ci, &[]),
            token("empty", "", Role::ReleaseManager, &["**"]),
            token("long", &"x".repeat(2000), Role::ReleaseManager, &["**"]),
        ];
        assert_eq!(authenticate(&tokens, "first").unwrap().name, "a");
        assert_eq!(authenticate(&tokens, "second").unwrap().name, "b", "the first of two equal ones");
        for bad in ["", "firs", "first ", "FIRST", &hex::encode(hash("first")), &"x".repeat(2000)] {
            assert!(authenticate(&tokens, bad).is_none(), "{bad}");
        }
        assert!(authenticate(&[], "first").is_none());
        let shown = format!("{:?}", tokens[0]);
        assert!(!shown.contains(&hex::encode(hash("first"))[..8]) && shown.contains("\"a\""), "{shown}");
    }

    #[test]
    fn a_pattern_covers_whole_parts() {
        let image = |text: &str| text.parse::<ImageName>().unwrap();
        for (pattern, yes, no) in [
            ("r.io/shop/*", "r.io/shop/checkout", "r.io/shop/a/b"),
            ("r.io/shop/*", "r.io/shop/x", "r.io/shop2/x"),
            ("r.io/shop/**", "r.io/shop/a/b", "r.io/shop"),
            ("r.io/shop/**", "r.io/shop/a", "r.io/shopping/a"),
            ("r.io/shop-*/api", "r.io/shop-eu/api", "r.io/shop/api"),
            ("r.io/*a*b/x", "r.io/zazab/x", "r.io/zaza/x"),
            ("r.io/checkout", "r.io/checkout", "r.io/checkout2"),
            ("localhost:5000/*", "localhost:5000/a", "localhost:5001/a"),
            ("*/shop/x", "any.io/shop/x", "any.io/other/x"),
            ("**", "nginx", "nginx"),
            ("nginx", "nginx", "r.io/nginx"),
        ] {
            let ci = token("t", "t", Role::Ci, &[pattern]);
            assert!(ci.may_report(&image(yes)), "{pattern} {yes}");
            assert!(pattern == "**" || !ci.may_report(&image(no)), "{pattern} {no}");
        }
    }

    #[test]
    fn only_ci_reports_and_only_its_images() {
        let image: ImageName = "r.io/a".parse().unwrap();
        assert!(!token("t", "t", Role::Ci, &[]).may_report(&image));
        assert!(!token("t", "t", Role::ReleaseManager, &["**"]).may_report(&image));
        assert!(!token("t", "t", Role::Viewer, &["**"]).may_report(&image));
    }

    #[test]
    fn odd_patterns_are_refused() {
        for bad in
            ["", "/", "a//b", "a/**/b", "a**", "r.io/a:1", "a:1", "a b", "a/b\n", "a@b", &"x".repeat(256)]
        {
            assert!(bad.parse::<ImagePattern>().is_err(), "{bad:?}");
        }
        let error = "a/**/b".parse::<ImagePattern>().unwrap_err().to_string();
        assert!(error.contains("last part") && error.contains("settings"), "{error}");
    }
}
