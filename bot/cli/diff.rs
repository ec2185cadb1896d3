//! `gantry diff`: what a promotion would change.

use std::process::ExitCode;

use clap::Args;

use super::{
    DIFFERENT,
    ask::PlaceArgs,
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
    /// A tag, a digest or the beginning of a release id; what comes next when left out.
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Ends with 3 if there is a difference.
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn run(args: DiffArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let client = args.place.ask.client(screen)?;
    let about = ("release", args.release.as_deref());
    let change: ChangeView = args.place.get(&client, "diff", about).await?;
    let different = change.effect != NONE || !change.diff.is_empty();
    match args.place.ask.output {
        Format::Json => screen.data(&change, false)?,
        Format::Yaml => screen.data(&change, true)?,
        Format::Name if different => screen.print(&name(&change))?,
        Format::Table if different => screen.print(&draw(&change, screen))?,
        Format::Name | Format::Table => screen.say(&format!("{}: {}", change.place, change.text)),
    }
    Ok(if args.exit_code && different { DIFFERENT.into() } else { ExitCode::SUCCESS })
}
