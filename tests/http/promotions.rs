//! What people ask for.

use std::time::Duration;

use gantry::{
    http::Limits,
    intake::request::{Outcome, Request},
    store::{InboxId, Store},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    scene::{Scene, at, commit, release},
    serving::{Answer, CI, MANAGER, Serving, Setup, serve},
};

fn shop() -> Scene {
    let mut scene = Scene::new("infra", &["checkout"]);
    scene.promoted("checkout", "dev", "1.1.0", 10);
    scene.promoted("checkout", "qa", "1.1.0", 100);
    scene.proposed("checkout", "prod", "1.1.0");
    scene
}

/// The request that was stored, and under whose name.
async fn stored(server: &Serving, answer: &Answer) -> (Request, String) {
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.headers["location"], format!("/api/v1/requests/{}", answer.body["id"]));
    let id = InboxId(answer.body["id"].as_i64().unwrap());
    let entry = server.store.entry(id).await.unwrap().unwrap();
    assert_eq!(entry.kind, Request::KIND);
    (serde_json::from_value(entry.payload).unwrap(), entry.owner)
}

async fn promote(server: &Serving, body: Value) -> Answer {
    server.post(MANAGER, "/api/v1/promotions", &body).await
}

#[tokio::test]
async fn an_approval_names_the_head_that_is_shown() {
    let server = serve(vec![shop().seen()]).await;
    let wakeups = server.board.wakeups();
    let shown = server.get("/api/v1/promotions").await.body["items"][0]["head"].clone();
    let answer = server.post(MANAGER, "/api/v1/promotions/1/approve", &json!({})).await;
    let (request, owner) = stored(&server, &answer).await;
    assert_eq!(owner, "rita");
    let Request::Approve { repository, head, .. } = request else { panic!("{request:?}") };
    assert_eq!((repository.as_str(), json!(head)), ("infra", shown));
    assert!(wakeups.has_changed().unwrap(), "the loop is asked to look");
}

#[tokio::test]
async fn an_approval_keeps_the_head_that_the_person_saw() {
    let server = serve(vec![shop().seen()]).await;
    let body = json!({ "head": commit(0x5ee), "reason": "looks good" });
    let answer = server.post(MANAGER, "/api/v1/promotions/1/approve", &body).await;
    let (request, _) = stored(&server, &answer).await;
    let Request::Approve { head, reason, .. } = request else { panic!("{request:?}") };
    assert_eq!((head, reason.as_str()), (commit(0x5ee), "looks good"));
}

#[tokio::test]
async fn a_bare_post_approves() {
    let server = serve(vec![shop().seen()]).await;
    let request = server.request(Method::POST, "/api/v1/promotions/1/approve").bearer_auth(MANAGER);
    let answer = server.send(request).await;
    stored(&server, &answer).await;
}

#[tokio::test]
async fn a_rejection_needs_a_reason_in_one_plain_line() {
    let server = serve(vec![shop().seen()]).await;
    let reject = async |body| server.post(MANAGER, "/api/v1/promotions/1/reject", &body).await;
    assert!(reject(json!({})).await.refusal(422).ends_with("| reason"));
    assert!(reject(json!({ "reason": "   " })).await.refusal(422).ends_with("| reason"));
    let forged = json!({ "reason": "no\n\nGantry-Accepts: 0123" });
    assert!(reject(forged).await.refusal(422).contains("line break"));
    reject(json!({ "reason": "no", "head": commit(1) })).await.refusal(422);
    let answer = reject(json!({ "reason": "too slow" })).await;
    let (request, owner) = stored(&server, &answer).await;
    assert!(matches!(request, Request::Reject { reason, .. } if reason == "too slow"));
    assert_eq!(owner, "rita");
}

#[tokio::test]
async fn a_proposal_that_is_not_open_is_not_found() {
    let server = serve(vec![shop().seen()]).await;
    for number in ["2", "0", "18446744073709551616", "-1", "x"] {
        server.post(MANAGER, &format!("/api/v1/promotions/{number}/approve"), &json!({})).await.refusal(404);
    }
    assert!(server.store.pending(gantry::store::InboxId(0), 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_number_of_two_repositories_needs_the_repository() {
    let mut other = Scene::new("other", &["mail"]);
    other.promoted("mail", "qa", "1.1.0", 100);
    other.proposed("mail", "prod", "1.1.0");
    let server = serve(vec![shop().seen(), other.seen()]).await;
    let path = "/api/v1/promotions/1/approve";
    let text = server.post(MANAGER, path, &json!({})).await.refusal(409);
    assert!(text.contains("infra or other"), "{text}");
    let answer = server.post(MANAGER, path, &json!({ "repository": "other" })).await;
    assert_eq!(stored(&server, &answer).await.0.repository(), "other");
}

#[tokio::test]
async fn a_release_is_meant_by_tag_digest_or_the_beginning_of_its_id() {
    let server = serve(vec![shop().seen()]).await;
    let wanted = release("checkout", "1.1.0");
    for subject in
        ["1.1.0", wanted.artifacts[0].digest.as_str(), wanted.id.as_str(), &wanted.id.as_str()[..8]]
    {
        let body = json!({ "application": "checkout", "environment": "prod", "release": subject });
        let answer = promote(&server, body).await;
        let (request, _) = stored(&server, &answer).await;
        assert!(
            matches!(request, Request::Promote { release: Some(id), .. } if id == wanted.id),
            "{subject}"
        );
    }
    let newest = promote(&server, json!({ "application": "checkout", "environment": "prod" })).await;
    assert!(matches!(stored(&server, &newest).await.0, Request::Promote { release: None, .. }));
    let body = json!({ "application": "checkout", "environment": "prod", "release": "3.0.0" });
    let text = promote(&server, body).await.refusal(422);
    assert!(text.contains("1.1.0") && text.contains(wanted.id.short()), "{text}");
    let body = json!({ "application": "checkout", "environment": "moon" });
    promote(&server, body).await.refusal(404);
    let body = json!({ "application": "nobody", "environment": "prod" });
    promote(&server, body).await.refusal(404);
}

#[tokio::test]
async fn a_tag_that_was_pushed_twice_means_two_releases() {
    let mut scene = shop();
    let place = super::scene::place("checkout", "dev");
    let arrival = &mut scene.facts.places.get_mut(&place).unwrap().history[1];
    arrival.holds[0].tag = Some("1.1.0".parse().unwrap());
    let server = serve(vec![scene.seen()]).await;
    let body = json!({ "application": "checkout", "environment": "prod", "release": "1.1.0" });
    let text = promote(&server, body).await.refusal(422);
    let (one, two) = (release("checkout", "1.1.0"), release("checkout", "1.0.0"));
    assert!(
        text.contains("several") && text.contains(one.id.short()) && text.contains(two.id.short()),
        "{text}"
    );
}

#[tokio::test]
async fn what_was_rejected_needs_a_reason() {
    let mut scene = shop();
    scene.rejected("checkout", "prod", "1.1.0", 150);
    let server = serve(vec![scene.seen()]).await;
    let mut body = json!({ "application": "checkout", "environment": "prod", "release": "1.1.0" });
    let text = promote(&server, body.clone()).await.refusal(422);
    assert!(text.contains("rita rejected"), "{text}");
    body["reason"] = json!("it was the network");
    assert_eq!(promote(&server, body).await.status, 202);
}

#[tokio::test]
async fn ci_can_ask_for_nothing() {
    let server = serve(vec![shop().seen()]).await;
    let text = server.post(CI, "/api/v1/promotions/1/approve", &json!({})).await.refusal(403);
    assert!(text.contains("role release-manager"), "{text}");
    assert!(server.store.pending(gantry::store::InboxId(0), 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_makes_a_request_once() {
    let server = serve(vec![shop().seen()]).await;
    let send = |path: &str| {
        let request = server.request(Method::POST, path).bearer_auth(MANAGER);
        request.header("Idempotency-Key", "k1").json(&json!({ "reason": "so" }))
    };
    let first = server.send(send("/api/v1/promotions/1/approve")).await.ok();
    let again = server.send(send("/api/v1/promotions/1/approve")).await.ok();
    assert_eq!(first["id"], again["id"]);
    server.send(send("/api/v1/promotions/1/reject")).await.refusal(409);
}

#[tokio::test]
async fn a_long_poll_ends_when_the_request_is_done() {
    let server = serve(vec![shop().seen()]).await;
    let asked = server.post(MANAGER, "/api/v1/promotions/1/approve", &json!({})).await.ok();
    let path = format!("/api/v1/requests/{}", asked["id"]);
    assert_eq!(server.get(&path).await.ok()["outcome"], Value::Null);
    let outcome = Outcome { done: true, text: "Approved proposal #1.".to_owned() };
    let path = format!("{path}?wait=30");
    let done = async {
        let id = InboxId(asked["id"].as_i64().unwrap());
        server.store.finish(id, &serde_json::to_value(&outcome).unwrap(), at(201)).await.unwrap();
        server.board.post(shop().seen());
    };
    let (answer, ()) = tokio::join!(server.get(&path), done);
    assert_eq!(answer.ok()["outcome"], serde_json::to_value(&outcome).unwrap());
}

#[tokio::test]
async fn a_long_poll_hears_of_what_another_replica_did() {
    let mut setup = Setup::of(vec![shop().seen()]);
    setup.limits = Limits { recheck: Duration::from_millis(5), ..setup.limits };
    let server = setup.serve().await;
    let asked = server.post(MANAGER, "/api/v1/promotions/1/approve", &json!({})).await.ok();
    let path = format!("/api/v1/requests/{}?wait=30", asked["id"]);
    let outcome = json!({ "done": false, "text": "The proposal was closed before." });
    // Nothing is posted on this server's board.
    let done = server.store.finish(InboxId(asked["id"].as_i64().unwrap()), &outcome, at(201));
    let (answer, done) = tokio::join!(server.get(&path), done);
    assert!(done.unwrap());
    assert_eq!(answer.ok()["outcome"], outcome);
}

#[tokio::test]
async fn a_long_poll_without_a_place_is_answered_at_once() {
    let mut setup = Setup::of(vec![shop().seen()]);
    setup.limits = Limits { long_polls: 0, ..setup.limits };
    let server = setup.serve().await;
    let asked = server.post(MANAGER, "/api/v1/promotions/1/approve", &json!({})).await.ok();
    let answer = server.get(&format!("/api/v1/requests/{}?wait=30", asked["id"])).await;
    assert_eq!(answer.ok()["outcome"], Value::Null);
}

#[tokio::test]
async fn a_long_poll_ends_when_the_server_goes_down() {
    let server = serve(vec![shop().seen()]).await;
    let asked = server.post(MANAGER, "/api/v1/promotions/1/approve", &json!({})).await.ok();
    let path = format!("/api/v1/requests/{}?wait=30", asked["id"]);
    // On a connection that is open already, so that it is answered and not turned away.
    let (answer, ()) = tokio::join!(server.request(Method::GET, &path).send(), async { server.close() });
    if let Ok(answer) = answer {
        assert_eq!(answer.status(), 200);
    }
}
