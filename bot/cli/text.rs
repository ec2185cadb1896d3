//! Text from outside made fit for a terminal, widths, and times as people say them.

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A character that could steer a terminal or turn text around: control characters, and Unicode's marks,
/// overrides and isolates of direction.
fn dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// One line: line ends and tabs become blanks, dangerous characters `\u{fffd}`.
pub(super) fn line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if dangerous(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Several lines: line feeds and tabs stay. A carriage return before a line feed is dropped, for a file with
/// CRLF is no attack.
pub(super) fn lines(text: &str) -> String {
    let shown = |c| if c != '\n' && c != '\t' && dangerous(c) { '\u{fffd}' } else { c };
    text.replace("\r\n", "\n").chars().map(shown).collect()
}

/// JSON whose strings hold dangerous characters as escapes; it means the same.
pub(super) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && dangerous(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether YAML text can go to a terminal as it is.
pub(super) fn harmless(text: &str) -> bool {
    !text.chars().any(|c| c != '\n' && dangerous(c))
}

/// How many cells of a terminal it takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Cut to `most` cells; `…` stands where something is missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > most {
            break;
        }
        used += wide;
        out.push(c);
    }
    while out.ends_with(' ') {
        out.pop();
    }
    if most > 0 {
        out.push('…');
    }
    out
}

/// `12s`, `5m`, `3h`, `4d`, `8mo`, `2y`: the largest whole unit.
pub(super) fn span(seconds: i64) -> String {
    let units = [(31_557_600, "y"), (2_629_800, "mo"), (86_400, "d"), (3_600, "h"), (60, "m")];
    let seconds = seconds.max(0);
    match units.iter().find(|(length, _)| seconds >= *length) {
        Some((length, unit)) => format!("{}{unit}", seconds / length),
        None => format!("{seconds}s"),
    }
}

/// `5m ago`, or `in 5m` for what is to come.
pub(super) fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second());
    if seconds >= 0 { format!("{} ago", span(seconds)) } else { format!("in {}", span(-seconds)) }
}

/// `2026-11-21 10:02`, in UTC.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_steer_a_terminal() {
        assert_eq!(line("a\u{1b}[31m\nb\u{202e}\u{9b}"), "a\u{fffd}[31m b\u{fffd}\u{fffd}");
        assert_eq!(lines("a\r\n\tb\rc\u{7}"), "a\n\tb\u{fffd}c\u{fffd}");
        assert_eq!(json("\"\u{9b}\u{202e}é\""), "\"\\u009b\\u202eé\"");
    }

    #[test]
    fn cuts_keep_to_the_cells() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("日本語テキスト", 6), "日本…");
        assert_eq!(cut("ab cdef", 4), "ab…");
        for most in 0..12 {
            assert!(width(&cut("日本x語é\u{301}テキスト", most)) <= most, "{most}");
        }
    }

    #[test]
    fn times_are_said_in_the_largest_unit() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let at = |text: &str| relative(text.parse().unwrap(), now);
        assert_eq!(at("2026-11-21T11:59:30Z"), "30s ago");
        assert_eq!(at("2026-11-21T09:30:00Z"), "2h ago");
        assert_eq!(at("2026-11-21T12:20:00Z"), "in 20m");
        assert_eq!(at("2024-11-01T12:20:00Z"), "2y ago");
    }
}
