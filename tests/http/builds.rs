//! CI reports builds.

use gantry::store::{InboxId, Store};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    scene::{Scene, digest},
    serving::{CI, Serving, Setup, VIEWER, serve},
};

async fn server() -> Serving {
    serve(vec![Scene::new("infra", &["checkout", "cart"]).seen()]).await
}

fn build(version: &str) -> Value {
    json!({
        "image": "registry.example.com/shop/checkout",
        "tag": version,
        "digest": digest(version),
        "revision": "0f3cafe",
        "source": "https://git.example.com/shop/checkout",
        "created": "1970-01-01T00:01:00Z",
        "status": "success",
        "url": "https://ci.example.com/1",
    })
}

#[tokio::test]
async fn a_build_is_stored_and_answered_with_who_uses_it() {
    let server = server().await;
    let wakeups = server.board.wakeups();
    let answer = server.build(&build("1.1.0")).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body["applications"], json!(["checkout"]));
    assert_eq!(answer.body["note"], Value::Null);
    let id = InboxId(answer.body["id"].as_i64().unwrap());
    let entry = server.store.entry(id).await.unwrap().unwrap();
    assert_eq!((entry.kind.as_str(), entry.owner.as_str()), ("build", "shop-ci"));
    assert_eq!(entry.payload["tag"], "1.1.0");
    assert!(wakeups.has_changed().unwrap(), "the loop is asked to look");
}

#[tokio::test]
async fn the_same_report_again_is_the_same_build() {
    let server = server().await;
    let first = server.build(&build("1.1.0")).await.ok();
    let again = server.build(&build("1.1.0")).await;
    assert_eq!((again.status.as_u16(), &again.body["id"]), (200, &first["id"]));
    assert_eq!(again.body["fresh"], false);
    assert_eq!(server.store.pending(gantry::store::InboxId(0), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn one_digest_under_two_tags_is_no_conflict() {
    let server = server().await;
    let mut other = build("1.1.0");
    other["tag"] = json!("1.1.0-again");
    assert_eq!(server.build(&build("1.1.0")).await.status, 201);
    assert_eq!(server.build(&other).await.status, 201);
}

#[tokio::test]
async fn a_key_with_another_body_is_a_conflict() {
    let server = server().await;
    let send = |body: Value| {
        let request = server.request(Method::POST, "/api/v1/builds").bearer_auth(CI);
        request.header("Idempotency-Key", "run-1").json(&body)
    };
    assert_eq!(server.send(send(build("1.1.0"))).await.status, 201);
    assert_eq!(server.send(send(build("1.1.0"))).await.status, 200);
    let text = server.send(send(build("1.2.0"))).await.refusal(409);
    assert!(text.contains("the earlier one stands"), "{text}");
    assert_eq!(server.store.pending(gantry::store::InboxId(0), 10).await.unwrap().len(), 1);
    let request = server.request(Method::POST, "/api/v1/builds").bearer_auth(CI).json(&build("1.1.0"));
    server.send(request.header("Idempotency-Key", "two words")).await.refusal(400);
}

#[tokio::test]
async fn a_token_reports_its_own_images_only() {
    let server = server().await;
    let mut foreign = build("1.1.0");
    foreign["image"] = json!("registry.example.com/payroll/salaries");
    let text = server.build(&foreign).await.refusal(403);
    assert!(text.contains("shop-ci") && text.contains("platform engineer"), "{text}");
    let text = server.post(VIEWER, "/api/v1/builds", &build("1.1.0")).await.refusal(403);
    assert!(text.contains("role viewer") && text.contains("role ci"), "{text}");
    assert!(server.store.pending(gantry::store::InboxId(0), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_token_that_is_not_known_is_told_how_to_sign_in_and_not_repeated() {
    let server = server().await;
    let answer = server.post("hunter2-hunter2", "/api/v1/builds", &build("1.1.0")).await;
    let text = answer.refusal(401);
    assert!(!text.contains("hunter2") && text.contains("platform engineer"), "{text}");
    assert!(answer.headers["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    let answer = server.send(server.request(Method::POST, "/api/v1/builds").json(&build("1.1.0"))).await;
    answer.refusal(401);
    assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"gantry\"");
    let basic = server.request(Method::GET, "/api/v1/applications").basic_auth("rita", Some("x"));
    server.send(basic).await.refusal(401);
}

#[tokio::test]
async fn every_mistake_in_a_report_is_told_at_once() {
    let server = server().await;
    let mut wrong = build("1.1.0");
    wrong["tag"] = json!("not a tag");
    wrong["digest"] = json!("sha256:short");
    let text = server.build(&wrong).await.refusal(422);
    assert!(text.contains("tag") && text.contains("digest"), "{text}");
    assert!(server.store.pending(gantry::store::InboxId(0), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn without_a_digest_the_registry_must_be_one_that_can_be_asked() {
    let server = server().await;
    let mut known = build("1.1.0");
    known.as_object_mut().unwrap().remove("digest");
    assert_eq!(server.build(&known).await.status, 201);
    let mut setup = Setup::of(vec![Scene::new("infra", &["checkout"]).seen()]);
    setup.anonymous_read = false;
    known["image"] = json!("registry.example.com:5000/shop/checkout");
    let text = setup.serve().await.build(&known).await;
    // The token's scope names the other host, so this is refused before the digest is asked about.
    text.refusal(403);
}

#[tokio::test]
async fn the_sender_learns_why_a_build_will_not_go_anywhere() {
    let server = server().await;
    let mut failed = build("1.1.0");
    failed["status"] = json!("failed");
    assert!(server.build(&failed).await.ok()["note"].as_str().unwrap().contains("never promoted"));
    let mut unused = build("1.1.0");
    unused["image"] = json!("registry.example.com/shop/unused");
    let answer = server.build(&unused).await.ok();
    assert!(answer["note"].as_str().unwrap().contains("gantry.yaml"), "{answer}");
    assert_eq!(answer["applications"], json!([]));
    let note = server.build(&build("nightly")).await.ok()["note"].clone();
    assert!(note.as_str().unwrap().contains("nightly is not among those"), "{note}");
}

#[tokio::test]
async fn before_the_first_look_a_build_is_stored_all_the_same() {
    let mut setup = Setup::of(vec![]);
    setup.expected = vec!["infra".to_owned()];
    let server = setup.serve().await;
    let answer = server.build(&build("1.1.0")).await;
    assert_eq!(answer.status, 201);
    assert!(answer.body["note"].as_str().unwrap().contains("just started"));
}

#[tokio::test]
async fn builds_are_listed_in_pages() {
    let mut scene = Scene::new("infra", &["checkout", "cart"]);
    scene.build("checkout", "1.1.0");
    let server = serve(vec![scene.seen()]).await;
    let path = "/api/v1/builds?image=registry.example.com/shop/checkout";
    assert_eq!(server.get(path).await.items("tag"), ["1.0.0", "1.1.0"]);
    let first = server.get("/api/v1/builds?limit=2").await;
    assert_eq!(first.body["total"], 3);
    let next = first.body["next"].as_str().unwrap();
    let second = server.get(&format!("/api/v1/builds?limit=2&after={next}")).await;
    assert_eq!((first.items("tag").len(), second.items("tag").len()), (2, 1));
}
