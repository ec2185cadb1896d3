//! `config`: the files and folders that are promoted byte for byte.

use super::{Check, MANY, applications::Names};
use crate::config::{
    error::quoted,
    files::ConfigItem,
    pattern::{Mistake, Pattern},
    types::ApplicationRule,
};

/// Where Gantry itself reads and writes.
const OWN: [&str; 2] = ["gantry.yaml", ".gantry"];

impl<'a> Check<'a> {
    pub(super) fn config(&mut self, path: &str, rule: &'a ApplicationRule) {
        let names = if rule.discover.is_some() { Names::Any } else { Names::Never };
        if rule.config.len() > MANY {
            self.length(&format!("{path}.config"), rule.config.len(), MANY);
        }
        for (index, item) in rule.config.iter().enumerate() {
            let own = format!("{path}.config[{index}]");
            let key = match item {
                ConfigItem::Path(_) => own.clone(),
                ConfigItem::Entry(_) => format!("{own}.path"),
            };
            let file = item.path().strip_suffix('/').unwrap_or(item.path());
            if OWN.contains(&file.split('/').next().unwrap_or_default()) {
                let message = format!("{} is Gantry's own", quoted(file));
                self.value(key.clone(), message, None);
            }
            if rule.config[..index].iter().any(|earlier| earlier.path() == item.path()) {
                self.value(key.clone(), format!("{} stands twice in the list", quoted(item.path())), None);
            }
            self.pattern(key, rule, file, names);
            self.keep(&own, item);
        }
    }

    fn keep(&mut self, own: &str, item: &ConfigItem) {
        let keep = item.keep();
        if keep.is_empty() {
            return;
        }
        let key = format!("{own}.keep");
        if !item.path().ends_with('/') {
            let hint = "keep whole files of a folder: `{path: conf/{environment}/, keep: [secrets.yaml]}`";
            let message = "keys of a file can't be kept in this version, only files of a folder";
            return self.key(key, message, Some(hint.to_owned()));
        }
        if keep.len() > MANY {
            self.length(&key, keep.len(), MANY);
        }
        for (index, pattern) in keep.iter().enumerate() {
            let key = format!("{key}[{index}]");
            if keep[..index].contains(pattern) {
                self.value(key.clone(), format!("{} stands twice in the list", quoted(pattern)), None);
            }
            if let Err((message, hint)) = kept(pattern) {
                self.value(key, message, hint);
            }
        }
    }
}

/// A path within the folder; placeholders have no meaning in it.
fn kept(pattern: &str) -> Result<(), Mistake> {
    if pattern.contains(['{', '}']) {
        let hint = "the folder's own path has `{environment}`; write what comes after it".to_owned();
        return Err(("a placeholder in `keep`".to_owned(), Some(hint)));
    }
    Pattern::path(pattern.strip_suffix('/').unwrap_or(pattern)).map(drop)
}
