//! Callers whom nobody knows: wrong tokens in numbers, and pages that lead their own name to this machine.

use std::time::Instant;

use gantry::http::Names;
use reqwest::{Method, header};

use super::{
    scene::{Scene, at},
    serving::{Answer, CI, MANAGER, Serving, Setup, VIEWER, serve},
};

const LIST: &str = "/api/v1/applications";

fn setup() -> Setup {
    Setup::of(vec![Scene::new("infra", &["checkout"]).seen()])
}

async fn as_behind(server: &Serving, token: &str, client: &str) -> Answer {
    let request = server.request(Method::GET, LIST).bearer_auth(token).header("x-forwarded-for", client);
    server.send(request).await
}

async fn with(server: &Serving, token: &str) -> Answer {
    server.send(server.request(Method::GET, LIST).bearer_auth(token)).await
}

#[tokio::test]
async fn wrong_tokens_in_numbers_have_to_wait() {
    let server = serve(vec![Scene::new("infra", &["checkout"]).seen()]).await;
    // Whoever worked from there before works on.
    with(&server, VIEWER).await.ok();
    let mut refused = 0;
    for number in 0..100 {
        let answer = with(&server, &format!("guess-{number}")).await;
        if answer.status.as_u16() == 429 {
            let text = answer.refusal(429);
            assert!(text.contains("http.trusted_proxies"), "{text}");
            assert_eq!(answer.headers["retry-after"], "3");
            assert_eq!(answer.body["type"], "/problems/too-many-wrong-tokens");
            refused += 1;
        } else {
            answer.refusal(401);
        }
    }
    assert_eq!(refused, 80, "20 tries are enough for typing errors");
    with(&server, VIEWER).await.ok();
    // A right token is not looked at, so that the answer doesn't tell that it is right.
    with(&server, MANAGER).await.refusal(429);
    assert!(server.get(LIST).await.status.is_success(), "reading without a token is another matter");
    server.clock.set(at(203));
    with(&server, MANAGER).await.ok();
    with(&server, "guess").await.refusal(401);
    with(&server, "guess").await.refusal(429);
    server.clock.set(at(300));
    with(&server, "guess").await.refusal(401);
    let metrics = server.get("/metrics").await;
    assert!(
        metrics.body.as_str().unwrap().contains("gantry_http_wrong_tokens_total 104"),
        "{}",
        metrics.body
    );
}

#[tokio::test]
async fn thousands_of_wrong_tokens_cost_little() {
    let server = serve(vec![Scene::new("infra", &["checkout"]).seen()]).await;
    let began = Instant::now();
    let mut wrong = 0;
    for number in 0..1000 {
        let response = server.request(Method::POST, "/api/v1/builds").bearer_auth(format!("guess-{number}"));
        wrong += u32::from(response.send().await.unwrap().status().as_u16() == 401);
    }
    assert_eq!(wrong, 20);
    assert!(began.elapsed().as_secs() < 60);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_tries() {
    let mut setup = setup();
    setup.names = Names { proxies: vec!["127.0.0.0/8".parse().unwrap()], ..Names::default() };
    let server = setup.serve().await;
    for number in 0..30 {
        as_behind(&server, &format!("guess-{number}"), "203.0.113.9").await;
    }
    as_behind(&server, CI, "203.0.113.9").await.refusal(429);
    // What the client writes itself stands to the left of what the proxy adds.
    as_behind(&server, CI, "198.51.100.7, 203.0.113.9").await.refusal(429);
    as_behind(&server, CI, "198.51.100.7").await.ok();
}

#[tokio::test]
async fn without_a_trusted_proxy_the_header_counts_for_nothing() {
    let server = serve(vec![Scene::new("infra", &["checkout"]).seen()]).await;
    let mut last = 0;
    for number in 0..30 {
        let client = format!("203.0.113.{number}");
        last = as_behind(&server, &format!("guess-{number}"), &client).await.status.as_u16();
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn a_page_that_leads_its_name_here_reads_nothing() {
    let mut setup = setup();
    setup.names = Names { check: true, hosts: vec!["gantry.example.com".to_owned()], ..Names::default() };
    let server = setup.serve().await;
    let asked = async |path: &str, host: &str| {
        server.send(server.request(Method::GET, path).header(header::HOST, host)).await
    };
    for host in ["localhost:8420", "127.0.0.1", "[::1]:80", "gantry.example.com"] {
        assert!(asked(LIST, host).await.status.is_success(), "{host}");
    }
    for path in ["/", LIST, "/api/v1/audit", "/api/v1/events", "/metrics"] {
        let answer = asked(path, "evil.example.net:8420").await;
        let text = answer.refusal(421);
        assert!(text.contains("http.hosts") && text.contains("evil.example.net"), "{text}");
    }
    // A token is a proof by itself; nothing to read is open to everybody.
    let request = server.request(Method::GET, LIST).header(header::HOST, "evil.example.net");
    server.send(request.bearer_auth(VIEWER)).await.ok();
    assert!(asked("/livez", "10.0.0.7:8420").await.status.is_success());
    assert!(asked("/readyz", "10.0.0.7:8420").await.status.is_success());
}

#[tokio::test]
async fn probes_ignore_credentials() {
    let server = setup().serve().await;
    for path in ["/livez", "/readyz"] {
        for value in ["Bearer wrong", "Basic eDp5", "nonsense", ""] {
            let request = server.request(Method::GET, path).header(header::AUTHORIZATION, value);
            assert!(server.send(request).await.status.is_success(), "{path} {value:?}");
        }
    }
    for _ in 0..50 {
        with(&server, "wrong").await;
    }
    let request = server.request(Method::GET, "/readyz").bearer_auth("wrong");
    assert!(server.send(request).await.status.is_success());
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_what_it_means() {
    let server = setup().serve().await;
    let kinds = server.get("/problems").await.ok();
    let kinds = kinds["items"].as_array().unwrap();
    assert!(kinds.len() > 10);
    for kind in kinds {
        let path = kind["type"].as_str().unwrap();
        let explained = server.get(path).await;
        for part in ["title", "means", "who", "act"] {
            assert!(explained.body[part].as_str().is_some_and(|text| !text.is_empty()), "{path} {part}");
        }
        let request = server.request(Method::GET, path).header(header::ACCEPT, "text/html,*/*;q=0.8");
        let page = server.send(request).await.ok();
        let title = kind["title"].as_str().unwrap().replace('\'', "&#39;");
        assert!(page.as_str().unwrap().contains(&title), "{page}");
    }
    for refused in ["/api/v1/nothing", "/problems/nothing", "/api/v1/applications?x=1"] {
        let kind = server.get(refused).await.body["type"].as_str().unwrap().to_owned();
        assert!(server.get(&kind).await.status.is_success(), "{kind}");
    }
    let refused = with(&server, "wrong").await;
    assert_eq!(refused.body["type"], "/problems/bad-token");
}

#[tokio::test]
async fn the_schema_answers_at_its_id() {
    let server = setup().serve().await;
    let schema = server.get("/schema/gantry.v1.json").await.ok();
    assert_eq!(schema["$id"], "/schema/gantry.v1.json");
    assert_eq!(schema, gantry_core::config::schema());
}
