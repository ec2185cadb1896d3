//! `gantry diff`: what a promotion would change.

use std::process::ExitCode;

use clap::Args;
use gantry_core::ids::{ApplicationName, EnvironmentName};

use super::{
    DIFFERENT,
    client::{Client, ServerArgs},
    error::CliError,
    plan::{draw, name},
    screen::{Format, Screen},
};
use crate::http::types::ChangeView;

const EXAMPLES: &str = "\
Examples:
  gantry diff checkout prod                     what comes next
  gantry diff checkout prod --release 1.43.1
  gantry diff checkout prod --exit-code         ends with 3 if there is a difference";

/// The word of the API for a place where nothing comes next.
const NONE: &str = "none";

/// Shows what the next promotion into an environment would change.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DiffArgs {
    /// The application.
    #[arg(value_name = "APP")]
    application: ApplicationName,
    /// The environment.
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
    /// A tag, a digest or the beginning of a release id; what comes next when left out.
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Ends with 3 if there is a difference.
    #[arg(long)]
    exit_code: bool,
    /// The infra repository's name, where two hold an application of that name.
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(args: DiffArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let client = Client::new(&args.server)?;
    super::promote::warn(&client, screen);
    let mut query = Vec::new();
    query.extend(args.release.as_deref().map(|release| ("release", release)));
    query.extend(args.repository.as_deref().map(|name| ("repository", name)));
    let path = ["applications", args.application.as_str(), "environments", args.environment.as_str(), "diff"];
    let change: ChangeView = client.get(&path, &query).await?;
    let different = change.effect != NONE || !change.diff.is_empty();
    match args.output {
        Format::Json => screen.data(&change, false)?,
        Format::Yaml => screen.data(&change, true)?,
        Format::Name if different => screen.print(&name(&change))?,
        Format::Table if different => screen.print(&draw(&change, screen))?,
        Format::Name | Format::Table => screen.say(&format!("{}: {}", change.place, change.text)),
    }
    Ok(if args.exit_code && different { DIFFERENT.into() } else { ExitCode::SUCCESS })
}
