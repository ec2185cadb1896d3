//! What `promote`, `approve`, `reject` and `build` send, and what they make of the answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use gantry::{
    http::types::{BuildReceipt, RequestReceipt},
    intake::request::Outcome,
};
use serde_json::Value;

use super::{Ran, against, answers, command};
use crate::support::scripted::{Scripted, answer, with};

fn receipt(outcome: Option<(bool, &str)>) -> axum::response::Response {
    let outcome = outcome.map(|(done, text)| Outcome { done, text: text.into() });
    answers::ok(&RequestReceipt { id: 12, outcome })
}

/// A server that stores the request, and tells what became of it on the third question.
async fn loop_server(done: bool, text: &'static str) -> Scripted {
    let asked = AtomicUsize::new(0);
    Scripted::start(move |seen| match seen.path() {
        "/api/v1/requests/12" => match asked.fetch_add(1, Ordering::SeqCst) {
            0 => receipt(None),
            1 => answer(StatusCode::SERVICE_UNAVAILABLE, ""),
            _ => receipt(Some((done, text))),
        },
        _ => receipt(None),
    })
    .await
}

#[tokio::test]
async fn approve_waits_for_what_becomes_of_it() {
    let server = loop_server(true, "proposal #2 is approved").await;
    let head = "b".repeat(40);
    let ran = against(server.host(), "80", &["approve", "#2", "--reason", "fine", "--head", &head]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "proposal #2 is approved\n"), "{}", ran.err);
    let first = &server.seen()[0];
    assert_eq!((first.method.as_str(), first.path()), ("POST", "/api/v1/promotions/2/approve"));
    let body: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!((&body["reason"], &body["head"]), (&"fine".into(), &Value::from(head)));
    assert!(server.seen()[1].query("wait").is_some());
}

#[tokio::test]
async fn a_refused_request_ends_with_1() {
    let server = loop_server(false, "proposal #2 was merged before").await;
    let ran = against(server.host(), "80", &["reject", "2", "--reason", "no"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert_eq!(ran.err, "error: proposal #2 was merged before\n");
}

#[tokio::test]
async fn one_need_not_wait() {
    let server = loop_server(true, "x").await;
    let ran = against(server.host(), "80", &["promote", "checkout", "prod", "--no-wait"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "request 12 is stored\n"));
    assert_eq!(server.seen().len(), 1);
    let ran = against(server.host(), "80", &["promote", "checkout", "prod", "--wait", "0s"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("request 12 is stored and not done after 0s"), "{}", ran.err);
}

#[tokio::test]
async fn a_problem_is_shown_with_its_hint() {
    let server = Scripted::always(|| {
        answers::problem(
            StatusCode::CONFLICT,
            "two repositories hold checkout",
            "Name one with --repository.",
        )
    })
    .await;
    for args in [&["promote", "checkout", "prod"][..], &["status"], &["why", "checkout", "prod"]] {
        let ran = against(server.host(), "80", args).await;
        assert_eq!(ran.code, 1);
        assert_eq!(ran.err, "error: two repositories hold checkout\nhint: Name one with --repository.\n");
    }
}

fn built() -> axum::response::Response {
    let applications = vec!["checkout".parse().unwrap()];
    answers::ok(&BuildReceipt { id: 5, fresh: true, applications, note: Some("a note".into()) })
}

async fn build(server: &Scripted, environment: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = command([&["build"], args].concat());
    command.env("GANTRY_SERVER", format!("http://{}", server.host())).envs(environment.iter().copied());
    tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap()
}

#[tokio::test]
async fn build_takes_what_ci_says_and_arguments_win() {
    let server = Scripted::always(built).await;
    let environment = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://git.example.com"),
        ("GITHUB_REPOSITORY", "shop/checkout"),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_SHA", "abc"),
        ("GANTRY_TOKEN", "hunter2"),
    ];
    let args =
        ["localhost:5000/shop/checkout:1.43.1", "--revision", "def", "--created", "2026-11-21T10:00:00Z"];
    let ran = build(&server, &environment, &args).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out, "build 5 stored: localhost:5000/shop/checkout:1.43.1, used by checkout\n");
    assert_eq!(ran.err, "note: a note\n");
    let seen = &server.seen()[0];
    assert_eq!(seen.authorization.as_deref(), Some("Bearer hunter2"));
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(body["revision"], "def");
    assert_eq!(body["source"], "https://git.example.com/shop/checkout");
    assert_eq!(body["url"], "https://git.example.com/shop/checkout/actions/runs/7");
    assert_eq!(body["status"], "success");
    // What is sent is what the server reads.
    serde_json::from_value::<gantry_core::build::BuildReport>(body).unwrap();
}

#[tokio::test]
async fn a_build_that_is_refused_has_an_exit_code_of_its_own() {
    let server = Scripted::start(|seen| match seen.path().contains("/requests/") {
        true => answer(
            StatusCode::OK,
            r#"{"id": 5, "outcome": {"done": false, "text": "the registry has no such tag"}}"#,
        ),
        false => built(),
    })
    .await;
    assert_eq!(build(&server, &[], &["r.io/a:1"]).await.code, 0, "it does not wait");
    let ran = build(&server, &[], &["r.io/a:1", "--wait"]).await;
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.ends_with("error: build 5 was refused: the registry has no such tag\n"), "{}", ran.err);
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_stays_is_not() {
    let asked = AtomicUsize::new(0);
    let server = Scripted::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => answer(StatusCode::BAD_GATEWAY, "<html>bad gateway</html>"),
        1 => with(StatusCode::TOO_MANY_REQUESTS, &[("retry-after", "0")], ""),
        _ => built(),
    })
    .await;
    let ran = build(&server, &[], &["r.io/a:1"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(server.seen().len(), 3);

    let server =
        Scripted::always(|| answers::problem(StatusCode::FORBIDDEN, "not this image", "Ask for it.")).await;
    let ran = build(&server, &[], &["r.io/a:1"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (1, "error: not this image\nhint: Ask for it.\n"));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn the_token_is_read_from_a_file_and_shown_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "hunter2\n").unwrap();
    let server = Scripted::always(|| answer(StatusCode::UNAUTHORIZED, "who are you")).await;
    let ran = build(&server, &[], &["r.io/a:1", "--token-file", file.to_str().unwrap()]).await;
    assert_eq!(server.seen()[0].authorization.as_deref(), Some("Bearer hunter2"));
    assert!(ran.code == 1 && !ran.err.contains("hunter2") && ran.err.contains("401"), "{}", ran.err);

    std::fs::write(&file, "hunter2\nhunter3\n").unwrap();
    let ran = build(&server, &[], &["r.io/a:1", "--token-file", file.to_str().unwrap()]).await;
    assert!(ran.code == 2 && !ran.err.contains("hunter"), "{}", ran.err);
    let ran = build(&server, &[], &["r.io/a:1", "--token-file", "/nowhere"]).await;
    assert!(ran.code == 2 && ran.err.contains("/nowhere"), "{}", ran.err);
}
