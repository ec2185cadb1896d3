//! The command line, one file per command.
//!
//! Data goes to stdout and messages to stderr. Exit codes: 0 done, 1 failed, 2 the command line or a file is
//! wrong, 3 differences were found (with `--exit-code`). Commands that ask the server know only the API.

mod approve;
mod ask;
mod build;
mod check;
mod client;
mod completions;
mod demo;
mod diff;
mod error;
mod history;
mod plan;
mod promote;
mod reject;
mod run;
mod screen;
mod seal;
mod set;
mod status;
mod table;
mod text;
mod verify;
mod wait;
mod why;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use self::{
    demo::DemoArgs,
    error::{CliError, ErrorKind},
    run::RunArgs,
    screen::{Format, Screen},
};

/// The exit code for differences, with `--exit-code`.
const DIFFERENT: u8 = 3;

const EXAMPLES: &str = "\
Try it:
  gantry demo                          the whole loop on this machine
  gantry check                         is gantry.yaml in this folder sound?
  gantry status                        what runs where
  gantry why checkout prod             why is the newest build not in prod?

The commands that ask a server find it by --server or GANTRY_SERVER, and show the token that stands in
GANTRY_TOKEN or in --token-file.

Exit codes: 0 done, 1 failed, 2 wrong command line or file, 3 differences (with --exit-code).";

/// Promotes builds through an infra repository: from dev to QA to prod.
#[derive(Debug, Parser)]
#[command(name = "gantry", version, about, after_help = EXAMPLES, disable_help_subcommand = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Run(run::RunArgs),
    Check(check::CheckArgs),
    Set(set::SetArgs),
    Status(status::StatusArgs),
    Why(why::WhyArgs),
    History(history::HistoryArgs),
    Diff(diff::DiffArgs),
    Plan(plan::PlanArgs),
    Promote(promote::PromoteArgs),
    Approve(approve::ApproveArgs),
    Reject(reject::RejectArgs),
    Build(build::BuildArgs),
    Verify(verify::VerifyArgs),
    Seal(seal::SealArgs),
    Completions(completions::CompletionsArgs),
}

/// Parses the process's arguments, does what they say, and answers with the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let screen = Screen::detect();
    // Help and the version go to stdout, mistakes with a hint to stderr; clap knows which.
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let done = runtime(&cli.command).and_then(|runtime| {
        let done = runtime.block_on(dispatch(cli.command, &screen));
        // What still runs on a thread of its own, such as a push to a server that went silent, is not waited for:
        // it may be cut off at any instruction.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            screen.say(&error.to_string());
            ExitCode::from(error.code())
        }
    }
}

/// The server gets threads; a client needs none.
fn runtime(command: &Command) -> Result<tokio::runtime::Runtime, CliError> {
    let mut builder = match command {
        Command::Run(_) | Command::Demo(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build().map_err(|error| CliError::failed(format!("no runtime: {error}")))
}

async fn dispatch(command: Command, screen: &Screen) -> Result<ExitCode, CliError> {
    match command {
        Command::Demo(args) => demo::run(args, screen).await,
        Command::Run(args) => run::run(args, screen).await,
        Command::Check(args) => check::run(&args, screen),
        Command::Set(args) => set::run(&args, screen),
        Command::Status(args) => status::run(args, screen).await,
        Command::Why(args) => why::run(args, screen).await,
        Command::History(args) => history::run(args, screen).await,
        Command::Diff(args) => diff::run(args, screen).await,
        Command::Plan(args) => plan::run(args, screen).await,
        Command::Promote(args) => promote::run(args, screen).await,
        Command::Approve(args) => approve::run(args, screen).await,
        Command::Reject(args) => reject::run(args, screen).await,
        Command::Build(args) => build::run(args, screen).await,
        Command::Verify(args) => verify::run(&args, screen),
        Command::Seal(args) => seal::run(&args, screen),
        Command::Completions(args) => completions::run(&args, screen),
    }
}
