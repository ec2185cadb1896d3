//! `gantry history`: what happened to an application, from Git.

use std::process::ExitCode;

use clap::Args;
use gantry_core::{
    decide::view::Put,
    ids::{ApplicationName, EnvironmentName},
};

use super::{
    ask::AskArgs,
    error::CliError,
    screen::{Format, Paint, Screen},
    table::{Cell, Column, Table},
    text,
};
use crate::http::types::{HistoryView, Page};

const EXAMPLES: &str = "\
Examples:
  gantry history checkout
  gantry history checkout --environment prod --limit 5
  gantry history checkout -o json";

/// Shows what happened to an application, newest first.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct HistoryArgs {
    /// The application.
    #[arg(value_name = "APP")]
    application: ApplicationName,
    /// Only this environment.
    #[arg(long, value_name = "ENV")]
    environment: Option<EnvironmentName>,
    /// How many lines at most.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    #[command(flatten)]
    ask: AskArgs,
}

pub(super) async fn run(args: HistoryArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let client = args.ask.client(screen)?;
    let limit = args.limit.to_string();
    let mut query = args.ask.query();
    query.push(("limit", &limit));
    query.extend(args.environment.as_ref().map(|name| ("environment", name.as_str())));
    let page: Page<HistoryView> =
        client.get(&["applications", args.application.as_str(), "history"], &query).await?;
    match args.ask.output {
        Format::Json => screen.data(&page.items, false)?,
        Format::Yaml => screen.data(&page.items, true)?,
        Format::Name => {
            screen.print(
                &page
                    .items
                    .iter()
                    .filter_map(|i| i.commit.as_ref())
                    .map(|c| format!("{c}\n"))
                    .collect::<String>(),
            )?;
        }
        Format::Table => {
            screen.print(&draw(&page.items, screen))?;
            if page.items.len() < page.total {
                let shown = page.items.len();
                screen.say(&format!("{shown} of {}; --limit shows more", text::count(page.total, "line")));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn draw(items: &[HistoryView], screen: &Screen) -> String {
    let mut table = Table::new(vec![
        Column::new("WHEN (UTC)", 0),
        Column::new("ENVIRONMENT", 0).cut(8),
        Column::new("VERSION", 0).cut(10),
        Column::new("COMMIT", 2),
        Column::new("WHAT", 1).cut(16),
    ]);
    for item in items {
        let paint = if matches!(item.put, Some(Put::Drift { .. })) { Paint::Warn } else { Paint::Plain };
        table.row(vec![
            Cell::new(text::minute(item.at)),
            Cell::new(item.environment.as_str()),
            Cell::painted(&item.version, paint),
            Cell::painted(item.commit.as_ref().map_or("", |commit| commit.short()), Paint::Dim),
            Cell::new(&item.text),
        ]);
    }
    table.render(screen)
}
