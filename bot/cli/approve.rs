//! `gantry approve`: a release manager's yes to a proposal.

use std::process::ExitCode;

use clap::Args;
use gantry_core::ids::CommitId;

use super::{
    client::{Client, ServerArgs},
    error::CliError,
    promote::warn,
    screen::{Format, Screen},
    wait::{self, WaitArgs},
};
use crate::http::types::AnswerBody;

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
    /// The proposal's number.
    #[arg(value_name = "NUMBER", value_parser = number)]
    number: u64,
    /// Why, for the audit log.
    #[arg(long, default_value = "", hide_default_value = true)]
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

pub(super) async fn run(args: ApproveArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let client = Client::new(&args.server)?;
    warn(&client, screen);
    let body = AnswerBody { repository: args.repository, head: args.head, reason: args.reason };
    let path = ["promotions", &args.number.to_string(), "approve"];
    let receipt = client.post(&path, &body, None).await?;
    wait::finish(&client, &args.wait, receipt, args.output, screen).await
}

/// `2` or `#2`.
pub(super) fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    digits.parse().map_err(|_| "write a proposal's number, for instance 2".to_owned())
}
