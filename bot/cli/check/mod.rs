//! `gantry check`: is `gantry.yaml` sound, and every overlay that it names?
//!
//! It reads a folder, not Git: what stands there now is what is checked, before it is committed. What it
//! says of an overlay is what the server would say ([`crate::place`]).

mod empty;
mod folder;
mod links;
mod promoted;
mod rejections;
mod report;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use gantry_core::{
    config::{
        self, ConfigError,
        kinds::FileKind,
        pipeline::{Application, FileEntry, Pipeline},
    },
    ids::{BranchName, ImageName},
    reason::Problem,
};
use serde::Serialize;

use self::{
    empty::Empty,
    folder::{Content, Folder},
    links::Links,
};
use super::{error::CliError, screen::Screen};
use crate::place;

const EXAMPLES: &str = "\
Examples:
  gantry check                         this folder
  gantry check infra -o json
  gantry check -o sarif > gantry.sarif    for code scanning

Under GitHub Actions each problem becomes an annotation too. Exit codes: 0 sound, 2 problems.";

/// The config's name in a folder.
const FILE: &str = "gantry.yaml";

/// The form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One line for each problem, for people and editors.
    Table,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// Checks gantry.yaml and every overlay that it names.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// The folder of the infra repository.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The branch that the folder holds; read from .git when left out. Environments on other branches are
    /// not checked.
    #[arg(long, value_name = "NAME")]
    branch: Option<BranchName>,
    /// The form of the report [default: table].
    #[arg(short, long, value_enum)]
    output: Option<Form>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// It must be mended.
    Error,
    /// Good to know.
    Note,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    level: Level,
    /// Which check found it: `config`, `left-out`, `branch`, `yaml`, `overlay`, `link`, `blocked`, `behind`, `empty`,
    /// `config-file`, `config-key`, `rejections`.
    rule: &'static str,
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
    hint: Option<String>,
}

/// What was found, and how much was looked at.
#[derive(Debug, Default, Serialize)]
struct Report {
    findings: Vec<Finding>,
    environments: usize,
    applications: usize,
    files: usize,
}

impl Report {
    fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::Error).count()
    }
}

pub(super) fn run(args: &CheckArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let report = check(args)?;
    report::show(&report, args, screen)?;
    Ok(if report.errors() == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn check(args: &CheckArgs) -> Result<Report, CliError> {
    let mut folder = Folder::open(&args.dir)?;
    let mut report = Report::default();
    let bytes = match folder.read(FILE) {
        Content::Bytes(bytes) => bytes.to_vec(),
        Content::Missing => {
            return Err(CliError::config(format!("there is no {FILE} in {}", args.dir.display()))
                .hint("Name the root of the infra repository: `gantry check DIR`."));
        }
        Content::NoFile(what) => {
            return Err(CliError::config(place::not_a_file(FILE, what).to_string()));
        }
        Content::Unreadable(error) => return Err(CliError::config(format!("{FILE}: {error}"))),
    };
    let rejected = rejections::read(&mut folder).unwrap_or_else(|findings| {
        report.findings.extend(findings);
        Vec::new()
    });
    let parsed = match config::parse(&bytes, FILE) {
        Ok(parsed) => parsed,
        Err(errors) => {
            report.findings.extend(errors.into_iter().map(|error| of_config(error, Level::Error)));
            return Ok(report);
        }
    };
    let here = args.branch.clone().or_else(|| folder.branch());
    let default = here.clone().unwrap_or_else(main_branch);
    let trees = BTreeMap::from([(default.clone(), folder.paths().to_vec())]);
    let mut images = BTreeMap::new();
    let mut images_in = |_: &BranchName, entry: &FileEntry| -> Vec<String> {
        let read = (entry.path.clone(), entry.kind, entry.key.clone());
        let names = images.entry(read).or_insert_with(|| match folder.read(&entry.path) {
            Content::Bytes(bytes) => place::image_names(entry, bytes),
            Content::Missing | Content::NoFile(_) | Content::Unreadable(_) => Vec::new(),
        });
        names.clone()
    };
    match parsed.expand(&default, &trees, &mut images_in) {
        Ok((pipeline, notices)) => {
            report.findings.extend(notices.into_iter().map(|error| of_config(error, Level::Note)));
            report.findings.extend(rejections::idle(&rejected, &pipeline));
            overlays(&pipeline, &default, &mut folder, &mut report);
        }
        Err(errors) => {
            report.findings.extend(errors.into_iter().map(|error| of_config(error, Level::Error)));
        }
    }
    Ok(report)
}

/// The branch that is assumed where nothing tells which one the folder holds.
fn main_branch() -> BranchName {
    match "main".parse() {
        Ok(name) => name,
        Err(_) => unreachable!("`main` is a branch name"),
    }
}

/// Checks every overlay of the environments on this branch.
fn overlays(pipeline: &Pipeline, here: &BranchName, folder: &mut Folder, report: &mut Report) {
    report.applications = pipeline.applications.len();
    let mut files = References::default();
    let mut links = Links::default();
    let mut empty = Empty::default();
    for stage in &pipeline.environments {
        if stage.branch != *here {
            report.findings.push(Finding {
                level: Level::Note,
                rule: "branch",
                file: FILE.to_owned(),
                line: None,
                column: None,
                message: format!(
                    "environment {} is on branch {} and was not checked: this folder holds {here}",
                    stage.name, stage.branch
                ),
                hint: Some(format!("Check it out and run `gantry check --branch {}`.", stage.branch)),
            });
            continue;
        }
        report.environments += 1;
        for application in pipeline.applications.values() {
            let Some(entries) = application.files.get(&stage.name) else { continue };
            let starts = pipeline.upstream(application, stage).is_empty();
            report.findings.extend(promoted::check(application, stage, starts, folder));
            let mut references = Vec::with_capacity(entries.len());
            for entry in entries {
                let path = entry.path.as_str();
                if gantry_edit::detect(path, b"") == Some(gantry_edit::Kind::Kustomization) {
                    links.follow(path, folder, report);
                }
                match folder.read(path) {
                    Content::Bytes(bytes) => match files.of(application, entry, bytes, report) {
                        Some(found) => {
                            empty.note(application, entry, &found);
                            if let Err(problem) = place::rehearse(application, entry, bytes, &found) {
                                report.findings.push(of_place(problem, "overlay"));
                            }
                            references.push((entry, found));
                        }
                        None => continue,
                    },
                    Content::Missing => {
                        let problem = place::missing(path, "in this folder", &application.name);
                        report.findings.push(of_place(problem, "overlay"));
                    }
                    // Nobody named it.
                    Content::NoFile(_) if entry.by_pattern => references.push((entry, Vec::new())),
                    Content::NoFile(what) => {
                        report.findings.push(of_place(place::not_a_file(path, what), "overlay"));
                    }
                    Content::Unreadable(error) => {
                        let mut problem = place::missing(path, "", &application.name);
                        problem.message = format!("can't be read: {error}");
                        report.findings.push(of_place(problem, "overlay"));
                    }
                }
            }
            // With a file that can't be read, an image that is not found may well be in it.
            if references.len() == entries.len() {
                match place::find(application, &references) {
                    Ok(contents) => report.findings.extend(
                        contents
                            .notes
                            .into_iter()
                            .map(|note| Finding { level: Level::Note, ..of_place(note, "behind") }),
                    ),
                    Err(problem) => report.findings.push(of_place(problem, "overlay")),
                }
            }
        }
    }
    report.findings.extend(empty.findings());
    report.files = files.known.keys().map(|(path, ..)| path).collect::<BTreeSet<_>>().len();
    for finding in &mut report.findings {
        let place = (finding.file.clone(), finding.line, finding.column);
        if finding.hint.is_none() && files.followable.contains(&place) {
            finding.hint = Some(FOLLOW.to_owned());
        }
    }
    // Stable: what is an error for one application and a note for another is an error.
    report.findings.sort_by_key(|finding| finding.level != Level::Error);
    let mut seen = std::collections::HashSet::new();
    report.findings.retain(|finding| {
        seen.insert((finding.file.clone(), finding.line, finding.column, finding.message.clone()))
    });
}

/// The way out where a value is repeated by aliases.
const FOLLOW: &str = "All that repeats the value is of the same image: write the file as `{path: …, anchors: \
                      follow}` in gantry.yaml, and it is written where its anchor stands.";

/// The references of the files so far: a file that many applications share is read once.
#[derive(Default)]
struct References {
    known: BTreeMap<Read, Option<Vec<gantry_edit::Reference>>>,
    /// Where references stand that could be edited with `anchors: follow`: file, line and column.
    followable: BTreeSet<(String, Option<usize>, Option<usize>)>,
}

/// A path, and as what it is read: kind, key, image, and whether anchors are followed.
type Read = (String, Option<FileKind>, Option<String>, Option<ImageName>, bool);

impl References {
    /// The references of a file; `None` where it is broken, which is reported the first time.
    fn of(
        &mut self,
        application: &Application,
        entry: &FileEntry,
        bytes: &[u8],
        report: &mut Report,
    ) -> Option<Vec<gantry_edit::Reference>> {
        let path = entry.path.as_str();
        let (key, image) = (entry.key.clone(), entry.image.clone());
        let read = (path.to_owned(), entry.kind, key, image, entry.follow_anchors);
        if let Some(known) = self.known.get(&read) {
            return known.clone();
        }
        let sound = if may_be_yaml(entry) { gantry_edit::check(bytes) } else { Ok(()) };
        let found = match sound {
            Ok(()) => {
                place::references(application, entry, bytes).map_err(|problem| of_place(problem, "overlay"))
            }
            Err(refusal) => Err(of_place(place::refused(path, &refusal), "yaml")),
        };
        let found = found.map_err(|finding| report.findings.push(finding)).ok();
        let blocked = found.iter().flatten().filter_map(|reference| reference.blocked.as_ref());
        report.findings.extend(blocked.map(|refusal| {
            // An error only for who means to promote it, which `place::find` tells.
            Finding { level: Level::Note, ..of_place(place::refused(path, refusal), "blocked") }
        }));
        self.note_followable(application, entry, bytes, found.as_deref().unwrap_or_default());
        self.known.insert(read, found.clone());
        found
    }

    /// Remembers which of the references are blocked only because anchors are not followed.
    fn note_followable(
        &mut self,
        application: &Application,
        entry: &FileEntry,
        bytes: &[u8],
        found: &[gantry_edit::Reference],
    ) {
        if entry.follow_anchors || found.iter().all(|reference| reference.blocked.is_none()) {
            return;
        }
        let followed = FileEntry { follow_anchors: true, ..entry.clone() };
        let followed = place::references(application, &followed, bytes).unwrap_or_default();
        for (refused, followed) in found.iter().zip(&followed) {
            if let (Some(refusal), None) = (&refused.blocked, &followed.blocked) {
                self.followable.insert((entry.path.clone(), refusal.line, refusal.column));
            }
        }
    }
}

/// Whether the file is to be sound YAML: what it is said to be, else what its name says.
fn may_be_yaml(entry: &FileEntry) -> bool {
    let named = || {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        !name.contains('.') || name.ends_with(".yaml") || name.ends_with(".yml")
    };
    entry.kind.map_or_else(named, FileKind::is_yaml)
}

fn of_config(error: ConfigError, level: Level) -> Finding {
    let ConfigError { file, line, column, key, message, hint } = error;
    let message = if key.is_empty() { message } else { format!("{key}: {message}") };
    let rule = if level == Level::Error { "config" } else { "left-out" };
    Finding { level, rule, file, line: Some(line), column: Some(column), message, hint }
}

fn of_place(problem: Problem, rule: &'static str) -> Finding {
    let Problem { file, line, column, message, owner: _ } = problem;
    Finding { level: Level::Error, rule, file: file.unwrap_or_default(), line, column, message, hint: None }
}
