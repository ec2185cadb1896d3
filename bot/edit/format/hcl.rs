//! HCL: strings at a key path, by the spans of hcl-edit.
//!
//! A path goes through blocks by type and labels (`module.api.image_tag`,
//! `resource.aws_ecs_task_definition.api.image`), then through objects by key and through lists by place. Where
//! several blocks have one type and the same labels, a number behind them picks one of them
//! (`job.api.container[1].image`). Only quoted text without interpolation is edited.
//!
//! The parser bounds its own recursion (64 levels, 128 chained operators); [`super::hcl_bounds`] bounds its time.

use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Body, Structure};

use super::hcl_bounds::{self, PARSER_DEPTH};
use super::source::{Fault, position};
use super::{Document, Place, Quote, not_editable};
use crate::key::{Key, Step};
use crate::refusal::Reason;

/// How many values for one key are looked at before the search ends.
const MAX_HITS: usize = 100;

/// An HCL file that was read.
pub(super) struct Hcl<'d> {
    text: &'d str,
    body: Body,
}

impl<'d> Document<'d> for Hcl<'d> {
    fn parse(text: &'d str) -> Result<Self, Fault> {
        hcl_bounds::bounded(text)?;
        Ok(Self { text, body: read(text)? })
    }

    fn find(&self, key: &Key) -> Result<Place, Fault> {
        let mut search =
            Search { steps: key.steps(), way: Vec::new(), hits: Vec::new(), deepest: 0, present: Vec::new() };
        search.body(&self.body, 0);
        let Search { mut hits, deepest, present, .. } = search;
        if hits.len() > 1 {
            let mut starts: Vec<usize> = hits.iter().filter_map(|hit| Some(hit.span()?.start)).collect();
            starts.sort_unstable();
            let lines = starts.iter().map(|at| position(self.text, *at).0).collect();
            return Err((starts.first().copied(), Reason::SeveralValues { key: key.to_string(), lines }));
        }
        let Some(hit) = hits.pop() else {
            let reason = Reason::NoSuchKey { key: key.to_string(), deepest: key.head(deepest), present };
            return Err((None, reason));
        };
        let at = hit.span().map(|span| span.start);
        let refuse = |is, advice| Err((at, not_editable(key, is, advice)));
        let string = "write it as one quoted string, or edit it by hand";
        let typed = "put the value in quotes, so that it is a string";
        let value = match &hit.what {
            What::Block(_) => return refuse("is a block", "name one of its attributes"),
            What::Value(value) => *value,
        };
        let Expression::String(text) = value else {
            return match value {
                Expression::StringTemplate(_) => refuse("holds `${` or `%{`", string),
                Expression::HeredocTemplate(_) => refuse("is a heredoc", string),
                Expression::Number(_) => refuse("is a number", typed),
                Expression::Bool(_) => refuse("is a boolean", typed),
                Expression::Null(_) => refuse("is null", typed),
                Expression::Object(_) => refuse("is an object", "name one of its keys"),
                Expression::Array(_) => refuse("is a list", "name an item, as in `a[0]`"),
                _ => refuse("is an expression", string),
            };
        };
        let token = value.span().and_then(|range| Some((self.text.get(range.clone())?, range)));
        match token {
            Some((token, range)) if token.len() >= 2 && token.starts_with('"') && token.ends_with('"') => {
                if token.contains('\n') {
                    return refuse("goes over several lines", "write it on one line");
                }
                Ok(Place { text: text.value().clone(), range, quote: Quote::Double, way: hit.way })
            }
            _ => refuse("is written in a way that is not known", string),
        }
    }

    fn prove(self, after: &str, place: &Place, wanted: &str, token: &str) -> Result<(), String> {
        let new = read(after).map_err(|(_, reason)| format!("the new text is refused: {reason}"))?;
        let range = place.range.start..place.range.start + token.len();
        let moved = || String::from("the value is not where it was");
        // The old structure with the wanted value in it must be the new one.
        let mut old = self.body;
        let good = change(&mut old, &place.way, &mut |value| {
            let was = value.as_str() == Some(&place.text) && value.span().as_ref() == Some(&place.range);
            *value = Expression::from(wanted);
            was
        });
        if !good {
            return Err(moved());
        }
        if old != new {
            return Err(String::from("a value reads otherwise than it should"));
        }
        // The same place in the new text, not another one that reads the same.
        let mut new = new;
        let good = change(&mut new, &place.way, &mut |value| value.span().as_ref() == Some(&range));
        if good { Ok(()) } else { Err(moved()) }
    }
}

/// The text of a new value, in quotes, with `${` and `%{` for themselves.
pub(super) fn render(new: &str) -> String {
    let mut text = String::from("\"");
    let mut chars = new.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '$' | '%' if chars.peek() == Some(&'{') => text.extend([c, c]),
            c if c.is_control() => text += &format!("\\u{:04X}", u32::from(c)),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

fn read(text: &str) -> Result<Body, Fault> {
    hcl_edit::parser::parse_body(text).map_err(|error| {
        let at = Some(error.location().offset());
        let message: String = error.message().chars().take(200).collect();
        if message.contains("nesting depth") || message.contains("chained binary operators") {
            return (at, Reason::TooDeep { limit: PARSER_DEPTH });
        }
        let message = message.replace('\n', "; ").trim().to_owned();
        (at, Reason::Invalid { format: "HCL", message })
    })
}

/// What stands at the key.
struct Hit<'b> {
    what: What<'b>,
    way: Vec<usize>,
}

enum What<'b> {
    Block(Option<Range<usize>>),
    Value(&'b Expression),
}

impl Hit<'_> {
    fn span(&self) -> Option<Range<usize>> {
        match &self.what {
            What::Block(span) => span.clone(),
            What::Value(value) => value.span(),
        }
    }
}

/// A search for all that stands at a key. Recurses once per step at most.
struct Search<'k, 'b> {
    steps: &'k [Step],
    /// The places on the way, in each body, object or list.
    way: Vec<usize>,
    hits: Vec<Hit<'b>>,
    /// How many steps led somewhere, and what stood there instead of the next.
    deepest: usize,
    present: Vec<String>,
}

impl<'b> Search<'_, 'b> {
    fn body(&mut self, body: &'b Body, done: usize) {
        let Some(step) = self.steps.get(done) else { return };
        let mut seen = Vec::new();
        // How many blocks with these labels came before, for a number behind them. All blocks that the path
        // can mean here have as many labels as it has names, unless their numbers of labels differ.
        let mut count = vec![0_usize; self.steps.len() + 1];
        for (at, structure) in body.iter().enumerate() {
            match structure {
                Structure::Attribute(attribute) => {
                    if is_name(step, attribute.key.as_str()) {
                        self.way.push(at);
                        self.value(&attribute.value, done + 1);
                        self.way.pop();
                    } else {
                        seen.push(attribute.key.as_str());
                    }
                }
                Structure::Block(block) => {
                    if !is_name(step, block.ident.as_str()) {
                        seen.push(block.ident.as_str());
                        continue;
                    }
                    let inner = done + 1 + block.labels.len();
                    let labels = self.steps.get(done + 1..inner);
                    let same = |labels: &[Step]| {
                        labels.iter().zip(&block.labels).all(|(step, label)| is_name(step, label.as_str()))
                    };
                    if !labels.is_some_and(same) {
                        let label = block.labels.first().map_or("", |label| label.as_str());
                        self.missed(done + 1, [label].into_iter());
                        continue;
                    }
                    let mut next = inner;
                    if let Some(Step::Index(wanted)) = self.steps.get(inner) {
                        count[inner] += 1;
                        if count[inner] != wanted + 1 {
                            self.missed(inner, [].into_iter());
                            continue;
                        }
                        next += 1;
                    }
                    self.way.push(at);
                    if next == self.steps.len() {
                        self.hit(What::Block(block.span()));
                    } else {
                        self.body(&block.body, next);
                    }
                    self.way.pop();
                }
            }
        }
        self.missed(done, seen.into_iter());
    }

    fn value(&mut self, value: &'b Expression, done: usize) {
        let Some(step) = self.steps.get(done) else { return self.hit(What::Value(value)) };
        match (value, step) {
            (Expression::Object(object), Step::Name(_)) => {
                for (at, (key, value)) in object.iter().enumerate() {
                    if name(key).is_some_and(|name| is_name(step, name)) {
                        self.way.push(at);
                        self.value(value.expr(), done + 1);
                        self.way.pop();
                    }
                }
                self.missed(done, object.iter().filter_map(|(key, _)| name(key)));
            }
            (Expression::Array(list), Step::Index(at)) => match list.get(*at) {
                Some(value) => {
                    self.way.push(*at);
                    self.value(value, done + 1);
                    self.way.pop();
                }
                None => self.missed(done, [].into_iter()),
            },
            _ => self.missed(done, [].into_iter()),
        }
    }

    fn hit(&mut self, what: What<'b>) {
        if self.hits.len() < MAX_HITS {
            self.hits.push(Hit { what, way: self.way.clone() });
        }
    }

    /// Notes what stood where a step led nowhere, for an error about the place that came furthest.
    fn missed<'n>(&mut self, done: usize, names: impl Iterator<Item = &'n str>) {
        if done > self.deepest {
            self.deepest = done;
            self.present.clear();
        }
        if done == self.deepest {
            for name in names {
                if self.present.len() < MAX_HITS
                    && !name.is_empty()
                    && !self.present.iter().any(|old| old == name)
                {
                    self.present.push(name.to_owned());
                }
            }
        }
    }
}

fn is_name(step: &Step, name: &str) -> bool {
    matches!(step, Step::Name(wanted) if wanted == name)
}

/// The name of an object's key; none where it is computed.
fn name(key: &ObjectKey) -> Option<&str> {
    match key {
        ObjectKey::Ident(name) => Some(name.as_str()),
        ObjectKey::Expression(key) => key.as_str(),
    }
}

/// Does something to the value at the end of the way; false where the way leads elsewhere.
fn change(body: &mut Body, way: &[usize], act: &mut dyn FnMut(&mut Expression) -> bool) -> bool {
    let Some((first, rest)) = way.split_first() else { return false };
    match body.get_mut(*first) {
        Some(Structure::Block(block)) => change(&mut block.body, rest, act),
        Some(Structure::Attribute(attribute)) => change_value(&mut attribute.value, rest, act),
        None => false,
    }
}

fn change_value(value: &mut Expression, way: &[usize], act: &mut dyn FnMut(&mut Expression) -> bool) -> bool {
    let Some((first, rest)) = way.split_first() else { return act(value) };
    match value {
        Expression::Object(object) => {
            object.iter_mut().nth(*first).is_some_and(|(_, value)| change_value(value.expr_mut(), rest, act))
        }
        Expression::Array(list) => list.get_mut(*first).is_some_and(|value| change_value(value, rest, act)),
        _ => false,
    }
}
