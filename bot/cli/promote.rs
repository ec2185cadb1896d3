//! `gantry promote`: a person asks for a promotion.

use std::process::ExitCode;

use clap::Args;
use gantry_core::ids::{ApplicationName, EnvironmentName};

use super::{
    client::{Client, ServerArgs, fresh_key},
    error::CliError,
    screen::{Format, Screen},
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
    /// The application.
    #[arg(value_name = "APP")]
    application: ApplicationName,
    /// The environment.
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
    /// A tag, a digest, or the beginning of a release id; the newest when left out.
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Why; needed where the release was rejected before.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// The infra repository's name, where two hold an application of that name.
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

pub(super) async fn run(args: PromoteArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let client = Client::new(&args.server)?;
    warn(&client, screen);
    let body = PromoteBody {
        repository: args.repository,
        application: args.application,
        environment: args.environment,
        release: args.release,
        reason: args.reason,
    };
    let receipt = client.post(&["promotions"], &body, Some(&fresh_key())).await?;
    wait::finish(&client, &args.wait, receipt, args.output, screen).await
}

/// Says so where the token goes over the network in the clear.
pub(super) fn warn(client: &Client, screen: &Screen) {
    if client.exposed() {
        screen.say("warning: the token goes to the server without encryption; use https");
    }
}
