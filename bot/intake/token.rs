//! Tokens of the API: who sends, in which role, for which images.
//!
//! Gantry keeps the SHA-256 of a token and never the token. Tokens are long random strings, so a plain hash is
//! enough; a slow one is for passwords. Hashes are compared in constant time, all of them each time, so that
//! the time of an answer tells nothing of which token was nearly right.

use std::fmt;

use gantry_core::ids::ImageName;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::settings::pattern::ImagePattern;

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
}
