//! Images pushed to a real registry, and what the client says of them.

use gantry::registry::{Credentials, Endpoint, Registry, RegistryError};
use gantry::settings::secret::Secret;

use super::{list, now, tag, tag_names};
use crate::support::registry::{DockerRegistry, Labels, SignIn};

const BUILD: Labels<'_> = Labels {
    created: Some("2026-11-20T08:30:00Z"),
    revision: Some("0123456789abcdef0123456789abcdef01234567"),
    source: Some("https://git.example.com/shop/checkout"),
};

#[tokio::test]
async fn an_image_is_listed_resolved_and_read() {
    let Some(server) = DockerRegistry::start().await else { return };
    let registry = Registry::new(server.endpoint()).unwrap();
    let image = server.image("shop/checkout");
    let missing = registry.tags(&image, now()).await.unwrap_err();
    assert!(matches!(missing, RegistryError::NotFound { .. }), "{missing}");
    assert!(missing.to_string().contains("/v2/shop/checkout/tags/list: not found (404, NAME_UNKNOWN)"));

    let digest = server.push_image("shop/checkout", "1.0.0", BUILD).await;
    server.tag("shop/checkout", &digest, "stable").await;
    server.push_image("shop/checkout", "1.1.0-rc1", Labels::default()).await;
    let listing = registry.tags(&image, now()).await.unwrap();
    assert_eq!(tag_names(&listing.tags), ["1.0.0", "1.1.0-rc1", "stable"]);
    assert!(listing.complete && listing.skipped == 0);

    assert_eq!(registry.resolve(&image, &tag("stable"), now()).await.unwrap(), Some(digest.clone()));
    assert_eq!(registry.resolve(&image, &tag("9"), now()).await.unwrap(), None);
    let artifact = registry.artifact(&image, &tag("1.0.0"), &digest, now()).await.unwrap();
    assert_eq!((&artifact.image, artifact.tag.as_str(), &artifact.digest), (&image, "1.0.0", &digest));
    assert_eq!(artifact.built.map(|t| t.to_string()).as_deref(), BUILD.created);
    assert_eq!(artifact.revision.as_deref(), BUILD.revision);
    assert_eq!(artifact.source.as_deref(), BUILD.source);

    // A reproducible build has no time that means anything.
    let bare = registry.resolve(&image, &tag("1.1.0-rc1"), now()).await.unwrap().unwrap();
    let artifact = registry.artifact(&image, &tag("1.1.0-rc1"), &bare, now()).await.unwrap();
    assert_eq!((artifact.built, artifact.revision, artifact.source), (None, None, None));
}

#[tokio::test]
async fn a_multi_platform_image_is_read_through_its_index() {
    let Some(server) = DockerRegistry::start().await else { return };
    let registry = Registry::new(server.endpoint()).unwrap();
    let arm = server.push_image("a", "arm", Labels { revision: Some("arm"), ..BUILD }).await;
    let amd = server.push_image("a", "amd", BUILD).await;
    let proof = server.push_image("a", "proof", Labels::default()).await;
    let all = [(arm, "linux/arm64"), (proof, "unknown/unknown"), (amd, "linux/amd64")];
    let plain = server.push_index("a", "1", &all, Labels::default()).await;
    let noted = Labels { revision: Some("from the index"), ..Labels::default() };
    let noted = server.push_index("a", "2", &all, noted).await;
    let image = server.image("a");

    assert_eq!(registry.resolve(&image, &tag("1"), now()).await.unwrap(), Some(plain.clone()));
    let one = registry.artifact(&image, &tag("1"), &plain, now()).await.unwrap();
    assert_eq!((one.digest, one.revision.as_deref()), (plain, BUILD.revision));
    let two = registry.artifact(&image, &tag("2"), &noted, now()).await.unwrap();
    assert_eq!((two.revision.as_deref(), two.source.as_deref()), (Some("from the index"), BUILD.source));
    assert_eq!(two.built.map(|t| t.to_string()).as_deref(), BUILD.created);
}

#[tokio::test]
async fn a_deleted_image_is_gone_and_that_is_said() {
    let Some(server) = DockerRegistry::start().await else { return };
    let registry = Registry::new(server.endpoint()).unwrap();
    let image = server.image("a");
    let digest = server.push_image("a", "1", BUILD).await;
    server.delete_manifest("a", &digest).await;
    assert_eq!(registry.resolve(&image, &tag("1"), now()).await.unwrap(), None);
    let error = registry.artifact(&image, &tag("1"), &digest, now()).await.unwrap_err();
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
    // An emptied repository answers 404 or a null list; neither is an empty list to act on by mistake.
    match registry.tags(&image, now()).await {
        Ok(listing) => assert_eq!((listing.tags.len(), listing.complete), (0, true)),
        Err(error) => assert!(matches!(error, RegistryError::NotFound { .. }), "{error}"),
    }
}

#[tokio::test]
async fn distribution_2_8_sends_everything_at_once_and_that_is_the_end() {
    let Some(server) = DockerRegistry::start().await else { return };
    let digest = server.push_image("a", "t0", BUILD).await;
    for n in 1..10 {
        server.tag("a", &digest, &format!("t{n}")).await;
    }
    // Fewer, as many and more than a page: `n` and `last` are ignored.
    for page_size in [3, 9, 10, 11, 1000] {
        let listing = list(Endpoint { page_size, ..server.endpoint() }, &server.image("a")).await.unwrap();
        assert_eq!((listing.tags.len(), listing.complete), (10, true), "{page_size}: {listing:?}");
    }
}

#[tokio::test]
async fn the_password_is_used_where_it_is_asked_for() {
    let Some(server) = DockerRegistry::start_with(SignIn::Basic, false).await else { return };
    let digest = server.push_image("a", "1", BUILD).await;
    let image = server.image("a");
    let registry = Registry::new(server.endpoint()).unwrap();
    assert_eq!(registry.resolve(&image, &tag("1"), now()).await.unwrap(), Some(digest));
    assert_eq!(registry.tags(&image, now()).await.unwrap().tags.len(), 1);

    let wrong = Credentials { username: "bot".to_owned(), secret: Secret::new("hunter2".to_owned()) };
    let wrong = list(Endpoint { credentials: Some(wrong), ..server.endpoint() }, &image).await.unwrap_err();
    assert!(matches!(wrong, RegistryError::Unauthorized { .. }), "{wrong}");
    assert!(wrong.to_string().contains("refused the credentials") && !wrong.to_string().contains("hunter2"));
    let none = list(Endpoint { credentials: None, ..server.endpoint() }, &image).await.unwrap_err();
    assert!(none.to_string().contains("wants credentials (401), and none are set"), "{none}");
    assert!(none.to_string().contains("platform engineer"), "{none}");
}

#[tokio::test]
async fn one_token_serves_a_repository_until_it_ends() {
    let Some(server) = DockerRegistry::start_with(SignIn::Token, false).await else { return };
    let digest = server.push_image("a/b", "1", BUILD).await;
    server.push_image("c", "1", BUILD).await;
    let registry = Registry::new(server.endpoint()).unwrap();
    let image = server.image("a/b");
    for _ in 0..3 {
        assert_eq!(registry.resolve(&image, &tag("1"), now()).await.unwrap(), Some(digest.clone()));
        registry.artifact(&image, &tag("1"), &digest, now()).await.unwrap();
    }
    assert_eq!(server.tokens().given(), ["repository:a/b:pull"]);
    registry.tags(&server.image("c"), now()).await.unwrap();
    let later = now() + jiff::SignedDuration::from_secs(271);
    registry.tags(&image, later).await.unwrap();
    let given = ["repository:a/b:pull", "repository:c:pull", "repository:a/b:pull"];
    assert_eq!(server.tokens().given(), given);

    let wrong = Credentials { username: "bot".to_owned(), secret: Secret::new("hunter2".to_owned()) };
    let wrong = list(Endpoint { credentials: Some(wrong), ..server.endpoint() }, &image).await.unwrap_err();
    assert!(wrong.to_string().contains("/token: not signed in: the token service refused"), "{wrong}");
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named() {
    let Some(server) = DockerRegistry::start_with(SignIn::Basic, true).await else { return };
    let digest = server.push_image("a", "1", BUILD).await;
    let image = server.image("a");
    let registry = Registry::new(server.endpoint()).unwrap();
    assert_eq!(registry.resolve(&image, &tag("1"), now()).await.unwrap(), Some(digest));
    assert!(registry.tags(&image, now()).await.unwrap().complete);

    let stranger = list(Endpoint { ca_file: None, ..server.endpoint() }, &image).await.unwrap_err();
    assert!(matches!(stranger, RegistryError::Unreachable { .. }), "{stranger}");
    assert!(stranger.to_string().contains("certificate"), "{stranger}");
    for (file, why) in [("no-such.pem", "No such file"), ("leaf.key", "no PEM certificate")] {
        let ca_file = Some(server.ca_file().with_file_name(file));
        let error = Registry::new(Endpoint { ca_file, ..server.endpoint() }).err().unwrap().to_string();
        assert!(error.contains(why) && error.contains(file), "{error}");
    }
}

#[tokio::test]
async fn a_password_does_not_leave_tls_for_a_token() {
    let Some(server) = DockerRegistry::start_with(SignIn::Token, true).await else { return };
    let error = list(server.endpoint(), &server.image("a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("is not reached over https"), "{error}");
    assert!(server.tokens().given().is_empty());
}

#[tokio::test]
async fn an_image_of_another_registry_is_not_asked_for_here() {
    let endpoint = Endpoint::new("registry.example.com");
    let image = "other.example.com/a".parse().unwrap();
    let error = list(endpoint, &image).await.unwrap_err();
    assert!(matches!(error, RegistryError::WrongHost { .. }), "{error}");
}
