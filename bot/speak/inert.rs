//! Outside text made inert: what a registry, a commit, a person or a CI system wrote never acts.
//!
//! Revisions, authors, reasons, tags and URLs are text from strangers. In a sentence, a commit message, a
//! proposal or a page they must stay words: they notify nobody (`@name`), refer to nothing (`#1`, `GH-1`,
//! `owner/repo#1`, `!1`), close nothing (`fixes #1`), format nothing, forge no trailer, open no second
//! paragraph, and hide nothing (bidirectional and invisible characters).
//!
//! A zero-width space between a sign and its word is what keeps forges from seeing a mention or a reference:
//! they look for them in the rendered text, where an escaped `@` is an `@` again.

use url::Url;

/// The most characters that one piece of outside text may take in a sentence.
pub const LONGEST: usize = 1_000;

/// Characters that show nothing, or that reorder what is around them.
fn hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// One line without control, invisible or reordering characters; runs of white space become one space. At
/// most [`LONGEST`] characters; what is cut off leaves a `…`.
#[must_use]
pub fn line(text: &str) -> String {
    cut(text, LONGEST)
}

/// Like [`line()`], with another limit in characters.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most.saturating_mul(4)));
    let (mut count, mut gap) = (0_usize, false);
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            gap = count > 0;
            continue;
        }
        if hidden(c) {
            continue;
        }
        let wanted = 1 + usize::from(gap);
        if count + wanted > most {
            while count > 0 && count + 1 > most {
                out.pop();
                count -= 1;
            }
            if most > 0 {
                out.push('…');
            }
            return out;
        }
        if gap {
            out.push(' ');
            gap = false;
        }
        out.push(c);
        count += wanted;
    }
    out
}

/// Text for several lines, such as a difference: line feeds and tabs stay, other control characters and what
/// hides or reorders goes. At most `most` bytes; `true` if something was cut off, at a line's end.
#[must_use]
pub fn lines(text: &str, most: usize) -> (String, bool) {
    let clean: String = text
        .chars()
        .filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || hidden(*c)))
        .map(|c| if matches!(c, '\u{2028}' | '\u{2029}' | '\u{85}') { ' ' } else { c })
        .collect();
    if clean.len() <= most {
        return (clean, false);
    }
    let mut end = most;
    while !clean.is_char_boundary(end) {
        end -= 1;
    }
    let end = clean[..end].rfind('\n').map_or(end, |at| at + 1);
    (clean[..end].to_owned(), true)
}

/// Signs that begin a mention or a reference in some forge when a word follows.
fn sigil(c: char) -> bool {
    matches!(c, '@' | '#' | '!' | '~' | '%' | '$' | '^' | '&')
}

/// The `-` of `GH-1` and of tickets (`ABC-1`), the `:` of a URL, the `.` of `www.`: where a forge would link.
fn links(before: &str, at: char, after: &str) -> bool {
    match at {
        '-' => {
            before.chars().next_back().is_some_and(|c| c.is_ascii_alphabetic())
                && after.starts_with(|c: char| c.is_ascii_digit())
                && (before.len() >= 2 && before.is_char_boundary(before.len() - 2))
                && before[before.len() - 2..].eq_ignore_ascii_case("gh")
        }
        ':' => after.starts_with("//"),
        '.' => {
            before.len() >= 3
                && before.is_char_boundary(before.len() - 3)
                && before[before.len() - 3..].eq_ignore_ascii_case("www")
        }
        _ => false,
    }
}

/// Outside text within markdown, also within a table: one line that reads as it was written and does nothing.
#[must_use]
pub fn markdown(text: &str) -> String {
    let text = line(text);
    let mut out = String::with_capacity(text.len() * 2);
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        // At its start a list, a heading or a quotation could begin.
        let opens = at == 0 && matches!(c, '-' | '+' | '=' | ':');
        let counts = matches!(c, '.' | ')')
            && (rest.is_empty() || rest.starts_with(' '))
            && text[..at].bytes().all(|b| b.is_ascii_digit());
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A slash first could be a command to the forge.
            '/' if at == 0 => out.push_str("&#47;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' | '$'
            | '^' => {
                out.push('\\');
                out.push(c);
            }
            _ if opens || counts => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
        let speaks = |c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '\'' | '{' | '/' | '[');
        if (sigil(c) && rest.starts_with(speaks)) || links(&text[..at], c, rest) {
            out.push_str("&#8203;");
        }
    }
    out
}

/// A code span, where the text is of the plain sort that versions, digests and names are made of; the text as
/// [`markdown`] else.
#[must_use]
pub fn code(text: &str) -> String {
    let text = line(text);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:/@+=-".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) { format!("`{text}`") } else { markdown(&text) }
}

/// Outside text within a commit message: one line that mentions nobody, refers to nothing and gives no
/// command (`[skip ci]`). What is taken apart is set apart by a space, because a terminal shows it as it is.
#[must_use]
pub fn commit(text: &str) -> String {
    let text = line(text);
    let mut out = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let named = rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let numbered = rest.starts_with(|c: char| c.is_ascii_digit());
        let before = text[..at].chars().next_back();
        match c {
            // Within an address, a path or a digest no mention is seen.
            '@' if named && !before.is_some_and(|c| c.is_alphanumeric() || c == '/') => out.push_str("@ "),
            '#' | '!' if numbered => {
                out.push(c);
                out.push(' ');
            }
            '[' => out.push('('),
            ']' => out.push(')'),
            '-' if links(&text[..at], c, rest) => out.push_str(" -"),
            ':' if rest.starts_with("//") && closes(&text[..at]) => out.push_str(": "),
            _ => out.push(c),
        }
    }
    out
}

/// What closes an issue, in one forge or another, when a reference follows.
const CLOSING: [&str; 16] = [
    "close",
    "closes",
    "closed",
    "closing",
    "fix",
    "fixes",
    "fixed",
    "fixing",
    "resolve",
    "resolves",
    "resolved",
    "resolving",
    "implement",
    "implements",
    "implemented",
    "implementing",
];

/// `before` ends in a closing keyword and the scheme of a URL: `fixes https`.
fn closes(before: &str) -> bool {
    let mut words = before.rsplit(|c: char| c.is_whitespace() || c == ':').filter(|word| !word.is_empty());
    let _scheme = words.next();
    words.next().is_some_and(|word| CLOSING.iter().any(|keyword| word.eq_ignore_ascii_case(keyword)))
}

/// A value of a commit trailer: one line. Prose is made inert as in [`commit`]; a value without spaces (a
/// revision, a release id, an image) is kept to the letter, because it is read back.
#[must_use]
pub fn trailer(text: &str) -> String {
    let text = line(text);
    if text.contains(' ') || text.starts_with('@') { commit(&text) } else { text }
}

/// An `http` or `https` URL that may be made a link: without credentials, at most 2,000 characters, written so
/// that it ends neither a markdown link nor an attribute. Nothing for any other text.
#[must_use]
pub fn http_url(text: &str) -> Option<String> {
    if text.len() > 2_000 || text.chars().any(|c| c.is_control() || c.is_whitespace() || hidden(c)) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !web || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let mut out = String::with_capacity(url.as_str().len());
    for c in url.as_str().chars() {
        match c {
            '(' | ')' | '<' | '>' | '"' | '\'' | '`' | '|' | '\\' | '^' | '{' | '}' | '*' => {
                out.push_str(&format!("%{:02X}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
#[path = "inert_tests.rs"]
mod tests;
