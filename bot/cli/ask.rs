//! What the commands that ask the server have in common: what is meant, the form of the answer, the server.

use std::process::ExitCode;

use clap::Args;
use gantry_core::ids::{ApplicationName, CommitId, EnvironmentName};
use serde::de::DeserializeOwned;

use super::{
    client::{Client, Failure, ServerArgs},
    error::CliError,
    screen::{Format, Screen},
    wait::{self, WaitArgs},
};
use crate::http::types::AnswerBody;

/// Where to ask, and the form of the answer.
#[derive(Debug, Args)]
pub(super) struct AskArgs {
    /// Only this infra repository; needed where several could be meant.
    #[arg(long, value_name = "NAME")]
    pub(super) repository: Option<String>,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Format,
    #[command(flatten)]
    server: ServerArgs,
}

impl AskArgs {
    /// The client of the server.
    pub(super) fn client(&self, screen: &Screen) -> Result<Client, CliError> {
        Client::new(&self.server, screen)
    }

    /// The query that names the infra repository, where one is named.
    pub(super) fn query(&self) -> Vec<(&str, &str)> {
        self.repository.as_deref().map(|name| ("repository", name)).into_iter().collect()
    }
}

/// One application in one environment.
#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// The application.
    #[arg(value_name = "APP")]
    pub(super) application: ApplicationName,
    /// The environment.
    #[arg(value_name = "ENV")]
    pub(super) environment: EnvironmentName,
    #[command(flatten)]
    pub(super) ask: AskArgs,
}

impl PlaceArgs {
    /// Asks for what the API says of it under `what`, about one release or build where one is named.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        client: &Client,
        what: &str,
        about: (&str, Option<&str>),
    ) -> Result<T, Failure> {
        let mut query = self.ask.query();
        query.extend(about.1.map(|value| (about.0, value)));
        let (application, environment) = (self.application.as_str(), self.environment.as_str());
        client.get(&["applications", application, "environments", environment, what], &query).await
    }
}

/// A release manager's answer to a proposal.
#[derive(Debug, Args)]
pub(super) struct AnswerArgs {
    /// The proposal's number.
    #[arg(value_name = "NUMBER", value_parser = number)]
    number: u64,
    /// The commit that you saw; if the proposal has another one by now, nothing happens.
    #[arg(long, value_name = "COMMIT")]
    head: Option<CommitId>,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    ask: AskArgs,
}

impl AnswerArgs {
    /// Gives the answer, `approve` or `reject`, and waits for what becomes of it.
    pub(super) async fn give(
        self,
        answer: &str,
        reason: String,
        screen: &Screen,
    ) -> Result<ExitCode, CliError> {
        let client = self.ask.client(screen)?;
        let body = AnswerBody { repository: self.ask.repository, head: self.head, reason };
        let path = ["promotions", &self.number.to_string(), answer];
        let receipt = client.post(&path, &body, None).await?;
        wait::finish(&client, &self.wait, receipt, self.ask.output, screen).await
    }
}

/// `2` or `#2`.
fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    digits.parse().map_err(|_| "write a proposal's number, for instance 2".to_owned())
}
