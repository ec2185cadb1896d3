//! From a located tree to typed config: a serde deserializer whose every error knows its place.
//!
//! A YAML crate of its own for this would lose the place of a missing field and of a duplicate key, stop at
//! the first unknown key, and could read another document than the one positions are taken from.
//!
//! Rules: a value is read as the type that is wanted, so `semver: 1.10` is the text `1.10`; a key without
//! a value is an error, never a silent default; unknown keys are all reported, not only the first. Of an entry
//! that could be a path alone the first is: which keys it knows is told only when it is found to be a map.

use std::{
    cell::{Cell, RefCell},
    fmt,
};

use serde::de::{self, DeserializeSeed, Deserializer, Visitor, value::StrDeserializer};

use super::{
    error::{Place, Problem, quoted, unknown_key},
    fault::{Fault, QUOTES},
    locate::{Id, Tree, Value, push_key},
};

/// The most nodes that are read, aliases counted each time.
const MOST: usize = 2_000_000;

/// Reads one tree and keeps the problems that don't stop it.
pub(super) struct Reader<'t> {
    pub(super) tree: &'t Tree,
    problems: RefCell<Vec<Problem>>,
    left: Cell<usize>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(tree: &'t Tree) -> Self {
        let problems = RefCell::new(tree.duplicates.clone());
        Self { tree, problems, left: Cell::new(MOST) }
    }

    /// Everything that was found.
    pub(super) fn finish(self) -> Vec<Problem> {
        if self.left.get() == 0 {
            let place = Place { line: 1, column: 1 };
            let message = format!("aliases make more than {MOST} keys and values of this file");
            return vec![Problem { place, key: String::new(), message, hint: None }];
        }
        self.problems.into_inner().into_iter().map(|problem| self.tree.tab_told(problem)).collect()
    }
}

/// The way from the root to a node, kept on the stack: text is made of it only for an error.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn write(path: &Path<'_>, text: &mut String) {
            match path {
                Path::Root => {}
                Path::Key(parent, key) => {
                    write(parent, text);
                    push_key(text, key);
                }
                Path::Index(parent, index) => {
                    write(parent, text);
                    text.push_str(&format!("[{index}]"));
                }
            }
        }
        let mut text = String::new();
        write(self, &mut text);
        f.write_str(&text)
    }
}

/// A node of the tree with the way to it.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) id: Id,
    pub(super) path: &'a Path<'a>,
}

impl<'a> At<'a> {
    /// A problem at this node.
    pub(super) fn problem(&self, message: impl Into<String>, hint: Option<String>) -> Problem {
        let place = self.reader.tree.node(self.id).place;
        Problem { place, key: self.path.to_string(), message: message.into(), hint }
    }

    /// Records a problem at this node and goes on.
    pub(super) fn report(&self, message: impl Into<String>, hint: Option<String>) {
        let problem = self.problem(message, hint);
        self.reader.problems.borrow_mut().push(problem);
    }

    /// Records what stopped the reading of this node.
    pub(super) fn record(&self, fault: Fault) {
        let fault = fault.or_at(self);
        self.reader.problems.borrow_mut().extend(fault.problem());
    }

    /// Reads a `T`, or records why not.
    pub(super) fn read<T: de::DeserializeOwned>(self) -> Option<T> {
        T::deserialize(self).map_err(|fault| self.record(fault)).ok()
    }

    /// The entries of a map; unknown keys are recorded and left out.
    pub(super) fn entries(&self, known: &'static [&'static str]) -> Result<Vec<(Id, Id)>, Fault> {
        let Value::Map(entries) = self.value()? else {
            return Err(self.expected("a map"));
        };
        let mut found: Vec<(Id, Id)> = Vec::new();
        for (key, value) in entries {
            let text = self.reader.tree.text(*key);
            if !known.contains(&text) {
                let path = Path::Key(self.path, text);
                At { id: *key, path: &path, ..*self }.report("unknown key", Some(unknown_key(text, known)));
            } else if !self.reader.tree.is_out(*value)
                && !found.iter().any(|(key, _)| self.reader.tree.text(*key) == text)
            {
                found.push((*key, *value));
            }
        }
        Ok(found)
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> Result<&'a [Id], Fault> {
        match self.value()? {
            Value::List(list) => Ok(list),
            Value::Scalar { text, plain } if !nothing(text, *plain) => {
                let fault = self.expected("a list");
                let simple = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
                let hint = text.chars().all(simple).then(|| format!("write `[{text}]`"));
                Err(fault.hint(hint.filter(|hint| hint.len() < 80)))
            }
            Value::Scalar { .. } | Value::Map(_) => Err(self.expected("a list")),
        }
    }

    fn value(&self) -> Result<&'a Value, Fault> {
        let left = self.reader.left.get();
        if left == 0 {
            return Err(Fault::new("too much to read")); // `Reader::finish` says why
        }
        self.reader.left.set(left - 1);
        Ok(&self.reader.tree.node(self.id).value)
    }

    fn scalar(&self, expected: &str) -> Result<(&'a str, bool), Fault> {
        match self.value()? {
            Value::Scalar { text, plain } if !nothing(text, *plain) => Ok((text, *plain)),
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) => Err(self.expected(expected)),
        }
    }

    fn expected(&self, what: &str) -> Fault {
        let found = match &self.reader.tree.node(self.id).value {
            Value::Scalar { text, plain } if nothing(text, *plain) => "nothing".to_owned(),
            Value::Scalar { text, plain: false } => format!("the text {}", quoted(text)),
            Value::Scalar { text, .. } => quoted(text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        };
        Fault::new(format!("expected {what}, found {found}")).hint(self.hint()).or_at(self)
    }

    /// What to do about a value of the wrong kind, where that can be said.
    fn hint(&self) -> Option<String> {
        match &self.reader.tree.node(self.id).value {
            Value::Scalar { text, plain } if nothing(text, *plain) => match self.path {
                Path::Root => None,
                Path::Key(..) | Path::Index(..) => Some("remove the key or give it a value".to_owned()),
            },
            Value::Map(entries) => {
                let first = entries.first().map(|(key, _)| self.reader.tree.text(*key));
                matches!(first, Some("application" | "environment")).then(|| QUOTES.to_owned())
            }
            Value::Scalar { .. } | Value::List(_) => None,
        }
    }
}

impl Fault {
    /// Gives it the place of this node, unless it has one.
    pub(super) fn or_at(self, at: &At<'_>) -> Self {
        self.or_problem(|message, hint| at.problem(message, hint))
    }
}

/// YAML's ways to write no value.
fn nothing(text: &str, plain: bool) -> bool {
    plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Reads a key, with errors at the key.
struct Key<'a>(At<'a>);

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.0.reader.tree.text(self.0.id))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct List<'a> {
    at: At<'a>,
    rest: std::iter::Enumerate<std::slice::Iter<'a, Id>>,
}

impl<'de> de::SeqAccess<'de> for List<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let tree = self.at.reader.tree;
        let Some((index, id)) = self.rest.find(|(_, id)| !tree.is_out(**id)) else { return Ok(None) };
        let path = Path::Index(self.at.path, index);
        let at = At { id: *id, path: &path, ..self.at };
        seed.deserialize(at).map(Some).map_err(|fault| fault.or_at(&at))
    }
}

struct Map<'a> {
    at: At<'a>,
    rest: std::vec::IntoIter<(Id, Id)>,
    value: Option<(Id, Id)>,
}

impl<'de> de::MapAccess<'de> for Map<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.value = self.rest.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let path = Path::Key(self.at.path, self.at.reader.tree.text(key));
        let at = At { id: key, path: &path, ..self.at };
        seed.deserialize(Key(at)).map(Some).map_err(|fault| fault.or_at(&at))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((key, id)) = self.value.take() else {
            return Err(de::Error::custom("a value without key"));
        };
        let path = Path::Key(self.at.path, self.at.reader.tree.text(key));
        let at = At { id, path: &path, ..self.at };
        seed.deserialize(at).map_err(|fault| fault.or_at(&at))
    }
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value()? {
            Value::Scalar { text, plain } if nothing(text, *plain) => {
                let mut wanted = String::new();
                let _ = fmt::write(&mut wanted, format_args!("{}", &visitor as &dyn de::Expected));
                Err(self.expected(&wanted))
            }
            Value::Scalar { text, .. } => visitor.visit_str(text),
            Value::List(list) => visitor.visit_seq(List { at: self, rest: list.iter().enumerate() }),
            Value::Map(entries) => {
                visitor.visit_map(Map { at: self, rest: entries.clone().into_iter(), value: None })
            }
        }
        .map_err(
            |fault: Fault| {
                if fault.placed() { fault } else { fault.hint(self.hint()).or_at(&self) }
            },
        )
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.scalar("true or false")? {
            ("true", true) => visitor.visit_bool(true),
            ("false", true) => visitor.visit_bool(false),
            _ => Err(self.expected("true or false")),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let (text, plain) = self.scalar("a whole number")?;
        match text.parse() {
            Ok(number) if plain && text.bytes().all(|b| b.is_ascii_digit()) => visitor.visit_u32(number),
            _ => Err(self.expected("a whole number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.scalar("a string")?.0).map_err(|fault: Fault| fault.or_at(&self))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let rest = self.elements()?.iter().enumerate();
        visitor.visit_seq(List { at: self, rest }).map_err(|fault| fault.or_at(&self))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let rest = self.entries(fields)?.into_iter();
        visitor.visit_map(Map { at: self, rest, value: None }).map_err(|fault| fault.or_at(&self))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let (text, _) = self.scalar(&format!("one of {}", variants.join(", ")))?;
        visitor.visit_enum(StrDeserializer::new(text)).map_err(|fault: Fault| fault.or_at(&self))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        map identifier ignored_any
    }
}
