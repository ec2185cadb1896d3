//! `gantry run`: the server.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{error::CliError, screen::Screen};

/// Runs the server: watches registries, CI and the infra repositories, and promotes.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The server's settings, a YAML file.
    #[arg(long, value_name = "FILE", env = "GANTRY_SETTINGS")]
    pub settings: PathBuf,
    /// Ends as soon as there is nothing left to do now.
    #[arg(long)]
    pub until_idle: bool,
}

pub(super) async fn run(args: RunArgs, _screen: &Screen) -> Result<ExitCode, CliError> {
    Err(CliError::failed(format!(
        "the server is not in this build, so {} was not read",
        args.settings.display()
    )))
}
