//! `gantry plan`: what would be done now, with the exact difference; writes nothing.

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;

use super::{
    DIFFERENT,
    client::{Client, ServerArgs},
    error::CliError,
    screen::{Format, Paint, Screen},
    text,
};
use crate::http::types::ChangeView;

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
    /// Only this infra repository.
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(args: PlanArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let client = Client::new(&args.server)?;
    super::promote::warn(&client, screen);
    let mut query = Vec::new();
    query.extend(args.repository.as_deref().map(|name| ("repository", name)));
    let changes: Vec<ChangeView> = client.list(&["plan"], &query).await?;
    match args.output {
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
    let mut out = format!("{}\n", screen.paint(&head, Paint::Bold));
    for line in text::lines(&change.diff).lines() {
        let paint = match line.as_bytes().first() {
            Some(b'+') => Paint::Good,
            Some(b'-') => Paint::Bad,
            Some(b'@') => Paint::Dim,
            _ => Paint::Plain,
        };
        let _ = writeln!(out, "{}", screen.paint(line, paint));
    }
    out
}
