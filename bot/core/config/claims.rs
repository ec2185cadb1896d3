//! Who may write what: no image in a file belongs to two applications, nor to two environments of one.
//!
//! Without this two promotions would overwrite each other's edit in a loop (argocd-image-updater #170).

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use super::{
    error::quoted,
    found::Found,
    pipeline::{Image, Stage},
};
use crate::{
    ids::{BranchName, EntryName, EnvironmentName, ImageName},
    promoted::ConfigEntry,
};

/// Who claims a file: an application, in an environment.
type Claimant<'a> = (&'a Found, &'a Stage);

/// A value at a key, which is written for one image.
type Key<'a> = (&'a BranchName, &'a str, &'a str);

/// Each image of a file, and each key of one, with more than one claimant: the rule of the later one, and who
/// they are.
pub(super) fn claims(stages: &[Stage], all: &[Found]) -> Vec<(usize, String)> {
    let by_name: HashMap<&EnvironmentName, &Stage> = stages.iter().map(|s| (&s.name, s)).collect();
    // Nearly every file has one claimant, so a list is made only for those that have more.
    let mut first: HashMap<(&BranchName, &str), Claimant<'_>> = HashMap::with_capacity(all.len());
    let mut shared: BTreeMap<(&BranchName, &str), Vec<Claimant<'_>>> = BTreeMap::new();
    let mut keys: HashMap<Key<'_>, Claimant<'_>> = HashMap::new();
    let mut problems = Vec::new();
    for found in all {
        for (environment, files) in &found.application.files {
            let Some(stage) = by_name.get(environment) else { continue };
            let mut seen: HashSet<&str> = HashSet::with_capacity(files.len());
            for file in files {
                if let Some(key) = &file.key
                    && let Some(other) = keys.insert((&stage.branch, &file.path, key), (found, stage))
                {
                    let what = format!("key {}", quoted(key));
                    problems.push((found.rule, told(other, (found, stage), &what, &file.path)));
                }
                if !seen.insert(&file.path) {
                    continue;
                }
                let place = (&stage.branch, file.path.as_str());
                match first.entry(place) {
                    Entry::Vacant(free) => drop(free.insert((found, stage))),
                    Entry::Occupied(taken) => {
                        shared.entry(place).or_insert_with(|| vec![*taken.get()]).push((found, stage));
                    }
                }
            }
        }
    }
    for ((_, file), claimants) in shared {
        let mut owners = Owners::default();
        let mut refs: HashMap<&str, Claimant<'_>> = HashMap::new();
        for (found, stage) in claimants {
            for image in &found.application.images {
                let Some(how) = how(found, stage, file, &image.image) else { continue };
                if let Some(other) = owners.claim(image, (found, stage), how) {
                    let what = format!("image {}", image.image);
                    problems.push((found.rule, told(other, (found, stage), &what, file)));
                }
            }
            for own in &found.application.refs {
                if let Some(other) = refs.insert(&own.url, (found, stage)) {
                    let what = format!("the Git references to {}", quoted(&own.url));
                    problems.push((found.rule, told(other, (found, stage), &what, file)));
                }
            }
        }
    }
    problems
}

/// Who has an image of one file: all of it, or one entry.
#[derive(Default)]
struct Owners<'a> {
    whole: HashMap<&'a ImageName, (Claimant<'a>, How)>,
    entries: HashMap<(&'a ImageName, &'a EntryName), Claimant<'a>>,
    /// The last that had an entry.
    any_entry: HashMap<&'a ImageName, Claimant<'a>>,
}

impl<'a> Owners<'a> {
    /// The other one that has what is claimed.
    fn claim(&mut self, image: &'a Image, by: Claimant<'a>, how: How) -> Option<Claimant<'a>> {
        let Some(entry) = &image.entry else {
            let entry = self.any_entry.get(&image.image).copied().filter(|_| how == How::Anywhere);
            let before = self.whole.insert(&image.image, (by, how));
            let before = before.filter(|(_, before)| (*before, how) != (How::AtKeys, How::AtKeys));
            return before.map(|(other, _)| other).or(entry);
        };
        self.any_entry.insert(&image.image, by);
        let before = self.entries.insert((&image.image, entry), by);
        let whole = self.whole.get(&image.image).filter(|(_, how)| *how == How::Anywhere);
        before.or(whole.map(|(other, _)| *other))
    }
}

/// How a claimant looks for an image in a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Wherever it is named.
    Anywhere,
    /// At keys only: another may have it at other keys.
    AtKeys,
}

fn how(found: &Found, stage: &Stage, file: &str, image: &ImageName) -> Option<How> {
    let entries = found.application.files.get(&stage.name).into_iter().flatten();
    let own = entries.filter(|entry| entry.path == file);
    let how = own.filter_map(|entry| match (&entry.key, &entry.image) {
        (None, _) => Some(How::Anywhere),
        (Some(_), Some(other)) if other != image => None,
        (Some(_), _) => Some(How::AtKeys),
    });
    how.min_by_key(|how| *how == How::AtKeys)
}

/// Each promoted file or folder that another application, another environment or the application's own `files`
/// write to too.
pub(super) fn overlaps(stages: &[Stage], all: &[Found]) -> Vec<(usize, String)> {
    let by_name: HashMap<&EnvironmentName, &Stage> = stages.iter().map(|s| (&s.name, s)).collect();
    let entries = || {
        all.iter().flat_map(|found| {
            let entries = found.application.config.iter().flat_map(|config| &config.entries);
            entries.flat_map(move |(name, entries)| entries.iter().map(move |entry| (found, name, entry)))
        })
    };
    let mut owners: HashMap<(&BranchName, &str), (Claimant<'_>, &ConfigEntry)> = HashMap::new();
    let mut problems = Vec::new();
    for (found, name, entry) in entries() {
        let Some(stage) = by_name.get(name) else { continue };
        if let Some((other, _)) = owners.insert((&stage.branch, entry.path.as_str()), ((found, stage), entry))
        {
            problems.push((found.rule, told(other, (found, stage), "the config", &entry.path)));
        }
    }
    if owners.is_empty() {
        return problems;
    }
    // A path is within a folder if one of its beginnings is.
    let above = |branch, begin: &str, path: &str| {
        let ends = begin.match_indices('/').map(|(at, _)| at + 1).chain([begin.len()]);
        let mut above = ends.filter_map(|end| owners.get(&(branch, begin.get(..end)?)));
        above.find(|(_, entry)| entry.within(path).is_some()).map(|(owner, _)| *owner)
    };
    for (found, name, entry) in entries() {
        let Some(stage) = by_name.get(name) else { continue };
        // The folders above it only: itself was looked at before.
        let inner = entry.path.trim_end_matches('/');
        let folder = inner.rfind('/').map_or("", |at| &entry.path[..=at]);
        if let Some(other) = above(&stage.branch, folder, &entry.path) {
            problems.push((found.rule, told(other, (found, stage), "the config", &entry.path)));
        }
    }
    for found in all {
        for (name, files) in &found.application.files {
            let Some(stage) = by_name.get(name) else { continue };
            for file in files {
                if let Some(owner) = above(&stage.branch, &file.path, &file.path) {
                    let message = format!(
                        "{} in {} names images of {} and can't be promoted byte for byte with {}",
                        quoted(&file.path),
                        stage.name,
                        found.application.name,
                        owner.0.application.name
                    );
                    problems.push((owner.0.rule, message));
                }
            }
        }
    }
    problems
}

fn told(one: Claimant<'_>, two: Claimant<'_>, what: &str, file: &str) -> String {
    let names = (&one.0.application.name, &two.0.application.name);
    let who = if names.0 == names.1 {
        format!("{} in {} and {}", quoted(names.0.as_str()), one.1.name, two.1.name)
    } else {
        format!("{} and {}", quoted(names.0.as_str()), quoted(names.1.as_str()))
    };
    format!("{who} both claim {what} in {} on branch {}", quoted(file), two.1.branch)
}
