//! What a hostile or clumsy client sends.

use std::time::Duration;

use gantry::{http::Limits, store::Store};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    scene::Scene,
    serving::{CI, MANAGER, Serving, Setup, serve},
};

async fn server() -> Serving {
    serve(vec![Scene::new("infra", &["checkout"]).seen()]).await
}

/// Sends bytes as they are and reads until the server closes or `until` has come.
async fn raw(server: &Serving, bytes: &[u8], until: &str) -> String {
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !String::from_utf8_lossy(&answer).contains(until) {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(count) => answer.extend_from_slice(&piece[..count]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_its_length_and_by_its_bytes() {
    let server = server().await;
    let large = format!("{{\"image\": \"{}\"}}", "x".repeat(64 * 1024));
    let request = || {
        server
            .request(Method::POST, "/api/v1/builds")
            .bearer_auth(CI)
            .header("content-type", "application/json")
    };
    server.send(request().body(large.clone())).await.refusal(413);
    let pieces =
        large.into_bytes().chunks(1000).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>();
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    server.send(request().body(stream)).await.refusal(413);
    assert!(server.store.pending(gantry::store::InboxId(0), 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let mut setup = Setup::of(vec![Scene::new("infra", &["checkout"]).seen()]);
    setup.limits = Limits { body_time: Duration::from_millis(20), ..setup.limits };
    let server = setup.serve().await;
    let head = format!(
        "POST /api/v1/builds HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {CI}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"image\":"
    );
    let answer = raw(&server, head.as_bytes(), "came too slowly").await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("application/problem+json"), "{answer}");
}

#[tokio::test]
async fn a_body_is_not_read_before_the_token_is_known() {
    let server = server().await;
    let head = b"POST /api/v1/builds HTTP/1.1\r\nhost: x\r\nauthorization: Bearer wrong\r\ncontent-length: 100\r\n\r\n";
    let answer = raw(&server, head, "bad-token").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[tokio::test]
async fn what_is_no_json_names_line_and_column() {
    let server = server().await;
    let send = |path: &str, body: &'static str, kind: &str| {
        let token = if path.ends_with("builds") { CI } else { MANAGER };
        server.request(Method::POST, path).bearer_auth(token).header("content-type", kind).body(body)
    };
    let promotions = "/api/v1/promotions";
    let text =
        server.send(send(promotions, "{\n  \"application\": oops}", "application/json")).await.refusal(400);
    assert!(text.contains("line 2 column"), "{text}");
    server.send(send(promotions, "{} {}", "application/json")).await.refusal(422);
    let deep: &'static str = Box::leak("[".repeat(10_000).into_boxed_str());
    let answer = server.send(send(promotions, deep, "application/json")).await;
    assert!(answer.status.is_client_error());
    server.send(send("/api/v1/builds", "{]", "application/json")).await.refusal(400);
    let text = server
        .send(send("/api/v1/builds", "image=x", "application/x-www-form-urlencoded"))
        .await
        .refusal(415);
    assert!(text.contains("Content-Type: application/json"), "{text}");
}

#[tokio::test]
async fn wrong_types_and_unknown_fields_are_named() {
    let server = server().await;
    let send = async |body| server.post(MANAGER, "/api/v1/promotions", &body).await.refusal(422);
    let text = send(json!({ "application": 7, "environment": "prod" })).await;
    assert!(text.ends_with("| application"), "{text}");
    let text = send(json!({ "application": "checkout", "environment": "prod", "relase": "1" })).await;
    assert!(text.contains("relase") && text.contains("release"), "{text}");
    let text = send(json!({ "application": "../x", "environment": "prod" })).await;
    assert!(text.contains("not a valid application name"), "{text}");
    let text = send(json!({})).await;
    assert!(text.contains("application"), "{text}");
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_problems() {
    let server = server().await;
    for path in [
        "/api/v1/nothing",
        "/api/v2/applications",
        "/api/v1/applications/",
        "/api//v1/applications",
        "/api/v1/applications/..%2f..%2fetc%2fpasswd",
        "/api/v1/applications/%00",
        "/api/v1/applications/%ff",
        "/api/v1/applications/nobody",
        "/api/v1/applications/checkout/environments/moon/why",
        "/api/v1/requests/abc",
        "/api/v1/requests/99999999999999999999",
        "/api/v1/requests/7",
        "/assets/../gantry.db",
        "/assets/%2e%2e/style.css",
    ] {
        server.get(path).await.refusal(404);
    }
    let long = format!("/api/v1/applications/{}", "a".repeat(3000));
    server.get(&long).await.refusal(404);
}

#[tokio::test]
async fn other_methods_are_problems_that_name_the_right_ones() {
    let server = server().await;
    for (method, path, allowed) in [
        (Method::DELETE, "/api/v1/applications", "GET,HEAD"),
        (Method::PUT, "/api/v1/builds", "GET"),
        (Method::GET, "/api/v1/promotions/1/approve", "POST"),
        (Method::from_bytes(b"BREW").unwrap(), "/", "GET,HEAD"),
    ] {
        let answer = server.send(server.request(method, path)).await;
        answer.refusal(405);
        assert!(answer.headers["allow"].to_str().unwrap().contains(allowed), "{:?}", answer.headers["allow"]);
    }
}

#[tokio::test]
async fn parameters_are_known_single_and_short() {
    let server = server().await;
    let text = server.get("/api/v1/applications?sort=name").await.refusal(400);
    assert!(text.contains("sort") && text.contains("limit") && text.contains("state"), "{text}");
    let text = server.get("/api/v1/applications?limit=1&limit=2").await.refusal(400);
    assert!(text.contains("twice"), "{text}");
    for query in ["limit=0", "limit=501", "limit=-1", "limit=x", "state=odd", "environment=a/b", "q=%00"] {
        server.get(&format!("/api/v1/applications?{query}")).await.refusal(400);
    }
    server.get(&format!("/api/v1/applications?q={}", "a".repeat(2000))).await.refusal(400);
    server.get("/livez?x=1").await.refusal(400);
    server.get("/api/v1/requests/1?wait=31").await.refusal(400);
    server.get("/api/v1/audit?after=x").await.refusal(400);
    let strange = server.get("/api/v1/applications?after=%27%3B--%E2%98%83").await;
    assert_eq!(strange.items("application"), ["checkout"], "any text is a place in the list's order");
}

#[tokio::test]
async fn a_panic_is_our_mistake_and_the_server_goes_on() {
    let mut scene = Scene::new("infra", &["panics", "checkout"]);
    scene.build("panics", "1.1.0");
    let server = serve(vec![scene.seen()]).await;
    let path = "/api/v1/applications/panics/environments/dev/diff";
    let answer = server.get(path).await;
    let text = answer.refusal(500);
    assert!(!text.contains("for the test"), "{text}");
    assert!(server.get("/api/v1/applications/checkout").await.status.is_success());
}

#[tokio::test]
async fn an_answer_that_is_not_found_in_time_is_given_up() {
    let mut scene = Scene::new("infra", &["hangs"]);
    scene.build("hangs", "1.1.0");
    let mut setup = Setup::of(vec![scene.seen()]);
    setup.limits = Limits { answer_time: Duration::from_millis(20), ..setup.limits };
    let server = setup.serve().await;
    server.get("/api/v1/applications/hangs/environments/dev/diff").await.refusal(503);
}

#[tokio::test]
async fn a_token_is_taken_from_one_header_only() {
    let server = server().await;
    let twice = server
        .request(Method::GET, "/api/v1/applications")
        .bearer_auth(MANAGER)
        .header("authorization", format!("Bearer {CI}"));
    server.send(twice).await.refusal(401);
    server.get(&format!("/api/v1/applications?access_token={MANAGER}")).await.refusal(400);
}
