//! From a config and the paths of its branches to the pipeline that they make together.
//!
//! Kept: environments in topological order (in the order of the config among equals); an application that
//! is named wins over one that is discovered; no file's image belongs to two applications.

use std::collections::{BTreeMap, HashMap, HashSet, btree_map::Entry};

use super::{
    error::{ConfigError, Problem, quoted, report},
    parse::Parsed,
    pattern::Pattern,
    pipeline::{Application, Image, Pipeline, Stage},
    types::ApplicationRule,
};
use crate::ids::{ApplicationName, BranchName, EnvironmentName, ImageName};

/// The most files of all applications and environments together.
const FILES: usize = 1_000_000;
/// The most paths that are named as left out.
const NOTICES: usize = 20;

impl Parsed {
    /// The pipeline for these trees: for each branch all its file paths. A branch without an entry has no
    /// files. A file that is named and isn't there is listed all the same: reading it gives the error.
    ///
    /// # Errors
    /// What can't be decided in one way: a file's image claimed by two applications, an application found
    /// by two rules.
    pub fn pipeline(
        &self,
        default_branch: &BranchName,
        trees: &BTreeMap<BranchName, Vec<String>>,
    ) -> Result<Pipeline, Vec<ConfigError>> {
        self.expand(default_branch, trees).map(|(pipeline, _)| pipeline)
    }

    /// As [`Parsed::pipeline`], and beside it what was left out: paths that `discover` would match if they
    /// held a valid name, or that are ambiguous. `gantry check` shows them.
    ///
    /// # Errors
    /// As [`Parsed::pipeline`].
    pub fn expand(
        &self,
        default_branch: &BranchName,
        trees: &BTreeMap<BranchName, Vec<String>>,
    ) -> Result<(Pipeline, Vec<ConfigError>), Vec<ConfigError>> {
        let environments = self.stages(default_branch);
        let mut work = Expansion::new(self, &environments);
        work.named();
        for (index, rule) in self.config.applications.iter().enumerate() {
            if let Some(discover) = &rule.discover {
                work.discover(index, rule, discover, trees);
            }
        }
        work.claims();
        let Expansion { applications, problems, notices, .. } = work;
        if !problems.is_empty() {
            return Err(report(&self.file, problems));
        }
        let applications = applications.into_iter().map(|(name, found)| (name, found.application)).collect();
        Ok((Pipeline { environments, applications }, report(&self.file, notices)))
    }

    /// Each stage after all of its `after`; of those that could be next, the first in the config.
    fn stages(&self, default_branch: &BranchName) -> Vec<Stage> {
        let mut stages: Vec<Stage> = Vec::with_capacity(self.config.environments.len());
        let mut open: Vec<_> = self.config.environments.iter().collect();
        while !open.is_empty() {
            let ready = |name: &EnvironmentName| stages.iter().any(|stage| stage.name == *name);
            // Validation has refused cycles, so there is always one.
            let next = open.iter().position(|environment| environment.after.iter().all(ready)).unwrap_or(0);
            let environment = open.remove(next);
            stages.push(Stage {
                name: environment.name.clone(),
                after: environment.after.clone(),
                branch: environment.branch.clone().unwrap_or_else(|| default_branch.clone()),
                delivery: environment.delivery,
                merge: environment.merge.unwrap_or_default(),
                gates: environment.gates.clone(),
            });
        }
        stages
    }
}

/// An application and the rule that it comes from.
struct Found {
    application: Application,
    rule: usize,
}

struct Expansion<'a> {
    parsed: &'a Parsed,
    stages: &'a [Stage],
    applications: BTreeMap<ApplicationName, Found>,
    files: usize,
    problems: Vec<Problem>,
    notices: Vec<Problem>,
}

impl<'a> Expansion<'a> {
    fn new(parsed: &'a Parsed, stages: &'a [Stage]) -> Self {
        Self {
            parsed,
            stages,
            applications: BTreeMap::new(),
            files: 0,
            problems: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// The stages of a rule: those it is limited to, or all.
    fn stages_of(&self, rule: &'a ApplicationRule) -> impl Iterator<Item = &'a Stage> + use<'a> {
        let limit = rule.environments.as_ref();
        self.stages.iter().filter(move |stage| limit.is_none_or(|names| names.contains(&stage.name)))
    }

    /// The applications with a name of their own.
    fn named(&mut self) {
        for (index, rule) in self.parsed.config.applications.iter().enumerate() {
            let (Some(name), Some(files)) = (&rule.name, &rule.files) else { continue };
            let patterns: Vec<_> =
                files.as_slice().iter().filter_map(|text| Pattern::path(text).ok()).collect();
            if !self.room(index, patterns.len() * self.stages_of(rule).count()) {
                return;
            }
            let mut by_environment = BTreeMap::new();
            for stage in self.stages_of(rule) {
                let fill = |pattern: &Pattern| pattern.fill(name.as_str(), stage.name.as_str());
                by_environment.insert(stage.name.clone(), patterns.iter().map(fill).collect());
            }
            if let Some(images) = self.images_of(index, name) {
                let application = Application {
                    name: name.clone(),
                    source: rule.source.clone(),
                    images,
                    files: by_environment,
                };
                self.applications.insert(name.clone(), Found { application, rule: index });
            }
        }
    }

    /// The images of a rule for this application; `None` where its name makes no valid image.
    fn images_of(&self, rule: usize, name: &ApplicationName) -> Option<Vec<Image>> {
        let images = self.parsed.config.applications[rule].images.iter();
        images
            .zip(&self.parsed.selectors[rule])
            .map(|(image, select)| {
                let text = Pattern::text(&image.image).ok()?.fill(name.as_str(), "");
                let image_name: ImageName = text.parse().ok()?;
                Some(Image { image: image_name, select: select.clone(), write: image.write })
            })
            .collect()
    }

    /// The applications that a pattern finds. Where environments' names overlap (`prod`, `eu-prod`), the
    /// longest one that fits a path is meant.
    fn discover(
        &mut self,
        index: usize,
        rule: &'a ApplicationRule,
        discover: &str,
        trees: &BTreeMap<BranchName, Vec<String>>,
    ) {
        let Ok(pattern) = Pattern::path(discover) else { return };
        let mut by_branch: BTreeMap<&BranchName, Vec<(&Stage, String, String)>> = BTreeMap::new();
        for stage in self.stages_of(rule) {
            let (before, after) = pattern.around(stage.name.as_str());
            by_branch.entry(&stage.branch).or_default().push((stage, before, after));
        }
        for (branch, mut stages) in by_branch {
            stages.sort_by_key(|(stage, ..)| std::cmp::Reverse(stage.name.as_str().len()));
            for path in trees.get(branch).into_iter().flatten() {
                let found = stages.iter().find_map(|(stage, before, after)| {
                    let name = path.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
                    (!name.is_empty() && !name.contains('/')).then_some((*stage, name))
                });
                if let Some((stage, name)) = found {
                    self.found(index, rule, stage, name, path);
                }
            }
        }
    }

    fn found(&mut self, index: usize, rule: &ApplicationRule, stage: &Stage, name: &str, path: &str) {
        let Ok(name) = name.parse::<ApplicationName>() else {
            return self.leave_out(index, format!("{} holds no valid application name", quoted(path)));
        };
        let earlier = self.applications.get(&name).map(|found| found.rule);
        match earlier {
            Some(other) if self.parsed.config.applications[other].name.is_some() => return,
            Some(other) if other != index => {
                let line = self.parsed.tree.key(&format!("applications[{other}].discover")).line;
                let hint =
                    format!("the other one is in line {line}; name it in a rule of its own, which wins");
                let message = format!("{} is found by two rules", quoted(name.as_str()));
                return self.problem(index, message, Some(hint));
            }
            Some(_) => {}
            None => {
                let Some(images) = self.images_of(index, &name) else {
                    let message = format!("{} gives no valid image name", quoted(name.as_str()));
                    return self.leave_out(index, message);
                };
                let application = Application {
                    name: name.clone(),
                    source: rule.source.clone(),
                    images,
                    files: BTreeMap::new(),
                };
                self.applications.insert(name.clone(), Found { application, rule: index });
            }
        }
        if !self.room(index, 1) {
            return;
        }
        if let Entry::Occupied(mut found) = self.applications.entry(name) {
            let files = found.get_mut().application.files.entry(stage.name.clone()).or_default();
            if !files.iter().any(|own| own == path) {
                files.push(path.to_owned());
            }
        }
    }

    /// No image in a file may belong to two applications, nor to two environments of one.
    fn claims(&mut self) {
        let mut claims: HashMap<(&BranchName, &str), Vec<(&Found, &Stage)>> = HashMap::new();
        for found in self.applications.values() {
            for (environment, files) in &found.application.files {
                let Some(stage) = self.stages.iter().find(|stage| stage.name == *environment) else {
                    continue;
                };
                for file in files {
                    claims.entry((&stage.branch, file)).or_default().push((found, stage));
                }
            }
        }
        let mut problems = Vec::new();
        let mut told = HashSet::new();
        for ((branch, file), claimants) in claims.iter().filter(|(_, claimants)| claimants.len() > 1) {
            let mut owners: HashMap<&ImageName, (&Found, &Stage)> = HashMap::new();
            for (found, stage) in claimants {
                for image in &found.application.images {
                    let Some((other, elsewhere)) = owners.insert(&image.image, (found, stage)) else {
                        continue;
                    };
                    let (one, two) = (&other.application.name, &found.application.name);
                    if !told.insert((one, two, &image.image, file)) {
                        continue;
                    }
                    let who = if one == two {
                        format!("{} in {} and {}", quoted(one.as_str()), elsewhere.name, stage.name)
                    } else {
                        format!("{} and {}", quoted(one.as_str()), quoted(two.as_str()))
                    };
                    let message = format!(
                        "{who} both claim image {} in {} on branch {branch}",
                        image.image,
                        quoted(file)
                    );
                    problems.push((found.rule, message));
                }
            }
        }
        for (rule, message) in problems {
            let hint = "remove the file or the image from one of them, or limit one by `environments`";
            self.problem(rule, message, Some(hint.into()));
        }
    }

    /// Takes room for so many more files, or records that there is none.
    fn room(&mut self, rule: usize, files: usize) -> bool {
        if self.files + files > FILES {
            self.problem(rule, format!("more than {FILES} files in all applications together"), None);
            return false;
        }
        self.files += files;
        true
    }

    fn at(&self, rule: usize) -> (super::error::Place, String) {
        let path = format!("applications[{rule}]");
        let key = match &self.parsed.config.applications[rule].discover {
            Some(_) => format!("{path}.discover"),
            None => format!("{path}.files"),
        };
        (self.parsed.tree.value(&key), key)
    }

    fn problem(&mut self, rule: usize, message: String, hint: Option<String>) {
        let (place, key) = self.at(rule);
        self.problems.push(Problem { place, key, message, hint });
    }

    fn leave_out(&mut self, rule: usize, message: String) {
        if self.notices.len() < NOTICES {
            let (place, key) = self.at(rule);
            let hint = Some("rename it, or name the application in a rule of its own".into());
            self.notices.push(Problem { place, key, message, hint });
        }
    }
}
