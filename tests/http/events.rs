//! The stream of events: nothing is missed, nothing is told twice.

use std::time::Duration;

use futures_util::StreamExt;
use gantry::{
    http::Limits,
    store::{AuditEntry, Store},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{
    scene::{Scene, at},
    serving::{Serving, Setup, serve},
};

async fn happens(server: &Serving, number: usize) {
    let line = AuditEntry {
        key: format!("line {number}"),
        at: at(200),
        actor: "gantry".to_owned(),
        action: "promoted".to_owned(),
        repository: "infra".to_owned(),
        application: Some("checkout".parse().unwrap()),
        environment: Some("dev".parse().unwrap()),
        release: None,
        text: format!("text {number}\nsecond line"),
        detail: json!({ "number": number }),
    };
    assert!(server.store.append(&line).await.unwrap());
}

fn look() -> gantry::store::board::Seen {
    Scene::new("infra", &["checkout"]).seen()
}

/// Reads events until `count` have come.
async fn read(response: Response, count: usize) -> Vec<(String, Value)> {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.bytes_stream();
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        text.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
    }
    let event = |block: &str| {
        let field =
            |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        assert_eq!(field("event:"), "promoted");
        (field("id:").to_owned(), serde_json::from_str(field("data:")).unwrap())
    };
    text.split("\n\n").filter(|block| block.contains("data:")).map(event).collect()
}

async fn listen(server: &Serving, last: Option<i64>) -> Response {
    let request = server.request(Method::GET, "/api/v1/events");
    match last {
        Some(last) => request.header("Last-Event-ID", last.to_string()).send().await.unwrap(),
        None => request.send().await.unwrap(),
    }
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing() {
    let server = serve(vec![look()]).await;
    for number in 1..=3 {
        happens(&server, number).await;
    }
    let all = read(listen(&server, Some(0)).await, 3).await;
    assert_eq!(all.iter().map(|(_, line)| line["detail"]["number"].clone()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(all[0].1["text"], "text 1\nsecond line");
    assert!(all[0].1.get("key").is_none());
    let last = all[1].0.parse().unwrap();
    let rest = read(listen(&server, Some(last)).await, 1).await;
    assert_eq!(rest[0].0, all[2].0);
}

#[tokio::test]
async fn a_new_client_hears_what_comes() {
    let server = serve(vec![look()]).await;
    happens(&server, 1).await;
    let response = listen(&server, None).await;
    happens(&server, 2).await;
    server.board.post(look());
    let heard = read(response, 1).await;
    assert_eq!(heard[0].1["detail"]["number"], 2);
}

#[tokio::test]
async fn a_quiet_stream_is_kept_open_by_comments_and_hears_other_replicas() {
    let mut setup = Setup::of(vec![look()]);
    let soon = Duration::from_millis(5);
    setup.limits = Limits { recheck: soon, keep_alive: soon, ..setup.limits };
    let server = setup.serve().await;
    let mut stream = listen(&server, None).await.bytes_stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), ":\n\n");
    happens(&server, 1).await;
    loop {
        let piece = stream.next().await.unwrap().unwrap();
        if piece.starts_with(b"id: 1\n") || piece.windows(6).any(|part| part == b"text 1") {
            break;
        }
    }
}

#[tokio::test]
async fn the_number_of_clients_is_bounded_and_a_place_becomes_free() {
    let mut setup = Setup::of(vec![look()]);
    setup.limits = Limits { event_clients: 1, ..setup.limits };
    let server = setup.serve().await;
    happens(&server, 1).await;
    let first = listen(&server, Some(0)).await;
    assert_eq!(listen(&server, Some(0)).await.status(), 503);
    drop(first);
    // The server notices that the client has gone when it writes to it next.
    loop {
        let response = listen(&server, Some(0)).await;
        if response.status() == 200 {
            assert_eq!(read(response, 1).await.len(), 1);
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stream_ends_when_the_server_goes_down() {
    let server = serve(vec![look()]).await;
    let mut stream = listen(&server, None).await.bytes_stream();
    server.close();
    while let Some(piece) = stream.next().await {
        drop(piece);
    }
}

#[tokio::test]
async fn a_number_that_is_none_is_refused() {
    let server = serve(vec![look()]).await;
    let request = server.request(Method::GET, "/api/v1/events").header("Last-Event-ID", "later");
    server.send(request).await.refusal(400);
    server.get("/api/v1/events?after=x").await.refusal(400);
}

#[tokio::test]
async fn the_audit_log_is_read_in_pages_and_filtered() {
    let server = serve(vec![look()]).await;
    for number in 1..=5 {
        happens(&server, number).await;
    }
    let first = server.get("/api/v1/audit?limit=2&application=checkout").await;
    assert_eq!(first.body["items"][0]["detail"]["number"], 5);
    let next = first.body["next"].as_str().unwrap();
    let second = server.get(&format!("/api/v1/audit?limit=3&after={next}")).await;
    let numbers: Vec<&Value> =
        second.body["items"].as_array().unwrap().iter().map(|line| &line["detail"]["number"]).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(second.body["next"], Value::Null);
    assert!(server.get("/api/v1/audit?actor=nobody").await.items("id").is_empty());
}
