//! From a config and the paths of its branches to the pipeline that they make together.
//!
//! Kept: environments in topological order (in the order of the config among equals); an application that
//! is named wins over one that is discovered; no file's image belongs to two applications.

mod promoted;

use std::collections::{BTreeMap, HashMap};

use super::{
    claims::{claims, overlaps},
    error::{ConfigError, Problem, quoted, report},
    files::{Anchors, FileItem},
    found::Found,
    kinds::FileKind,
    parse::Parsed,
    pattern::Pattern,
    pipeline::{Application, FileEntry, Image, Pipeline, PromotedConfig, Stage},
    types::{ApplicationRule, ImageRule, Write},
};
use crate::{
    ids::{ApplicationName, BranchName, EnvironmentName},
    promoted::definition,
    select::Selector,
};

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
        work.configs();
        work.renamed();
        for (rule, message) in overlaps(&environments, &work.found) {
            let hint = "promote only files that nothing else writes; `keep` leaves files of a folder out";
            work.config_problem(rule, message, Some(hint.into()));
        }
        work.joins();
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

/// The images of a rule, ready to be made those of an application.
struct Images<'a>(Vec<(Pattern, &'a Selector, Write)>);

impl<'a> Images<'a> {
    fn of(parsed: &'a Parsed, rule: usize) -> Self {
        let images = parsed.config.applications[rule].images.iter().zip(&parsed.selectors[rule]);
        // Validation has read each of them as a pattern.
        let pattern = |(image, select): (&ImageRule, &'a Selector)| {
            Some((Pattern::text(&image.image).ok()?, select, image.write))
        };
        Self(images.filter_map(pattern).collect())
    }

    /// `None` where the application's name makes no valid image.
    fn for_application(&self, name: &ApplicationName) -> Option<Vec<Image>> {
        let image = |(pattern, select, write): &(Pattern, &Selector, Write)| {
            let image = pattern.fill(name.as_str(), "").parse().ok()?;
            Some(Image { image, entry: None, together: None, select: (*select).clone(), write: *write })
        };
        self.0.iter().map(image).collect()
    }
}

/// The files of a rule, ready to be made those of an application in an environment.
struct Files(Vec<FilePattern>);

struct FilePattern {
    path: Pattern,
    kind: Option<FileKind>,
    key: Option<String>,
    image: Option<Pattern>,
    follow_anchors: bool,
}

impl Files {
    /// `None` where a rule with `discover` names none: its files are those that it finds.
    fn of(rule: &ApplicationRule) -> Option<Self> {
        // Validation has read each of them as a pattern.
        let only = match &rule.images[..] {
            [only] => Pattern::text(&only.image).ok(),
            _ => None,
        };
        let pattern = |item: &FileItem| {
            let path = Pattern::path(item.path()).ok()?;
            Some(match item {
                FileItem::Path(_) => {
                    FilePattern { path, kind: None, key: None, image: only.clone(), follow_anchors: false }
                }
                FileItem::Entry(rule) => FilePattern {
                    path,
                    kind: rule.kind,
                    key: rule.key.clone(),
                    image: rule.image.as_ref().map_or(only.clone(), |image| Pattern::text(image).ok()),
                    follow_anchors: rule.anchors == Anchors::Follow,
                },
            })
        };
        rule.files.as_ref().map(|files| Self(files.as_slice().iter().filter_map(pattern).collect()))
    }

    fn entries(&self, application: &str, environment: &str) -> impl Iterator<Item = FileEntry> {
        self.0.iter().map(move |file| FileEntry {
            path: file.path.fill(application, environment),
            kind: file.kind,
            key: file.key.clone(),
            image: file.image.as_ref().and_then(|image| image.fill(application, "").parse().ok()),
            follow_anchors: file.follow_anchors,
        })
    }
}

struct Expansion<'a> {
    parsed: &'a Parsed,
    stages: &'a [Stage],
    found: Vec<Found>,
    /// The index in `found` of each name.
    by_name: HashMap<String, usize>,
    files: usize,
    problems: Vec<Problem>,
    notices: Vec<Problem>,
}

impl<'a> Expansion<'a> {
    fn new(parsed: &'a Parsed, stages: &'a [Stage]) -> Self {
        Self {
            parsed,
            stages,
            found: Vec::new(),
            by_name: HashMap::new(),
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
            let (Some(name), Some(files)) = (&rule.name, Files::of(rule)) else { continue };
            if !self.room(index, files.0.len() * self.stages_of(rule).count()) {
                return;
            }
            let mut by_environment = BTreeMap::new();
            for stage in self.stages_of(rule) {
                let entries = files.entries(name.as_str(), stage.name.as_str()).collect();
                by_environment.insert(stage.name.clone(), entries);
            }
            let images = Images::of(self.parsed, index);
            if let Some(images) = images.for_application(name) {
                self.add(index, rule, name.clone(), images, by_environment);
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
        images: Vec<Image>,
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
        let refs = Vec::new();
        let (was, source) = (rule.was.clone(), rule.source.clone());
        let application = Application { name, was, source, images, refs, files, config };
        self.found.push(Found { application, rule: index });
        at
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
        let (images, files) = (Images::of(self.parsed, index), Files::of(rule));
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
                if let Some((stage, name)) = found
                    && let Some(at) = self.member(index, rule, &images, name, path)
                {
                    match &files {
                        Some(files) => {
                            self.files(index, at, stage, files.entries(name, stage.name.as_str()).collect());
                        }
                        None => {
                            let image = match &self.found[at].application.images[..] {
                                [only] => Some(only.image.clone()),
                                _ => None,
                            };
                            let entry = FileEntry { image, ..FileEntry::of_path(path) };
                            self.files(index, at, stage, vec![entry]);
                        }
                    }
                }
            }
        }
    }

    /// The application that a pattern found by this path, as an index in `found`; `None` if it isn't this
    /// rule's.
    fn member(
        &mut self,
        index: usize,
        rule: &ApplicationRule,
        images: &Images<'_>,
        name: &str,
        path: &str,
    ) -> Option<usize> {
        let at = match self.by_name.get(name) {
            Some(at) => *at,
            None => {
                let Ok(parsed) = name.parse::<ApplicationName>() else {
                    self.leave_out(index, format!("{} holds no valid application name", quoted(path)));
                    return None;
                };
                let Some(images) = images.for_application(&parsed) else {
                    self.leave_out(index, format!("{} gives no valid image name", quoted(name)));
                    return None;
                };
                self.add(index, rule, parsed, images, BTreeMap::new())
            }
        };
        let other = self.found[at].rule;
        if other == index {
            return Some(at);
        }
        if self.parsed.config.applications[other].name.is_none() {
            let line = self.parsed.tree.key(&format!("applications[{other}].discover")).line;
            let hint = format!("the other one is in line {line}; name it in a rule of its own, which wins");
            self.problem(index, format!("{} is found by two rules", quoted(name)), Some(hint));
        }
        None
    }

    /// Gives an application these files in an environment, each once.
    fn files(&mut self, rule: usize, at: usize, stage: &Stage, entries: Vec<FileEntry>) {
        if self.room(rule, entries.len()) {
            let files = self.found[at].application.files.entry(stage.name.clone()).or_default();
            for entry in entries {
                if !files.contains(&entry) {
                    files.push(entry);
                }
            }
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
