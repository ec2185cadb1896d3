//! What people ask for is stored first and done by the loop; here one waits for what becomes of it.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use gantry_core::duration::Span;

use super::{
    client::Client,
    error::CliError,
    screen::{Format, Screen},
    text,
};
use crate::http::types::RequestReceipt;

/// The longest that one poll may wait, in seconds (the API's limit is 30).
const POLL: u64 = 25;

/// Whether and how long to wait.
#[derive(Debug, Args)]
pub(super) struct WaitArgs {
    /// Ends as soon as the server has stored the request.
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for what becomes of it.
    #[arg(long, value_name = "TIME", default_value = "2m", conflicts_with = "no_wait")]
    wait: Span,
}

/// Waits for the outcome and shows it.
pub(super) async fn finish(
    client: &Client,
    args: &WaitArgs,
    mut receipt: RequestReceipt,
    output: Format,
    screen: &Screen,
) -> Result<ExitCode, CliError> {
    if receipt.outcome.is_none() && !args.no_wait {
        screen.note(&format!("request {} is stored; waiting for what becomes of it", receipt.id));
        receipt = until_done(client, receipt, args.wait).await?;
    }
    show(&receipt, args, output, screen)
}

/// Waits for the outcome, at most so long.
pub(super) async fn until_done(
    client: &Client,
    mut receipt: RequestReceipt,
    wait: Span,
) -> Result<RequestReceipt, CliError> {
    let id = receipt.id.to_string();
    let end = Instant::now() + wait.std();
    let mut pause = Duration::from_millis(100);
    while receipt.outcome.is_none() {
        let Some(left) = end.checked_duration_since(Instant::now()) else { break };
        let seconds = left.as_secs().min(POLL).min(client.timeout().as_secs() / 2);
        let asked = Instant::now();
        match client.get(&["requests", &id], &[("wait", &seconds.to_string())]).await {
            Ok(answer) => receipt = answer,
            // The request is stored: a restart of the server doesn't lose it.
            Err(failure) if failure.passing => {}
            Err(failure) => return Err(failure.into()),
        }
        if receipt.outcome.is_none() && asked.elapsed() < Duration::from_secs(1) {
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
    Ok(receipt)
}

fn show(
    receipt: &RequestReceipt,
    args: &WaitArgs,
    output: Format,
    screen: &Screen,
) -> Result<ExitCode, CliError> {
    match output {
        Format::Json => screen.data(receipt, false)?,
        Format::Yaml => screen.data(receipt, true)?,
        Format::Name => screen.print(&format!("{}\n", receipt.id))?,
        Format::Table => match &receipt.outcome {
            Some(outcome) if outcome.done => screen.print(&format!("{}\n", text::lines(&outcome.text)))?,
            None if args.no_wait => screen.print(&format!("request {} is stored\n", receipt.id))?,
            _ => {}
        },
    }
    match &receipt.outcome {
        Some(outcome) if outcome.done => Ok(ExitCode::SUCCESS),
        Some(outcome) => Err(CliError::failed(outcome.text.clone())),
        None if args.no_wait => Ok(ExitCode::SUCCESS),
        None => {
            let message = format!("request {} is stored and not done after {}", receipt.id, args.wait);
            Err(CliError::failed(message).hint("It will still be done; `gantry status` shows what stops it."))
        }
    }
}
