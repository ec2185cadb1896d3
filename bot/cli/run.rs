//! `gantry run`: the server.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::{error::CliError, screen::Screen};
use crate::{clock::SystemClock, serve::Server, settings::Settings};

/// Runs the server: watches registries, CI and the infra repositories, and promotes.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The server's settings, a YAML file.
    #[arg(long, value_name = "FILE", env = "GANTRY_SETTINGS")]
    pub settings: PathBuf,
    /// Makes one full pass, without listening for long, and ends when nothing is left to do now. Ends with 1
    /// if people must mend something.
    #[arg(long)]
    pub until_idle: bool,
    /// Writes the log as JSON, one object a line. `GANTRY_LOG` says how much is logged, for instance `debug`.
    #[arg(long)]
    pub log_json: bool,
}

pub(super) async fn run(args: RunArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    log(args.log_json);
    let settings = Settings::load(&args.settings, &|name| std::env::var(name).ok())
        .map_err(|error| CliError::config(error.to_string()))?;
    let mut server = Server::new(settings, Arc::new(SystemClock::new()))
        .await
        .map_err(|error| CliError::config(error.to_string()))?;
    if args.until_idle {
        server.pass().await.map_err(|error| CliError::failed(error.to_string()))?;
        let mut wrong = false;
        for seen in server.board.all() {
            for problem in &seen.problems {
                wrong = true;
                screen.say(&format!("{}: {problem}", seen.repository));
            }
        }
        return Ok(ExitCode::from(u8::from(wrong)));
    }
    screen.say(&format!("Gantry listens on http://{}", server.address));
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    tokio::spawn(async move {
        stopped().await;
        signalled.cancel();
    });
    server.run(stop).await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for SIGINT or SIGTERM.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        // Without a handler SIGTERM ends the process at once, which is safe at any instruction.
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

/// Logs go to standard error; `GANTRY_LOG` says how much.
fn log(json: bool) {
    let filter = EnvFilter::try_from_env("GANTRY_LOG").unwrap_or_else(|_| EnvFilter::new("warn,gantry=info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        log.json().init();
    } else {
        log.with_ansi(false).init();
    }
}
