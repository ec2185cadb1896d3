//! Who may write what: no image in a file belongs to two applications, nor to two environments of one.
//!
//! Without this two promotions would overwrite each other's edit in a loop (argocd-image-updater #170).

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use super::{error::quoted, expand::Found, pipeline::Stage};
use crate::ids::{BranchName, EnvironmentName, ImageName};

/// Who claims a file: an application, in an environment.
type Claimant<'a> = (&'a Found, &'a Stage);

/// Each image of a file with more than one claimant: the rule of the later one, and who they are.
pub(super) fn claims(stages: &[Stage], all: &[Found]) -> Vec<(usize, String)> {
    let by_name: HashMap<&EnvironmentName, &Stage> = stages.iter().map(|s| (&s.name, s)).collect();
    // Nearly every file has one claimant, so a list is made only for those that have more.
    let mut first: HashMap<(&BranchName, &str), Claimant<'_>> = HashMap::with_capacity(all.len());
    let mut shared: BTreeMap<(&BranchName, &str), Vec<Claimant<'_>>> = BTreeMap::new();
    for found in all {
        for (environment, files) in &found.application.files {
            let Some(stage) = by_name.get(environment) else { continue };
            for file in files {
                let place = (&stage.branch, file.as_str());
                match first.entry(place) {
                    Entry::Vacant(free) => drop(free.insert((found, stage))),
                    Entry::Occupied(taken) => {
                        shared.entry(place).or_insert_with(|| vec![*taken.get()]).push((found, stage));
                    }
                }
            }
        }
    }
    let mut problems = Vec::new();
    for ((branch, file), claimants) in shared {
        let mut owners: HashMap<&ImageName, Claimant<'_>> = HashMap::new();
        for (found, stage) in claimants {
            for image in &found.application.images {
                let Some((other, elsewhere)) = owners.insert(&image.image, (found, stage)) else {
                    continue;
                };
                let (one, two) = (&other.application.name, &found.application.name);
                let who = if one == two {
                    format!("{} in {} and {}", quoted(one.as_str()), elsewhere.name, stage.name)
                } else {
                    format!("{} and {}", quoted(one.as_str()), quoted(two.as_str()))
                };
                let message =
                    format!("{who} both claim image {} in {} on branch {branch}", image.image, quoted(file));
                problems.push((found.rule, message));
            }
        }
    }
    problems
}
