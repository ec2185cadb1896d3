//! Where credentials go, and where they never go.

use axum::http::StatusCode;
use gantry::registry::{Credentials, Endpoint, Registry, RegistryError};
use gantry::settings::secret::Secret;

use super::{list, now, tag};
use crate::support::{
    registry::hash,
    scripted::{Scripted, Seen, answer, with},
    sign_in::base64,
};

const TAGS: &str = r#"{"tags":["1"]}"#;

fn with_credentials(server: &Scripted, username: &str) -> Endpoint {
    let secret = Secret::new("hunter2".to_owned());
    let credentials = Some(Credentials { username: username.to_owned(), secret });
    Endpoint { credentials, ..server.endpoint() }
}

fn basic(username: &str) -> Option<String> {
    Some(format!("Basic {}", base64(format!("{username}:hunter2").as_bytes(), true)))
}

/// A registry that names a token service at `realm` and takes the token `good`.
async fn guarded(realm: String) -> Scripted {
    Scripted::start(move |seen| match seen.authorization.as_deref() {
        Some("Bearer good") => answer(StatusCode::OK, TAGS),
        _ => {
            let wanted = format!(
                r#"Negotiate, Bearer realm="{realm}",service="a b",scope="repository:a:pull", Basic realm="x""#
            );
            with(StatusCode::UNAUTHORIZED, &[("www-authenticate", &wanted)], "")
        }
    })
    .await
}

#[tokio::test]
async fn a_token_is_asked_for_with_the_password() {
    let service = Scripted::always(|| answer(StatusCode::OK, r#"{"access_token":"good"}"#)).await;
    let server = guarded(format!("http://{}/token?x=1", service.host())).await;
    list(with_credentials(&server, "bot"), &server.image("a")).await.unwrap();
    let seen = service.seen();
    assert_eq!(seen[0].target, "/token?x=1&service=a+b&scope=repository%3Aa%3Apull");
    assert_eq!((seen.len(), &seen[0].authorization), (1, &basic("bot")));
    // The password went to the token service only.
    let sent: Vec<_> = server.seen().into_iter().map(|seen| seen.authorization).collect();
    assert_eq!(sent, [None, Some("Bearer good".to_owned())]);
}

#[tokio::test]
async fn an_identity_token_is_exchanged_by_post() {
    let service = Scripted::always(|| answer(StatusCode::OK, r#"{"access_token":"good"}"#)).await;
    let server = guarded(format!("http://{}/token", service.host())).await;
    list(with_credentials(&server, "<token>"), &server.image("a")).await.unwrap();
    let [Seen { method, target, authorization, body }] = &service.seen()[..] else { panic!() };
    assert_eq!((method.as_str(), target.as_str(), authorization), ("POST", "/token", &None));
    let form = "grant_type=refresh_token&refresh_token=hunter2&client_id=gantry&service=a+b\
                &scope=repository%3Aa%3Apull";
    assert_eq!(body, form);

    let wants_password =
        Scripted::always(|| with(StatusCode::UNAUTHORIZED, &[("www-authenticate", "Basic realm=x")], ""))
            .await;
    let endpoint = with_credentials(&wants_password, "<token>");
    let error = list(endpoint, &wants_password.image("a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    assert!(wants_password.seen().iter().all(|seen| seen.authorization.is_none()));
}

#[tokio::test]
async fn a_service_that_knows_no_get_is_posted_to() {
    let service = Scripted::start(|seen| match seen.method.as_str() {
        "POST" => answer(StatusCode::OK, r#"{"access_token":"good"}"#),
        _ => answer(StatusCode::METHOD_NOT_ALLOWED, ""),
    })
    .await;
    let server = guarded(format!("http://{}/token", service.host())).await;
    list(with_credentials(&server, "bot"), &server.image("a")).await.unwrap();
    let body = &service.seen()[1].body;
    assert!(body.starts_with("grant_type=password&username=bot&password=hunter2&"), "{body}");
}

#[tokio::test]
async fn endless_refusals_end() {
    let service = Scripted::always(|| answer(StatusCode::OK, r#"{"token":"bad"}"#)).await;
    let server = guarded(format!("http://{}/token", service.host())).await;
    let error = list(with_credentials(&server, "bot"), &server.image("a")).await.unwrap_err();
    assert!(error.to_string().contains("refused the token got with the credentials"), "{error}");
    assert_eq!((server.seen().len(), service.seen().len()), (2, 1));
    let error = list(server.endpoint(), &server.image("a")).await.unwrap_err();
    assert!(error.to_string().contains("private or does not exist"), "{error}");

    // One that asks for both in turn, for ever.
    let realm = format!("http://{}/token", service.host());
    let server = Scripted::start(move |seen| {
        let wanted = match &seen.authorization {
            Some(text) if text.starts_with("Bearer") => "Basic realm=x".to_owned(),
            _ => format!(r#"Bearer realm="{realm}""#),
        };
        with(StatusCode::UNAUTHORIZED, &[("www-authenticate", &wanted)], "")
    })
    .await;
    let error = list(with_credentials(&server, "bot"), &server.image("a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_token_that_ended_early_is_replaced_once() {
    let fresh = std::sync::atomic::AtomicUsize::new(0);
    let service = Scripted::always(move || {
        let n = fresh.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        answer(StatusCode::OK, format!(r#"{{"token":"t{n}","expires_in":3600}}"#))
    })
    .await;
    let realm = format!("http://{}/token", service.host());
    let server = Scripted::start(move |seen| {
        // `t0` is taken for the first list only.
        let first = seen.query("n").as_deref() == Some("1000") && seen.target.contains("/a/");
        match seen.authorization.as_deref() {
            Some("Bearer t0") if first => answer(StatusCode::OK, TAGS),
            Some("Bearer t1") => answer(StatusCode::NOT_FOUND, ""),
            _ => {
                let wanted = format!(r#"Bearer realm="{realm}",error="invalid_token""#);
                with(StatusCode::UNAUTHORIZED, &[("www-authenticate", &wanted)], "")
            }
        }
    })
    .await;
    let registry = Registry::new(server.endpoint()).unwrap();
    registry.tags(&server.image("a"), now()).await.unwrap();
    assert_eq!(registry.resolve(&server.image("a"), &tag("1"), now()).await.unwrap(), None);
    assert_eq!(service.seen().len(), 2);
}

#[tokio::test]
async fn a_token_service_is_reached_over_https_or_not_at_all() {
    for (realm, says) in [
        ("ftp://127.0.0.1/token", "not reached over https"),
        ("https://u:p@127.0.0.1/token", "with a user"),
        ("/token", "not a URL"),
    ] {
        let server = guarded(realm.to_owned()).await;
        let error = list(with_credentials(&server, "bot"), &server.image("a")).await.unwrap_err();
        assert!(matches!(error, RegistryError::Refused { .. }), "{error}");
        assert!(error.to_string().contains(says) && !error.to_string().contains("u:p"), "{error}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn the_token_services_own_failures_are_its_own() {
    for (status, says) in [(429, "asks for a pause"), (500, "failed with 500"), (403, "access denied")] {
        let service =
            Scripted::always(move || answer(StatusCode::from_u16(status).unwrap(), "hunter2")).await;
        let server = guarded(format!("http://{}/token", service.host())).await;
        let error = list(with_credentials(&server, "bot"), &server.image("a")).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("http://{}/token: ", service.host())), "{error}");
        assert!(error.contains(says) && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_origin_gets_no_credentials() {
    let config = r#"{"created":"2026-11-20T08:30:00Z"}"#;
    let blobs = Scripted::always(move || answer(StatusCode::OK, config)).await;
    let manifest = format!(r#"{{"config":{{"digest":"{}","size":9}}}}"#, hash(config.as_bytes()));
    let digest = hash(manifest.as_bytes());
    let to = format!("http://{}/bucket/x?signature=hunter2", blobs.host());
    let server = Scripted::start(move |seen| match seen.authorization {
        None => with(StatusCode::UNAUTHORIZED, &[("www-authenticate", "Basic realm=x")], ""),
        Some(_) if seen.path().contains("/blobs/") => {
            with(StatusCode::TEMPORARY_REDIRECT, &[("location", &to)], "")
        }
        // A move within the registry keeps them.
        Some(_) if seen.path().starts_with("/v2/") => {
            with(StatusCode::PERMANENT_REDIRECT, &[("location", "/moved")], "")
        }
        Some(_) => answer(StatusCode::OK, manifest.clone()),
    })
    .await;
    let registry = Registry::new(with_credentials(&server, "bot")).unwrap();
    let artifact = registry.artifact(&server.image("a"), &tag("1"), &digest, now()).await.unwrap();
    assert!(artifact.built.is_some());
    assert_eq!(blobs.targets(), ["GET /bucket/x?signature=hunter2"]);
    assert_eq!(blobs.seen()[0].authorization, None);
    assert_eq!(server.seen().last().unwrap().authorization, basic("bot"));
}

#[tokio::test]
async fn a_stranger_that_asks_for_credentials_gets_none() {
    let stranger = Scripted::start(|_| {
        with(StatusCode::UNAUTHORIZED, &[("www-authenticate", "Basic realm=x")], "hunter2")
    })
    .await;
    let to = format!("http://{}/?signature=hunter2", stranger.host());
    let server = Scripted::always(move || with(StatusCode::FOUND, &[("location", &to)], "")).await;
    let error = list(with_credentials(&server, "bot"), &server.image("a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert_eq!((stranger.seen().len(), &stranger.seen()[0].authorization), (1, &None));
}

#[tokio::test]
async fn redirects_end_and_lead_nowhere_odd() {
    let odd = ["ftp://127.0.0.1/", "file:///etc/passwd", "http://u:p@127.0.0.1/", "http://"];
    for to in ["/v2/a/tags/list"].into_iter().chain(odd) {
        let server = Scripted::always(move || with(StatusCode::FOUND, &[("location", to)], "")).await;
        let error = list(server.endpoint(), &server.image("a")).await.unwrap_err();
        assert!(matches!(error, RegistryError::Refused { .. }), "{to}: {error}");
        assert!(!error.to_string().contains("u:p"), "{error}");
        assert!(server.seen().len() <= 6);
    }
    let server = Scripted::always(|| answer(StatusCode::FOUND, "")).await;
    let error = list(server.endpoint(), &server.image("a")).await.unwrap_err();
    assert!(error.to_string().contains("without a readable Location"), "{error}");
}
