//! `gantry reject`: a release manager's no to a proposal.

use std::process::ExitCode;

use clap::Args;

use super::{ask::AnswerArgs, error::CliError, screen::Screen};

const EXAMPLES: &str = "\
Examples:
  gantry reject 2 --reason \"breaks the invoice job, see SHOP-311\"

The proposal is closed and its release is not proposed there again; a newer one is.
`gantry promote APP ENV --release R --reason …` lifts it.";

/// Closes a proposal; its release is not proposed there again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RejectArgs {
    /// Why; those who built it will read it.
    #[arg(short = 'm', long)]
    reason: String,
    #[command(flatten)]
    answer: AnswerArgs,
}

pub(super) async fn run(args: RejectArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    if args.reason.trim().is_empty() {
        return Err(CliError::usage("--reason is empty").hint("Say why: those who built it will read it."));
    }
    args.answer.give("reject", args.reason, screen).await
}
