//! `gantry verify`: is every promotion in a repository one of Gantry's own? An auditor's tool, without a server.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use gantry_core::{ids::BranchName, reason::Problem};
use serde::Serialize;

use super::{
    error::CliError,
    screen::{Paint, Screen},
    table::{Cell, Column, Table},
    text,
};
use crate::{
    git::{Borrowed, Remote},
    observe::audit::{Audited, NoAudit, audit},
    seal::{self, PublicKey, Trust},
    settings::Settings,
};

const EXAMPLES: &str = "\
Examples:
  gantry verify --key ed25519:…                    this clone
  gantry verify infra.git --settings settings.yaml
  gantry verify --key ed25519:… -o json

`gantry seal show` prints a server's public key. Exit codes: 0 every promotion is believed, 1 one is not,
2 wrong command line or file.";

/// The form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One line for each promotion.
    Table,
    /// JSON.
    Json,
}

/// Says of each promotion in a repository whether its record is sealed, and whether the files hold what it says.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct VerifyArgs {
    /// A clone of the infra repository, or a bare one.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// A public key whose seals are believed. May be given several times.
    #[arg(long = "key", value_name = "PUBLIC_KEY")]
    keys: Vec<PublicKey>,
    /// A server's settings, whose keys are believed.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// The repository's identity in seals; host and path of the clone's origin when left out.
    #[arg(long, value_name = "IDENTITY")]
    repository: Option<String>,
    /// The branch with gantry.yaml; the repository's default branch when left out.
    #[arg(long, value_name = "NAME")]
    branch: Option<BranchName>,
    /// The form of the report.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Form,
}

/// A promotion in the report.
#[derive(Debug, Serialize)]
struct Line<'a> {
    branch: &'a str,
    commit: &'a str,
    at: String,
    author: &'a str,
    application: &'a str,
    environment: &'a str,
    version: &'a str,
    release: &'a str,
    /// The id of the key.
    sealed_by: Option<&'a str>,
    /// Whether the files hold what the record says; null where that can't be told.
    files_match: Option<bool>,
    believed: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    repository: &'a str,
    promotions: Vec<Line<'a>>,
    believed: usize,
    not_believed: usize,
}

pub(super) fn run(args: &VerifyArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let mut keys = args.keys.clone();
    let mut identity = args.repository.clone();
    if let Some(file) = &args.settings {
        let settings = Settings::load(file, &|name| std::env::var(name).ok())
            .map_err(|error| CliError::config(error.to_string()))?;
        keys.extend(settings.trusted.iter().cloned());
        // An auditor may have the settings without the key; then its public half has to be among the trusted ones.
        if settings.seal_key.exists() {
            let key = seal::load(&settings.seal_key).map_err(|error| CliError::config(error.to_string()))?;
            keys.push(key.public().clone());
        }
        if let [one] = settings.repositories.as_slice() {
            identity = identity.or_else(|| {
                let entry = &one.entry;
                entry
                    .identity
                    .clone()
                    .or_else(|| Remote::new(&entry.url).ok().map(|remote| remote.identity()))
            });
        }
    }
    if keys.is_empty() {
        let hint = "Give --key with the line that `gantry seal show` prints, or --settings.";
        return Err(CliError::usage("no key is given whose seals are to be believed").hint(hint));
    }
    let borrowed = Borrowed::open(&args.dir).map_err(|error| CliError::config(error.to_string()))?;
    let identity =
        identity.or_else(|| borrowed.origin.as_deref().and_then(identity_of)).ok_or_else(|| {
            CliError::usage(format!("{} does not tell which repository it is", args.dir.display()))
                .hint("Give --repository HOST/PATH, as in the server's URL of it.")
        })?;
    let default = args.branch.clone();
    let told = || borrowed.default_branch.as_deref().and_then(|name| name.parse().ok());
    let default = default.or_else(told).ok_or_else(|| {
        CliError::usage("the repository does not tell its default branch").hint("Give --branch NAME.")
    })?;
    let trust = Trust::new(identity.clone(), None, &keys);
    let found = audit(&borrowed.mirror, &trust, &default).map_err(|error| match error {
        NoAudit::Git(error) => CliError::config(error.to_string()),
        NoAudit::Config(problems) => {
            CliError::config(problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))
        }
    })?;
    let believed = found.iter().filter(|audited| audited.is_believed()).count();
    match args.output {
        Form::Json => screen.data(&report(&identity, &found, believed), false)?,
        Form::Table => screen.print(&draw(&found, screen))?,
    }
    screen.say(&format!("{identity}: {} believed, {} not", believed, found.len() - believed));
    Ok(if believed == found.len() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The identity that a URL in a clone's configuration stands for, which may hold a user's name.
fn identity_of(url: &str) -> Option<String> {
    let plain = match url::Url::parse(url) {
        Ok(mut parsed) if matches!(parsed.scheme(), "http" | "https") => {
            parsed.set_username("").ok()?;
            parsed.set_password(None).ok()?;
            parsed.to_string()
        }
        _ => url.to_owned(),
    };
    Remote::new(&plain).ok().map(|remote| remote.identity())
}

fn report<'a>(identity: &'a str, found: &'a [Audited], believed: usize) -> Report<'a> {
    let line = |audited: &'a Audited| Line {
        branch: audited.branch.as_str(),
        commit: audited.commit.as_str(),
        at: audited.at.to_string(),
        author: &audited.author,
        application: audited.place.application.as_str(),
        environment: audited.place.environment.as_str(),
        version: &audited.version,
        release: audited.release.as_str(),
        sealed_by: audited.sealed_by.as_deref(),
        files_match: audited.holds,
        believed: audited.is_believed(),
    };
    let promotions = found.iter().map(line).collect();
    Report { repository: identity, promotions, believed, not_believed: found.len() - believed }
}

fn draw(found: &[Audited], screen: &Screen) -> String {
    let mut table = Table::new(vec![
        Column::new("COMMIT", 0),
        Column::new("WHEN (UTC)", 3),
        Column::new("APPLICATION", 0).cut(10),
        Column::new("ENVIRONMENT", 0).cut(8),
        Column::new("VERSION", 1).cut(10),
        Column::new("SEALED BY", 0),
        Column::new("FILES", 2),
    ]);
    for audited in found {
        let sealed = match &audited.sealed_by {
            Some(key) => Cell::painted(key, Paint::Good),
            None => Cell::painted("not sealed", Paint::Bad),
        };
        let files = match audited.holds {
            Some(true) => Cell::new("match"),
            Some(false) => Cell::painted("differ", Paint::Bad),
            None => Cell::painted("not known", Paint::Dim),
        };
        table.row(vec![
            Cell::painted(audited.commit.short(), Paint::Dim),
            Cell::new(text::minute(audited.at)),
            Cell::new(audited.place.application.as_str()),
            Cell::new(audited.place.environment.as_str()),
            Cell::new(&audited.version),
            sealed,
            files,
        ]);
    }
    table.render(screen)
}
