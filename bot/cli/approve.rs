//! `gantry approve`: a release manager's yes to a proposal.

use std::process::ExitCode;

use clap::Args;

use super::{ask::AnswerArgs, error::CliError, screen::Screen};

const EXAMPLES: &str = "\
Examples:
  gantry approve 2
  gantry approve 2 --reason \"seen in QA with the shop team\"
  gantry approve 2 --head 0f3c9a…      only if the proposal is still what you saw

`gantry status` and `gantry why APP ENV` name the proposals that wait.";

/// Approves a proposal; it is merged as soon as its gates pass.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ApproveArgs {
    /// Why: it stands in the audit log, the history, the proposal and the commit.
    #[arg(short = 'm', long, default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    answer: AnswerArgs,
}

pub(super) async fn run(args: ApproveArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    args.answer.give("approve", args.reason, screen).await
}
