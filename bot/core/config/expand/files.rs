//! The files of a rule, ready to be made those of an application in an environment.

use std::collections::{BTreeMap, HashSet};

use super::Expansion;
use crate::{
    config::{
        files::{self, Anchors, FileItem},
        found::Parts,
        kinds::FileKind,
        pattern::Pattern,
        pipeline::{FileEntry, Stage},
        types::ApplicationRule,
    },
    glob,
    ids::EnvironmentName,
};

/// The files of a rule.
pub(super) enum Files {
    Same(Vec<FilePattern>),
    By(BTreeMap<EnvironmentName, Vec<FilePattern>>),
}

/// One element of `files`.
pub(super) struct FilePattern {
    path: Pattern,
    kind: Option<FileKind>,
    key: Option<String>,
    image: Option<Pattern>,
    follow_anchors: bool,
    create: bool,
}

impl Files {
    /// `None` where a rule with `discover` names none: its files are those that it finds.
    pub(super) fn of(rule: &ApplicationRule) -> Option<Self> {
        // Validation has read each of them as a pattern.
        let only = match &rule.images[..] {
            [only] => only.image.as_ref().and_then(|image| Pattern::text(image).ok()),
            _ => None,
        };
        let pattern = |item: &FileItem| {
            let path = Pattern::path(item.path()).ok()?;
            Some(match item {
                FileItem::Path(_) => FilePattern {
                    path,
                    kind: None,
                    key: None,
                    image: only.clone(),
                    follow_anchors: false,
                    create: false,
                },
                FileItem::Entry(rule) => FilePattern {
                    path,
                    kind: rule.kind,
                    key: rule.key.clone(),
                    image: rule.image.as_ref().map_or(only.clone(), |image| Pattern::text(image).ok()),
                    follow_anchors: rule.anchors == Anchors::Follow,
                    create: rule.create.is_some(),
                },
            })
        };
        let list = |items: &[FileItem]| items.iter().filter_map(pattern).collect();
        Some(match rule.files.as_ref()? {
            files::Files::Same(items) => Self::Same(list(items.as_slice())),
            files::Files::By(by) => {
                Self::By(by.iter().map(|(name, items)| (name.clone(), list(items.as_slice()))).collect())
            }
        })
    }

    /// The files in an environment; `None` where none are told for it.
    pub(super) fn of_stage(&self, stage: &Stage) -> Option<&[FilePattern]> {
        match self {
            Self::Same(list) => Some(list),
            Self::By(by) => by.get(&stage.name).map(Vec::as_slice),
        }
    }
}

impl Expansion<'_> {
    /// The files of an application in an environment. What a pattern means that stands nowhere is listed by the
    /// pattern: reading it gives the error.
    pub(super) fn entries(
        &mut self,
        rule: usize,
        patterns: &[FilePattern],
        parts: &Parts,
        stage: &Stage,
    ) -> Vec<FileEntry> {
        let mut entries: Vec<FileEntry> = Vec::with_capacity(patterns.len());
        // Elements of `files` may mean one file twice.
        let mut seen: HashSet<(String, Option<String>)> = HashSet::new();
        for file in patterns {
            let mut spellings = self.spellings_of(stage);
            if file.path.environments() == 0 {
                spellings.truncate(1);
            }
            let stars = file.path.has_stars();
            let mut found = Vec::new();
            for spelling in &spellings {
                let path = file.path.fill(parts, spelling);
                if stars {
                    self.matching(rule, stage, &path, &mut found);
                } else if spellings.len() == 1 || self.trees.has(&stage.branch, &path) {
                    found.push(path);
                }
            }
            if found.is_empty() {
                found.push(file.path.fill(parts, stage.name.as_str()));
            }
            if !self.room(rule, found.len() - 1) {
                return entries;
            }
            let key = file.key.as_ref().map(|key| filled(key, file.kind, parts, stage));
            let image = file.image.as_ref().and_then(|image| image.fill(parts, "").parse().ok());
            found.retain(|path| seen.insert((path.clone(), key.clone())));
            entries.extend(found.into_iter().map(|path| FileEntry {
                path,
                kind: file.kind,
                key: key.clone(),
                image: image.clone(),
                follow_anchors: file.follow_anchors,
                create: file.create,
                by_pattern: stars,
            }));
        }
        entries
    }

    /// The files of the branch that the pattern means.
    fn matching(&mut self, rule: usize, stage: &Stage, pattern: &str, found: &mut Vec<String>) {
        let beginning = pattern.split('*').next().unwrap_or_default();
        let trees = self.trees;
        for path in trees.below(&stage.branch, beginning) {
            if !self.look_at(rule, path) {
                return;
            }
            if glob::matches(pattern, path) {
                found.push(path.clone());
            }
        }
    }
}

/// A key path with names put in; an expression has braces of its own.
fn filled(key: &str, kind: Option<FileKind>, parts: &Parts, stage: &Stage) -> String {
    if kind == Some(FileKind::Regex) || !key.contains('{') {
        return key.to_owned();
    }
    let own = key.replace("{environment}", stage.name.as_str());
    parts.iter().fold(own, |key, (name, value)| key.replace(&format!("{{{name}}}"), value))
}
