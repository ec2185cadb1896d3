//! A path of keys to one value in a file: `spec.images[0]."app.kubernetes.io/name"`.
//!
//! Written as people write them: names between dots, list items by their place from 0 in brackets, a name in
//! double quotes where it holds a dot, a bracket, a quote or a blank (`\"` and `\\` inside). In brackets a list item
//! may be told by a key of its own too: `elements[cluster=eu].tag`. `#2.` in front
//! means the second document of a YAML stream. `Display` gives the shortest text that reads back to the same
//! key. What a step means is the matter of each format; see [`crate::format`].

use std::fmt;
use std::str::FromStr;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 1_024;
/// The most steps of a key.
pub const MAX_STEPS: usize = 64;
/// The largest place in a list, and the largest number of a document.
pub const MAX_INDEX: usize = 999_999;

/// A path to one value; it has at least one step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    document: Option<usize>,
    steps: Vec<Step>,
}

/// One step of a [`Key`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// The value of this name in a mapping, table, block or object.
    Name(String),
    /// The item at this place of a list, from 0.
    Index(usize),
    /// The item of a list that has this text at this name.
    Where(String, String),
}

/// A text that is no key. `Display` is one sentence that names the character and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key `{}`, character {at}: {rule}", shown(.key))]
pub struct KeyError {
    /// The text.
    pub key: String,
    /// The character at which it breaks the rule, from 1.
    pub at: usize,
    /// The rule.
    pub rule: &'static str,
}

const TOO_LONG: &str = "a key has at most 1,024 bytes";
const TOO_MANY: &str = "a key has at most 64 steps";
const EMPTY: &str = "write at least one name, such as `image.tag`";
const NAME: &str = "a name is missing; write one name between two dots";
const BARE: &str = "put a name with such a character in double quotes, as in `a.\"b c\".d`";
const OPEN: &str = "the quote is not closed; end the name with `\"`";
const ESCAPE: &str = "in quotes only `\\\"` and `\\\\` are escapes";
const CONTROL: &str = "control characters cannot stand in a key";
const INDEX: &str = "write the place in the list as a number from 0 to 999999 in brackets, as in `a[0]`, or a key of the item with its value, as in `a[name=web]`";
const DOCUMENT: &str = "write the number of the document from 1 to 999999 and a dot, as in `#2.image.tag`";
const NEXT: &str = "go on with a dot, as in `a.b`, or with a bracket, as in `a[0]`";

impl Key {
    /// A key of these steps in the only document.
    ///
    /// # Errors
    /// [`KeyError`] where there is no step, or where the key is larger than a key in text may be, or where a
    /// name holds a control character.
    pub fn new(steps: Vec<Step>) -> Result<Self, KeyError> {
        let key = Self { document: None, steps };
        // Through the text, so that there is one set of rules.
        if key.steps.is_empty() { "".parse() } else { key.to_string().parse() }
    }

    /// The number of the document, from 1; `None` where the key names none.
    #[must_use]
    pub fn document(&self) -> Option<usize> {
        self.document
    }

    /// The steps, from the root of the document.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// A key of some of another's steps.
    pub(crate) fn within(document: Option<usize>, steps: &[Step]) -> Self {
        Self { document, steps: steps.to_vec() }
    }

    /// A key path as text, for showing; it reads back unless a name holds a control character or it is too
    /// long.
    pub(crate) fn written(document: Option<usize>, steps: Vec<Step>) -> String {
        Self { document, steps }.to_string()
    }

    /// The text of the first `count` steps, without the document.
    pub(crate) fn head(&self, count: usize) -> String {
        text(self.steps.iter().take(count))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = text(self.steps.iter());
        match self.document {
            Some(number) if steps.starts_with('[') => write!(f, "#{number}{steps}"),
            Some(number) => write!(f, "#{number}.{steps}"),
            None => f.write_str(&steps),
        }
    }
}

fn text<'s>(steps: impl Iterator<Item = &'s Step>) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Index(index) => text += &format!("[{index}]"),
            Step::Where(name, value) => {
                text.push('[');
                write_part(&mut text, name);
                text.push('=');
                write_part(&mut text, value);
                text.push(']');
            }
            Step::Name(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                if !name.is_empty()
                    && name.chars().all(is_bare)
                    && !(text.is_empty() && name.starts_with('#'))
                {
                    text += name;
                } else {
                    text.push('"');
                    text += &name.replace('\\', "\\\\").replace('"', "\\\"");
                    text.push('"');
                }
            }
        }
    }
    text
}

/// A name or text in brackets.
fn write_part(text: &mut String, part: &str) {
    if !part.is_empty() && part.chars().all(is_bare_in_brackets) {
        *text += part;
    } else {
        text.push('"');
        *text += &part.replace('\\', "\\\\").replace('"', "\\\"");
        text.push('"');
    }
}

/// Whether the character may stand in brackets without quotes.
fn is_bare_in_brackets(c: char) -> bool {
    (is_bare(c) || c == '.') && c != '='
}

/// Whether the character may stand in a name without quotes.
fn is_bare(c: char) -> bool {
    !(c.is_whitespace() || c.is_control() || matches!(c, '.' | '[' | ']' | '"' | '\'' | '\\' | '`'))
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(key: &str) -> Result<Self, KeyError> {
        let refuse = |at: usize, rule| {
            let at = key.get(..at).map_or(1, |before| before.chars().count() + 1);
            Err(KeyError { key: key.to_owned(), at, rule })
        };
        if key.len() > MAX_KEY_BYTES {
            return refuse(0, TOO_LONG);
        }
        if let Some((at, _)) = key.char_indices().find(|(_, c)| c.is_control()) {
            return refuse(at, CONTROL);
        }
        let mut at = 0;
        let mut document = None;
        if let Some(rest) = key.strip_prefix('#') {
            let end = 1 + rest.find(['.', '[']).unwrap_or(rest.len());
            document = number(&key[1..end]).filter(|number| *number > 0);
            // A dot stands before a name only.
            let dotted = key[end..].starts_with('.') && !key[end..].starts_with(".[");
            if document.is_none() || !(dotted || key[end..].starts_with('[')) {
                return refuse(0, DOCUMENT);
            }
            at = end + usize::from(dotted);
        }
        let mut steps = Vec::new();
        // Whether a name must come now: at the beginning and behind a dot.
        let mut name = true;
        if at == key.len() {
            return refuse(at, EMPTY);
        }
        while at < key.len() || (name && !steps.is_empty()) {
            if steps.len() == MAX_STEPS {
                return refuse(at, TOO_MANY);
            }
            let rest = &key[at..];
            let first = steps.is_empty();
            match rest.chars().next() {
                Some('[') if first || !name => {
                    let (step, length) = match brackets(rest) {
                        Ok(read) => read,
                        Err((offset, rule)) => return refuse(at + offset, rule),
                    };
                    steps.push(step);
                    at += length;
                    name = false;
                }
                Some('.') if !name => {
                    at += 1;
                    name = true;
                    continue;
                }
                _ if !name => return refuse(at, NEXT),
                Some('"') => {
                    let (text, length) = match quoted(rest) {
                        Ok(read) => read,
                        Err((offset, rule)) => return refuse(at + offset, rule),
                    };
                    steps.push(Step::Name(text));
                    at += length;
                    name = false;
                }
                None | Some('.' | '[') => return refuse(at, NAME),
                Some(_) => {
                    let end = rest.find(|c| !is_bare(c)).unwrap_or(rest.len());
                    if end == 0 || rest[end..].starts_with(|c| !matches!(c, '.' | '[')) {
                        return refuse(at + end, BARE);
                    }
                    steps.push(Step::Name(rest[..end].to_owned()));
                    at += end;
                    name = false;
                }
            }
        }
        Ok(Self { document, steps })
    }
}

/// The step that starts with `[`, and its length in bytes with both brackets.
fn brackets(text: &str) -> Result<(Step, usize), (usize, &'static str)> {
    let (name, after_name) = in_brackets(text, 1)?;
    match text[after_name..].chars().next() {
        Some(']') => match number(&text[1..after_name]) {
            Some(index) => Ok((Step::Index(index), after_name + 1)),
            None => Err((1, INDEX)),
        },
        Some('=') => {
            let (value, end) = in_brackets(text, after_name + 1)?;
            match text[end..].starts_with(']') {
                true if !name.is_empty() => Ok((Step::Where(name, value), end + 1)),
                _ => Err((end, INDEX)),
            }
        }
        None => Err((0, INDEX)),
        Some(_) => Err((1, INDEX)),
    }
}

/// A name or text in brackets, in quotes or without, and where it ends.
fn in_brackets(text: &str, start: usize) -> Result<(String, usize), (usize, &'static str)> {
    let rest = &text[start..];
    if rest.starts_with('"') {
        let (part, length) = quoted(rest).map_err(|(offset, rule)| (start + offset, rule))?;
        return Ok((part, start + length));
    }
    let length = rest.find(|c| !is_bare_in_brackets(c)).unwrap_or(rest.len());
    Ok((rest[..length].to_owned(), start + length))
}

/// A decimal number without sign and without zeros in front.
fn number(text: &str) -> Option<usize> {
    let good = (1..=6).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| good)
}

/// The name that starts with a quote, and its length in bytes with both quotes.
fn quoted(text: &str) -> Result<(String, usize), (usize, &'static str)> {
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((name, at + 1)),
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\'))) => name.push(c),
                _ => return Err((at, ESCAPE)),
            },
            c => name.push(c),
        }
    }
    Err((0, OPEN))
}

/// Text from outside, fit for a terminal and a log.
fn shown(text: &str) -> String {
    text.chars().take(100).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Step {
        Step::Name(text.to_owned())
    }

    #[test]
    fn keys_are_read_as_people_write_them() {
        for (text, document, steps) in [
            ("tag", None, vec![name("tag")]),
            ("a.b[0].\"c.d\".e", None, vec![name("a"), name("b"), Step::Index(0), name("c.d"), name("e")]),
            ("#2.a.b", Some(2), vec![name("a"), name("b")]),
            ("#1[3].x", Some(1), vec![Step::Index(3), name("x")]),
            ("[0][1]", None, vec![Step::Index(0), Step::Index(1)]),
            ("\"\".x", None, vec![name(""), name("x")]),
            ("\"a\\\"b\\\\\"", None, vec![name("a\"b\\")]),
            ("\"#1\"", None, vec![name("#1")]),
            ("a.#b", None, vec![name("a"), name("#b")]),
            ("é.ü-1_/@:", None, vec![name("é"), name("ü-1_/@:")]),
        ] {
            let key: Key = text.parse().unwrap();
            assert_eq!((key.document(), key.steps()), (document, &steps[..]), "{text}");
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_place_and_rule() {
        for (text, at, rule) in [
            ("", 1, EMPTY),
            (".", 1, NAME),
            ("a.", 3, NAME),
            (".a", 1, NAME),
            ("é..b", 3, NAME),
            ("a.[0]", 3, NAME),
            ("a b", 2, BARE),
            ("a\"b\"", 2, BARE),
            ("'a'", 1, BARE),
            ("a]", 2, BARE),
            ("\"a", 1, OPEN),
            ("\"a\\n\"", 3, ESCAPE),
            ("\"a\"b", 4, NEXT),
            ("a[0]b", 5, NEXT),
            ("a[-1]", 3, INDEX),
            ("a[]", 3, INDEX),
            ("a[01]", 3, INDEX),
            ("a[1000000]", 3, INDEX),
            ("a[0", 2, INDEX),
            ("#", 1, DOCUMENT),
            ("#0.a", 1, DOCUMENT),
            ("#2", 1, DOCUMENT),
            ("#x.a", 1, DOCUMENT),
            ("#2.", 4, EMPTY),
            ("a\u{7}", 2, CONTROL),
            ("\"a\nb\"", 3, CONTROL),
        ] {
            let error = text.parse::<Key>().unwrap_err();
            assert_eq!((error.at, error.rule), (at, rule), "{text}");
        }
        assert_eq!("a.".repeat(600).parse::<Key>().unwrap_err().rule, TOO_LONG);
        assert_eq!(vec!["a"; 65].join(".").parse::<Key>().unwrap_err().rule, TOO_MANY);
        assert!(vec!["a"; 64].join(".").parse::<Key>().is_ok());
        assert_eq!(Key::new(Vec::new()).unwrap_err().rule, EMPTY);
        assert_eq!(
            "a..b".parse::<Key>().unwrap_err().to_string(),
            "key `a..b`, character 3: a name is missing; write one name between two dots"
        );
    }

    proptest! {
        #[test]
        fn a_key_reads_back(
            document in prop::option::of(1usize..=MAX_INDEX),
            steps in prop::collection::vec(prop_oneof![
                "[a-zé.#\\[\\]\"'\\\\ -]{0,6}".prop_map(Step::Name),
                (0usize..=MAX_INDEX).prop_map(Step::Index),
            ], 1..12),
        ) {
            let key = Key { document, steps };
            prop_assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
        }

        #[test]
        fn noise_never_panics_and_what_is_read_reads_back(text in "[a\\[\\]0-9.\"\\\\#é ']{0,16}") {
            if let Ok(key) = text.parse::<Key>() {
                prop_assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
            }
        }
    }
}
