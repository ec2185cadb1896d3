//! `gantry promote`: a person asks for a promotion.

use std::process::ExitCode;

use clap::Args;

use super::{
    ask::PlaceArgs,
    client::fresh_key,
    error::CliError,
    screen::Screen,
    wait::{self, WaitArgs},
};
use crate::http::types::PromoteBody;

const EXAMPLES: &str = "\
Examples:
  gantry promote checkout prod                       the newest that may go there
  gantry promote checkout prod --release 1.43.1
  gantry promote checkout prod --release 1.43.1 --reason \"the invoice job is mended\"";

/// Asks for a promotion of a release into an environment.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PromoteArgs {
    /// A tag, a digest, or the beginning of a release id; the newest when left out.
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Why; needed where the release was rejected before.
    #[arg(short = 'm', long, default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn run(args: PromoteArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let PlaceArgs { application, environment, ask } = args.place;
    let client = ask.client(screen)?;
    let body = PromoteBody {
        repository: ask.repository,
        application,
        environment,
        release: args.release,
        reason: args.reason,
    };
    let receipt = client.post(&["promotions"], &body, Some(&fresh_key())).await?;
    wait::finish(&client, &args.wait, receipt, ask.output, screen).await
}
