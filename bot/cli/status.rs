//! `gantry status`: what runs where, what comes next, and what people must mend.

use std::{fmt::Write as _, process::ExitCode};

use clap::{Args, ValueEnum};
use gantry_core::{
    decide::{
        standing::{Standing, Step},
        view::Put,
    },
    ids::{ApplicationName, EnvironmentName},
    reason::{Mark, Owner},
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    ask::AskArgs,
    error::CliError,
    screen::{Format, Paint, Screen},
    table::{Cell, Column, Table},
    text,
};
use crate::{
    clock::{Clock, SystemClock},
    http::types::{ApplicationView, PlaceView, RepositoryView},
};

const EXAMPLES: &str = "\
Examples:
  gantry status                        every application in every environment
  gantry status checkout
  gantry status --state waiting        what waits for a gate
  gantry status -o json | jq '.applications[].places[].version'

A version marked with * is drift: a commit that is no promotion put it there.";

/// Which places to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// Those that hold something that no promotion put there.
    Drift,
    /// Those with an open proposal.
    Proposed,
    /// Those where a release waits for its gates.
    Waiting,
    /// Those that don't go on by themselves.
    Stopped,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Proposed => "proposed",
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
        }
    }
}

/// Shows what runs where, and what comes next.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StatusArgs {
    /// Only this application.
    #[arg(value_name = "APP")]
    application: Option<ApplicationName>,
    /// Only this environment.
    #[arg(long, value_name = "ENV")]
    environment: Option<EnvironmentName>,
    /// Only applications that have a place in this state.
    #[arg(long, value_enum, conflicts_with = "application")]
    state: Option<State>,
    #[command(flatten)]
    ask: AskArgs,
}

#[derive(Serialize)]
struct Status {
    applications: Vec<ApplicationView>,
    repositories: Vec<RepositoryView>,
}

pub(super) async fn run(args: StatusArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let client = args.ask.client(screen)?;
    let mut query = args.ask.query();
    let mut applications: Vec<ApplicationView> = match &args.application {
        Some(name) => vec![client.get(&["applications", name.as_str()], &query).await?],
        None => {
            query.extend(args.environment.as_ref().map(|name| ("environment", name.as_str())));
            query.extend(args.state.map(|state| ("state", state.word())));
            client.list(&["applications"], &query).await?
        }
    };
    if let Some(wanted) = &args.environment {
        for application in &mut applications {
            application.places.retain(|place| place.standing.place.environment == *wanted);
        }
        applications.retain(|application| !application.places.is_empty());
    }
    let mut repositories: Vec<RepositoryView> = client.list(&["repositories"], &[]).await?;
    repositories
        .retain(|found| args.ask.repository.as_ref().is_none_or(|wanted| *wanted == found.repository));
    let status = Status { applications, repositories };
    match args.ask.output {
        Format::Json => screen.data(&status, false)?,
        Format::Yaml => screen.data(&status, true)?,
        Format::Name => {
            let places = status.applications.iter().flat_map(|application| &application.places);
            let name = |place: &PlaceView| {
                format!("{}/{}\n", place.standing.place.application, place.standing.place.environment)
            };
            screen.print(&places.map(name).collect::<String>())?;
        }
        Format::Table => {
            screen.print(&draw(&status, screen, SystemClock::new().now()))?;
            if status.applications.is_empty() {
                screen.say("no application fits; `gantry status` without arguments shows all");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn draw(status: &Status, screen: &Screen, now: Timestamp) -> String {
    let mut out = String::new();
    let several = status.repositories.len() > 1;
    let mut table = Table::new(vec![
        Column::new("REPOSITORY", 3).cut(10),
        Column::new("APPLICATION", 0).cut(12),
        Column::new("ENVIRONMENT", 0).cut(8),
        Column::new("VERSION", 0).cut(10),
        Column::new("SINCE", 1),
        Column::new("NEXT", 0).cut(12),
        Column::new("WHY", 2).cut(30),
    ]);
    for application in &status.applications {
        for place in &application.places {
            let repository = if several { application.repository.as_str() } else { "" };
            table.row(row(repository, place, now));
        }
    }
    if !status.applications.is_empty() {
        out.push_str(&table.render(screen));
    }
    drifts(status, screen, now, &mut out);
    problems(status, screen, &mut out);
    out
}

fn row(repository: &str, place: &PlaceView, now: Timestamp) -> Vec<Cell> {
    let standing = &place.standing;
    let drift = matches!(standing.put, Put::Drift { .. });
    let version = if drift { format!("{} *", place.version) } else { place.version.clone() };
    let (next, paint) = next(place);
    vec![
        Cell::new(repository),
        Cell::new(standing.place.application.as_str()),
        Cell::new(standing.place.environment.as_str()),
        Cell::painted(version, if drift { Paint::Warn } else { Paint::Plain }),
        Cell::painted(since(standing, now), Paint::Dim),
        Cell::painted(next, paint),
        Cell::new(&place.text),
    ]
}

/// Since when it is there; what was as found, since its commit.
fn since(standing: &Standing, now: Timestamp) -> String {
    match (&standing.put, standing.since) {
        (Put::Found { at, .. }, _) => text::relative(*at, now),
        (Put::Unknown, Some(since)) => format!("at least {}", text::relative(since, now)),
        (_, Some(since)) => text::relative(since, now),
        (_, None) => String::new(),
    }
}

/// What comes next, in a few words.
fn next(place: &PlaceView) -> (String, Paint) {
    let said = place.standing.said();
    let paint = match said.mark {
        Mark::Done | Mark::Moving => Paint::Good,
        Mark::Waiting => Paint::Warn,
        Mark::Stopped => Paint::Bad,
        Mark::Quiet => Paint::Dim,
    };
    let Some(next) = place.standing.next.first() else {
        let word = if said.mark == Mark::Stopped { "stopped" } else { "-" };
        return (word.to_owned(), paint);
    };
    let version = next.release.version();
    let word = match (said.mark, next.step) {
        (Mark::Stopped, _) | (_, Step::Stopped) => "stopped",
        (_, Step::Waiting) => "waits",
        (_, Step::Writing) => "is written",
        (_, Step::Proposed) => "proposed",
        (_, Step::Merging) => "is merged",
    };
    let number = next.proposal.map(|number| format!(" {number}")).unwrap_or_default();
    (format!("{version} {word}{number}"), paint)
}

/// Who put there what no promotion did.
fn drifts(status: &Status, screen: &Screen, now: Timestamp, out: &mut String) {
    let places = status.applications.iter().flat_map(|application| &application.places);
    let mut first = true;
    for place in places {
        let Put::Drift { commit, by, .. } = &place.standing.put else { continue };
        if std::mem::take(&mut first) {
            let _ = writeln!(out, "\n{}", screen.paint("Drift: no promotion put it there", Paint::Bold));
        }
        let since = place.standing.since.map(|since| format!(", {}", text::relative(since, now)));
        let line = format!(
            "* {}: {} by {}, commit {}{}",
            place.standing.place,
            place.version,
            by.name,
            commit.short(),
            since.unwrap_or_default()
        );
        let _ = writeln!(out, "{}", text::line(&line));
    }
}

fn problems(status: &Status, screen: &Screen, out: &mut String) {
    let mut first = true;
    for repository in &status.repositories {
        for problem in &repository.problems {
            if std::mem::take(&mut first) {
                let _ = writeln!(out, "\n{}", screen.paint("To be mended", Paint::Bold));
            }
            let who = match problem.owner {
                Owner::Team => "the team",
                Owner::Ci => "the application's CI",
                Owner::ReleaseManager => "a release manager",
                Owner::Platform => "the platform engineer",
                Owner::Nobody => "nobody; it goes on by itself",
            };
            let line = text::line(&format!("{}: {problem} [{who}]", repository.repository));
            let _ = writeln!(out, "! {line}");
        }
    }
}
