//! The applications that patterns find in the trees.

use std::collections::{BTreeMap, HashMap};

use super::{Expansion, files::Files, images::Images};
use crate::{
    config::{
        error::quoted,
        files::DiscoverItem,
        found::Parts,
        pattern::{APPLICATION, Finder, Pattern},
        pipeline::{FileEntry, Stage},
        types::ApplicationRule,
    },
    ids::{ApplicationName, BranchName, EnvironmentName},
};

/// A rule that finds applications.
struct Rule<'a> {
    index: usize,
    rule: &'a ApplicationRule,
    images: Images<'a>,
    files: Option<Files>,
    /// How the application's name is made.
    name: Option<Pattern>,
}

impl<'a> Expansion<'a> {
    /// The applications that the patterns of a rule find. Where environments' names overlap (`prod`, `eu-prod`),
    /// the longest one that fits a path is meant. Of several patterns the first that finds an application in an
    /// environment gives its files there.
    pub(super) fn discover(&mut self, index: usize, rule: &'a ApplicationRule, patterns: &'a [DiscoverItem]) {
        let name = rule.name.as_ref().and_then(|name| Pattern::text(name).ok());
        let rule = Rule { index, rule, images: Images::of(self.parsed, index), files: Files::of(rule), name };
        // Which of the patterns found an application in an environment.
        let mut first: HashMap<(usize, EnvironmentName), usize> = HashMap::new();
        let trees = self.trees;
        for (order, item) in patterns.iter().enumerate() {
            let Ok(pattern) = Pattern::path(item.path()) else { continue };
            for (branch, finders) in self.finders(rule.rule, item, &pattern) {
                for path in trees.below(branch, pattern.beginning()) {
                    if !self.look_at(index, path) {
                        return;
                    }
                    let found = finders.iter().find_map(|(stage, finder)| Some((*stage, finder.find(path)?)));
                    let Some((stage, parts)) = found else { continue };
                    let Some(at) = self.member(&rule, &parts, path) else { continue };
                    let place = first.entry((at, stage.name.clone())).or_insert(order);
                    if *place == order {
                        self.take(&rule, at, stage, path, pattern.has_stars());
                    }
                }
            }
        }
    }

    /// The finders of a pattern by branch, for the longest spellings of environments first.
    fn finders(
        &self,
        rule: &'a ApplicationRule,
        item: &DiscoverItem,
        pattern: &Pattern,
    ) -> BTreeMap<&'a BranchName, Vec<(&'a Stage, Finder)>> {
        let limit = item.entry().and_then(|entry| entry.environments.as_ref());
        let mut by_branch: BTreeMap<&BranchName, Vec<(usize, &Stage, Finder)>> = BTreeMap::new();
        for stage in
            self.stages_of(rule).filter(|stage| limit.is_none_or(|names| names.contains(&stage.name)))
        {
            let mut spellings = self.spellings_of(stage);
            if pattern.environments() == 0 {
                spellings.truncate(1);
            }
            for spelling in spellings {
                let finder = pattern.finder(spelling).map(|finder| (spelling.len(), stage, finder));
                by_branch.entry(&stage.branch).or_default().extend(finder);
            }
        }
        let sorted = by_branch.into_iter().map(|(branch, mut finders)| {
            finders.sort_by_key(|(length, ..)| std::cmp::Reverse(*length));
            (branch, finders.into_iter().map(|(_, stage, finder)| (stage, finder)).collect())
        });
        sorted.collect()
    }

    /// The application that a pattern found by this path, as an index in `found`; `None` if it isn't this
    /// rule's.
    fn member(&mut self, rule: &Rule<'_>, parts: &Parts, path: &str) -> Option<usize> {
        let own = || parts.get(APPLICATION).map_or("", String::as_str).to_owned();
        let name = rule.name.as_ref().map_or_else(own, |name| name.fill(parts, ""));
        let at = match self.by_name.get(&name) {
            Some(at) => *at,
            None => {
                let fine = |part: &String| part.parse::<ApplicationName>().is_ok();
                let Some(parsed) = name.parse::<ApplicationName>().ok().filter(|_| parts.values().all(fine))
                else {
                    self.leave_out(rule.index, format!("{} holds no valid application name", quoted(path)));
                    return None;
                };
                let Some(images) = rule.images.for_application(parts) else {
                    self.leave_out(rule.index, format!("{} gives no valid image name", quoted(&name)));
                    return None;
                };
                let images = (&rule.images, images);
                self.add(rule.index, rule.rule, parsed, parts.clone(), images, BTreeMap::new())
            }
        };
        let found = &self.found[at];
        let other = found.rule;
        if other == rule.index {
            if found.parts != *parts {
                let told = |parts: &Parts| {
                    parts
                        .iter()
                        .map(|(name, value)| format!("{name} {}", quoted(value)))
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                let message = format!(
                    "{} is found with {} and with {}",
                    quoted(&name),
                    told(&found.parts),
                    told(parts)
                );
                let hint = "tell them apart by `name`, such as `name: \"{team}-{application}\"`".to_owned();
                self.problem(rule.index, message, Some(hint));
                return None;
            }
            return Some(at);
        }
        if self.parsed.config.applications[other].discover.is_some() {
            let line = self.parsed.tree.key(&format!("applications[{other}].discover")).line;
            let hint = format!("the other one is in line {line}; name it in a rule of its own, which wins");
            self.problem(rule.index, format!("{} is found by two rules", quoted(&name)), Some(hint));
        }
        None
    }

    /// Gives an application the files of an environment in which a path was found, each once.
    fn take(&mut self, rule: &Rule<'_>, at: usize, stage: &Stage, path: &str, by_pattern: bool) {
        let patterns = rule.files.as_ref().and_then(|files| files.of_stage(stage));
        let entries = match patterns {
            // They are the same whichever path was found.
            Some(_) if self.found[at].application.files.contains_key(&stage.name) => return,
            Some(patterns) => {
                let parts = self.found[at].parts.clone();
                self.entries(rule.index, patterns, &parts, stage)
            }
            None => {
                let image = match &self.found[at].application.images[..] {
                    [only] => Some(only.image.clone()),
                    _ => None,
                };
                vec![FileEntry { image, by_pattern, ..FileEntry::of_path(path) }]
            }
        };
        if !self.room(rule.index, entries.len()) {
            return;
        }
        let files = self.found[at].application.files.entry(stage.name.clone()).or_default();
        files.extend(entries);
    }
}
