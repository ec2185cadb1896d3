//! `gantry demo`: the whole loop on this machine.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Args;

use super::{
    error::CliError,
    screen::{Format, Screen},
};

/// Shows the whole loop on this machine: a build goes from dev through QA to an open proposal for prod.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Prints the story and ends as soon as there is nothing left to do.
    #[arg(long)]
    pub until_idle: bool,
    /// The folder for the repository and the data; a scratch folder when left out.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The address to listen on; a free port of this machine when left out.
    #[arg(long, value_name = "IP:PORT")]
    pub listen: Option<SocketAddr>,
    /// The form of the story.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

pub(super) async fn run(_args: DemoArgs, _screen: &Screen) -> Result<ExitCode, CliError> {
    Err(CliError::failed("the demo is not in this build"))
}
