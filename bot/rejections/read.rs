//! Reads the file, whole or not at all.

use std::str::FromStr;

use gantry_core::{
    decide::place_of,
    facts::{Rejected, Rejection},
    ids::{ApplicationName, EnvironmentName, ProposalNumber, ReleaseId},
    reason::Problem,
};
use gantry_edit::syntax::{NodeId, Shape, Tree};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{MAX_BYTES, MAX_ENTRIES, problem, text};

const KEYS: [&str; 8] =
    ["application", "environment", "release", "version", "by", "at", "reason", "proposal"];

/// The entries of a file, in its order.
///
/// # Errors
/// What is wrong with it, each with line and column.
pub fn read(bytes: &[u8]) -> Result<Vec<Rejected>, Vec<Problem>> {
    if bytes.len() > MAX_BYTES {
        let message =
            format!("the file has {} bytes, and the limit is {MAX_BYTES}; remove entries", bytes.len());
        return Err(vec![problem(None, message)]);
    }
    let tree = Tree::parse(bytes).and_then(|tree| tree.refuse_duplicates().map(|()| tree));
    let tree = tree.map_err(|refusal| {
        let at = refusal.line.map(|line| (line, refusal.column.unwrap_or(1)));
        vec![problem(at, refusal.reason.to_string())]
    })?;
    let mut reader = Reader { tree: &tree, problems: Vec::new() };
    let entries = reader.file();
    if reader.problems.is_empty() { Ok(entries) } else { Err(reader.problems) }
}

/// The list of entries: the node of `rejections`, and whether the key is there at all.
pub(super) fn list(tree: &Tree<'_>) -> Option<(NodeId, NodeId)> {
    let root = tree.roots().next()?;
    tree.get(root, "rejections").ok().flatten()
}

struct Reader<'t> {
    tree: &'t Tree<'t>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn wrong(&mut self, id: NodeId, message: impl Into<String>) {
        // A file full of mistakes is told by its first ones.
        if self.problems.len() < 20 {
            self.problems.push(problem(Some(self.tree.position(id)), message));
        }
    }

    fn file(&mut self) -> Vec<Rejected> {
        let tree = self.tree;
        let odd = tree.ids().find(|id| {
            let node = tree.node(*id);
            node.tag.is_some() || node.anchor() != 0 || matches!(node.shape, Shape::Alias(_))
        });
        if let Some(odd) = odd {
            self.wrong(odd, "anchors, aliases and tags have no place in this file; write the values out");
            return Vec::new();
        }
        let mut roots = tree.roots();
        let (Some(root), further) = (roots.next(), roots.next()) else {
            self.problems.push(problem(Some((1, 1)), "the file is empty; it must say `version: 1`"));
            return Vec::new();
        };
        if let Some(further) = further {
            self.wrong(further, "a second document; the file must hold one");
        }
        if !matches!(tree.node(root).shape, Shape::Mapping(_)) {
            self.wrong(root, "must be a map with `version: 1` and the list `rejections`");
            return Vec::new();
        }
        let mut version = false;
        let mut entries = Vec::new();
        for (key, value) in tree.pairs(root) {
            match tree.string(key) {
                Some("version") => {
                    version = true;
                    if tree.string(value) != Some("1") {
                        self.wrong(value, "`version` must be 1");
                    }
                }
                Some("rejections") => entries = self.list(value),
                _ => self.wrong(key, "unknown key; known are version, rejections"),
            }
        }
        if !version {
            self.wrong(root, "`version: 1` is missing");
        }
        entries
    }

    fn list(&mut self, list: NodeId) -> Vec<Rejected> {
        let tree = self.tree;
        let node = tree.node(list);
        if node.is_null() {
            return Vec::new();
        }
        if !matches!(node.shape, Shape::Sequence(_)) {
            self.wrong(list, "`rejections` must be a list");
            return Vec::new();
        }
        if let Some(excess) = tree.items(list).nth(MAX_ENTRIES) {
            self.wrong(excess, format!("more than {MAX_ENTRIES} entries; remove some"));
            return Vec::new();
        }
        tree.items(list).filter_map(|item| self.entry(item)).collect()
    }

    fn entry(&mut self, item: NodeId) -> Option<Rejected> {
        let tree = self.tree;
        if !matches!(tree.node(item).shape, Shape::Mapping(_)) {
            self.wrong(item, "an entry must be a map with application, environment, release, by and at");
            return None;
        }
        for (key, _) in tree.pairs(item) {
            if !tree.string(key).is_some_and(|key| KEYS.contains(&key)) {
                self.wrong(key, format!("unknown key; known are {}", KEYS.join(", ")));
            }
        }
        let application = self.required(item, "application", parsed::<ApplicationName>);
        let environment = self.required(item, "environment", parsed::<EnvironmentName>);
        let release = self.required(item, "release", parsed::<ReleaseId>);
        let by = self.required(item, "by", any);
        let at = self.required(item, "at", time);
        let version = self.value(item, "version", any);
        let reason = self.value(item, "reason", any);
        let proposal = self.value(item, "proposal", number);
        let (application, environment, release) = (application?, environment?, release?);
        let rejection = Rejection {
            version: version.unwrap_or_else(|| ReleaseId::short(&release).to_owned()),
            release,
            by: by?,
            at: at?,
            reason: reason.unwrap_or_default(),
            proposal,
        };
        Some(Rejected { place: place_of(&application, &environment), rejection })
    }

    fn required<T>(
        &mut self,
        item: NodeId,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.has(item, key) {
            self.wrong(item, format!("`{key}` is missing"));
        }
        self.value(item, key, parse)
    }

    fn has(&self, item: NodeId, key: &str) -> bool {
        self.tree.get(item, key).is_ok_and(|found| found.is_some())
    }

    fn value<T>(&mut self, item: NodeId, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let (_, value) = self.tree.get(item, key).ok().flatten()?;
        let Some(text) = self.tree.string(value) else {
            self.wrong(value, format!("`{key}` must have a text as its value"));
            return None;
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.wrong(value, format!("`{key}`: {message}"));
                None
            }
        }
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn any(text: &str) -> Result<String, String> {
    Ok(text::kept(text))
}

fn number(text: &str) -> Result<ProposalNumber, String> {
    let number = text.trim_start_matches('#').parse();
    number.map(ProposalNumber).map_err(|_| "must be the number of a proposal".to_owned())
}

/// A time, or a day in UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let time = text.parse::<Timestamp>().ok().or_else(day);
    time.ok_or_else(|| "must be a time such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31".to_owned())
}
