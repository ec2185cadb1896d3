//! Text and times from outside: labels and annotations of images.

use jiff::Timestamp;

/// Longest revision kept, in characters. A SHA-256 commit id has 64.
pub(crate) const REVISION: usize = 200;
/// Longest source URL kept, in characters.
pub(crate) const SOURCE: usize = 500;

/// Before this no container image existed; such times are the fixed epochs of reproducible builds
/// (year 1, 1970, 1980) or a broken clock.
const FIRST: i64 = 1_356_998_400; // 2013-01-01
/// A build machine's clock may be ahead by this much.
const AHEAD: i64 = 24 * 60 * 60;

/// Strips control characters and the invisible ones that turn or hide text, trims, and drops what is empty
/// or longer than `limit` characters: half a revision or half a URL would be a wrong one.
pub(crate) fn tidy(text: &str, limit: usize) -> Option<String> {
    if text.len() > limit * 8 {
        return None;
    }
    let kept: String = text.chars().filter(|c| !c.is_control() && !invisible(*c)).collect();
    let kept = kept.trim();
    (!kept.is_empty() && kept.chars().count() <= limit).then(|| kept.to_owned())
}

/// Unicode's direction marks and overrides, zero-width characters, line and paragraph separators, the byte
/// order mark and tag characters.
fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A build time by RFC 3339, or nothing where it cannot be the real one.
pub(crate) fn build_time(text: &str, now: Timestamp) -> Option<Timestamp> {
    if text.len() > 64 {
        return None;
    }
    let time: Timestamp = text.trim().parse().ok()?;
    (FIRST..=now.as_second().saturating_add(AHEAD)).contains(&time.as_second()).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_made_inert() {
        assert_eq!(tidy(" a\u{1b}[31m\nb\u{202e}c\u{200b} ", 20).as_deref(), Some("a[31mbc"));
        assert_eq!(tidy("\n\t", 20), None);
        assert_eq!(tidy(&"x".repeat(21), 20), None);
        assert_eq!(tidy(&"\0".repeat(1 << 20), 20), None);
        assert_eq!(tidy(&"é".repeat(20), 20).map(|t| t.len()), Some(40));
    }

    #[test]
    fn times_that_cannot_be_are_none() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let read = |text: &str| build_time(text, now).map(|t| t.to_string());
        assert_eq!(read("2026-11-21T11:00:00.5+02:00").as_deref(), Some("2026-11-21T09:00:00.5Z"));
        assert_eq!(read("2026-11-22T09:00:00Z").as_deref(), Some("2026-11-22T09:00:00Z"));
        for bad in [
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "1980-01-01T00:00:01Z",
            "2026-11-22T10:00:01Z",
            "9999-12-31T23:59:59Z",
            "yesterday",
            "",
            "2026-11-21",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
