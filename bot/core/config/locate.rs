//! Where each key and value of a YAML document stands.
//!
//! Built from the parser's events, one pull at a time (the parser's own `load` recurses and can overflow
//! the stack). One tree serves both reading and locating, so that a position can't belong to another
//! document than the value does. Bounded in size, depth and number of nodes; an alias shares its anchor's
//! node and can't enclose itself.

use std::collections::{HashMap, HashSet};

use yaml_rust2::{
    Event,
    parser::Parser,
    scanner::{Marker, ScanError, TScalarStyle},
};

use super::error::{Place, Problem};

/// The largest file, in bytes.
pub(super) const LARGEST: usize = 8 << 20;
/// The deepest nesting.
pub(super) const DEEPEST: usize = 64;
/// The most keys and values.
const MOST: usize = 500_000;

/// A parsed document with positions.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    root: Id,
    /// Keys that stand twice in their map: an error, but not one that hides the others.
    pub(super) duplicates: Vec<Problem>,
    /// Values that are not read any more, see [`super::document`].
    out: HashSet<Id>,
    /// The lines that have a tab in their indentation, and its column; the first few.
    tabs: Vec<Place>,
}

/// The index of a node in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id(usize);

/// A key or value.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where it begins.
    pub(super) place: Place,
    /// What it is.
    pub(super) value: Value,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Text, and whether it stands there without quotes.
    Scalar {
        text: Box<str>,
        plain: bool,
    },
    List(Vec<Id>),
    /// Keys (always scalars) and values, in the order of the file.
    Map(Vec<(Id, Id)>),
}

impl Tree {
    /// Parses a file. An error here is one that leaves nothing to look at.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.len() > LARGEST {
            let message = format!("the file has {} bytes; at most {LARGEST} are read", bytes.len());
            return Err(problem(Place { line: 1, column: 1 }, message));
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                return Err(problem(end_of(&good), "the file is not UTF-8"));
            }
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // The parser stops silently at a NUL; YAML allows no other control characters either.
        if let Some(at) = text.find(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) {
            return Err(problem(end_of(&text[..at]), "a control character, which YAML doesn't allow"));
        }
        Builder::default().build(text)
    }

    /// The document's own node.
    pub(super) fn root(&self) -> Id {
        self.root
    }

    /// A node by its index.
    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id.0]
    }

    /// The text of a scalar; a map's keys are always scalars.
    pub(super) fn text(&self, id: Id) -> &str {
        match &self.node(id).value {
            Value::Scalar { text, .. } => text,
            Value::List(_) | Value::Map(_) => "",
        }
    }

    /// Has a value not read any more.
    pub(super) fn take_out(&mut self, id: Id) {
        self.out.insert(id);
    }

    /// Whether a value was taken out.
    pub(super) fn is_out(&self, id: Id) -> bool {
        self.out.contains(&id)
    }

    /// A problem on a line that is indented with a tab, which YAML takes for text, says so.
    pub(super) fn tab_told(&self, problem: Problem) -> Problem {
        match self.tabs.iter().find(|tab| tab.line == problem.place.line) {
            Some(_) => Problem { hint: Some(format!("there is {TAB}")), ..problem },
            None => problem,
        }
    }

    /// Where the value of a key path (`environments[1].after[0]`) stands; of its nearest parent, where the
    /// path leads nowhere.
    pub(super) fn value(&self, path: &str) -> Place {
        self.walk(path).1
    }

    /// Where the key of a key path stands: for a list's element the same as its value.
    pub(super) fn key(&self, path: &str) -> Place {
        self.walk(path).0
    }

    fn walk(&self, path: &str) -> (Place, Place) {
        let mut id = self.root;
        let mut key = self.node(id).place;
        for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
            let next = match &self.node(id).value {
                Value::Map(entries) => entries
                    .iter()
                    .find(|(key, _)| self.text(*key) == step)
                    .map(|(key, value)| (self.node(*key).place, *value)),
                Value::List(list) => {
                    let index: Option<usize> = step.strip_suffix(']').and_then(|index| index.parse().ok());
                    let value = index.and_then(|index| list.get(index));
                    value.map(|value| (self.node(*value).place, *value))
                }
                Value::Scalar { .. } => None,
            };
            match next {
                Some((place, value)) => (key, id) = (place, value),
                None => break,
            }
        }
        (key, self.node(id).place)
    }
}

fn problem(place: Place, message: impl Into<String>) -> Problem {
    Problem { place, key: String::new(), message: message.into(), hint: None }
}

/// What is wrong with a tab.
const TAB: &str = "a tab in the indentation of this line; write spaces";
/// How many tabs are noted.
const TABS: usize = 1000;
/// How many lines from an error the tab may stand that caused it.
const NEAR: usize = 3;

/// The tabs in the indentation of lines, the first of each line.
fn tabs(text: &str) -> Vec<Place> {
    let in_line = |(index, line): (usize, &str)| {
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        // A blank line's indentation means nothing.
        let tab = line[..indentation].find('\t').filter(|_| indentation < line.trim_end().len());
        tab.map(|tab| Place { line: index + 1, column: tab + 1 })
    };
    text.lines().enumerate().filter_map(in_line).take(TABS).collect()
}

fn refused(error: &ScanError, text: &str, end: Place) -> Problem {
    let at = place(error.marker(), end);
    // Of a tab in text of several lines the parser tells where the text begins.
    let after = if error.info().contains("tab") { NEAR } else { 0 };
    let near = |tab: &Place| (at.line.saturating_sub(NEAR)..=at.line + after).contains(&tab.line);
    if let Some(tab) = tabs(text).into_iter().rfind(near) {
        return problem(tab, TAB);
    }
    let message = match error.info().trim_end_matches('.') {
        // Of flow lists and maps, which the scanner looks into before it tells of them.
        "recursion limit exceeded" => format!("nested more than {DEEPEST} deep"),
        info => format!("not YAML: {info}"),
    };
    let line = text.lines().nth(at.line - 1).unwrap_or_default();
    let placeholder = line.contains("{application}") || line.contains("{environment}");
    let hint =
        placeholder.then(|| "put text with `{` in quotes where it begins with it or stands in `[…]`".into());
    Problem { hint, ..problem(at, message) }
}

/// The place just after this text.
fn end_of(text: &str) -> Place {
    let line = text.matches('\n').count() + 1;
    let last = text.rsplit('\n').next().unwrap_or_default();
    Place { line, column: last.chars().count() + 1 }
}

fn place(mark: &Marker, end: Place) -> Place {
    // The parser counts columns in characters from 0 and lines from 1; what is missing at the end it has in
    // a line behind it.
    Place { line: mark.line().max(1), column: mark.col() + 1 }.min(end)
}

/// A list or map that is still open.
struct Open {
    node: Id,
    anchor: usize,
    /// In a map: the key that waits for its value.
    key: Option<Id>,
    /// In a map: the keys so far and their lines.
    seen: HashMap<Box<str>, usize>,
}

#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Id>,
    duplicates: Vec<Problem>,
    root: Option<Id>,
}

impl Builder {
    fn build(mut self, text: &str) -> Result<Tree, Problem> {
        let end = end_of(text);
        let mut parser = Parser::new_from_str(text);
        loop {
            let (event, mark) = parser.next_token().map_err(|error| refused(&error, text, end))?;
            let at = place(&mark, end);
            match event {
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart if self.root.is_some() => {
                    return Err(problem(at, "a second document; the file must hold one only"));
                }
                Event::DocumentStart => {}
                Event::StreamEnd => break,
                Event::Scalar(_, _, _, Some(_))
                | Event::SequenceStart(_, Some(_))
                | Event::MappingStart(_, Some(_)) => {
                    return Err(problem(at, "a YAML tag (`!…`), which has no meaning here"));
                }
                Event::Scalar(text, style, anchor, None) => {
                    let plain = style == TScalarStyle::Plain;
                    let id = self.add(at, Value::Scalar { text: text.into(), plain })?;
                    self.anchor(anchor, id);
                    self.place(id)?;
                }
                Event::SequenceStart(anchor, None) => self.enter(at, Value::List(Vec::new()), anchor)?,
                Event::MappingStart(anchor, None) => self.enter(at, Value::Map(Vec::new()), anchor)?,
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(done) = self.open.pop() {
                        self.anchor(done.anchor, done.node);
                        self.place(done.node)?;
                    }
                }
                Event::Alias(anchor) => match self.anchors.get(&anchor) {
                    Some(id) => self.place(*id)?,
                    None => return Err(problem(at, "an alias to what encloses it")),
                },
            }
        }
        match self.root {
            Some(root) => Ok(Tree {
                nodes: self.nodes,
                root,
                duplicates: self.duplicates,
                out: HashSet::new(),
                tabs: tabs(text),
            }),
            None => Err(problem(Place { line: 1, column: 1 }, "the file is empty")),
        }
    }

    fn add(&mut self, place: Place, value: Value) -> Result<Id, Problem> {
        if self.nodes.len() >= MOST {
            return Err(problem(place, format!("more than {MOST} keys and values")));
        }
        self.nodes.push(Node { place, value });
        Ok(Id(self.nodes.len() - 1))
    }

    fn enter(&mut self, place: Place, value: Value, anchor: usize) -> Result<(), Problem> {
        if self.open.len() >= DEEPEST {
            return Err(problem(place, format!("nested more than {DEEPEST} deep")));
        }
        let node = self.add(place, value)?;
        self.open.push(Open { node, anchor, key: None, seen: HashMap::new() });
        Ok(())
    }

    fn anchor(&mut self, anchor: usize, id: Id) {
        // 0 stands for no anchor.
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
    }

    /// Puts a finished node into the list or map around it.
    fn place(&mut self, id: Id) -> Result<(), Problem> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(id);
            return Ok(());
        };
        let (within, pending) = (open.node, open.key.take());
        match (&mut self.nodes[within.0].value, pending) {
            (Value::List(list), _) => list.push(id),
            (Value::Map(entries), Some(key)) => entries.push((key, id)),
            (Value::Map(_), None) => self.key(id)?,
            (Value::Scalar { .. }, _) => {}
        }
        Ok(())
    }

    /// Takes a finished node as the next key of the innermost map.
    fn key(&mut self, id: Id) -> Result<(), Problem> {
        let Node { place, value: Value::Scalar { text, .. } } = &self.nodes[id.0] else {
            return Err(problem(self.nodes[id.0].place, "a key must be a plain word"));
        };
        let (place, text) = (*place, text.clone());
        if let Some(open) = self.open.last_mut() {
            open.key = Some(id);
            // The parser has a block map begin behind its first key.
            if open.seen.is_empty() {
                let map = &mut self.nodes[open.node.0].place;
                *map = place.min(*map);
            }
            if let Some(first) = open.seen.insert(text, place.line) {
                let key = self.path();
                let message = "the key stands twice in its map".to_owned();
                let hint = Some(format!("it is already in line {first}; remove one of them"));
                self.duplicates.push(Problem { place, key, message, hint });
            }
        }
        Ok(())
    }

    /// The key path of what is being read.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match (&self.nodes[open.node.0].value, open.key) {
                (Value::List(list), _) => path.push_str(&format!("[{}]", list.len())),
                (_, Some(key)) => push_key(&mut path, self.key_text(key)),
                (_, None) => {}
            }
        }
        path
    }

    fn key_text(&self, id: Id) -> &str {
        match &self.nodes[id.0].value {
            Value::Scalar { text, .. } => text,
            Value::List(_) | Value::Map(_) => "",
        }
    }
}

/// Appends a key to a key path; what comes from outside is cut and made harmless.
pub(super) fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.extend(key.chars().take(80).flat_map(char::escape_debug));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        Tree::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn keys_and_values_are_found_by_path() {
        let tree =
            tree("\u{feff}# ä\na: {ü: [x, 'y', {k: v}]}\r\nlist:\n  - b:\n      c\n  - &t d\n  - *t\n");
        let value = |path| (tree.value(path).line, tree.value(path).column);
        let key = |path| (tree.key(path).line, tree.key(path).column);
        assert_eq!((key("a"), value("a")), ((2, 1), (2, 4)));
        assert_eq!((key("a.ü"), value("a.ü[1]"), value("a.ü[2].k")), ((2, 5), (2, 12), (2, 21)));
        assert_eq!((key("list[0].b"), value("list[0].b")), ((4, 5), (5, 7)));
        assert_eq!((key("list[2]"), value("list[2]")), ((6, 8), (6, 8)), "an alias stands at its anchor");
        assert_eq!(value("list[0].nothing.here"), (4, 5), "the nearest parent");
    }

    #[test]
    fn duplicate_keys_are_all_found() {
        let tree = tree("a: 1\nb:\n  - {c: 1, d: 2, c: 3}\na: 2\n");
        let found: Vec<_> = tree.duplicates.iter().map(|p| (p.place.line, p.key.as_str())).collect();
        assert_eq!(found, [(3, "b[0].c"), (4, "a")]);
    }

    #[test]
    fn hostile_documents_are_refused_quickly() {
        let deep = |unit: &str| unit.repeat(100_000);
        for (text, part) in [
            (deep("["), "nested"),
            (deep("- "), "nested"),
            (deep("{a: "), "nested"),
            (deep("? "), "nested"),
            ("a: &a [*a]".into(), "encloses"),
            ("a: *b".into(), "not YAML"),
            ("a: 1\0\nb: 2".into(), "control character"),
            ("a: !!str b".into(), "tag"),
            ("a: 1\n---\nb: 2\n".into(), "second document"),
            ("# nothing\n".into(), "empty"),
            ("? [a]\n: b".into(), "plain word"),
            (deep("- a\n").repeat(6), "more than 500000"),
            ("x".repeat(LARGEST + 1), "at most"),
        ] {
            let error = Tree::read(text.as_bytes()).unwrap_err();
            assert!(error.message.contains(part), "{part}: {}", error.message);
        }
        assert_eq!(Tree::read(b"a: 1\nb: \xff").unwrap_err().place, Place { line: 2, column: 4 });
    }
}
