//! Answers of a server, made from the API's own types.

use axum::{http::StatusCode, response::Response};
use gantry::http::types::{
    ApplicationView, ChangeView, HistoryView, Page, PlaceView, ProblemBody, RepositoryView, WhyView,
};
use gantry_core::{
    artifact::{Artifact, Release},
    decide::{
        place::{Next, Standing, Step},
        view::Put,
    },
    facts::{Held, Person, Place},
    gates::{GateVerdict, Verdict},
    ids::{CommitId, ProposalNumber},
    reason::{Owner, Problem, Reason},
    why::{Answer, Why, WhyStep},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::support::scripted::{answer, with};

pub(crate) fn ok<T: Serialize>(body: &T) -> Response {
    answer(StatusCode::OK, serde_json::to_string(body).unwrap())
}

pub(crate) fn page<T: Serialize>(items: Vec<T>) -> Response {
    let total = items.len();
    ok(&Page { items, next: None, total })
}

pub(crate) fn problem(status: StatusCode, detail: &str, hint: &str) -> Response {
    let body = ProblemBody {
        kind: "/problems/x".into(),
        title: "It can't be done".into(),
        status: status.as_u16(),
        detail: detail.into(),
        hint: hint.into(),
        field: None,
    };
    with(status, &[("content-type", "application/problem+json")], serde_json::to_string(&body).unwrap())
}

pub(crate) fn commit(fill: char) -> CommitId {
    fill.to_string().repeat(40).parse().unwrap()
}

pub(crate) fn release(tag: &str) -> Release {
    let artifact = Artifact {
        image: "registry.example.com/shop/checkout".parse().unwrap(),
        entry: None,
        tag: tag.parse().unwrap(),
        digest: format!("sha256:{}", "a".repeat(64)).parse().unwrap(),
        built: None,
        revision: None,
        source: None,
    };
    Release::new("checkout".parse().unwrap(), vec![artifact])
}

fn ago(minutes: i64) -> Timestamp {
    // Half a minute more, so that the test's own time changes no unit.
    Timestamp::now() - SignedDuration::from_secs(minutes * 60 + 30)
}

fn place(application: &str, environment: &str) -> Place {
    Place { application: application.parse().unwrap(), environment: environment.parse().unwrap() }
}

fn view(application: &str, environment: &str, version: &str, minutes: i64, text: &str) -> PlaceView {
    let held = Held {
        image: "registry.example.com/shop/checkout".parse().unwrap(),
        entry: None,
        refs: Vec::new(),
        tag: Some(version.parse().unwrap()),
        digest: None,
    };
    let standing = Standing {
        place: place(application, environment),
        holds: vec![held],
        release: Some(release(version)),
        since: Some(ago(minutes)),
        put: Put::Promotion { commit: commit('a'), by: None },
        next: Vec::new(),
        problem: None,
        rest: Some(Reason::NothingNewer),
        notes: Vec::new(),
    };
    let (mark, owner) = (standing.said().mark, standing.said().owner);
    PlaceView { standing, version: version.into(), text: text.into(), mark, owner }
}

fn next(version: &str, step: Step, proposal: Option<u64>) -> Next {
    let gates = Vec::new();
    Next { release: release(version), step, gates, reason: None, proposal: proposal.map(ProposalNumber) }
}

/// Two applications: one in order, with a proposal; one with drift and a broken file.
pub(crate) fn applications() -> Vec<ApplicationView> {
    let application = |name: &str, places: Vec<PlaceView>| ApplicationView {
        repository: "infra".into(),
        application: name.parse().unwrap(),
        source: None,
        images: Vec::new(),
        problems: Vec::new(),
        places,
    };
    let mut qa = view("checkout", "qa", "1.43.1", 125, "nothing newer is known");
    qa.standing.put = Put::Initial { commit: commit('c'), by: ann() };
    let mut prod = view(
        "checkout",
        "prod",
        "1.42.0",
        60 * 24 * 9,
        "proposal #2 waits for the approval of a release manager",
    );
    prod.standing.next.push(next("1.43.1", Step::Proposed, Some(2)));
    let mut drift = view("invoice-renderer", "dev", "7.0.1-hotfix.3", 12, "nothing newer is known");
    drift.standing.put = Put::Drift { commit: commit('d'), by: ann(), claimed: false };
    let mut broken = view(
        "invoice-renderer",
        "qa",
        "7.0.0",
        60 * 30,
        "apps/invoice-renderer/overlays/qa/kustomization.yaml:4:9: not valid YAML; the team must correct it",
    );
    let problem = broken_file();
    broken.standing.problem = Some(Reason::Broken { problem });
    vec![
        application(
            "checkout",
            vec![view("checkout", "dev", "1.43.1", 190, "nothing newer is known"), qa, prod],
        ),
        application("invoice-renderer", vec![drift, broken]),
    ]
}

fn ann() -> Person {
    Person { name: "Ann Example".into(), email: "ann@example.com".into() }
}

fn broken_file() -> Problem {
    Problem {
        file: Some("apps/invoice-renderer/overlays/qa/kustomization.yaml".into()),
        line: Some(4),
        column: Some(9),
        message: "not valid YAML; correct the file".into(),
        owner: Owner::Team,
    }
}

pub(crate) fn repositories() -> Vec<RepositoryView> {
    vec![RepositoryView {
        repository: "infra".into(),
        at: ago(1),
        settled: true,
        problems: vec![broken_file()],
    }]
}

pub(crate) fn history() -> Page<HistoryView> {
    let item = |at: &str, environment: &str, version: &str, put, text: &str| HistoryView {
        at: at.parse().unwrap(),
        environment: environment.parse().unwrap(),
        version: version.into(),
        release: None,
        put: Some(put),
        commit: Some(commit('b')),
        text: text.into(),
    };
    let promoted = || Put::Promotion { commit: commit('b'), by: None };
    let items = vec![
        item("2026-11-21T10:02:11Z", "qa", "1.43.1", promoted(), "promoted from 1.42.0"),
        item(
            "2026-11-20T08:00:00Z",
            "dev",
            "1.43.1-hotfix",
            Put::Drift { commit: commit('b'), by: ann(), claimed: false },
            "Ann Example changed it by hand: \"try the other renderer, and see whether that helps\"",
        ),
    ];
    Page { items, next: Some("2".into()), total: 7 }
}

pub(crate) fn why() -> WhyView {
    let step = |environment: &str, reached: bool, reason: Reason| WhyStep {
        environment: environment.parse().unwrap(),
        reached,
        mark: reason.mark(),
        owner: reason.owner(),
        reason,
        gates: Vec::new(),
        proposal: None,
    };
    let needs = Reason::NeedsApproval { proposal: Some(ProposalNumber(2)) };
    let mut prod = step("prod", false, needs.clone());
    prod.proposal = Some(ProposalNumber(2));
    let gate = |gate: &str, verdict, reason| GateVerdict { gate: gate.into(), verdict, until: None, reason };
    prod.gates = vec![
        gate("checks", Verdict::Pass, Reason::ChecksPassed { checks: vec!["ci".into()] }),
        gate("merge", Verdict::Wait, needs.clone()),
    ];
    let why = Why {
        place: place("checkout", "prod"),
        version: "1.43.1".into(),
        release: Some(release("1.43.1")),
        answer: Answer::OnItsWay,
        at: Some("prod".parse().unwrap()),
        reasons: vec![needs],
        steps: vec![
            step("dev", true, Reason::InPlace { since: None, at_least: false, found_by: None }),
            step("qa", true, Reason::InPlace { since: None, at_least: false, found_by: None }),
            prod,
        ],
        next_look: None,
    };
    WhyView {
        refused: None,
        why,
        text: "1.43.1 is not in prod: proposal #2 waits for a release manager".into(),
        step_texts: vec![
            "it is there since 2026-11-21 09:50".into(),
            "it is there since 2026-11-21 10:02, and that is a sentence that is too long for eighty cells"
                .into(),
            "proposal #2 waits for the approval of a release manager".into(),
        ],
        problems: Vec::new(),
    }
}

pub(crate) fn change(effect: &str) -> ChangeView {
    let diff = if effect == "none" {
        ""
    } else {
        "--- a/apps/checkout/overlays/prod/kustomization.yaml\n+++ b/apps/checkout/overlays/prod/kustomization.yaml\n@@ -3,3 +3,3 @@\n images:\n-  newTag: 1.42.0\n+  newTag: 1.43.1\n"
    };
    ChangeView {
        repository: "infra".into(),
        place: place("checkout", "prod"),
        effect: effect.into(),
        text: if effect == "none" { "nothing newer is known" } else { "1.42.0 -> 1.43.1" }.into(),
        diff: diff.into(),
    }
}
