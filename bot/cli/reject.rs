//! `gantry reject`: a release manager's no to a proposal.

use std::process::ExitCode;

use clap::Args;
use gantry_core::ids::CommitId;

use super::{
    approve::number,
    client::{Client, ServerArgs},
    error::CliError,
    promote::warn,
    screen::{Format, Screen},
    wait::{self, WaitArgs},
};
use crate::http::types::AnswerBody;

const EXAMPLES: &str = "\
Examples:
  gantry reject 2 --reason \"breaks the invoice job, see SHOP-311\"

The proposal is closed and its release is not proposed there again; a newer one is.
`gantry promote APP ENV --release R --reason …` lifts it.";

/// Closes a proposal; its release is not proposed there again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RejectArgs {
    /// The proposal's number.
    #[arg(value_name = "NUMBER", value_parser = number)]
    number: u64,
    /// Why; those who built it will read it.
    #[arg(long)]
    reason: String,
    /// The commit that you saw; if the proposal has another one by now, nothing happens.
    #[arg(long, value_name = "COMMIT")]
    head: Option<CommitId>,
    /// The infra repository's name, where there are several.
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(args: RejectArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    if args.reason.trim().is_empty() {
        return Err(CliError::usage("--reason is empty").hint("Say why: those who built it will read it."));
    }
    let client = Client::new(&args.server)?;
    warn(&client, screen);
    let body = AnswerBody { repository: args.repository, head: args.head, reason: args.reason };
    let path = ["promotions", &args.number.to_string(), "reject"];
    let receipt = client.post(&path, &body, None).await?;
    wait::finish(&client, &args.wait, receipt, args.output, screen).await
}
