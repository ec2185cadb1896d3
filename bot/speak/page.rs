//! What `page/overview.html` is given: the matrix of applications and environments, the open proposals and the
//! problems, of each infra repository.
//!
//! It holds no sentence but those that were made from reasons, and decides nothing: every state on it is read
//! off the standing that the server acts on.

use gantry_core::{
    decide::{
        place::{Standing, Step},
        view::Put,
    },
    facts::Place,
    gates::{GateVerdict, Verdict},
    ids::{ApplicationName, EnvironmentName, ProposalNumber},
    reason::{Mark, Owner, Problem, Reason},
};
use jiff::Timestamp;
use serde::Serialize;

use super::{inert, time};

/// One page, as the server has it.
#[derive(Debug, Clone, Copy)]
pub struct OverviewInput<'a> {
    /// The time, for ages.
    pub now: Timestamp,
    /// The server's name, for instance its public URL; may be empty.
    pub server: &'a str,
    /// The infra repositories of this page.
    pub repositories: &'a [RepositoryInput<'a>],
    /// Where the next page is; none on the last one.
    pub next: Option<&'a str>,
    /// Where the first page is; none on the first one.
    pub first: Option<&'a str>,
    /// How many applications there are on all pages.
    pub total: usize,
}

/// One infra repository.
#[derive(Debug, Clone)]
pub struct RepositoryInput<'a> {
    /// Its name.
    pub name: &'a str,
    /// When it was last looked at; none before the first look.
    pub at: Option<Timestamp>,
    /// Nothing was left to do.
    pub settled: bool,
    /// What people must mend.
    pub problems: &'a [Problem],
    /// Its environments in the pipeline's order: the columns.
    pub environments: Vec<EnvironmentInput<'a>>,
    /// Its applications on this page: the rows.
    pub applications: Vec<ApplicationInput<'a>>,
    /// Its promotions under way. Those without a number are left out: the matrix shows them.
    pub proposals: Vec<ProposalInput<'a>>,
}

/// One environment.
#[derive(Debug, Clone, Copy)]
pub struct EnvironmentInput<'a> {
    /// Its name.
    pub name: &'a EnvironmentName,
    /// Its branch.
    pub branch: &'a str,
}

/// One application.
#[derive(Debug, Clone)]
pub struct ApplicationInput<'a> {
    /// Its name.
    pub name: &'a ApplicationName,
    /// The application repository's URL.
    pub source: Option<&'a str>,
    /// Its environments, in any order.
    pub places: Vec<PlaceInput<'a>>,
}

/// One application in one environment.
#[derive(Debug, Clone, Copy)]
pub struct PlaceInput<'a> {
    /// The decision.
    pub standing: &'a Standing,
    /// Its sentence ([`super::Renderer::standing`]).
    pub text: &'a str,
}

/// One promotion under way.
#[derive(Debug, Clone)]
pub struct ProposalInput<'a> {
    /// Where to.
    pub place: &'a Place,
    /// What is there now.
    pub from: &'a str,
    /// The version that comes.
    pub version: &'a str,
    /// How far it is.
    pub step: Step,
    /// The number of its proposal.
    pub number: Option<ProposalNumber>,
    /// Where people find it; empty for the local forge.
    pub url: &'a str,
    /// Each verdict with its sentence ([`super::Renderer::gate`]).
    pub gates: Vec<(&'a GateVerdict, &'a str)>,
    /// Its sentence.
    pub text: &'a str,
}

/// The context of `page/overview.html`.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    server: String,
    at: Timestamp,
    total: usize,
    shown: usize,
    places: usize,
    asks: usize,
    proposed: usize,
    drifted: usize,
    stopped: usize,
    problems: usize,
    several: bool,
    next: Option<String>,
    first: Option<String>,
    repositories: Vec<Repository>,
}

#[derive(Debug, Clone, Serialize)]
struct Repository {
    name: String,
    ago: Option<String>,
    at: Option<Timestamp>,
    settled: bool,
    problems: Vec<Trouble>,
    environments: Vec<Column>,
    rows: Vec<Row>,
    proposals: Vec<Proposal>,
}

#[derive(Debug, Clone, Serialize)]
struct Trouble {
    place: Option<String>,
    message: String,
    owner: Owner,
}

#[derive(Debug, Clone, Serialize)]
struct Column {
    name: String,
    branch: String,
}

#[derive(Debug, Clone, Serialize)]
struct Row {
    application: String,
    source: Option<String>,
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, Serialize)]
struct Cell {
    environment: String,
    /// `absent`, `quiet`, `moving`, `proposed` or `stopped`.
    state: &'static str,
    version: String,
    since: Option<Timestamp>,
    ago: Option<String>,
    drift: bool,
    /// It stood there before it was adopted.
    found: Option<Found>,
    /// The mark of what is said.
    sign: &'static str,
    next: Option<Coming>,
    text: String,
}

#[derive(Debug, Clone, Serialize)]
struct Found {
    by: String,
    at: Timestamp,
    ago: String,
}

#[derive(Debug, Clone, Serialize)]
struct Coming {
    version: String,
    step: Step,
    number: Option<ProposalNumber>,
}

#[derive(Debug, Clone, Serialize)]
struct Proposal {
    number: ProposalNumber,
    application: String,
    environment: String,
    from: String,
    version: String,
    step: Step,
    url: Option<String>,
    /// A release manager's word is all that is missing.
    asks: bool,
    gates: Vec<GateLine>,
    text: String,
}

#[derive(Debug, Clone, Serialize)]
struct GateLine {
    gate: String,
    verdict: Verdict,
    text: String,
}

impl Overview {
    /// Makes the page's context.
    #[must_use]
    pub fn new(input: &OverviewInput<'_>) -> Self {
        let repositories: Vec<Repository> =
            input.repositories.iter().map(|repository| repository_of(repository, input.now)).collect();
        let cells = || repositories.iter().flat_map(|r| &r.rows).flat_map(|row| &row.cells);
        let proposals = || repositories.iter().flat_map(|repository| &repository.proposals);
        Self {
            server: input.server.to_owned(),
            at: input.now,
            total: input.total,
            shown: repositories.iter().map(|repository| repository.rows.len()).sum(),
            places: cells().filter(|cell| cell.state != "absent").count(),
            asks: proposals().filter(|proposal| proposal.asks).count(),
            proposed: proposals().count(),
            drifted: cells().filter(|cell| cell.drift).count(),
            stopped: cells().filter(|cell| cell.state == "stopped").count(),
            problems: repositories.iter().map(|repository| repository.problems.len()).sum(),
            several: repositories.len() > 1,
            next: input.next.map(str::to_owned),
            first: input.first.map(str::to_owned),
            repositories,
        }
    }
}

fn repository_of(input: &RepositoryInput<'_>, now: Timestamp) -> Repository {
    let rows = input.applications.iter().map(|application| Row {
        application: application.name.to_string(),
        source: application.source.and_then(inert::http_url),
        cells: input
            .environments
            .iter()
            .map(|column| {
                let here = |place: &&PlaceInput<'_>| place.standing.place.environment == *column.name;
                cell(column.name, application.places.iter().find(here), now)
            })
            .collect(),
    });
    let mut proposals: Vec<Proposal> = input.proposals.iter().filter_map(proposal).collect();
    proposals.sort_by_key(|proposal| (!proposal.asks, proposal.number));
    Repository {
        name: input.name.to_owned(),
        ago: input.at.map(|at| time::ago(at, now)),
        at: input.at,
        settled: input.settled,
        problems: input.problems.iter().map(trouble).collect(),
        environments: input
            .environments
            .iter()
            .map(|column| Column { name: column.name.to_string(), branch: column.branch.to_owned() })
            .collect(),
        rows: rows.collect(),
        proposals,
    }
}

fn trouble(problem: &Problem) -> Trouble {
    let place = problem.file.as_ref().map(|file| {
        let numbers = [problem.line, problem.column].into_iter().flatten();
        numbers.fold(file.clone(), |place, number| format!("{place}:{number}"))
    });
    Trouble { place, message: problem.message.clone(), owner: problem.owner }
}

fn cell(environment: &EnvironmentName, place: Option<&PlaceInput<'_>>, now: Timestamp) -> Cell {
    let environment = environment.to_string();
    let Some(PlaceInput { standing, text }) = place else {
        return Cell {
            environment,
            state: "absent",
            version: String::new(),
            since: None,
            ago: None,
            drift: false,
            found: None,
            sign: "",
            next: None,
            text: String::new(),
        };
    };
    let next = standing.next.first();
    let said = standing.said();
    let state = match (said.mark, said.step) {
        (Mark::Stopped, _) => "stopped",
        (_, Some(Step::Proposed | Step::Merging)) => "proposed",
        (Mark::Moving | Mark::Waiting, _) => "moving",
        (Mark::Done | Mark::Quiet, _) => "quiet",
    };
    Cell {
        environment,
        state,
        version: standing.version(),
        since: standing.since,
        ago: standing.since.map(|since| time::ago(since, now)),
        drift: matches!(standing.put, Put::Drift { .. }),
        found: match &standing.put {
            Put::Found { by, at, commit: _ } => {
                Some(Found { by: by.name.clone(), at: *at, ago: time::ago(*at, now) })
            }
            _ => None,
        },
        sign: said.mark.sign(),
        next: next.map(|next| Coming {
            version: next.release.version(),
            step: next.step,
            number: next.proposal,
        }),
        text: (*text).to_owned(),
    }
}

fn proposal(input: &ProposalInput<'_>) -> Option<Proposal> {
    let number = input.number?;
    let open: Vec<&GateVerdict> =
        input.gates.iter().map(|(verdict, _)| *verdict).filter(|v| v.verdict != Verdict::Pass).collect();
    let asks = !open.is_empty() && open.iter().all(|v| matches!(v.reason, Reason::NeedsApproval { .. }));
    Some(Proposal {
        number,
        application: input.place.application.to_string(),
        environment: input.place.environment.to_string(),
        from: input.from.to_owned(),
        version: input.version.to_owned(),
        step: input.step,
        url: inert::http_url(input.url),
        asks,
        gates: input
            .gates
            .iter()
            .map(|(verdict, text)| GateLine {
                gate: verdict.gate.clone(),
                verdict: verdict.verdict,
                text: (*text).to_owned(),
            })
            .collect(),
        text: input.text.to_owned(),
    })
}
