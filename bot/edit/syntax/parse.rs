//! From bytes to a [`Tree`]: the checks at the door, then one loop over the parser's events.
//!
//! yaml-rust2 is driven by `next_token` only: its loader recurses and expands. Three of its habits are dealt
//! with here: its index drifts, so places are taken from line and column; a NUL ends its input, so control
//! characters are refused first; its anchors outlive their document, so an alias is checked against it.

use std::borrow::Cow;
use std::cell::Cell;
use std::num::NonZeroU32;

use yaml_rust2::parser::{Event, Parser, Tag};
use yaml_rust2::scanner::{Marker, ScanError, TScalarStyle};

use super::lines::{Census, Lines};
use super::{Layout, Node, NodeId, Shape, Style, Tree, to_id, token};
use crate::refusal::{Reason, Refusal};
use crate::{MAX_ANCHORS, MAX_BYTES, MAX_DEPTH, MAX_NODES};

impl<'a> Tree<'a> {
    /// Parses a YAML file of one or more documents.
    ///
    /// # Errors
    /// Bytes that are too many, not UTF-8 or hold control characters; YAML that is not well-formed, nested
    /// too deep or too large; templates.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_BYTES {
            return Err(Refusal::whole(Reason::TooLarge { bytes: bytes.len(), limit: MAX_BYTES }));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
            Refusal { line: Some(line), column: None, reason: Reason::NotUtf8 }
        })?;
        let (text, bom) = text.strip_prefix('\u{feff}').map_or((text, 0), |rest| (rest, 3));
        let (lines, census) = Lines::new(text);
        if let Some(at) = census.control {
            let byte = text.as_bytes()[at];
            return Err(Refusal::at(lines.position(text, at), Reason::ControlCharacter { byte }));
        }
        refuse_bombs(text, &census)?;
        let tree = Tree {
            text,
            lines,
            nodes: Vec::with_capacity(text.len() / 10 + 4),
            anchors: Vec::new(),
            aliases: Vec::new(),
            documents: 0,
            bom,
            bare: true,
        };
        let builder = Builder { tree, open: Vec::new(), flow: 0, last_end: None, document: 0 };
        let left = Cell::new(MAX_PENDING);
        if text.len() > MAX_PENDING {
            let mut chars = text.chars();
            let feed = std::iter::from_fn(|| {
                left.set(left.get().checked_sub(1)?);
                chars.next()
            });
            builder.build(Parser::new(feed), &left)
        } else if text.is_ascii() {
            // No decoding, which is worth a tenth of the time.
            builder.build(Parser::new(text.bytes().map(char::from)), &left)
        } else {
            builder.build(Parser::new_from_str(text), &left)
        }
    }
}

/// How many characters the parser may read before it gives the next event. It holds a whole flow list back
/// while that may still be a key, at up to 100 times its size; a longer list (or text) is not worth that.
const MAX_PENDING: usize = 1 << 20;

/// Refuses what counting bytes can tell, before the parser reads ahead: more list items than nodes are
/// allowed, more anchors than are.
fn refuse_bombs(text: &str, census: &Census) -> Result<(), Refusal> {
    let anchor = |three: &&[u8]| {
        let before = matches!(three[0], b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b'{' | b':');
        before && three[1] == b'&' && !matches!(three[2], b'&' | b' ' | b'\n' | b'\r')
    };
    if census.ampersands > MAX_ANCHORS && text.as_bytes().windows(3).filter(anchor).count() > MAX_ANCHORS {
        return Err(Refusal::whole(Reason::TooMany { what: "anchors", limit: MAX_ANCHORS }));
    }
    if census.commas > MAX_NODES {
        return Err(Refusal::whole(Reason::TooMany { what: "values", limit: MAX_NODES }));
    }
    Ok(())
}

struct Builder<'a> {
    tree: Tree<'a>,
    /// The lists and mappings around the next node, and how many nodes each holds already.
    open: Vec<(usize, u32)>,
    /// How many of the open collections are in flow style.
    flow: usize,
    /// The end of the last node with text, for the end of block collections.
    last_end: Option<usize>,
    /// The first node of the current document.
    document: usize,
}

impl<'a> Builder<'a> {
    /// `left` is what the parser may still read; it is filled up at each event.
    fn build<T: Iterator<Item = char>>(
        mut self,
        mut parser: Parser<T>,
        left: &Cell<usize>,
    ) -> Result<Tree<'a>, Refusal> {
        loop {
            let result = parser.next_token();
            if left.replace(MAX_PENDING) == 0 {
                let start = self.last_end.unwrap_or_default();
                let reason = Reason::TooMany { what: "characters in one list or text", limit: MAX_PENDING };
                return Err(self.at(start, reason));
            }
            let (event, mark) = result.map_err(|error| self.syntax(&error))?;
            match event {
                Event::StreamEnd => return Ok(self.tree),
                Event::DocumentStart => self.document = self.tree.nodes.len(),
                Event::DocumentEnd => self.tree.documents += 1,
                Event::Nothing | Event::StreamStart => {}
                Event::Scalar(value, style, anchor, tag) => self.scalar(value, style, anchor, tag, mark)?,
                Event::Alias(anchor) => self.alias(anchor, mark)?,
                Event::SequenceStart(anchor, tag) => {
                    let start = self.byte(mark);
                    let layout = self.layout(start, b'[');
                    self.collection(Shape::Sequence(layout), layout, start, anchor, tag)?;
                }
                Event::MappingStart(anchor, tag) => {
                    let start = self.byte(mark);
                    if self.tree.text[start..].starts_with("{{") {
                        return Err(self.at(start, Reason::Template));
                    }
                    let layout = self.layout(start, b'{');
                    self.collection(Shape::Mapping(layout), layout, start, anchor, tag)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(mark),
            }
        }
    }

    fn scalar(
        &mut self,
        value: String,
        style: TScalarStyle,
        anchor: usize,
        tag: Option<Tag>,
        mark: Marker,
    ) -> Result<(), Refusal> {
        let style = match style {
            TScalarStyle::Plain => Style::Plain,
            TScalarStyle::SingleQuoted => Style::SingleQuoted,
            TScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            TScalarStyle::Literal | TScalarStyle::Folded => Style::Block,
        };
        let start = self.byte(mark);
        let end = token::scalar_end(self.tree.text, start, style, &value);
        if style != Style::Plain || !value.is_empty() {
            self.last_end = end;
        }
        // The value is the file's own bytes, but for escapes and folded lines.
        let quotes = usize::from(style != Style::Plain);
        let bytes = end.and_then(|end| self.tree.text.get(start + quotes..end - quotes));
        let text = match bytes.filter(|bytes| *bytes == value) {
            Some(bytes) => Cow::Borrowed(bytes),
            None => Cow::Owned(value),
        };
        self.push(Shape::Scalar(style), text, start, end, anchor, tag)
    }

    fn alias(&mut self, anchor: usize, mark: Marker) -> Result<(), Refusal> {
        let start = self.byte(mark);
        self.tree.bare = false;
        let target = anchor.checked_sub(1).and_then(|at| self.tree.anchors.get(at)).copied();
        let here = self.document..self.tree.nodes.len();
        let Some(target) = target.filter(|id| here.contains(&id.index())) else {
            let message = String::from("an alias of an anchor that this document does not have");
            return Err(self.at(start, Reason::Syntax { message }));
        };
        self.tree.aliases.resize_with(self.tree.anchors.len(), Vec::new);
        self.tree.aliases[anchor - 1].push(to_id(self.tree.nodes.len()));
        let end = token::alias_end(self.tree.text, start);
        self.last_end = end;
        self.push(Shape::Alias(target), Cow::Borrowed(""), start, end, 0, None)
    }

    fn layout(&self, start: usize, bracket: u8) -> Layout {
        if self.tree.text.as_bytes().get(start) == Some(&bracket) {
            Layout::Flow
        } else if self.flow > 0 {
            Layout::Bare
        } else {
            Layout::Block
        }
    }

    fn collection(
        &mut self,
        shape: Shape,
        layout: Layout,
        start: usize,
        anchor: usize,
        tag: Option<Tag>,
    ) -> Result<(), Refusal> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.at(start, Reason::TooDeep { limit: MAX_DEPTH }));
        }
        let index = self.tree.nodes.len();
        self.push(shape, Cow::Borrowed(""), start, None, anchor, tag)?;
        self.open.push((index, 0));
        self.flow += usize::from(layout != Layout::Block);
        Ok(())
    }

    fn close(&mut self, mark: Marker) {
        let Some((index, _)) = self.open.pop() else { return };
        let end = self.byte(mark);
        let next = to_id(self.tree.nodes.len()).0;
        let node = &mut self.tree.nodes[index];
        node.next = next;
        let (layout, bracket) = match node.shape {
            Shape::Sequence(layout) => (layout, b']'),
            Shape::Mapping(layout) => (layout, b'}'),
            Shape::Scalar(_) | Shape::Alias(_) => return,
        };
        self.flow -= usize::from(layout != Layout::Block);
        node.end = match layout {
            Layout::Flow => (self.tree.text.as_bytes().get(end) == Some(&bracket)).then_some(end + 1),
            Layout::Block | Layout::Bare => self.last_end.filter(|end| *end > node.start as usize),
        }
        .and_then(end_at);
        self.last_end = node.end.map(|end| end.get() as usize);
    }

    fn push(
        &mut self,
        shape: Shape,
        text: Cow<'a, str>,
        start: usize,
        end: Option<usize>,
        anchor: usize,
        tag: Option<Tag>,
    ) -> Result<(), Refusal> {
        let index = self.tree.nodes.len();
        if index >= MAX_NODES {
            return Err(self.at(start, Reason::TooMany { what: "values", limit: MAX_NODES }));
        }
        if anchor > 0 {
            if self.tree.anchors.len() >= MAX_ANCHORS {
                return Err(self.at(start, Reason::TooMany { what: "anchors", limit: MAX_ANCHORS }));
            }
            // Numbered by the parser from 1 without gaps, in the order in which nodes start.
            self.tree.anchors.resize(anchor, NodeId(u32::MAX));
            self.tree.anchors[anchor - 1] = to_id(index);
        }
        self.tree.bare &= anchor == 0 && tag.is_none();
        let tag = tag.map(|tag| format!("{}{}", tag.handle, tag.suffix).into_boxed_str());
        let (mut around, mut place) = (None, self.tree.documents);
        if let Some((open, count)) = self.open.last_mut() {
            (around, place) = (Some(to_id(*open)), *count);
            *count += 1;
        }
        // The parser puts the start of a mapping without braces at its first colon.
        if let Some(around) = around.and_then(|open| self.tree.nodes.get_mut(open.index()))
            && matches!(around.shape, Shape::Mapping(Layout::Block | Layout::Bare))
        {
            around.start = around.start.min(u32::try_from(start).unwrap_or(u32::MAX));
        }
        let depth = u16::try_from(self.open.len()).unwrap_or(u16::MAX);
        let anchor = u32::try_from(anchor).unwrap_or(u32::MAX);
        let (start, end) = (u32::try_from(start).unwrap_or(u32::MAX), end.and_then(end_at));
        let next = to_id(index + 1).0;
        self.tree.nodes.push(Node { shape, text, tag, depth, start, end, anchor, next, around, place });
        Ok(())
    }

    fn byte(&self, mark: Marker) -> usize {
        self.tree.lines.byte(self.tree.text, mark.line(), mark.col())
    }

    fn at(&self, byte: usize, reason: Reason) -> Refusal {
        Refusal::at(self.tree.position_at(byte), reason)
    }

    /// A template rarely parses; when one stands on the line of the error, or before it outside of comments
    /// and quotes, that is the thing to say.
    fn syntax(&self, error: &ScanError) -> Refusal {
        let at = self.byte(*error.marker());
        // Brackets are read ahead of events, and the parser has a limit of its own for them.
        if error.info() == "recursion limit exceeded" {
            return self.at(at, Reason::TooDeep { limit: MAX_DEPTH });
        }
        let (error_line, line_end, _) = self.tree.line_around(at);
        let text = self.tree.text;
        let before = |brace: usize| &text[self.tree.line_around(brace).0..brace];
        let here = text[error_line..line_end].find("{{").map(|brace| error_line + brace);
        let first = text[..line_end].find("{{");
        let template = here
            .filter(|brace| !before(*brace).contains('#'))
            .or(first.filter(|brace| !before(*brace).contains(['#', '"', '\''])));
        if let Some(brace) = template {
            return self.at(brace, Reason::Template);
        }
        // Valid YAML (1.2.2, section 6.2); the parser takes a tab there before quotes and brackets alone.
        let blanks = text[..at].trim_end_matches([' ', '\t']).len();
        if error.info().starts_with("':' must be followed") && text[..blanks].ends_with(':') {
            return self.at(blanks, Reason::TabBehindColon);
        }
        self.at(at, Reason::Syntax { message: error.info().chars().take(200).collect() })
    }
}

/// Texts are bounded by [`MAX_BYTES`], so offsets fit in 32 bits; no node ends at 0.
fn end_at(end: usize) -> Option<NonZeroU32> {
    u32::try_from(end).ok().and_then(NonZeroU32::new)
}
