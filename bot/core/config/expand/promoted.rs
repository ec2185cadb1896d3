//! `config` from patterns to paths: which files are promoted with each application, in each environment.

use std::{collections::BTreeMap, sync::Arc};

use super::{Expansion, Found};
use crate::{
    config::{error::Problem, files::ConfigItem, pattern::Pattern},
    ids::EnvironmentName,
    promoted::ConfigEntry,
};

impl Expansion<'_> {
    /// Gives each application the files that are promoted with it, in the environments that it is in.
    pub(super) fn configs(&mut self) {
        for index in 0..self.found.len() {
            let rule = self.found[index].rule;
            let items: Vec<(Pattern, &ConfigItem, Arc<[String]>)> = self.parsed.config.applications[rule]
                .config
                .iter()
                .filter_map(|item| {
                    let file = item.path().strip_suffix('/').unwrap_or(item.path());
                    Some((Pattern::path(file).ok()?, item, item.keep().into()))
                })
                .collect();
            let trees = self.trees;
            let Found { application, parts, .. } = &mut self.found[index];
            let parts = &*parts;
            let Some(config) = &mut application.config else { continue };
            for environment in application.files.keys() {
                let branch =
                    self.stages.iter().find(|stage| stage.name == *environment).map(|stage| &stage.branch);
                let spellings = self.spellings.get(environment).map_or(&[][..], Vec::as_slice);
                let entry = |(pattern, item, keep): &(Pattern, &ConfigItem, Arc<[String]>)| {
                    let end = if item.path().ends_with('/') { "/" } else { "" };
                    let path = |spelling: &str| format!("{}{end}", pattern.fill(parts, spelling));
                    let there = |path: &String| branch.is_some_and(|branch| trees.has(branch, path));
                    // Where nothing stands yet, by the environment's own name.
                    let path = match spellings {
                        [] | [_] => path(environment.as_str()),
                        several => several
                            .iter()
                            .map(|spelling| path(spelling))
                            .find(there)
                            .unwrap_or_else(|| path(environment.as_str())),
                    };
                    ConfigEntry { path, keep: Arc::clone(keep) }
                };
                config.entries.insert(environment.clone(), items.iter().map(entry).collect());
            }
            let entries = items.len() * application.files.len();
            if !self.room(rule, entries) {
                return;
            }
        }
    }

    /// Where ways from two environments in which config starts join, the two would have to hold the same.
    pub(super) fn joins(&mut self) {
        let mut problems: Vec<(usize, String)> = Vec::new();
        for Found { application, rule, .. } in
            self.found.iter().filter(|found| found.application.config.is_some())
        {
            let mut starts: BTreeMap<&EnvironmentName, &EnvironmentName> = BTreeMap::new();
            for stage in self.stages {
                // An environment that the application is not in is passed through.
                let before: Vec<_> =
                    stage.after.iter().filter_map(|name| starts.get(name).copied()).collect();
                match before.iter().find(|other| **other != before[0]) {
                    Some(other) => {
                        let message = format!(
                            "config of {} starts in {} and in {other}, which both go to {}",
                            application.name, before[0], stage.name
                        );
                        problems.push((*rule, message));
                        break;
                    }
                    None => {
                        let own = application.files.contains_key(&stage.name).then_some(&stage.name);
                        if let Some(start) = before.first().copied().or(own) {
                            starts.insert(&stage.name, start);
                        }
                    }
                }
            }
        }
        problems.dedup();
        for (rule, message) in problems {
            let hint = "let it start in one environment, or limit the application by `environments`";
            self.config_problem(rule, message, Some(hint.into()));
        }
    }

    pub(super) fn config_problem(&mut self, rule: usize, message: String, hint: Option<String>) {
        let key = format!("applications[{rule}].config");
        let place = self.parsed.tree.key(&key);
        self.problems.push(Problem { place, key, message, hint });
    }
}
