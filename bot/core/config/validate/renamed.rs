//! `was`: names that applications had before.

use std::collections::BTreeMap;

use super::{Check, MANY};
use crate::config::error::quoted;

impl Check<'_> {
    /// Each old name is one application's only, and no application's present name. So there are no circles.
    pub(super) fn renamed(&mut self) {
        let rules = &self.config.applications;
        let names: BTreeMap<_, _> = rules
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| Some((rule.name.as_deref()?, index)))
            .collect();
        let mut first = BTreeMap::new();
        for (index, rule) in rules.iter().enumerate() {
            let path = format!("applications[{index}].was");
            if rule.was.is_empty() {
                continue;
            }
            self.length(&path, rule.was.len(), MANY);
            if rule.name.is_none() || rule.discover.is_some() {
                let hint =
                    "write a rule with `name` for the application that was renamed; it wins over `discover`";
                self.key(path.clone(), "`was` can only be used with `name`", Some(hint.to_owned()));
            }
            for (at, old) in rule.was.iter().enumerate() {
                let key = format!("{path}[{at}]");
                let name = quoted(old.as_str());
                if rule.name.as_deref() == Some(old.as_str()) {
                    self.value(key, format!("{name} is the application's present name"), None);
                } else if let Some(other) = names.get(old.as_str()) {
                    let hint = self.first_at(&format!("applications[{other}].name"));
                    self.value(key, format!("{name} is the name of another application"), hint);
                } else if let Some(earlier) = first.insert(old, key.clone()) {
                    let hint = self.first_at(&earlier);
                    self.value(key, format!("{name} stands twice among the old names"), hint);
                }
            }
        }
    }
}
