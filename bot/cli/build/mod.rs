//! `gantry build`: tells the server of a build, from CI.
//!
//! A report is idempotent, so what passes (no connection, 5xx, 429) is tried again until the time is over.

mod ci;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use gantry_core::{
    build::{BuildReport, BuildStatus, DEFAULT_CHECK},
    duration::Span,
    ids::Digest,
};
use jiff::Timestamp;

use super::{
    client::{Client, ServerArgs, fresh_key},
    error::CliError,
    screen::{Format, Screen},
    text, wait,
};
use crate::http::types::{BuildReceipt, RequestReceipt};

const EXAMPLES: &str = "\
Examples:
  gantry build registry.example.com/shop/checkout:1.43.1 --digest sha256:0f3c…
  gantry build registry.example.com/shop/checkout:1.43.1 --status failed --check e2e

Where they are not given, --revision, --source and --url are read from the CI's variables:
  GitHub Actions        GITHUB_SHA, GITHUB_SERVER_URL/GITHUB_REPOSITORY, …/actions/runs/GITHUB_RUN_ID
  GitLab CI             CI_COMMIT_SHA, CI_PROJECT_URL, CI_JOB_URL
  Jenkins               GIT_COMMIT, GIT_URL, BUILD_URL
  CircleCI              CIRCLE_SHA1, CIRCLE_REPOSITORY_URL, CIRCLE_BUILD_URL
  Bitbucket Pipelines   BITBUCKET_COMMIT, BITBUCKET_GIT_HTTP_ORIGIN, …/pipelines/results/BITBUCKET_BUILD_NUMBER

Where the image has the label org.opencontainers.image.revision, the label counts and not
--revision, because it is part of the bytes that are promoted; a difference stands in the audit log.
Exit codes: 0 stored (with --wait: taken in), 1 failed, 2 wrong command, 4 refused.
A pull request's run has the revision of a merge that no branch holds: give --revision there.
The token stands in GANTRY_TOKEN or in --token-file.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    /// Finished, and good.
    Success,
    /// Finished, and bad: it is recorded and never promoted.
    Failed,
    /// Still running.
    Pending,
}

/// Tells the server of a build.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BuildArgs {
    /// The image and the tag under which it was pushed; a digest may follow.
    #[arg(value_name = "IMAGE:TAG[@DIGEST]")]
    image: String,
    /// The digest of the manifest or of the index; the server asks the registry when left out.
    #[arg(long)]
    digest: Option<Digest>,
    /// The source revision.
    #[arg(long, value_name = "COMMIT")]
    revision: Option<String>,
    /// The application repository's URL.
    #[arg(long, value_name = "URL")]
    source: Option<String>,
    /// When it was built, as RFC 3339: 2026-11-21T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    created: Option<Timestamp>,
    /// How the build stands.
    #[arg(long, value_enum, default_value_t = Status::Success)]
    status: Status,
    /// Where a person reads more.
    #[arg(long)]
    url: Option<String>,
    /// The name that gates ask for.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_CHECK)]
    check: String,
    /// For how long to try again what fails in passing; 0s tries once.
    #[arg(long, value_name = "TIME", default_value = "1m")]
    retry_for: Span,
    /// Waits until the build is taken in or refused; a refused one is exit code 4.
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "1m")]
    wait: Option<Span>,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(args: BuildArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let report = report(&args, &|name| std::env::var(name).ok())?;
    let client = Client::new(&args.server, screen)?;
    let receipt = send(&client, &report, args.retry_for.std(), screen).await?;
    match args.output {
        Format::Json => screen.data(&receipt, false)?,
        Format::Yaml => screen.data(&receipt, true)?,
        Format::Name => screen.print(&format!("{}\n", receipt.id))?,
        Format::Table => {
            let known = if receipt.fresh { "stored" } else { "known before" };
            let names: Vec<&str> = receipt.applications.iter().map(|name| name.as_str()).collect();
            let users = if names.is_empty() { "no application".to_owned() } else { names.join(", ") };
            screen.print(&format!(
                "build {} {known}: {}:{}, used by {users}\n",
                receipt.id, report.image, report.tag
            ))?;
        }
    }
    if let Some(note) = &receipt.note {
        screen.say(&format!("note: {}", text::cut(note, 2000)));
    }
    match args.wait {
        Some(wait) => taken_in(&client, receipt.id, wait, screen).await,
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Waits until the server has taken the build in, or says why it refused it.
async fn taken_in(client: &Client, id: i64, wait: Span, screen: &Screen) -> Result<ExitCode, CliError> {
    let receipt = wait::until_done(client, RequestReceipt { id, outcome: None }, wait).await?;
    match receipt.outcome {
        Some(outcome) if outcome.done => {
            screen.note(&format!("build {id} is taken in"));
            Ok(ExitCode::SUCCESS)
        }
        Some(outcome) => Err(CliError::refused(format!("build {id} was refused: {}", outcome.text))),
        None => {
            let message = format!("build {id} is stored and not taken in after {wait}");
            Err(CliError::failed(message).hint("It still will be; `gantry why APP ENV --build TAG` tells."))
        }
    }
}

async fn send(
    client: &Client,
    report: &BuildReport,
    retry_for: Duration,
    screen: &Screen,
) -> Result<BuildReceipt, CliError> {
    let key = fresh_key();
    let end = Instant::now() + retry_for;
    let mut pause = Duration::from_millis(250);
    loop {
        let failure = match client.post(&["builds"], report, Some(&key)).await {
            Ok(receipt) => return Ok(receipt),
            Err(failure) => failure,
        };
        let wait = failure.retry_after.unwrap_or(pause).max(pause).min(Duration::from_secs(60));
        let left = end.saturating_duration_since(Instant::now());
        if !failure.passing || left < wait {
            return Err(failure.into());
        }
        screen.say(&format!("{}; trying again in {:.1} s", failure.error.message, wait.as_secs_f32()));
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}

/// The report, by the arguments first and the CI's variables second.
fn report(args: &BuildArgs, variables: ci::Variables<'_>) -> Result<BuildReport, CliError> {
    let wrong = |why: String| {
        CliError::usage(why).hint("Write IMAGE:TAG, for instance r.example.com/shop/checkout:1.43.1.")
    };
    let (name, digest) = match args.image.split_once('@') {
        Some((name, digest)) => {
            (name, Some(digest.parse::<Digest>().map_err(|error| wrong(error.to_string()))?))
        }
        None => (args.image.as_str(), None),
    };
    if digest.is_some() && args.digest.is_some() && digest != args.digest {
        return Err(wrong("two different digests are given".to_owned()));
    }
    // A colon before the last slash belongs to the registry's port.
    let (image, tag) = name
        .rsplit_once(':')
        .filter(|(_, tag)| !tag.contains('/'))
        .ok_or_else(|| wrong(format!("{:?} has no tag", text::cut(name, 100))))?;
    let ci = ci::detect(variables);
    Ok(BuildReport {
        image: image.parse().map_err(|error: gantry_core::ids::IdError| wrong(error.to_string()))?,
        tag: tag.parse().map_err(|error: gantry_core::ids::IdError| wrong(error.to_string()))?,
        digest: digest.or_else(|| args.digest.clone()),
        revision: args.revision.clone().or(ci.revision),
        source: args.source.clone().or(ci.source),
        created: args.created,
        status: match args.status {
            Status::Success => BuildStatus::Success,
            Status::Failed => BuildStatus::Failed,
            Status::Pending => BuildStatus::Pending,
        },
        url: args.url.clone().or(ci.url),
        check: args.check.clone(),
    })
}
