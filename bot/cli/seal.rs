//! `gantry seal`: the key that seals what Gantry writes.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{error::CliError, screen::Screen};
use crate::{seal, settings::Settings};

const EXAMPLES: &str = "\
Examples:
  gantry seal show --settings settings.yaml
  gantry seal show --settings settings.yaml -o json

The public key goes into `seal.trusted` of other installations, and to whoever runs `gantry verify`.";

/// The key that seals what Gantry writes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SealArgs {
    #[command(subcommand)]
    command: SealCommand,
}

#[derive(Debug, Subcommand)]
enum SealCommand {
    Show(ShowArgs),
}

/// Prints the id and the public half of the key that seals. The secret half is never printed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct ShowArgs {
    /// The server's settings.
    #[arg(long, value_name = "FILE", env = "GANTRY_SETTINGS")]
    settings: PathBuf,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Form,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Lines for people.
    Table,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    public_key: String,
    file: String,
}

pub(super) fn run(args: &SealArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let SealCommand::Show(args) = &args.command;
    let settings = Settings::load(&args.settings, &|name| std::env::var(name).ok())
        .map_err(|error| CliError::config(error.to_string()))?;
    let key = seal::load(&settings.seal_key).map_err(|error| {
        CliError::config(format!("seal: {error}")).hint("The key is made when the server first starts.")
    })?;
    let shown = Shown {
        id: key.public().id().to_string(),
        public_key: key.public().to_string(),
        file: settings.seal_key.display().to_string(),
    };
    match args.output {
        Form::Json => screen.data(&shown, false)?,
        Form::Yaml => screen.data(&shown, true)?,
        Form::Table => {
            screen.print(&format!("key id      {}\npublic key  {}\n", shown.id, shown.public_key))?
        }
    }
    Ok(ExitCode::SUCCESS)
}
