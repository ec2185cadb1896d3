//! What an HCL text may cost its parser, found out before the parser sees it.
//!
//! The parser bounds its depth but compares each key of an object with all keys before it, so a file of a
//! megabyte could keep it busy for minutes. This reader knows just enough of HCL to tell objects, strings,
//! templates, heredocs and comments apart; it has no recursion and looks at each byte once. Where it is
//! unsure it counts too much.

use super::source::Fault;
use crate::refusal::Reason;

/// The largest HCL file, in bytes: the parser takes about half a second for the worst of them.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// The most `=`, `:` and `,` of a file.
const MAX_MARKS: usize = 50_000;
/// The most comparisons of keys, each as costly as that of two words: about 3,000 keys in one object.
const MAX_COMPARISONS: usize = 10_000_000;
/// The depth that the parser takes, and the depth here, where a string in a template is a level of its own.
pub(super) const PARSER_DEPTH: usize = 64;
const MAX_OPEN: usize = 4 * PARSER_DEPTH;

enum Kind<'t> {
    /// The file or a block: its keys are looked up in a table.
    Body,
    /// `{` of an object.
    Object,
    /// `(`, `[`, and `${` or `%{` in a text.
    Other,
    /// In `"`.
    Text,
    /// Up to this word on a line of its own.
    Heredoc(&'t str),
}

struct Level<'t> {
    kind: Kind<'t>,
    /// The keys so far, and what to compare with all of them costs.
    keys: usize,
    cost: usize,
    /// Where the key or value at hand started, the levels in it, and whether its `=` has been.
    start: usize,
    inner: usize,
    assigned: bool,
    /// All levels in it.
    all: usize,
}

/// Refuses what the parser would take too long for.
pub(super) fn bounded(text: &str) -> Result<(), Fault> {
    if text.len() > MAX_BYTES {
        return Err((None, Reason::TooLarge { bytes: text.len(), limit: MAX_BYTES }));
    }
    let mut marks = text.bytes().enumerate().filter(|(_, b)| matches!(b, b'=' | b':' | b','));
    if let Some((at, _)) = marks.nth(MAX_MARKS) {
        return Err((Some(at), Reason::TooMany { what: "`=`, `:` and `,`", limit: MAX_MARKS }));
    }
    let bytes = text.as_bytes();
    let mut open = vec![Level::new(Kind::Body, 0)];
    let (mut at, mut compared) = (0, 0_usize);
    while at < bytes.len() {
        let here = at;
        let Some(top) = open.last_mut() else { return Ok(()) };
        let rest = &bytes[at..];
        at += 1;
        let mut push = None;
        let mut pop = false;
        match (&top.kind, rest[0]) {
            (Kind::Text, b'\\') => at += 1,
            (Kind::Text, b'"') => pop = true,
            (Kind::Heredoc(word), b'\n') => pop = ends(text, at, word),
            (Kind::Text | Kind::Heredoc(_), b'$' | b'%') => {
                if rest.starts_with(b"$${") || rest.starts_with(b"%%{") {
                    at += 2;
                } else if rest.get(1) == Some(&b'{') {
                    at += 1;
                    push = Some(Kind::Other);
                }
            }
            (Kind::Text | Kind::Heredoc(_), _) => {}
            (_, b'"') => push = Some(Kind::Text),
            (_, b'#') => at = line_end(text, here),
            (_, b'/') if rest.starts_with(b"//") => at = line_end(text, here),
            (_, b'/') if rest.starts_with(b"/*") => match text[here + 2..].find("*/") {
                Some(end) => at = here + 2 + end + 2,
                None => return Ok(()),
            },
            (_, b'<') if rest.starts_with(b"<<") => {
                if let Some((word, end)) = heredoc(text, here) {
                    push = Some(Kind::Heredoc(word));
                    // At the line end, so that a heredoc without lines ends too.
                    at = end;
                }
            }
            (Kind::Body, b'{') if !top.assigned => push = Some(Kind::Body),
            (_, b'{') => push = Some(Kind::Object),
            (_, b'(' | b'[') => push = Some(Kind::Other),
            (_, b'}' | b')' | b']') => pop = open.len() > 1,
            (_, b'=') if matches!(rest.get(1), Some(b'=' | b'>')) => at += 1,
            (_, b':') if rest.get(1) == Some(&b':') => at += 1,
            (_, b'!' | b'<' | b'>') if rest.get(1) == Some(&b'=') => at += 1,
            (Kind::Object, b'=' | b':') => {
                top.keys += 1;
                top.cost += 1 + (here - top.start) / 64 + 4 * top.inner;
                if compared + top.keys * top.cost > MAX_COMPARISONS {
                    let what = "comparisons of keys, or some 3,000 keys in one object";
                    return Err((Some(here), Reason::TooMany { what, limit: MAX_COMPARISONS }));
                }
                top.begin(at);
            }
            (_, b'=') => top.assigned = true,
            (_, b',' | b'\n') => top.begin(at),
            _ => {}
        }
        if pop && let Some(closed) = open.pop() {
            compared += closed.keys * closed.cost;
            if let Some(around) = open.last_mut() {
                around.inner += 1 + closed.all;
                around.all += 1 + closed.all;
            }
        }
        if let Some(kind) = push {
            if open.len() == MAX_OPEN {
                return Err((Some(here), Reason::TooDeep { limit: PARSER_DEPTH }));
            }
            open.push(Level::new(kind, at));
        }
    }
    Ok(())
}

impl<'t> Level<'t> {
    fn new(kind: Kind<'t>, start: usize) -> Self {
        Self { kind, keys: 0, cost: 0, start, inner: 0, assigned: false, all: 0 }
    }

    fn begin(&mut self, at: usize) {
        (self.start, self.inner, self.assigned) = (at, 0, false);
    }
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end)
}

/// The word that ends the heredoc that starts at the byte, and the end of its first line.
fn heredoc(text: &str, at: usize) -> Option<(&str, usize)> {
    let rest = &text[at + 2..];
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let length = rest.find(|c| !is_word(c))?;
    let behind = &rest[length..];
    let line_end = behind.starts_with('\n') || behind.starts_with("\r\n");
    let from = text.len() - behind.len();
    (length > 0 && line_end)
        .then(|| (&rest[..length], from + behind.len() - behind.trim_start_matches('\r').len()))
}

/// Whether the line that starts at the byte ends the heredoc.
fn ends(text: &str, at: usize, word: &str) -> bool {
    let line = text[at..].trim_start_matches([' ', '\t']);
    line.strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_word))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}
