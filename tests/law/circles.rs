//! No file imports one that imports it, be it by way of others, except a module and its own parts.
//!
//! A file imports another where it names an item of it, in a `use` or in the middle of the code. A re-export is
//! followed to where the item stands, so that a circle cannot hide behind one. Tests at the end of a file look at
//! the crate from outside and are left out.
//!
//! A module (`plan.rs`) and its parts (`plan/look.rs`) may import each other; two parts may not, nor a part and
//! what is no ancestor of it. So for each module there must be no circle among the files below it that spans
//! more than one of its parts.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::Path,
};

/// A module's path: `["edit", "plan", "look"]`, the crate first.
type Name = Vec<String>;

/// A crate's files by module, and what each names.
#[derive(Default)]
struct Files {
    named: BTreeMap<Name, Vec<Vec<String>>>,
    /// What a module re-exports: the name, and the path that it stands for.
    exported: HashMap<Name, Vec<(String, Vec<String>)>>,
}

/// The circles of the crate at `root` but for its folders `outside`: the paths of their files, sorted, with
/// `prefix` before each.
pub(crate) fn circles(root: &Path, prefix: &str, outside: &[&str]) -> Vec<Vec<String>> {
    let mut files = Files::default();
    let mut open = vec![(root.to_path_buf(), Vec::new())];
    while let Some((folder, module)) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let below = || [module.as_slice(), std::slice::from_ref(&stem)].concat();
            if path.is_dir() {
                if !(module.is_empty() && outside.contains(&stem.as_str())) {
                    open.push((path, below()));
                }
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") || stem == "main" || stem == "tests"
            {
                continue;
            }
            let text = code(&fs::read_to_string(&path).expect("text"));
            let own = if matches!(stem.as_str(), "mod" | "lib") { module.clone() } else { below() };
            files.add(own, &text);
        }
    }
    let mut circles = files.circles();
    circles.iter_mut().flatten().for_each(|file| file.insert_str(0, prefix));
    circles
}

/// The text without comments and tests.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

impl Files {
    fn add(&mut self, own: Name, text: &str) {
        let mut named = Vec::new();
        for (at, start) in starts(text) {
            let public = line_before(text, at).trim_start().starts_with("pub");
            let is_use = line_before(text, at).trim_end().ends_with("use");
            let mut paths = Vec::new();
            spread(start, &mut Vec::new(), is_use, &mut paths);
            for (path, alias) in paths {
                let Some(path) = absolute(&own, &path) else { continue };
                if is_use && public {
                    self.exported.entry(own.clone()).or_default().push((alias, path.clone()));
                }
                named.push(path);
            }
        }
        self.named.insert(own, named);
    }

    /// The file in which what the path names stands.
    fn file(&self, path: &[String]) -> Option<Name> {
        let mut path = path.to_vec();
        // A re-export leads on; a longer chain than this is none of ours.
        for _ in 0..8 {
            let end = (0..=path.len()).rev().find(|end| self.named.contains_key(&path[..*end]))?;
            let (own, rest) = path.split_at(end);
            let exports = self.exported.get(own).into_iter().flatten();
            let led = rest
                .first()
                .and_then(|name| exports.clone().find(|(alias, _)| alias == name).map(|(_, to)| to.clone()));
            match led {
                Some(to) if to != path => path = [to.as_slice(), &rest[1..]].concat(),
                _ => return Some(own.to_vec()),
            }
        }
        None
    }

    fn circles(&self) -> Vec<Vec<String>> {
        let names: Vec<&Name> = self.named.keys().collect();
        let index: HashMap<&Name, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        let edges: Vec<BTreeSet<usize>> = names
            .iter()
            .map(|name| {
                let to = self.named[*name].iter().filter_map(|path| self.file(path));
                to.filter(|to| to != *name).map(|to| index[&to]).collect()
            })
            .collect();
        let mut found = Vec::new();
        for above in &names {
            let below = |at: usize| names[at].len() > above.len() && names[at].starts_with(above);
            for circle in strongly_connected(&edges, &below) {
                let parts: BTreeSet<&String> = circle.iter().map(|at| &names[*at][above.len()]).collect();
                if parts.len() > 1 {
                    let mut circle: Vec<String> = circle.iter().map(|at| names[*at].join("/")).collect();
                    circle.sort();
                    found.push(circle);
                }
            }
        }
        found
    }
}

/// Where a path into the crate begins, and what follows.
fn starts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let word = |at: usize| text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    let at = ["crate::", "super::", "self::"].into_iter().flat_map(|start| text.match_indices(start));
    let uses = text.match_indices("use ").map(|(at, word)| (at + word.len(), ""));
    let mut all: Vec<usize> = at.chain(uses).map(|(at, _)| at).filter(|at| !word(*at)).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(|at| (at, &text[at..]))
}

fn line_before(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    &text[start..at]
}

/// Every path in `a::{b, c::{d as e}}`, with the name that it has here.
fn spread(text: &str, before: &mut [String], is_use: bool, found: &mut Vec<(Vec<String>, String)>) -> usize {
    let mut path = before.to_owned();
    let mut at = 0;
    loop {
        let word: String =
            text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '*')).collect();
        at += word.len();
        if !word.is_empty() {
            path.push(word);
        }
        let rest = &text[at..];
        if rest.starts_with("::{") && is_use {
            at += 3;
            loop {
                at += text[at..].len() - text[at..].trim_start().len();
                at += spread(&text[at..], &mut path.clone(), true, found);
                let rest = text[at..].trim_start();
                at = text.len() - rest.len();
                match rest.chars().next() {
                    Some(',') => at += 1,
                    Some('}') => return at + 1,
                    _ => return text.len(),
                }
                let rest = text[at..].trim_start();
                at = text.len() - rest.len();
                if rest.starts_with('}') {
                    return at + 1;
                }
            }
        }
        if let Some(next) = rest.strip_prefix("::")
            && next.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '*'))
        {
            at += 2;
            continue;
        }
        let mut alias = path.last().cloned().unwrap_or_default();
        if let (true, Some(renamed)) = (is_use, rest.strip_prefix(" as ")) {
            alias = renamed.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            at += " as ".len() + alias.len();
        }
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
            if alias == "self" {
                alias = path.last().cloned().unwrap_or_default();
            }
        }
        found.push((path, alias));
        return at;
    }
}

/// The path from the crate's root; nothing for a path of another crate.
fn absolute(own: &Name, path: &[String]) -> Option<Name> {
    let mut base = own.clone();
    let mut steps = path.iter().peekable();
    match steps.peek()?.as_str() {
        "crate" => {
            base.clear();
            steps.next();
        }
        "self" => {
            steps.next();
        }
        "super" => {
            while steps.next_if(|step| *step == "super").is_some() {
                base.pop();
            }
        }
        // A part of the module itself, `use index::Index`, or another crate's: the files tell.
        _ => {}
    }
    base.extend(steps.cloned());
    Some(base)
}

/// The strongly connected components of more than one file among those that `within` lets in: what each file
/// reaches and is reached from.
fn strongly_connected(edges: &[BTreeSet<usize>], within: &dyn Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let reach = |from: usize, back: bool| {
        let mut seen = BTreeSet::from([from]);
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            let next: Vec<usize> = if back {
                (0..edges.len()).filter(|other| edges[*other].contains(&at)).collect()
            } else {
                edges[at].iter().copied().collect()
            };
            open.extend(next.into_iter().filter(|next| within(*next) && seen.insert(*next)));
        }
        seen
    };
    let mut done = BTreeSet::new();
    let mut found = Vec::new();
    for at in (0..edges.len()).filter(|at| within(*at)) {
        if done.contains(&at) {
            continue;
        }
        let circle: Vec<usize> = reach(at, false).intersection(&reach(at, true)).copied().collect();
        done.extend(circle.iter().copied());
        if circle.len() > 1 {
            found.push(circle);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let mut all = Files::default();
        for (own, text) in files {
            let own: Name = own.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
            all.add(own, &code(text));
        }
        all.circles()
    }

    #[test]
    fn circles_are_found_and_parts_are_not() {
        let circle = |names: &[&str]| vec![names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()];
        assert_eq!(
            circles_of(&[
                ("", "mod a;\nmod b;\npub use b::{Thing as Other};"),
                ("a", "use crate::Other;"),
                ("b", "use crate::c::{self, d::{E, F as G}};\n"),
                ("c", "use crate::x;"),
                ("c/d", "fn f() { crate::a::g(); }"),
            ]),
            circle(&["a", "b", "c/d"]),
            "by way of a re-export and a path in the code"
        );
        assert_eq!(
            circles_of(&[
                ("", "use a::A; use b::B;"),
                ("a", "mod p; use p::P; use crate::LIMIT;"),
                ("a/p", "use super::A; use crate::LIMIT;\n// crate::b"),
                ("b", "use crate::a::A;\n#[cfg(test)]\nmod tests { use crate::b; }"),
            ]),
            Vec::<Vec<String>>::new()
        );
        assert_eq!(
            circles_of(&[("", ""), ("a", ""), ("a/p", "use super::q::Q;"), ("a/q", "use super::p;")]),
            circle(&["a/p", "a/q"]),
            "two parts of one module"
        );
        assert_eq!(
            circles_of(&[
                ("", "mod x; mod y;"),
                ("x", "mod p; use p::P;"),
                ("x/p", "use crate::y::q::Q;"),
                ("y", "use crate::x::X;"),
                ("y/q", "use super::Y;"),
            ]),
            circle(&["x", "x/p", "y", "y/q"]),
            "down one module and up another"
        );
    }
}
