//! TOML: strings at a key path, by the spans of toml_edit.
//!
//! A name is a key of a table, however the table is written (`[a.b]`, `a.b = `, `{ }`); a number is an item of
//! an array or of an array of tables. Only strings are edited, and each stays the kind of string it is. A
//! number or a date would have to become another type to hold a tag for sure, so it is refused.

use std::ops::Range;

use toml_edit::{Array, ArrayOfTables, Document as Parsed, Item, TableLike, Value};

use super::source::Fault;
use super::{Document, MAX_DEPTH, MAX_VALUES, Place, Quote, not_editable};
use crate::key::{Key, Step};
use crate::refusal::Reason;

/// A TOML file that was read.
pub(super) struct Toml<'d> {
    text: &'d str,
    document: Parsed<&'d str>,
}

/// What stands at a path.
#[derive(Clone, Copy)]
enum Here<'t> {
    Table(&'t dyn TableLike),
    Tables(&'t ArrayOfTables),
    Array(&'t Array),
    Leaf(&'t Value),
}

impl<'d> Document<'d> for Toml<'d> {
    fn parse(text: &'d str) -> Result<Self, Fault> {
        bounded(text)?;
        let document = read(text)?;
        Ok(Self { text, document })
    }

    fn find(&self, key: &Key) -> Result<Place, Fault> {
        let mut here = Here::Table(self.document.as_table());
        for (count, step) in key.steps().iter().enumerate() {
            here = here.step(step).ok_or_else(|| {
                let present = here.present();
                (None, Reason::NoSuchKey { key: key.to_string(), deepest: key.head(count), present })
            })?;
        }
        let refuse = |at, is, advice| Err((at, not_editable(key, is, advice)));
        let value = match here {
            Here::Leaf(value) => value,
            Here::Table(_) => return refuse(None, "is a table", "name one of its keys"),
            Here::Tables(_) | Here::Array(_) => {
                return refuse(None, "is a list", "name an item, as in `a[0]`");
            }
        };
        let at = value.span().map(|span| span.start);
        let quoted = "put the value in quotes, so that it stays a string";
        let Value::String(string) = value else {
            let is = match value {
                Value::Integer(_) => "is an integer",
                Value::Float(_) => "is a float",
                Value::Boolean(_) => "is a boolean",
                _ => "is a date",
            };
            return refuse(at, is, quoted);
        };
        let place = string.span().and_then(|range| {
            let quote = quote(self.text.get(range.clone())?)?;
            Some(Place { text: string.value().clone(), range, quote, way: Vec::new() })
        });
        place.map_or_else(
            || refuse(at, "is written in a way that is not known", "write it as a string on one line"),
            Ok,
        )
    }

    fn prove(self, after: &str, place: &Place, wanted: &str, token: &str) -> Result<(), String> {
        let after = read(after).map_err(|(_, reason)| format!("the new text is refused: {reason}"))?;
        let new = place.range.start..place.range.start + token.len();
        let mut walk = Walk { old: &place.range, before: &place.text, new, wanted, seen: 0 };
        walk.same(Here::Table(self.document.as_table()), Here::Table(after.as_table()))?;
        if walk.seen == 1 { Ok(()) } else { Err(format!("the value was seen {} times", walk.seen)) }
    }
}

/// The text of a new value in the quotes of the old one.
pub(super) fn render(quote: Quote, new: &str) -> Result<String, Reason> {
    let unfit =
        |rule| Err(Reason::InvalidValue { what: "TOML string of this kind", value: new.to_owned(), rule });
    let control = new.chars().any(char::is_control);
    match quote {
        Quote::Single | Quote::SingleLines(_) if control => {
            unfit("a literal string cannot hold control characters; use double quotes")
        }
        Quote::Single if new.contains('\'') => unfit("a literal string cannot hold `'`; use double quotes"),
        Quote::Single => Ok(format!("'{new}'")),
        Quote::SingleLines(_) if new.contains('\'') => {
            unfit("a literal string cannot hold `'` for sure; use double quotes")
        }
        Quote::SingleLines(lead) => Ok(format!("'''{lead}{new}'''")),
        Quote::DoubleLines(lead) => Ok(format!("\"\"\"{lead}{}\"\"\"", escaped(new))),
        Quote::Double | Quote::Bare => Ok(format!("\"{}\"", escaped(new))),
    }
}

fn escaped(new: &str) -> String {
    let mut text = String::with_capacity(new.len());
    for c in new.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text += &format!("\\u{:04X}", u32::from(c)),
            c => text.push(c),
        }
    }
    text
}

fn read(text: &str) -> Result<Parsed<&str>, Fault> {
    Parsed::parse(text).map_err(|error| {
        let message = error.message().chars().map(|c| if c == '\n' { ' ' } else { c }).take(200).collect();
        (error.span().map(|span| span.start), Reason::Invalid { format: "TOML", message })
    })
}

/// How a string is written, by the bytes of its token.
fn quote(token: &str) -> Option<Quote> {
    let lead = |inner: &str| {
        if inner.starts_with("\r\n") {
            "\r\n"
        } else if inner.starts_with('\n') {
            "\n"
        } else {
            ""
        }
    };
    let inner = |quote: &str| {
        token.len().checked_sub(2 * quote.len())?;
        token.strip_prefix(quote)?.strip_suffix(quote)
    };
    if let Some(text) = inner("\"\"\"") {
        Some(Quote::DoubleLines(lead(text)))
    } else if let Some(text) = inner("'''") {
        Some(Quote::SingleLines(lead(text)))
    } else if inner("\"").is_some() {
        Some(Quote::Double)
    } else {
        inner("'").map(|_| Quote::Single)
    }
}

/// Whether a table has this text at this name.
fn has(table: &dyn TableLike, name: &str, value: &str) -> bool {
    table.get(name).and_then(Item::as_str) == Some(value)
}

/// The only one: of several none is meant.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let one = all.next()?;
    all.next().is_none().then_some(one)
}

impl<'t> Here<'t> {
    fn item(item: &'t Item) -> Option<Self> {
        match item {
            Item::None => None,
            Item::Value(value) => Some(Self::value(value)),
            Item::Table(table) => Some(Self::Table(table)),
            Item::ArrayOfTables(tables) => Some(Self::Tables(tables)),
        }
    }

    fn value(value: &'t Value) -> Self {
        match value {
            Value::Array(array) => Self::Array(array),
            Value::InlineTable(table) => Self::Table(table),
            leaf => Self::Leaf(leaf),
        }
    }

    fn step(self, step: &Step) -> Option<Self> {
        match (self, step) {
            (Self::Table(table), Step::Name(name)) => table.get(name).and_then(Self::item),
            (Self::Tables(tables), Step::Index(at)) => tables.get(*at).map(|table| Self::Table(table)),
            (Self::Array(array), Step::Index(at)) => array.get(*at).map(Self::value),
            (Self::Tables(tables), Step::Where(name, value)) => {
                only(tables.iter().filter(|table| has(*table, name, value)).map(|table| Self::Table(table)))
            }
            (Self::Array(array), Step::Where(name, value)) => {
                let tables = array.iter().filter_map(|item| item.as_inline_table());
                only(tables.filter(|table| has(*table, name, value)).map(|table| Self::Table(table)))
            }
            _ => None,
        }
    }

    /// The names that stand here, for an error.
    fn present(self) -> Vec<String> {
        let places = |count: usize| (0..count.min(100)).map(|at| format!("[{at}]")).collect();
        match self {
            Self::Table(table) => table.iter().take(100).map(|(name, _)| name.to_owned()).collect(),
            Self::Tables(tables) => places(tables.len()),
            Self::Array(array) => places(array.len()),
            Self::Leaf(_) => Vec::new(),
        }
    }
}

/// Two documents side by side. Recurses no deeper than [`bounded`] allows.
struct Walk<'w> {
    old: &'w Range<usize>,
    before: &'w str,
    new: Range<usize>,
    wanted: &'w str,
    seen: usize,
}

impl Walk<'_> {
    fn same(&mut self, old: Here<'_>, new: Here<'_>) -> Result<(), String> {
        let count = |same: bool| if same { Ok(()) } else { Err(String::from("another number of values")) };
        match (old, new) {
            (Here::Table(old), Here::Table(new)) => {
                count(old.len() == new.len())?;
                for ((old_name, old), (new_name, new)) in old.iter().zip(new.iter()) {
                    if old_name != new_name {
                        return Err(String::from("a key reads otherwise"));
                    }
                    match (Here::item(old), Here::item(new)) {
                        (Some(old), Some(new)) => self.same(old, new)?,
                        (None, None) => {}
                        _ => return Err(String::from("a value came or went")),
                    }
                }
                Ok(())
            }
            (Here::Tables(old), Here::Tables(new)) => {
                count(old.len() == new.len())?;
                old.iter().zip(new.iter()).try_for_each(|(a, b)| self.same(Here::Table(a), Here::Table(b)))
            }
            (Here::Array(old), Here::Array(new)) => {
                count(old.len() == new.len())?;
                old.iter().zip(new.iter()).try_for_each(|(a, b)| self.same(Here::value(a), Here::value(b)))
            }
            (Here::Leaf(old), Here::Leaf(new)) => self.leaf(old, new),
            _ => Err(String::from("a value has another type")),
        }
    }

    fn leaf(&mut self, old: &Value, new: &Value) -> Result<(), String> {
        let same = match (old, new) {
            (Value::String(old), Value::String(new)) if old.span().as_ref() == Some(self.old) => {
                self.seen += 1;
                let place = new.span().as_ref() == Some(&self.new);
                place && old.value() == self.before && new.value() == self.wanted
            }
            (Value::String(old), Value::String(new)) => old.value() == new.value(),
            (Value::Integer(old), Value::Integer(new)) => old.value() == new.value(),
            (Value::Float(old), Value::Float(new)) => old.value().to_bits() == new.value().to_bits(),
            (Value::Boolean(old), Value::Boolean(new)) => old.value() == new.value(),
            (Value::Datetime(old), Value::Datetime(new)) => old.value() == new.value(),
            _ => false,
        };
        if same { Ok(()) } else { Err(String::from("a value reads otherwise than it should")) }
    }
}

/// Bounds depth and number before the parser, which recurses, sees the text. A level is a bracket, or a dot
/// between keys: both nest. Strings and comments are passed over as TOML has them; where the file is broken
/// and the two disagree, the parser's own limits (80 brackets, 80 dots) hold.
fn bounded(text: &str) -> Result<(), Fault> {
    let bytes = text.as_bytes();
    let (mut at, mut values) = (0, 0);
    // The dots of the key at hand, one count for each open bracket and one for the line outside of them.
    let mut dots = vec![0_usize];
    // The dots of the header of the table at hand; whether this line is a header; whether a line just began.
    let (mut header, mut in_header, mut fresh) = (0_usize, false, true);
    while let Some(byte) = bytes.get(at) {
        let here = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\r' => continue,
            b'#' => at = bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |end| at + end),
            b'"' | b'\'' => at = string_end(bytes, here),
            b'[' | b'{' => {
                if fresh && dots.len() == 1 {
                    (header, in_header) = (0, true);
                }
                dots.push(0);
            }
            b']' | b'}' if dots.len() > 1 => drop(dots.pop()),
            b'.' if in_header => header += 1,
            b'.' => dots.last_mut().into_iter().for_each(|count| *count += 1),
            b',' => dots.last_mut().into_iter().for_each(|count| *count = 0),
            b'\n' if dots.len() == 1 => dots[0] = 0,
            _ => {}
        }
        fresh = *byte == b'\n';
        in_header &= !fresh;
        values += usize::from(matches!(byte, b'=' | b','));
        if matches!(byte, b'[' | b'{' | b'.')
            && header + dots.len() + dots.iter().sum::<usize>() > MAX_DEPTH + 1
        {
            return Err((Some(here), Reason::TooDeep { limit: MAX_DEPTH }));
        }
        if values > MAX_VALUES {
            return Err((Some(here), Reason::TooMany { what: "values", limit: MAX_VALUES }));
        }
    }
    Ok(())
}

/// Behind the string that starts at the byte; a string on one line ends with its line, closed or not.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let lines = bytes[start..].starts_with(&[quote; 3]);
    let mut at = start + if lines { 3 } else { 1 };
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            b'\n' if !lines => return at,
            byte if *byte == quote && !lines => return at + 1,
            byte if *byte == quote && bytes[at..].starts_with(&[quote; 3]) => {
                // Up to two quotes may stand right before the three that close.
                let run = bytes[at..].iter().take(5).take_while(|b| **b == quote).count();
                return at + run;
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}
