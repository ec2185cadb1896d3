//! Applications: names, images, selectors, files and the environments they are limited to.

use std::collections::{BTreeMap, HashMap};

use super::{Check, MANY};
use crate::{
    config::{
        error::quoted,
        pattern::Pattern,
        types::{ApplicationRule, Environment},
    },
    ids::ImageName,
    select::Selector,
};

/// The most application rules.
const RULES: usize = 50_000;

impl<'a> Check<'a> {
    pub(super) fn applications(&mut self) -> Vec<Vec<Selector>> {
        let config = self.config;
        let rules = &config.applications;
        self.length("applications", rules.len(), RULES);
        let mut first = BTreeMap::new();
        let mut selectors = Vec::with_capacity(rules.len());
        // Thousands of rules often share one `select`; a regular expression is compiled once.
        let mut compiled = HashMap::new();
        for (index, rule) in rules.iter().enumerate() {
            let path = format!("applications[{index}]");
            if let Some(name) = &rule.name {
                if let Some(earlier) = first.get(name) {
                    let hint = self.first_at(&format!("applications[{earlier}].name"));
                    let message = format!("application {} is defined twice", quoted(name.as_str()));
                    self.value(format!("{path}.name"), message, hint);
                } else {
                    first.insert(name, index);
                }
            }
            if let Some(names) = &rule.environments {
                self.length(&format!("{path}.environments"), names.len(), super::ENVIRONMENTS);
                self.references(&format!("{path}.environments"), names);
            }
            if let Some(source) = &rule.source {
                self.source(&path, source);
            }
            self.places(&path, rule);
            self.config(&path, rule);
            self.images(&path, rule);
            let mut own = Vec::with_capacity(rule.images.len());
            for (index, image) in rule.images.iter().enumerate() {
                let result =
                    compiled.entry(&image.select).or_insert_with(|| Selector::compile(&image.select)).clone();
                match result {
                    Ok(selector) => own.push(selector),
                    Err(errors) => {
                        for error in errors {
                            let key = format!("{path}.images[{index}].select");
                            match error.key {
                                "" => self.value(key, error.message, error.hint),
                                own => self.value(format!("{key}.{own}"), error.message, error.hint),
                            }
                        }
                    }
                }
            }
            selectors.push(own);
        }
        selectors
    }

    /// `name` with `files`, or `discover`.
    fn places(&mut self, path: &str, rule: &'a ApplicationRule) {
        match (&rule.name, &rule.discover) {
            (Some(_), Some(_)) => {
                let hint = "remove one; a rule with `name` wins over what `discover` finds".to_owned();
                self.key(format!("{path}.discover"), "`name` and `discover` exclude each other", Some(hint));
            }
            (None, None) => {
                let hint = "give the application a `name` and `files`, or a `discover` pattern".to_owned();
                self.value(path.to_owned(), "neither `name` nor `discover`", Some(hint));
            }
            (Some(_), None) => match &rule.files {
                None => {
                    let hint =
                        "name the files that hold the images, with `{environment}` in the path".to_owned();
                    self.value(path.to_owned(), "`files` is missing", Some(hint));
                }
                Some(files) => self.files(path, rule, files),
            },
            (None, Some(discover)) => {
                if let Some(files) = &rule.files {
                    self.files(path, rule, files);
                }
                self.pattern(format!("{path}.discover"), rule, discover, Names::Once);
            }
        }
    }

    /// Checks a path pattern.
    pub(super) fn pattern(&mut self, key: String, rule: &'a ApplicationRule, text: &str, names: Names) {
        let pattern = match Pattern::path(text) {
            Ok(pattern) => pattern,
            Err((message, hint)) => return self.value(key, message, hint),
        };
        match (names, pattern.applications()) {
            (Names::Once, 1) | (Names::Never, 0) | (Names::Any, _) => {}
            (Names::Once, 0) => {
                let hint = "put it where the application's name stands in the path".to_owned();
                self.value(key.clone(), "`{application}` is missing from the pattern", Some(hint));
            }
            (Names::Once, _) => {
                self.value(key.clone(), "`{application}` stands twice in the pattern", None);
            }
            (Names::Never, _) => {
                let hint = "write the application's name out".to_owned();
                self.value(key.clone(), "`{application}` can only be used with `discover`", Some(hint));
            }
        }
        if pattern.environments() == 0
            && let Some((one, two)) = self.shared_branch(rule)
        {
            let (one, two) = (quoted(one.name.as_str()), quoted(two.name.as_str()));
            let message = format!("{one} and {two} are on the same branch, so this file would be in both");
            let hint = "put `{environment}` into the path, or give the environments branches of their own";
            self.value(key, message, Some(hint.into()));
        }
    }

    /// Two environments of this application that are certainly on one branch.
    fn shared_branch(&self, rule: &ApplicationRule) -> Option<(&'a Environment, &'a Environment)> {
        let own = |environment: &&Environment| match &rule.environments {
            Some(names) => names.contains(&environment.name),
            None => true,
        };
        let mut seen = BTreeMap::new();
        self.config.environments.iter().filter(own).find_map(|environment| {
            let earlier = seen.insert(&environment.branch, environment)?;
            (earlier.name != environment.name).then_some((earlier, environment))
        })
    }

    fn images(&mut self, path: &str, rule: &ApplicationRule) {
        self.length(&format!("{path}.images"), rule.images.len(), MANY);
        for (index, image) in rule.images.iter().enumerate() {
            let key = format!("{path}.images[{index}].image");
            if rule.images[..index].iter().any(|earlier| earlier.image == image.image) {
                let message = format!("image {} stands twice in this application", quoted(&image.image));
                self.value(key.clone(), message, None);
            }
            if let Err((message, hint)) = image_pattern(&image.image, rule.discover.is_some()) {
                self.value(key, message, hint);
            }
        }
    }

    /// It becomes a link: only `http` and `https`, and nothing secret in it.
    fn source(&mut self, path: &str, source: &str) {
        let key = format!("{path}.source");
        let Some(rest) = source.strip_prefix("https://").or_else(|| source.strip_prefix("http://")) else {
            let hint = "write the URL that people open: `https://git.example.com/shop/checkout`".to_owned();
            return self.value(key, "not an `https://` or `http://` URL", Some(hint));
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.contains('@') {
            let hint = "remove them, and change the password: it is in Git".to_owned();
            self.value(key, "the URL holds credentials", Some(hint));
        } else if host.is_empty() || source.len() > 500 || source.chars().any(|c| c.is_control() || c == ' ')
        {
            self.value(key, "not a URL, or one of more than 500 characters", None);
        }
    }
}

/// How often `{application}` may stand in a path.
#[derive(Clone, Copy)]
pub(super) enum Names {
    /// Exactly once: it is what is found.
    Once,
    /// As often as one likes.
    Any,
    /// Not at all: there is one application, whose name can be written out.
    Never,
}

/// Checks an image; `{application}` may be in it only where applications are discovered.
fn image_pattern(text: &str, discover: bool) -> Result<(), (String, Option<String>)> {
    let pattern = Pattern::text(text)?;
    if pattern.environments() > 0 {
        let hint = "one release goes through all environments, with the same images".to_owned();
        return Err(("`{environment}` can't be in an image".into(), Some(hint)));
    }
    if pattern.applications() > 0 && !discover {
        let hint = "write the application's name out".to_owned();
        return Err(("`{application}` can only be used with `discover`".into(), Some(hint)));
    }
    pattern.fill("a", "").parse::<ImageName>().map(drop).map_err(|error| {
        let name = text.rsplit('/').next().unwrap_or_default();
        let hint = if text.contains("://") {
            Some("write it without `https://`")
        } else if name.contains(['@', ':']) {
            Some("write it without tag and digest; `select` chooses them")
        } else if text.chars().any(char::is_uppercase) {
            Some("the path of an image is in lower case")
        } else {
            None
        };
        (format!("{} is not a valid image name: {}", quoted(text), error.rule), hint.map(Into::into))
    })
}
