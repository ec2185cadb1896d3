//! The images of an application: those that its rule names, and those that stand in its files.

use std::collections::BTreeSet;

use super::{Expansion, ImagesIn};
use crate::{
    config::{
        found::Parts,
        parse::Parsed,
        pattern::Pattern,
        pipeline::{FollowingRef, Image},
        types::{ApplicationRule, ImageRule, RefRule},
    },
    glob,
    ids::ImageName,
    select::Selector,
};

/// The most images that are found for one application.
const FOUND: usize = 100;

/// The images of a rule, ready to be made those of an application.
pub(super) struct Images<'a>(Vec<Own<'a>>);

struct Own<'a> {
    rule: &'a ImageRule,
    select: &'a Selector,
    pattern: Pattern,
}

impl<'a> Images<'a> {
    pub(super) fn of(parsed: &'a Parsed, rule: usize) -> Self {
        let images = parsed.config.applications[rule].images.iter().zip(&parsed.selectors[rule]);
        // Validation has read each of them as a pattern.
        let own = |(rule, select): (&'a ImageRule, &'a Selector)| {
            let pattern = match (&rule.image, &rule.matches) {
                (Some(image), _) => Pattern::text(image),
                (None, Some(matches)) => Pattern::images(matches),
                (None, None) => return None,
            };
            Some(Own { rule, select, pattern: pattern.ok()? })
        };
        Self(images.filter_map(own).collect())
    }

    /// The images that are named. `None` where a name of the path makes no valid image.
    pub(super) fn for_application(&self, parts: &Parts) -> Option<Vec<Image>> {
        let named = self.0.iter().filter(|own| own.rule.image.is_some());
        let image = |own: &Own<'_>| {
            Some(Image {
                image: own.pattern.fill(parts, "").parse().ok()?,
                entry: own.rule.entry.clone(),
                together: None,
                select: own.select.clone(),
                write: own.rule.write,
            })
        };
        named.map(image).collect()
    }

    /// The patterns of those that are to be found.
    pub(super) fn matches(&self, parts: &Parts) -> Vec<(usize, String)> {
        let all = self.0.iter().enumerate().filter(|(_, own)| own.rule.matches.is_some());
        all.map(|(index, own)| (index, own.pattern.fill(parts, ""))).collect()
    }
}

/// The Git references that move with the images of an application.
pub(super) fn refs(rule: &ApplicationRule, parts: &Parts) -> Vec<FollowingRef> {
    let one = |RefRule { url, follows, entry, write }: &RefRule| {
        // Validation has read each of them as a pattern.
        let fill = |text: &str| Some(Pattern::text(text).ok()?.fill(parts, ""));
        let follows = fill(follows)?.parse().ok()?;
        Some(FollowingRef { url: fill(url)?, follows, entry: entry.clone(), write: *write })
    };
    rule.refs.iter().filter_map(one).collect()
}

impl Expansion<'_> {
    /// Gives each application the images in its files that a pattern of its rule means, in the order of their
    /// names. An image that is named is not found beside that.
    pub(super) fn images_found(&mut self, images_in: &mut ImagesIn<'_>) {
        for index in 0..self.found.len() {
            let found = &mut self.found[index];
            if found.matches.is_empty() {
                continue;
            }
            let mut names: BTreeSet<String> = BTreeSet::new();
            for (environment, files) in &found.application.files {
                let Some(stage) = self.stages.iter().find(|stage| stage.name == *environment) else {
                    continue;
                };
                names.extend(files.iter().flat_map(|file| images_in(&stage.branch, file)));
            }
            let (rule, images) = (found.rule, &mut found.application.images);
            let named: BTreeSet<ImageName> = images.iter().map(|image| image.image.clone()).collect();
            let mut count = 0;
            for name in names.iter().filter_map(|name| name.parse::<ImageName>().ok()) {
                let pattern = found.matches.iter().find(|(_, pattern)| glob::matches(pattern, name.as_str()));
                let Some((own, _)) = pattern.filter(|_| !named.contains(&name)) else { continue };
                count += 1;
                if count > FOUND {
                    break;
                }
                let (rule, select) =
                    (&self.parsed.config.applications[rule].images[*own], &self.parsed.selectors[rule][*own]);
                images.push(Image {
                    image: name,
                    entry: None,
                    together: Some(*own),
                    select: select.clone(),
                    write: rule.write,
                });
            }
            if count > FOUND {
                let name = self.found[index].application.name.clone();
                let hint = "match fewer, or name the images that are promoted".to_owned();
                self.problem(rule, format!("more than {FOUND} images are found for {name}"), Some(hint));
            }
        }
    }
}
