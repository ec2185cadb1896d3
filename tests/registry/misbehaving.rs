//! Registries that fail, hang, cut, flood or lie: each gives a typed error that says who must act.

use std::time::Duration;

use axum::{http::StatusCode, response::Response};
use futures_util::{StreamExt, stream::FuturesUnordered};
use gantry::registry::{Endpoint, Limits, Registry, RegistryError};

use super::{list, now, tag};
use crate::support::{
    registry::hash,
    scripted::{Scripted, answer, endless, never, stalled, with},
};

async fn tags_error(server: &Scripted, endpoint: Endpoint) -> RegistryError {
    let error = list(endpoint, &server.image("a")).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("http://{}/v2/a/tags/list: ", server.host())), "{error}");
    error
}

#[tokio::test]
async fn statuses_are_told_apart() {
    for (status, transient, says) in [
        (401, false, "platform engineer must set"),
        (403, false, "platform engineer must grant"),
        (404, false, "check the image name"),
        (418, false, "check that this host is an OCI registry"),
        (500, true, "whoever runs the registry must look"),
        (503, true, "whoever runs the registry must look"),
    ] {
        let server =
            Scripted::always(move || answer(StatusCode::from_u16(status).unwrap(), "<html>hello")).await;
        let error = tags_error(&server, server.endpoint()).await;
        assert_eq!(error.is_transient(), transient, "{status}: {error}");
        assert!(error.to_string().contains(says), "{status}: {error}");
    }
}

#[tokio::test]
async fn a_pause_is_kept() {
    for (status, header, until) in [
        (429, Some("120"), "2026-11-21T10:02:00Z"),
        (503, Some("Sat, 21 Nov 2026 10:05:00 GMT"), "2026-11-21T10:05:00Z"),
        (429, None, "2026-11-21T10:01:00Z"),
    ] {
        let server = Scripted::always(move || {
            let headers: Vec<_> = header.iter().map(|value| ("retry-after", *value)).collect();
            with(StatusCode::from_u16(status).unwrap(), &headers, "")
        })
        .await;
        let registry = Registry::new(server.endpoint()).unwrap();
        let error = registry.tags(&server.image("a"), now()).await.unwrap_err();
        let RegistryError::RateLimited { until: got, .. } = error else { panic!("{error}") };
        // Counted from when it was received, which is a moment after `now`.
        let late = got.duration_since(until.parse().unwrap());
        assert!(!late.is_negative() && late.as_secs() < 5, "{got}");
        // Nobody asks again before, not for another image either.
        let again = registry.resolve(&server.image("b"), &tag("1"), now()).await.unwrap_err();
        assert!(matches!(again, RegistryError::RateLimited { .. }), "{again}");
        assert_eq!(server.seen().len(), 1);
        let after = got + jiff::SignedDuration::from_secs(1);
        registry.tags(&server.image("a"), after).await.unwrap_err();
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn silence_ends() {
    let short = Duration::from_millis(200);
    let server = Scripted::always(never).await;
    let limits = Limits { request: short, ..Limits::default() };
    let error = tags_error(&server, Endpoint { limits, ..server.endpoint() }).await;
    assert!(error.to_string().contains("no answer within 200ms"), "{error}");

    let server = Scripted::always(|| stalled(r#"{"tags":["1","#)).await;
    let limits = Limits { stall: short, ..Limits::default() };
    let error = tags_error(&server, Endpoint { limits, ..server.endpoint() }).await;
    assert!(error.to_string().contains("no next piece of the body within 200ms"), "{error}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn few_requests_are_in_flight_at_once() {
    let server = Scripted::always(never).await;
    let limits = Limits { in_flight: 2, request: Duration::from_millis(500), ..Limits::default() };
    let registry = Registry::new(Endpoint { limits, ..server.endpoint() }).unwrap();
    let image = server.image("a");
    let mut calls: FuturesUnordered<_> = (0..6).map(|_| registry.tags(&image, now())).collect();
    // When the first gives up, the others have not had their turn.
    calls.next().await.unwrap().unwrap_err();
    assert!(server.seen().len() <= 2, "{:?}", server.targets());
}

#[tokio::test]
async fn nobody_there() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = Endpoint { insecure: true, ..Endpoint::new(&port.to_string()) };
    let error = list(endpoint, &format!("{port}/a").parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }) && error.is_transient(), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_cut_body_is_not_used() {
    // The JSON is whole, the body is not.
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"tags\":[\"1\"]}";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\ne\r\n{\"tags\":[\"1\"]}\r\n";
    for bytes in [head, chunked] {
        let server = Scripted::raw(bytes).await;
        let error = tags_error(&server, server.endpoint()).await;
        assert!(matches!(error, RegistryError::Truncated { .. }) && error.is_transient(), "{error}");
    }
    let server = Scripted::raw("HTTP/1.1 200 O").await;
    let error = tags_error(&server, server.endpoint()).await;
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    let server = Scripted::raw("no HTTP at all\r\n\r\n").await;
    let error = tags_error(&server, server.endpoint()).await;
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    let server = Scripted::always(|| answer(StatusCode::OK, r#"{"tags":["1","#)).await;
    let error = tags_error(&server, server.endpoint()).await;
    assert!(matches!(error, RegistryError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn floods_end_at_the_bound() {
    let server = Scripted::always(|| endless("        ")).await;
    let limits = Limits { page: 10_000, manifest: 10_000, ..server.endpoint().limits };
    let endpoint = || Endpoint { limits: limits.clone(), ..server.endpoint() };
    let error = tags_error(&server, endpoint()).await;
    assert!(matches!(error, RegistryError::TooLarge { limit: 10_000, .. }), "{error}");
    let registry = Registry::new(endpoint()).unwrap();
    let digest = hash(b"x");
    let error = registry.artifact(&server.image("a"), &tag("1"), &digest, now()).await.unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { limit: 10_000, .. }), "{error}");
    // Announced: refused without reading. A bomb: counted when unpacked.
    let server = Scripted::always(|| answer(StatusCode::OK, " ".repeat(20_000))).await;
    let error = tags_error(&server, Endpoint { limits: limits.clone(), ..server.endpoint() }).await;
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");
    let server = Scripted::always(bomb).await;
    let error = tags_error(&server, Endpoint { limits: limits.clone(), ..server.endpoint() }).await;
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");
}

/// A megabyte of blanks in a kilobyte of gzip.
fn bomb() -> Response {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b' '; 1 << 20]).unwrap();
    with(StatusCode::OK, &[("content-encoding", "gzip")], packed.finish().unwrap())
}

#[tokio::test]
async fn content_must_be_what_the_digest_says() {
    let server = Scripted::always(|| answer(StatusCode::OK, r#"{"manifests":[]}"#)).await;
    let registry = Registry::new(server.endpoint()).unwrap();
    let expected = hash(b"something else");
    let error = registry.artifact(&server.image("a"), &tag("1"), &expected, now()).await.unwrap_err();
    let RegistryError::DigestMismatch { found, .. } = &error else { panic!("{error}") };
    assert_eq!(*found, hash(br#"{"manifests":[]}"#));
    assert!(error.to_string().contains("do not deploy it"), "{error}");
}

#[tokio::test]
async fn what_is_no_manifest_is_refused_by_name() {
    for (body, says) in [
        ("<html>", "not understood: the manifest: expected value"),
        (r#"{"fsLayers":[]}"#, "schema 1"),
        (r#"{"manifests":[],"config":{"digest":"x","size":1}}"#, "both an index and an image"),
    ] {
        let server = Scripted::always(move || answer(StatusCode::OK, body)).await;
        let registry = Registry::new(server.endpoint()).unwrap();
        let digest = hash(body.as_bytes());
        let error = registry.artifact(&server.image("a"), &tag("1"), &digest, now()).await.unwrap_err();
        assert!(matches!(error, RegistryError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains(digest.as_str()), "{error}");
    }
}

#[tokio::test]
async fn a_digest_is_found_without_head_and_without_its_header() {
    let body = r#"{"manifests":[]}"#;
    for no_head in [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED, StatusCode::OK] {
        let server = Scripted::start(move |seen| match seen.method.as_str() {
            "HEAD" => answer(no_head, ""),
            _ => answer(StatusCode::OK, body),
        })
        .await;
        let registry = Registry::new(server.endpoint()).unwrap();
        let found = registry.resolve(&server.image("a"), &tag("1"), now()).await.unwrap();
        assert_eq!(found, Some(hash(body.as_bytes())));
        assert_eq!(server.targets(), ["HEAD /v2/a/manifests/1", "GET /v2/a/manifests/1"]);
    }
    let lies =
        Scripted::always(|| with(StatusCode::OK, &[("docker-content-digest", "sha256:short")], "")).await;
    let registry = Registry::new(lies.endpoint()).unwrap();
    let error = registry.resolve(&lies.image("a"), &tag("1"), now()).await.unwrap_err();
    assert!(error.to_string().contains("Docker-Content-Digest"), "{error}");
}

#[tokio::test]
async fn an_index_in_an_index_ends_somewhere() {
    // Each document names the next; the names are right, the depth is not.
    let mut documents = vec![r#"{"manifests":[]}"#.to_owned()];
    for _ in 0..6 {
        let inner = hash(documents.last().unwrap().as_bytes());
        documents.push(format!(r#"{{"manifests":[{{"digest":"{inner}","size":1}}]}}"#));
    }
    let top = hash(documents.last().unwrap().as_bytes());
    let server = Scripted::start(move |seen| {
        let wanted = documents.iter().find(|text| seen.path().ends_with(hash(text.as_bytes()).as_str()));
        answer(StatusCode::OK, wanted.unwrap().clone())
    })
    .await;
    let registry = Registry::new(server.endpoint()).unwrap();
    let artifact = registry.artifact(&server.image("a"), &tag("1"), &top, now()).await.unwrap();
    assert_eq!((artifact.built, server.seen().len()), (None, 3));
}
