//! Patterns over image names, as tokens have them.

use std::str::FromStr;

use gantry_core::ids::ImageName;
use serde::Deserialize;

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

#[cfg(test)]
mod tests {
    use super::*;

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
