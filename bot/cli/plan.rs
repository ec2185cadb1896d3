//! `gantry plan`: what would be done now, with the exact difference; writes nothing.

use std::process::ExitCode;

use clap::Args;

use super::{
    DIFFERENT,
    ask::AskArgs,
    error::CliError,
    screen::{Format, Paint, Screen},
    text,
};
use crate::{
    http::types::{ChangeView, RepositoryView},
    observe::CONFIG_FILE,
};

const EXAMPLES: &str = "\
Examples:
  gantry plan
  gantry plan --exit-code              ends with 3 if there is anything to do
  gantry plan -o name                  one line for each change";

/// Shows what would be done now, with the exact difference. Writes nothing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PlanArgs {
    /// Ends with 3 if there is anything to do.
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    ask: AskArgs,
}

pub(super) async fn run(args: PlanArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let client = args.ask.client(screen)?;
    let changes: Vec<ChangeView> = client.list(&["plan"], &args.ask.query()).await?;
    let repositories: Vec<RepositoryView> = client.list(&["repositories"], &[]).await?;
    for problem in repositories.iter().flat_map(|repository| &repository.problems) {
        if problem.file.as_deref() == Some(CONFIG_FILE) {
            screen.say(&text::line(&problem.to_string()));
        }
    }
    match args.ask.output {
        Format::Json => screen.data(&changes, false)?,
        Format::Yaml => screen.data(&changes, true)?,
        Format::Name => screen.print(&changes.iter().map(name).collect::<String>())?,
        Format::Table => {
            let drawn: Vec<String> = changes.iter().map(|change| draw(change, screen)).collect();
            screen.print(&drawn.join("\n"))?;
            match changes.len() {
                0 => screen.say("nothing to do"),
                number => screen.say(&format!("{}; nothing was written", text::count(number, "change"))),
            }
        }
    }
    Ok(if args.exit_code && !changes.is_empty() { DIFFERENT.into() } else { ExitCode::SUCCESS })
}

/// `commit checkout/dev`.
pub(super) fn name(change: &ChangeView) -> String {
    format!("{} {}/{}\n", text::line(&change.effect), change.place.application, change.place.environment)
}

/// What is done, and the difference below it.
pub(super) fn draw(change: &ChangeView, screen: &Screen) -> String {
    let head = text::line(&format!("{} {}: {}", change.effect, change.place, change.text));
    format!("{}\n{}", screen.paint(&head, Paint::Bold), screen.diff(&change.diff))
}
