//! Servers that nobody wants to meet.

use axum::http::StatusCode;

use super::{against, answers};
use crate::support::scripted::{Scripted, answer, endless, never, stalled, with};

#[tokio::test]
async fn no_answer_keeps_it_waiting_or_fills_its_memory() {
    for server in [
        Scripted::always(never).await,
        Scripted::always(|| stalled("{\"items\":[")).await,
        Scripted::always(|| endless("                                                                "))
            .await,
    ] {
        let ran = against(server.host(), "80", &["status", "--timeout", "1"]).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
        assert!(
            ran.err.contains("did not answer within 1 s") || ran.err.contains("more than 32 MiB"),
            "{}",
            ran.err
        );
    }
}

#[tokio::test]
async fn wrong_answers_are_named_and_not_believed() {
    let deep = "[".repeat(100_000);
    let bodies = ["", "[]", "{}", "null", "{\"items\":[{}],\"next\":null,\"total\":1}", "\u{1b}[31m", &deep];
    for body in bodies.map(str::to_owned) {
        let server = Scripted::always(move || answer(StatusCode::OK, body.clone())).await;
        let ran = against(server.host(), "80", &["status"]).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        assert!(ran.err.contains("did not answer as Gantry's API does"), "{}", ran.err);
        assert!(!ran.err.contains('\u{1b}'));
    }
    let broken = Scripted::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await;
    assert_eq!(against(broken.host(), "80", &["status"]).await.code, 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Scripted::always(|| answers::page(answers::applications())).await;
    let to = format!("http://{}/", elsewhere.host());
    let server = Scripted::always(move || with(StatusCode::FOUND, &[("location", &to)], "")).await;
    let ran = against(server.host(), "80", &["status"]).await;
    assert!(ran.code == 1 && ran.err.contains("redirects to"), "{}", ran.err);
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_list_without_an_end_ends() {
    let page = "{\"items\":[],\"next\":\"x\",\"total\":1}";
    let server = Scripted::always(move || answer(StatusCode::OK, page)).await;
    let ran = against(server.host(), "80", &["plan"]).await;
    assert!(ran.code == 1 && ran.err.contains("without an end"), "{}", ran.err);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn no_control_character_reaches_a_terminal() {
    let evil = "\u{1b}]0;owned\u{7}\u{202e}\u{9b}2J";
    let server = Scripted::start(move |seen| {
        let mut applications = answers::applications();
        applications[0].places[0].text = evil.into();
        applications[0].places[0].version = evil.into();
        let mut change = answers::change("propose");
        change.diff = format!("+{evil}\r\n");
        change.text = evil.into();
        let mut why = answers::why();
        why.text = evil.into();
        why.step_texts = vec![evil.into()];
        match seen.path() {
            "/api/v1/applications" => answers::page(applications),
            "/api/v1/repositories" => answers::page(answers::repositories()),
            "/api/v1/plan" => answers::page(vec![change]),
            "/api/v1/applications/checkout/environments/prod/why" => answers::ok(&why),
            _ => answers::problem(StatusCode::FORBIDDEN, evil, evil),
        }
    })
    .await;
    for args in [
        &["status"][..],
        &["plan"],
        &["why", "checkout", "prod"],
        &["history", "checkout"],
        &["status", "-o", "json"],
        &["status", "-o", "yaml"],
        &["plan", "-o", "yaml"],
    ] {
        let ran = against(server.host(), "120", args).await;
        for text in [&ran.out, &ran.err] {
            let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
            assert_eq!(bad, None, "{args:?}: {text}");
        }
        assert!(ran.out.contains("owned") || ran.err.contains("owned"), "{args:?}");
    }
    let ran = against(server.host(), "80", &["status", "-o", "json"]).await;
    let data: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(data["applications"][0]["places"][0]["text"], evil, "data means what was sent");
}
