//! What a config means together: every mistake in it, not only the first.
//!
//! Fails closed: what can't be understood in one way only is an error, and nothing is widened by guessing.

mod applications;
mod config;
mod environments;
mod files;
mod renamed;

use std::collections::BTreeMap;

use super::{
    error::{Problem, did_you_mean, quoted},
    locate::Tree,
    types::Config,
};
use crate::{ids::EnvironmentName, select::Selector};

/// The most environments.
const ENVIRONMENTS: usize = 200;
/// The most images, files, gates or checks in one list.
const MANY: usize = 50;

/// Checks a config; gives the compiled selectors of each application's images.
pub(super) fn validate(config: &Config, tree: &Tree) -> Result<Vec<Vec<Selector>>, Vec<Problem>> {
    let mut check = Check { config, tree, problems: Vec::new() };
    check.environments();
    let selectors = check.applications();
    check.renamed();
    if check.problems.is_empty() { Ok(selectors) } else { Err(check.problems) }
}

struct Check<'a> {
    config: &'a Config,
    tree: &'a Tree,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    /// A problem with a value.
    fn value(&mut self, key: String, message: impl Into<String>, hint: Option<String>) {
        let place = self.tree.value(&key);
        self.problems.push(Problem { place, key, message: message.into(), hint });
    }

    /// A problem with a key being there at all, or with the whole of its list or map.
    fn key(&mut self, key: String, message: impl Into<String>, hint: Option<String>) {
        let place = self.tree.key(&key);
        self.problems.push(Problem { place, key, message: message.into(), hint });
    }

    /// Checks that a list has at least one and not too many elements.
    fn length(&mut self, key: &str, length: usize, most: usize) {
        if length == 0 {
            self.key(key.to_owned(), "the list is empty", None);
        } else if length > most {
            self.key(key.to_owned(), format!("{length} elements; at most {most} are possible"), None);
        }
    }

    /// Checks references to environments: defined, and each once.
    fn references(&mut self, key: &str, names: &'a [EnvironmentName]) {
        let mut seen = BTreeMap::new();
        for (index, name) in names.iter().enumerate() {
            let path = format!("{key}[{index}]");
            if !self.config.environments.iter().any(|other| other.name == *name) {
                let known = self.config.environments.iter().map(|other| other.name.as_str());
                let hint = did_you_mean(name.as_str(), known.clone()).unwrap_or_else(|| {
                    let known: Vec<_> = known.take(20).collect();
                    format!("defined are {}", known.join(", "))
                });
                let message = format!("environment {} is not defined", quoted(name.as_str()));
                self.value(path, message, Some(hint));
            } else if seen.insert(name, index).is_some() {
                self.value(path, format!("{} stands twice in the list", quoted(name.as_str())), None);
            }
        }
    }

    /// The hint of a duplicate: where the first one is.
    fn first_at(&self, path: &str) -> Option<String> {
        Some(format!("the first is in line {}", self.tree.value(path).line))
    }
}
