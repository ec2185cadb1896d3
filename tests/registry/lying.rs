//! Registries that lead elsewhere: to another's token service, and to places inside. A canary for a password shows
//! who got it.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use axum::http::StatusCode;
use gantry::{
    registry::{Credentials, Endpoint, Names, Registry, RegistryError},
    settings::secret::Secret,
};

use super::{list, now, tag};
use crate::support::{
    registry::hash,
    scripted::{Scripted, answer, with},
};

const CANARY: &str = "canary-hunter2";

/// Names of a test: each look-up takes the next list of addresses, and the last one for ever.
#[derive(Default)]
struct Table {
    names: BTreeMap<&'static str, Vec<&'static str>>,
    asked: Mutex<Vec<String>>,
    turn: AtomicUsize,
}

#[async_trait]
impl Names for Table {
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let known = self.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        let turn = if known.len() > 1 { self.turn.fetch_add(1, Ordering::Relaxed) } else { 0 };
        let text = known[turn.min(known.len() - 1)];
        Ok(text.split(' ').map(|address| address.parse().unwrap()).collect())
    }
}

fn table<const N: usize>(names: [(&'static str, &[&'static str]); N]) -> Arc<Table> {
    let names = names.into_iter().map(|(name, turns)| (name, turns.to_vec())).collect();
    Arc::new(Table { names, ..Table::default() })
}

fn signed_in(endpoint: Endpoint) -> Endpoint {
    let secret = Secret::new(CANARY.to_owned());
    Endpoint { credentials: Some(Credentials { username: "bot".to_owned(), secret }), ..endpoint }
}

/// A registry that names a token service, and takes its token.
async fn naming(realm: &str) -> Scripted {
    let wanted = format!(r#"Bearer realm="{realm}",service="s",scope="repository:a:pull""#);
    Scripted::start(move |seen| match seen.authorization.as_deref() {
        Some("Bearer good") => answer(StatusCode::OK, r#"{"tags":["1"]}"#),
        _ => with(StatusCode::UNAUTHORIZED, &[("www-authenticate", &wanted)], ""),
    })
    .await
}

/// A server at another address of this machine, which is not where the registry is.
async fn elsewhere() -> Scripted {
    let answer = |_: &_| answer(StatusCode::OK, r#"{"token":"good"}"#);
    Scripted::start_at((Ipv4Addr::new(127, 0, 0, 2), 0).into(), answer).await
}

fn nobody_got_it(servers: &[&Scripted]) {
    for server in servers {
        for seen in server.seen() {
            let all = format!("{:?}", seen);
            assert!(!all.contains("canary") && !all.contains("Ym90O"), "{all}");
        }
    }
}

#[tokio::test]
async fn a_token_service_elsewhere_gets_no_password() {
    let names = table([("auth.evil.example", &["127.0.0.1"])]);
    for realm in ["https://auth.evil.example/token", "https://8.8.8.8/token", "https://auth.docker.io/token"]
    {
        let server = naming(realm).await;
        let endpoint = Endpoint { names: Some(names.clone()), ..signed_in(server.endpoint()) };
        let error = list(endpoint, &server.image("a")).await.unwrap_err();
        let RegistryError::TokenService { service, .. } = &error else { panic!("{error}") };
        assert_eq!(service, realm);
        let text = error.to_string();
        assert!(text.contains("`token_services`") && text.contains("platform engineer"), "{text}");
        assert!(!error.is_transient());
        nobody_got_it(&[&server]);
    }
    assert!(names.asked.lock().unwrap().is_empty(), "nobody was asked anything");
}

#[tokio::test]
async fn a_token_service_of_the_settings_gets_the_password_and_no_other() {
    let service = Scripted::always(|| answer(StatusCode::OK, r#"{"token":"good"}"#)).await;
    let port = service.host().rsplit(':').next().unwrap().to_owned();
    let server = naming(&format!("http://auth.test:{port}/token")).await;
    let names = table([("auth.test", &["127.0.0.1"])]);
    let endpoint = |allowed: &str| Endpoint {
        names: Some(names.clone()),
        token_services: vec![allowed.to_owned()],
        ..signed_in(server.endpoint())
    };
    for other in ["auth.test", "test", "other.test", &format!("x.auth.test:{port}")] {
        let error = list(endpoint(other), &server.image("a")).await.unwrap_err();
        assert!(matches!(error, RegistryError::TokenService { .. }), "{other}: {error}");
        assert!(error.to_string().contains(&format!("adds auth.test:{port} to")), "{error}");
    }
    assert!(service.seen().is_empty());
    list(endpoint(&format!("auth.test:{port}")), &server.image("a")).await.unwrap();
    assert!(service.seen()[0].authorization.as_ref().unwrap().starts_with("Basic Ym90O"));
    nobody_got_it(&[&server]);
}

#[tokio::test]
async fn a_token_service_is_nowhere_inside() {
    let inside = elsewhere().await;
    let port = inside.host().rsplit(':').next().unwrap().to_owned();
    let names = table([
        ("metadata.test", &["169.254.169.254"]),
        ("inside.test", &["127.0.0.2"]),
        ("private.test", &["10.1.2.3 192.168.0.1"]),
        // Looked at as a public one, and something else when it is connected to.
        ("rebound.test", &["127.0.0.2"]),
    ]);
    let places = [
        ("169.254.169.254", "169.254.169.254"),
        ("10.0.0.1", "10.0.0.1"),
        ("[::1]", "::1"),
        ("2130706434", "127.0.0.2"),
        ("metadata.test", "169.254.169.254"),
        ("inside.test", "127.0.0.2"),
        ("private.test", "10.1.2.3"),
        ("rebound.test", "127.0.0.2"),
    ];
    for (host, address) in places {
        let server = naming(&format!("http://{host}:{port}/token")).await;
        // Without a password, and with one that the settings let go there.
        for endpoint in [server.endpoint(), signed_in(server.endpoint())] {
            let shown = if host == "2130706434" { "127.0.0.2" } else { host };
            let endpoint = Endpoint {
                names: Some(names.clone()),
                token_services: vec![format!("{shown}:{port}")],
                ..endpoint
            };
            let error = list(endpoint, &server.image("a")).await.unwrap_err();
            assert!(matches!(error, RegistryError::Refused { .. }), "{host}: {error}");
            assert!(error.to_string().contains(address), "{host}: {error}");
        }
        nobody_got_it(&[&server]);
    }
    assert!(inside.seen().is_empty(), "{:?}", inside.targets());
}

#[tokio::test]
async fn a_name_that_is_rebound_leads_nowhere() {
    let (service, inside) =
        (Scripted::always(|| answer(StatusCode::OK, r#"{"token":"bad"}"#)).await, elsewhere().await);
    let port = service.host().rsplit(':').next().unwrap().to_owned();
    let server = naming(&format!("http://auth.test:{port}/token")).await;
    // Where the registry is, and then elsewhere on this machine.
    let names = table([("auth.test", &["127.0.0.1", "127.0.0.2", "169.254.169.254"])]);
    let allowed = vec![format!("auth.test:{port}")];
    let endpoint = || Endpoint {
        names: Some(names.clone()),
        token_services: allowed.clone(),
        ..signed_in(server.endpoint())
    };
    let error = list(endpoint(), &server.image("a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    for address in ["127.0.0.2", "169.254.169.254"] {
        let error = list(endpoint(), &server.image("a")).await.unwrap_err();
        assert!(error.to_string().contains(address), "{error}");
    }
    assert_eq!((service.seen().len(), inside.seen().len()), (1, 0));
}

#[tokio::test]
async fn a_redirect_leads_nowhere_inside() {
    let inside = elsewhere().await;
    let names = table([
        ("metadata.test", &["169.254.169.254"]),
        ("inside.test", &["127.0.0.2"]),
        ("mixed.test", &["10.1.2.3 fd00::1"]),
    ]);
    let port = inside.host().rsplit(':').next().unwrap().to_owned();
    let to = [
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        format!("http://127.0.0.2:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        "http://[fe80::1]/".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "http://metadata.test/".to_owned(),
        format!("http://inside.test:{port}/"),
        "http://mixed.test/".to_owned(),
    ];
    for to in to {
        let location = to.clone();
        let server = Scripted::start(move |seen| match seen.authorization {
            None => with(StatusCode::UNAUTHORIZED, &[("www-authenticate", "Basic realm=x")], ""),
            Some(_) => with(StatusCode::TEMPORARY_REDIRECT, &[("location", &location)], ""),
        })
        .await;
        let endpoint = Endpoint { names: Some(names.clone()), ..signed_in(server.endpoint()) };
        let registry = Registry::new(endpoint).unwrap();
        let error = registry.artifact(&server.image("a"), &tag("1"), &hash(b"x"), now()).await.unwrap_err();
        assert!(matches!(error, RegistryError::Refused { .. }), "{to}: {error}");
        assert!(error.to_string().contains("where a registry leads nobody"), "{to}: {error}");
    }
    assert!(inside.seen().is_empty(), "{:?}", inside.targets());
}

#[tokio::test]
async fn a_registry_of_this_machine_may_lead_to_itself() {
    let blobs = Scripted::always(|| answer(StatusCode::OK, r#"{"manifests":[]}"#)).await;
    let port = blobs.host().rsplit(':').next().unwrap().to_owned();
    let names = table([("blobs.test", &["10.1.2.3 127.0.0.1"])]);
    let to = format!("http://blobs.test:{port}/x");
    let server =
        Scripted::always(move || with(StatusCode::TEMPORARY_REDIRECT, &[("location", &to)], "")).await;
    let registry = Registry::new(Endpoint { names: Some(names), ..server.endpoint() }).unwrap();
    let digest = hash(br#"{"manifests":[]}"#);
    registry.artifact(&server.image("a"), &tag("1"), &digest, now()).await.unwrap();
    assert_eq!(blobs.targets(), ["GET /x"], "of a name's addresses only those where it is are used");
}

#[tokio::test]
async fn plain_http_and_tls_are_told_apart_with_the_key_to_set() {
    let server = Scripted::always(|| answer(StatusCode::OK, r#"{"tags":["1"]}"#)).await;
    let endpoint = Endpoint { insecure: false, ..server.endpoint() };
    let error = list(endpoint, &server.image("a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::PlainHttp { .. }), "{error}");
    assert!(error.to_string().contains("sets `insecure: true`"), "{error}");

    let text = "Client sent an HTTP request to an HTTPS server.\n";
    let server = Scripted::always(move || answer(StatusCode::BAD_REQUEST, text)).await;
    let error = list(server.endpoint(), &server.image("a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::WantsTls { .. }), "{error}");
}
