//! `config`: the files and folders that are promoted byte for byte, but for what is kept.

use super::{Check, MANY, applications::PathOf, files::check_key};
use crate::config::{
    error::quoted,
    files::ConfigItem,
    pattern::{Mistake, Pattern},
    types::ApplicationRule,
};

/// Where Gantry itself reads and writes.
const OWN: [&str; 2] = ["gantry.yaml", ".gantry"];

/// How the paths end of files in which values can be kept.
const KEYED: [&str; 3] = [".yaml", ".yml", ".json"];

impl<'a> Check<'a> {
    pub(super) fn config(&mut self, path: &str, rule: &'a ApplicationRule) {
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
            self.pattern(key, rule, file, PathOf::Config);
            self.keep(&own, item);
        }
    }

    fn keep(&mut self, own: &str, item: &ConfigItem) {
        let keep = item.keep();
        if keep.is_empty() {
            return;
        }
        let key = format!("{own}.keep");
        let folder = item.path().ends_with('/');
        if !folder && !KEYED.iter().any(|end| item.path().ends_with(end)) {
            let hint = "for all files of a folder end its path with `/`, and keep files of it";
            let message = "values can be kept in a file whose name ends in .yaml, .yml or .json only";
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
            if !folder && ["{environment}", "{application}"].iter().any(|name| pattern.contains(name)) {
                let hint = "name the key as it stands in the files of all environments".to_owned();
                self.value(key, "a placeholder in `keep`", Some(hint));
            } else if folder {
                if let Err((message, hint)) = kept(pattern) {
                    self.value(key, message, hint);
                }
            } else if let Err((message, hint)) = check_key(None, pattern) {
                self.value(key, message, hint.map(str::to_owned));
            } else if let Some(outer) = keep.iter().find(|outer| lies_in(pattern, outer)) {
                let message = format!("{} lies in {}, which is kept too", quoted(pattern), quoted(outer));
                self.value(key, message, Some("name the outer one alone".to_owned()));
            }
        }
    }
}

/// Whether one key is below the other, as both are written.
fn lies_in(key: &str, outer: &str) -> bool {
    key.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// A path within the folder; placeholders have no meaning in it.
fn kept(pattern: &str) -> Result<(), Mistake> {
    if pattern.contains(['{', '}']) {
        let hint = "the folder's own path has `{environment}`; write what comes after it".to_owned();
        return Err(("a placeholder in `keep`".to_owned(), Some(hint)));
    }
    Pattern::path(pattern.strip_suffix('/').unwrap_or(pattern)).map(drop)
}
