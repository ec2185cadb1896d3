//! `gantry demo`: the whole loop on this machine.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Args;

use super::{
    error::CliError,
    screen::{Format, Screen},
};
use crate::demo::{self, DemoError, Options, Story};

/// Shows the whole loop on this machine: a build goes from dev through QA to an open proposal for prod.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Prints the story and ends as soon as there is nothing left to do.
    #[arg(long)]
    pub until_idle: bool,
    /// The folder for the repository and the data; a scratch folder when left out.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The address to listen on; 127.0.0.1:8420 when left out, and any free port with
    /// `--until-idle`.
    #[arg(long, value_name = "IP:PORT")]
    pub listen: Option<SocketAddr>,
    /// The form of the story.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

pub(super) async fn run(args: DemoArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    if !args.until_idle && args.output != Format::Table {
        return Err(
            CliError::usage("-o needs --until-idle").hint("the story as data is known when it has ended")
        );
    }
    let told = args.output == Format::Table;
    let out: Option<Box<dyn std::io::Write + Send>> =
        if told { Some(Box::new(std::io::stdout())) } else { None };
    let options = Options { until_idle: args.until_idle, dir: args.dir, listen: args.listen };
    let report = demo::run(options, &mut Story::new(out)).await.map_err(|error| match &error {
        DemoError::NotEmpty { .. } | DemoError::Folder { .. } => CliError::usage(error.to_string()),
        DemoError::Start(_) => {
            CliError::failed(error.to_string()).hint("`gantry demo --listen 127.0.0.1:0` takes any free port")
        }
        _ => CliError::failed(error.to_string()),
    })?;
    match args.output {
        Format::Table => {}
        Format::Json => screen.data(&report, false)?,
        Format::Yaml => screen.data(&report, true)?,
        Format::Name => screen.print(&format!("{}\n", report.infra.display()))?,
    }
    Ok(ExitCode::SUCCESS)
}
