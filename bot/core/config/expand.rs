//! From a config and the paths of its branches to the pipeline that they make together.
//!
//! Kept: environments in topological order (in the order of the config among equals); an application that
//! is named wins over one that is discovered; no file's image belongs to two applications.
//!
//! Work is linear in the trees and in what is found in them: a pattern looks only at the paths that begin as it
//! does, and all patterns together look at a bounded number of bytes.

mod discover;
mod files;
mod images;
mod promoted;
mod tree;

use std::collections::{BTreeMap, HashMap};

use self::{files::Files, images::Images, tree::Trees};
use super::{
    claims::{claims, overlaps},
    error::{ConfigError, Place, Problem, quoted, report},
    found::{Found, Parts},
    parse::Parsed,
    pattern::of_application,
    pipeline::{Application, FileEntry, Image, Pipeline, PromotedConfig, Stage},
    types::ApplicationRule,
};
use crate::{
    ids::{ApplicationName, BranchName, EnvironmentName},
    promoted::definition,
};

/// The most files of all applications and environments together.
const FILES: usize = 1_000_000;
/// The most paths that are named as left out.
const NOTICES: usize = 20;
/// The most bytes of paths that all patterns together are compared with.
const LOOKED_AT: usize = 200_000_000;

/// Tells the names of the images in a file of a branch; none where it can't be read.
pub type ImagesIn<'r> = dyn FnMut(&BranchName, &FileEntry) -> Vec<String> + 'r;

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
        self.expand(default_branch, trees, &mut |_, _| Vec::new()).map(|(pipeline, _)| pipeline)
    }

    /// As [`Parsed::pipeline`], with the images that stand in the files, for `match`; and beside it what was left
    /// out: paths that `discover` would match if they held a valid name, or that are ambiguous. `gantry check`
    /// shows them.
    ///
    /// # Errors
    /// As [`Parsed::pipeline`].
    pub fn expand(
        &self,
        default_branch: &BranchName,
        trees: &BTreeMap<BranchName, Vec<String>>,
        images_in: &mut ImagesIn<'_>,
    ) -> Result<(Pipeline, Vec<ConfigError>), Vec<ConfigError>> {
        let environments = self.stages(default_branch);
        let trees = Trees::of(trees);
        let mut work = Expansion::new(self, &environments, &trees);
        work.named();
        for (index, rule) in self.config.applications.iter().enumerate() {
            if let Some(discover) = &rule.discover {
                work.discover(index, rule, discover.as_slice());
            }
        }
        work.configs();
        work.renamed();
        for (rule, message) in overlaps(&environments, &work.found) {
            let hint = "promote only files that nothing else writes; `keep` leaves files of a folder out";
            work.config_problem(rule, message, Some(hint.into()));
        }
        work.joins();
        work.images_found(images_in);
        for (rule, message) in claims(&environments, &work.found) {
            let hint = "remove the file or the image from one of them, or limit one by `environments`";
            work.problem(rule, message, Some(hint.into()));
        }
        let Expansion { found, problems, notices, .. } = work;
        if !problems.is_empty() {
            return Err(report(&self.file, problems));
        }
        let named = |Found { application, .. }: Found| (application.name.clone(), application);
        let applications: BTreeMap<ApplicationName, Application> = found.into_iter().map(named).collect();
        let names =
            applications.values().flat_map(|app| app.was.iter().map(|old| (old.clone(), app.name.clone())));
        let renamed = names.collect();
        Ok((Pipeline { environments, applications, renamed }, report(&self.file, notices)))
    }

    /// Whether images are to be found in files, so that a change of one may change the pipeline.
    #[must_use]
    pub fn finds_images(&self) -> bool {
        self.config.applications.iter().flat_map(|rule| &rule.images).any(|image| image.matches.is_some())
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
                first: environment.first.unwrap_or_default(),
                gates: environment.gates.clone(),
            });
        }
        stages
    }
}

struct Expansion<'a> {
    parsed: &'a Parsed,
    stages: &'a [Stage],
    trees: &'a Trees<'a>,
    /// The names that paths have for each environment, its own first.
    spellings: HashMap<&'a EnvironmentName, Vec<&'a str>>,
    found: Vec<Found>,
    /// The index in `found` of each name.
    by_name: HashMap<String, usize>,
    files: usize,
    /// How many bytes patterns may still be compared with.
    left: usize,
    problems: Vec<Problem>,
    notices: Vec<Problem>,
}

impl<'a> Expansion<'a> {
    fn new(parsed: &'a Parsed, stages: &'a [Stage], trees: &'a Trees<'a>) -> Self {
        let spellings = parsed.config.environments.iter().map(|environment| {
            let all = std::iter::once(&environment.name).chain(&environment.also);
            (&environment.name, all.map(EnvironmentName::as_str).collect())
        });
        Self {
            parsed,
            stages,
            trees,
            spellings: spellings.collect(),
            found: Vec::new(),
            by_name: HashMap::new(),
            files: 0,
            left: LOOKED_AT,
            problems: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// The stages of a rule: those it is limited to, or all.
    fn stages_of(&self, rule: &'a ApplicationRule) -> impl Iterator<Item = &'a Stage> + use<'a> {
        let limit = rule.environments.as_ref();
        self.stages.iter().filter(move |stage| limit.is_none_or(|names| names.contains(&stage.name)))
    }

    /// The names that paths have for an environment, its own first.
    fn spellings_of(&self, stage: &Stage) -> Vec<&'a str> {
        self.spellings.get(&stage.name).cloned().unwrap_or_default()
    }

    /// The applications with a name of their own.
    fn named(&mut self) {
        for (index, rule) in self.parsed.config.applications.iter().enumerate() {
            let (Some(name), None, Some(files)) = (&rule.name, &rule.discover, Files::of(rule)) else {
                continue;
            };
            // Validation has read it as one.
            let Ok(name) = name.parse::<ApplicationName>() else { continue };
            let parts = of_application(name.as_str());
            let mut by_environment = BTreeMap::new();
            for stage in self.stages_of(rule) {
                let Some(patterns) = files.of_stage(stage) else { continue };
                if !self.room(index, patterns.len()) {
                    return;
                }
                let entries = self.entries(index, patterns, &parts, stage);
                by_environment.insert(stage.name.clone(), entries);
            }
            let images = Images::of(self.parsed, index);
            if let Some(own) = images.for_application(&parts) {
                self.add(index, rule, name, parts, (&images, own), by_environment);
            }
        }
    }

    /// A name that an application had before is nobody's now.
    fn renamed(&mut self) {
        let taken = |found: &Found| {
            let used = found.application.was.iter().find(|old| self.by_name.contains_key(old.as_str()))?;
            Some((found.rule, format!("{} is the name of another application", quoted(used.as_str()))))
        };
        for (rule, message) in self.found.iter().filter_map(taken).collect::<Vec<_>>() {
            let hint = "an application that is still found can't be this one under an old name";
            self.problem(rule, message, Some(hint.into()));
        }
    }

    fn add(
        &mut self,
        index: usize,
        rule: &ApplicationRule,
        name: ApplicationName,
        parts: Parts,
        (patterns, images): (&Images<'_>, Vec<Image>),
        files: BTreeMap<EnvironmentName, Vec<FileEntry>>,
    ) -> usize {
        let at = self.found.len();
        self.by_name.insert(name.as_str().to_owned(), at);
        let config = (!rule.config.is_empty()).then(|| {
            let items = rule.config.iter();
            let texts = items
                .flat_map(|item| [item.path()].into_iter().chain(item.keep().iter().map(String::as_str)));
            PromotedConfig { definition: definition(texts), entries: BTreeMap::new() }
        });
        let refs = images::refs(rule, &parts);
        let matches = patterns.matches(&parts);
        let (was, source) = (rule.was.clone(), rule.source.clone());
        let application = Application { name, was, source, images, refs, files, config };
        self.found.push(Found { application, rule: index, parts, matches });
        at
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

    /// Takes what it costs to compare a pattern with a path, or records that it is too much.
    fn look_at(&mut self, rule: usize, path: &str) -> bool {
        match self.left.checked_sub(path.len()) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                if self.left > 0 {
                    self.left = 0;
                    let hint = "begin patterns with the folder that they are for".to_owned();
                    let message = "the patterns of all applications look at too many files together";
                    self.problem(rule, message.to_owned(), Some(hint));
                }
                false
            }
        }
    }

    fn at(&self, rule: usize) -> (Place, String) {
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
