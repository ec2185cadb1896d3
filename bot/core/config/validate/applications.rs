//! Applications: names, images, selectors, files and the environments they are limited to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Check, MANY};
use crate::{
    config::{
        error::quoted,
        files::DiscoverItem,
        pattern::{APPLICATION, Pattern},
        shapes::OneOrMany,
        types::{ApplicationRule, Environment, ImageRule, RefRule},
    },
    glob,
    ids::{ApplicationName, EnvironmentName, ImageName},
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
            if let (Some(name), None) = (&rule.name, &rule.discover) {
                self.name(&path, name);
                if let Some(earlier) = first.get(name) {
                    let hint = self.first_at(&format!("applications[{earlier}].name"));
                    let message = format!("application {} is defined twice", quoted(name));
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

    /// The name of an application that is not discovered.
    fn name(&mut self, path: &str, name: &str) {
        if let Err(error) = name.parse::<ApplicationName>() {
            let hint = name.contains('{').then(|| "placeholders can only be used with `discover`".to_owned());
            self.value(format!("{path}.name"), error.to_string(), hint);
        }
    }

    /// `name` with `files`, or `discover`.
    fn places(&mut self, path: &str, rule: &'a ApplicationRule) {
        match (&rule.name, &rule.discover) {
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
            (name, Some(discover)) => {
                if let Some(files) = &rule.files {
                    self.files(path, rule, files);
                }
                self.discover(path, rule, name.as_deref(), discover);
            }
        }
    }

    fn discover(
        &mut self,
        path: &str,
        rule: &'a ApplicationRule,
        name: Option<&str>,
        discover: &'a OneOrMany<DiscoverItem>,
    ) {
        let list = discover.as_slice();
        self.length(&format!("{path}.discover"), list.len(), MANY);
        let parts = parts_of(rule);
        for (index, item) in list.iter().enumerate() {
            let own = match discover {
                OneOrMany::One(_) => format!("{path}.discover"),
                OneOrMany::Many(_) => format!("{path}.discover[{index}]"),
            };
            let (key, limit) = match item {
                DiscoverItem::Path(_) => (own, None),
                DiscoverItem::Entry(entry) => {
                    if let Some(names) = &entry.environments {
                        self.length(&format!("{own}.environments"), names.len(), super::ENVIRONMENTS);
                        self.references(&format!("{own}.environments"), names);
                    }
                    (format!("{own}.path"), entry.environments.as_deref())
                }
            };
            let pattern = match Pattern::path(item.path()) {
                Ok(pattern) => pattern,
                Err((message, hint)) => {
                    self.value(key, message, hint);
                    continue;
                }
            };
            if name.is_none() && !pattern.has_application() {
                let hint = "put it where the application's name stands in the path".to_owned();
                self.value(key.clone(), "`{application}` is missing from the pattern", Some(hint));
            } else if let Some(missing) =
                parts.iter().find(|part| !pattern.names().any(|name| name == **part))
            {
                let message = format!("`{{{missing}}}` is missing from the pattern");
                let hint = "every pattern of a rule finds the same names".to_owned();
                self.value(key.clone(), message, Some(hint));
            }
            self.environment_in(key, rule, limit, pattern.environments() > 0);
        }
        let Some(name) = name else { return };
        let key = format!("{path}.name");
        match Pattern::text(name) {
            Err((message, hint)) => self.value(key, message, hint),
            Ok(pattern) if pattern.environments() > 0 => {
                let hint = "an application has one name in all environments".to_owned();
                self.value(key, "`{environment}` can't be in a name", Some(hint));
            }
            Ok(pattern) if pattern.names().next().is_none() => {
                let hint = "remove one; a rule with `name` wins over what `discover` finds".to_owned();
                self.key(format!("{path}.discover"), "`name` and `discover` exclude each other", Some(hint));
            }
            Ok(pattern) => {
                self.names_known(&key, rule, &pattern);
                let filled = pattern.names().map(|name| (name.to_owned(), "a".to_owned())).collect();
                if let Err(error) = pattern.fill(&filled, "").parse::<ApplicationName>() {
                    self.value(key, error.to_string(), None);
                }
            }
        }
    }

    /// Checks a path pattern of a file.
    pub(super) fn pattern(&mut self, key: String, rule: &'a ApplicationRule, text: &str, of: PathOf) {
        let pattern = match Pattern::path(text) {
            Ok(pattern) => pattern,
            Err((message, hint)) => return self.value(key, message, hint),
        };
        self.names_known(&key, rule, &pattern);
        let told = match of {
            PathOf::Files { told } => pattern.environments() > 0 || told,
            PathOf::Config => {
                if pattern.has_stars() {
                    let hint = "end the path of a folder with `/`, and keep what is not promoted".to_owned();
                    self.value(key.clone(), "`*` has no meaning in `config`", Some(hint));
                }
                pattern.environments() > 0
            }
        };
        self.environment_in(key, rule, None, told);
    }

    /// Refuses names that the rule's patterns do not find.
    fn names_known(&mut self, key: &str, rule: &ApplicationRule, pattern: &Pattern) {
        let parts = parts_of(rule);
        let Some(unknown) = pattern.names().find(|name| !parts.contains(*name)) else { return };
        let message = match (unknown, &rule.discover) {
            (APPLICATION, None) => {
                let hint = "write the application's name out".to_owned();
                let message = "`{application}` can only be used with `discover`";
                return self.value(key.to_owned(), message, Some(hint));
            }
            (_, None) => format!("{} can only be used with `discover`", quoted(&format!("{{{unknown}}}"))),
            (_, Some(_)) => format!("unknown placeholder {}", quoted(unknown)),
        };
        let known: Vec<String> = parts.iter().map(|part| format!("`{{{part}}}`")).collect();
        let hint = match known.as_slice() {
            [] => "known is `{environment}`".to_owned(),
            known => format!("known are {} and `{{environment}}`", known.join(", ")),
        };
        self.value(key.to_owned(), message, Some(hint));
    }

    /// Refuses what would be one file in two environments.
    fn environment_in(
        &mut self,
        key: String,
        rule: &'a ApplicationRule,
        limit: Option<&[EnvironmentName]>,
        told: bool,
    ) {
        if !told && let Some((one, two)) = self.shared_branch(rule, limit) {
            let (one, two) = (quoted(one.name.as_str()), quoted(two.name.as_str()));
            let message = format!("{one} and {two} are on the same branch, so this file would be in both");
            let hint = "put `{environment}` into the path, or give the environments branches of their own";
            self.value(key, message, Some(hint.into()));
        }
    }

    /// Two environments of this application that are certainly on one branch.
    fn shared_branch(
        &self,
        rule: &ApplicationRule,
        limit: Option<&[EnvironmentName]>,
    ) -> Option<(&'a Environment, &'a Environment)> {
        let own = |environment: &&Environment| {
            let limits = [rule.environments.as_deref(), limit].into_iter().flatten();
            limits.into_iter().all(|names| names.contains(&environment.name))
        };
        let mut seen = BTreeMap::new();
        self.config.environments.iter().filter(own).find_map(|environment| {
            let earlier = seen.insert(&environment.branch, environment)?;
            (earlier.name != environment.name).then_some((earlier, environment))
        })
    }

    fn images(&mut self, path: &str, rule: &'a ApplicationRule) {
        self.length(&format!("{path}.images"), rule.images.len(), MANY);
        for (index, image) in rule.images.iter().enumerate() {
            let own = format!("{path}.images[{index}]");
            match (&image.image, &image.matches) {
                (Some(name), None) => self.image(&own, rule, index, name),
                (None, Some(pattern)) => self.matches(&own, rule, image, pattern),
                (Some(_), Some(_)) => {
                    let hint = Some("remove one of them".to_owned());
                    self.key(format!("{own}.match"), "`image` and `match` exclude each other", hint);
                }
                (None, None) => {
                    let hint = "name one with `image`, or find them in the files with `match`".to_owned();
                    self.value(own, "`image` is missing", Some(hint));
                }
            }
        }
        for (index, own) in rule.refs.iter().enumerate() {
            self.reference(&format!("{path}.refs[{index}]"), rule, own);
            if rule.refs[..index].iter().any(|earlier| earlier.url == own.url) {
                let message = format!("{} stands twice in this application", quoted(&own.url));
                self.value(format!("{path}.refs[{index}].url"), message, None);
            }
        }
        if rule.refs.len() > MANY {
            self.length(&format!("{path}.refs"), rule.refs.len(), MANY);
        }
    }

    fn image(&mut self, own: &str, rule: &'a ApplicationRule, index: usize, name: &str) {
        let key = format!("{own}.image");
        let entry = &rule.images[index].entry;
        let mut earlier =
            rule.images[..index].iter().filter(|earlier| earlier.image.as_deref() == Some(name));
        // Where one is told by its entry, all are.
        if let Some(other) =
            earlier.find(|other| other.entry == *entry || other.entry.is_none() || entry.is_none())
        {
            let message = format!("image {} stands twice in this application", quoted(name));
            let hint = (other.entry != *entry).then(|| "say `entry` for each of them".to_owned());
            self.value(key.clone(), message, hint);
        }
        match Pattern::text(name).and_then(|pattern| image_pattern(name, &pattern).map(|()| pattern)) {
            Ok(pattern) => self.names_known(&key, rule, &pattern),
            Err((message, hint)) => self.value(key, message, hint),
        }
    }

    fn matches(&mut self, own: &str, rule: &'a ApplicationRule, image: &ImageRule, text: &str) {
        let key = format!("{own}.match");
        if image.entry.is_some() {
            let hint = "name the image with `image`".to_owned();
            self.key(format!("{own}.entry"), "`entry` has no meaning with `match`", Some(hint));
        }
        match Pattern::images(text) {
            Err((message, hint)) => self.value(key, message, hint),
            Ok(pattern) if pattern.environments() > 0 => {
                let hint = "one release goes through all environments, with the same images".to_owned();
                self.value(key, "`{environment}` can't be in an image", Some(hint));
            }
            Ok(pattern) if !pattern.has_stars() => {
                let hint = "write `image`, or `*` where any name is meant".to_owned();
                self.value(key, "a pattern without `*`", Some(hint));
            }
            Ok(pattern) => self.names_known(&key, rule, &pattern),
        }
    }

    /// A Git reference that moves with an image.
    fn reference(&mut self, own: &str, rule: &'a ApplicationRule, reference: &RefRule) {
        let url = &reference.url;
        let address = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let host = address.split('/').next().unwrap_or_default();
        let key = format!("{own}.url");
        if host.split_once('@').is_some_and(|(user, _)| user.contains(':')) {
            let hint = "remove them, and change the password: it is in Git".to_owned();
            self.value(key, "the URL holds credentials", Some(hint));
        } else if url.len() > 500 || !url.contains('/') || url.chars().any(|c| c.is_control() || c == ' ') {
            let hint = "write it as Git does: `https://git.example.com/shop/checkout`".to_owned();
            self.value(key, "not the address of a Git repository", Some(hint));
        } else {
            match Pattern::text(url) {
                Ok(pattern) => self.names_known(&key, rule, &pattern),
                Err((message, hint)) => self.value(key, message, hint),
            }
        }
        let named = |image: &ImageRule| {
            image.image.as_deref() == Some(reference.follows.as_str()) && image.entry == reference.entry
        };
        let found = |image: &ImageRule| {
            let pattern = image.matches.as_deref();
            pattern.is_some_and(|pattern| glob::matches(pattern, &reference.follows))
                && reference.entry.is_none()
        };
        if !rule.images.iter().any(|image| named(image) || found(image)) {
            let message = format!("{} is no image of this application", quoted(&reference.follows));
            let hint = "write it as under `images`, with its `entry` where it has one".to_owned();
            self.value(format!("{own}.follows"), message, Some(hint));
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

/// What a path pattern is of.
#[derive(Clone, Copy)]
pub(super) enum PathOf {
    /// Files that name images; `told`: something else than the path tells the environments apart.
    Files { told: bool },
    /// Config that is promoted.
    Config,
}

/// The named parts of a path that the patterns of a rule find, `application` among them.
fn parts_of(rule: &ApplicationRule) -> BTreeSet<String> {
    let items = rule.discover.as_ref().map_or(&[][..], OneOrMany::as_slice);
    let patterns = items.iter().filter_map(|item| Pattern::path(item.path()).ok());
    patterns.flat_map(|pattern| pattern.names().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Checks an image.
fn image_pattern(text: &str, pattern: &Pattern) -> Result<(), (String, Option<String>)> {
    if pattern.environments() > 0 {
        let hint = "one release goes through all environments, with the same images".to_owned();
        return Err(("`{environment}` can't be in an image".into(), Some(hint)));
    }
    let filled = pattern.names().map(|name| (name.to_owned(), "a".to_owned())).collect();
    pattern.fill(&filled, "").parse::<ImageName>().map(drop).map_err(|error| {
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
