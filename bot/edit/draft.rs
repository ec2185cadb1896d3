//! Wanted changes as splices of bytes, each with the change in meaning that it must amount to.
//!
//! A kind of file finds the nodes and calls [`Draft::set`], [`Draft::add`] or [`Draft::remove`];
//! [`Draft::finish`] applies the splices and has the result proven. Nothing is rebuilt: every byte outside of
//! a splice is copied. Where a splice would have to touch a comment, the draft refuses.

mod text;

use std::collections::HashMap;
use std::ops::Range;

pub(crate) use text::Part;
use text::Text;

use crate::intent::Intent;
use crate::proof;
use crate::reference::{Edit, Edited};
use crate::refusal::{Reason, Refusal};
use crate::scalar::render;
use crate::syntax::{Layout, NodeId, Shape, Style, Tree};

#[derive(Debug)]
struct Splice {
    range: Range<usize>,
    text: String,
}

/// Splices of one file, in the making.
#[derive(Debug)]
pub(crate) struct Draft<'t, 'a> {
    tree: &'t Tree<'a>,
    /// Whether an alias may be followed to its anchor.
    follow: bool,
    splices: Vec<Splice>,
    wanted: Vec<(Intent, Vec<Edit>)>,
    /// Which of `wanted` gives a node its value.
    planned: HashMap<NodeId, usize>,
    /// New parts of texts, gathered until every part of a text is known.
    texts: Vec<Text>,
    /// Which of `texts` is the one of a node.
    gathered: HashMap<NodeId, usize>,
}

impl<'t, 'a> Draft<'t, 'a> {
    pub(crate) fn new(tree: &'t Tree<'a>, follow: bool) -> Self {
        Self {
            tree,
            follow,
            splices: Vec::new(),
            wanted: Vec::new(),
            planned: HashMap::new(),
            texts: Vec::new(),
            gathered: HashMap::new(),
        }
    }

    /// Gives the value of a key another text; does nothing where it has it already.
    pub(crate) fn set(&mut self, key: NodeId, value: NodeId, wanted: &str) -> Result<(), Refusal> {
        if !self.tree.node(value).is_null() && self.tree.string(value) == Some(wanted) {
            return Ok(());
        }
        let value = self.followed(value);
        let node = self.tree.node(value);
        if self.is_planned(value, wanted) {
            return Ok(());
        }
        let style = self.editable(key, value)?;
        let (range, text) = match self.tree.range(value) {
            Some(range) => (range, render(wanted, self.text_style(key, value, style))),
            None => {
                let colon = self.colon(key).ok_or_else(|| self.no_room(key, "added"))?;
                (colon + 1..colon + 1, format!(" {}", render(wanted, Style::Plain)))
            }
        };
        let before = (!node.is_null()).then(|| node.text.to_string());
        let intent = Intent::Value { node: value, value: wanted.to_owned() };
        self.planned.insert(value, self.wanted.len());
        self.push(range, text, intent, self.tree.path(value), before, Some(wanted));
        Ok(())
    }

    /// Adds a pair behind the pair `(key, value)` of the same mapping, in the style of that pair.
    pub(crate) fn add(
        &mut self,
        mapping: NodeId,
        (key, value): (NodeId, NodeId),
        name: &str,
        wanted: &str,
    ) -> Result<(), Refusal> {
        let tree = self.tree;
        let style = match tree.node(value).shape {
            Shape::Scalar(style @ (Style::SingleQuoted | Style::DoubleQuoted)) => style,
            _ => self.text_style(key, value, Style::Plain),
        };
        let key_style = match tree.node(key).shape {
            Shape::Scalar(style) => style,
            _ => Style::Plain,
        };
        let name_text = render(name, key_style);
        let end = tree.range(value).or_else(|| tree.range(key)).map(|range| range.end);
        let end = end.ok_or_else(|| self.no_room(key, "added"))?;
        let value_text = render(wanted, style);
        let (at, text) = match tree.node(mapping).shape {
            Shape::Mapping(Layout::Block) => {
                let (_, contents, _) = tree.line_around(end);
                let indent = self.indent(mapping, key);
                (contents, format!("{}{indent}{name_text}: {value_text}", self.line_end(end)))
            }
            Shape::Mapping(Layout::Flow) if !tree.node(value).is_absent() => {
                let colon = self.flow_colon(key, value);
                (end, format!("{}{name_text}{colon}{value_text}", self.flow_comma(mapping, key)))
            }
            _ => {
                let reason = Reason::NoRoom { key: name.to_owned(), done: "added" };
                return Err(Refusal::at(tree.position(key), reason));
            }
        };
        let intent = Intent::Added { after: key, key: name.to_owned(), value: wanted.to_owned() };
        self.push(at..at, text, intent, tree.path_in(mapping, name), None, Some(wanted));
        Ok(())
    }

    /// Takes out a pair: its line in block style, it and one comma in flow style.
    pub(crate) fn remove(&mut self, mapping: NodeId, key: NodeId, value: NodeId) -> Result<(), Refusal> {
        if !self.tree.node(value).is_absent() {
            self.editable(key, value)?;
        }
        let range = match self.tree.node(mapping).shape {
            Shape::Mapping(Layout::Block) => self.block_pair(mapping, key, value),
            Shape::Mapping(Layout::Flow) => self.flow_pair(mapping, key, value),
            _ => None,
        };
        let range = range.ok_or_else(|| self.no_room(key, "removed"))?;
        let before = self.tree.string(value).map(str::to_owned);
        let intent = Intent::Removed { key };
        self.push(range, String::new(), intent, self.tree.path(value), before, None);
        Ok(())
    }

    /// Applies all splices and proves the result.
    pub(crate) fn finish(self, bytes: &[u8]) -> Result<Edited, Refusal> {
        let (edited, _) = self.apply(bytes)?;
        Ok(edited)
    }

    /// As [`Draft::finish`], for a text inside of another file: its proven splices and edits.
    pub(crate) fn splices(self, bytes: &[u8]) -> Result<(Vec<Part>, Vec<Edit>), Refusal> {
        let (edited, splices) = self.apply(bytes)?;
        Ok((splices.into_iter().map(|Splice { range, text }| (range, text)).collect(), edited.edits))
    }

    fn apply(mut self, bytes: &[u8]) -> Result<(Edited, Vec<Splice>), Refusal> {
        self.write_texts()?;
        let Self { tree, mut splices, wanted, .. } = self;
        if splices.is_empty() {
            let edited = Edited { bytes: bytes.to_vec(), changed: false, edits: Vec::new() };
            return Ok((edited, splices));
        }
        // Stable: what is added at one place stays in the order in which it was asked for.
        splices.sort_by_key(|splice| splice.range.start);
        let text = tree.text();
        let added: usize = splices.iter().map(|splice| splice.text.len()).sum();
        let mut out = Vec::with_capacity(bytes.len() + added);
        out.extend_from_slice(&bytes[..tree.bom()]);
        let mut done = 0;
        for Splice { range, text: new } in &splices {
            let Some(kept) = text.get(done..range.start) else {
                let detail = String::from("two changes meet");
                return Err(Refusal::at(tree.position_at(range.start), Reason::ProofFailed { detail }));
            };
            out.extend_from_slice(kept.as_bytes());
            out.extend_from_slice(new.as_bytes());
            done = range.end;
        }
        out.extend_from_slice(&text.as_bytes()[done..]);
        let start = splices.first().map_or(0, |splice| splice.range.start);
        let edits = proof::prove(tree, &out, start..done, wanted)?;
        Ok((Edited { bytes: out, changed: true, edits }, splices))
    }

    /// The style of a value that may be replaced; refuses aliases, shared anchors, tags, values over lines.
    fn editable(&self, key: NodeId, value: NodeId) -> Result<Style, Refusal> {
        let tree = self.tree;
        let node = tree.node(value);
        let name = || tree.node(key).text.to_string();
        let refuse = |reason| Err(Refusal::at(tree.position(key), reason));
        let style = match node.shape {
            Shape::Scalar(style) => style,
            Shape::Alias(target) => {
                // Not followed, or the anchor is a list or mapping.
                return refuse(Reason::Alias { key: name(), anchor_line: tree.position(target).0 });
            }
            Shape::Sequence(_) | Shape::Mapping(_) => {
                return refuse(Reason::Shape { what: "the value to change", expected: "a string" });
            }
        };
        let users = tree.users(value);
        if !users.is_empty() && !self.follow {
            return refuse(Reason::SharedAnchor { key: name(), users });
        }
        if node.tag.as_deref().is_some_and(|tag| tag != "tag:yaml.org,2002:str") {
            return refuse(Reason::Tagged { key: name() });
        }
        match tree.range(value) {
            Some(range) if !tree.text()[range.clone()].contains(['\n', '\r']) => Ok(style),
            None if node.is_absent() && node.tag.is_none() && node.anchor() == 0 => Ok(style),
            _ => refuse(Reason::MultiLine { key: name() }),
        }
    }

    /// The style of a text in place of a value, or beside it: JSON has numbers and words without quotes, and
    /// no such texts.
    fn text_style(&self, key: NodeId, value: NodeId, style: Style) -> Style {
        let tree = self.tree;
        let quoted = key == value || tree.node(key).shape == Shape::Scalar(Style::DoubleQuoted);
        let text = &*tree.node(value).text;
        let number =
            || text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && text.parse::<f64>().is_ok();
        let json = style == Style::Plain && quoted && (matches!(text, "null" | "true" | "false") || number());
        let flow = |root: NodeId| {
            matches!(tree.node(root).shape, Shape::Mapping(Layout::Flow) | Shape::Sequence(Layout::Flow))
        };
        if json && tree.ancestors(value).next().is_some_and(flow) { Style::DoubleQuoted } else { style }
    }

    /// What stands before a key that is added on a line of its own: the blanks before a key of the mapping,
    /// or as many spaces as there are characters before the first one (`- `).
    fn indent(&self, mapping: NodeId, key: NodeId) -> String {
        let before = |key: NodeId| {
            let start = self.tree.range(key).map_or(0, |range| range.start);
            &self.tree.text()[self.tree.line_around(start).0..start]
        };
        let blank = |text: &&str| text.bytes().all(|b| b == b' ');
        let own = std::iter::once(key).chain(self.tree.pairs(mapping).map(|(key, _)| key));
        match own.map(before).find(blank) {
            Some(indent) => indent.to_owned(),
            None => " ".repeat(before(key).chars().count()),
        }
    }

    /// The line end of the line that holds the byte; of the line before, where that is the last one.
    fn line_end(&self, byte: usize) -> &str {
        let (start, contents, end) = self.tree.line_around(byte);
        match &self.tree.text()[contents..end] {
            "" if start > 0 => {
                let (_, contents, end) = self.tree.line_around(start - 1);
                &self.tree.text()[contents..end]
            }
            "" => "\n",
            line_end => line_end,
        }
    }

    /// The comma and blanks of the mapping, as the pair before or the brace before has them.
    fn flow_comma(&self, mapping: NodeId, key: NodeId) -> String {
        let text = self.tree.text();
        let start = self.tree.range(key).map_or(0, |range| range.start);
        let previous = self.previous(mapping, key).and_then(|(_, value)| self.tree.range(value));
        if let Some(between) = previous.and_then(|range| text.get(range.end..start))
            && between.trim_matches([' ', '\t', '\r', '\n']) == ","
        {
            return between.to_owned();
        }
        let open = self.tree.range(mapping).map(|range| range.start + 1);
        match open.and_then(|open| text.get(open..start)) {
            Some(blanks) if blanks.contains('\n') && blanks.trim().is_empty() => format!(",{blanks}"),
            _ => String::from(", "),
        }
    }

    /// The colon and blanks of a pair, if it is on one line.
    fn flow_colon(&self, key: NodeId, value: NodeId) -> &str {
        let between = self.tree.range(key).zip(self.tree.range(value));
        let between = between.and_then(|(key, value)| self.tree.text().get(key.end..value.start));
        between.filter(|text| matches!(*text, ":" | ": " | " : ")).unwrap_or(": ")
    }

    /// The colon behind a key on the same line.
    fn colon(&self, key: NodeId) -> Option<usize> {
        let end = self.tree.range(key)?.end;
        let rest = &self.tree.text()[end..];
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        rest[blanks..].starts_with(':').then_some(end + blanks)
    }

    fn previous(&self, mapping: NodeId, key: NodeId) -> Option<(NodeId, NodeId)> {
        self.tree.pairs(mapping).take_while(|(other, _)| *other != key).last()
    }

    fn following(&self, mapping: NodeId, key: NodeId) -> Option<NodeId> {
        self.tree.pairs(mapping).map(|(key, _)| key).find(|other| *other > key)
    }

    fn block_pair(&self, mapping: NodeId, key: NodeId, value: NodeId) -> Option<Range<usize>> {
        let (tree, text) = (self.tree, self.tree.text());
        let start = tree.range(key)?.start;
        let end = tree.range(value).or_else(|| tree.range(key))?.end;
        let (line, _, _) = tree.line_around(start);
        let (last_line, contents, next_line) = tree.line_around(end);
        if text[line..start].trim_matches(' ').is_empty() {
            // A last line without a line end takes the line end before it along.
            if next_line == contents && line > 0 {
                return Some(tree.line_around(line - 1).1..contents);
            }
            return Some(line..next_line);
        }
        // The first key of a list item: what follows moves up behind the `-`, unless a comment is between.
        let next = tree.range(self.following(mapping, key)?)?.start;
        if last_line == tree.line_around(next).0 {
            return None;
        }
        if text[next_line..next].trim().is_empty() {
            return Some(start..next);
        }
        let dash = line + text[line..start].trim_end_matches(' ').len();
        Some(dash..contents)
    }

    fn flow_pair(&self, mapping: NodeId, key: NodeId, value: NodeId) -> Option<Range<usize>> {
        let (tree, text) = (self.tree, self.tree.text());
        let range = match self.following(mapping, key) {
            Some(next) => tree.range(key)?.start..tree.range(next)?.start,
            None => {
                let (_, before) = self.previous(mapping, key)?;
                tree.range(before)?.end..tree.range(value)?.end
            }
        };
        (!text[range.clone()].contains('#')).then_some(range)
    }

    /// The anchor of an alias, where it may be followed.
    fn followed(&self, value: NodeId) -> NodeId {
        match self.tree.node(value).shape {
            Shape::Alias(anchor) if self.follow => anchor,
            _ => value,
        }
    }

    /// Whether the value is to have this text already.
    fn is_planned(&self, value: NodeId, wanted: &str) -> bool {
        let planned = self.planned.get(&value).and_then(|at| self.wanted.get(*at));
        matches!(planned, Some((Intent::Value { value: text, .. }, _)) if text == wanted)
    }

    fn no_room(&self, key: NodeId, done: &'static str) -> Refusal {
        let name = self.tree.node(key).text.to_string();
        Refusal::at(self.tree.position(key), Reason::NoRoom { key: name, done })
    }

    fn push(
        &mut self,
        range: Range<usize>,
        text: String,
        intent: Intent,
        key: String,
        before: Option<String>,
        after: Option<&str>,
    ) {
        let line = match &intent {
            Intent::Removed { key } => self.tree.position(*key).0,
            Intent::Value { .. } | Intent::Text { .. } | Intent::Added { .. } => {
                self.tree.position_at(range.start).0
            }
        };
        let edit = Edit { key, before, after: after.map(str::to_owned), line };
        self.wanted.push((intent, vec![edit]));
        self.splices.push(Splice { range, text });
    }
}
