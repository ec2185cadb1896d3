//! What runs where, what comes next and why.

use gantry::store::board::RegistryHealth;
use gantry_core::{
    facts::Look,
    reason::{Owner, Problem},
};
use reqwest::Method;
use serde_json::json;

use super::{
    scene::{Scene, at, image},
    serving::{Setup, VIEWER, serve},
};

/// `checkout` 1.1.0: in dev and qa, proposed for prod. `cart` has drifted in qa.
fn shop() -> Scene {
    let mut scene = Scene::new("infra", &["checkout", "cart", "mail"]);
    scene.promoted("checkout", "dev", "1.1.0", 10);
    scene.promoted("checkout", "qa", "1.1.0", 100);
    scene.proposed("checkout", "prod", "1.1.0");
    scene.drifts("cart", "qa", "0.9.0", 50);
    scene
}

#[tokio::test]
async fn the_list_shows_each_environment_with_a_sentence() {
    let server = serve(vec![shop().seen()]).await;
    let answer = server.get("/api/v1/applications").await;
    assert_eq!(answer.items("application"), ["cart", "checkout", "mail"]);
    let checkout = &answer.body["items"][1];
    let versions: Vec<_> =
        checkout["places"].as_array().unwrap().iter().map(|place| place["version"].clone()).collect();
    assert_eq!(versions, ["1.1.0", "1.1.0", "1.0.0"]);
    for place in checkout["places"].as_array().unwrap() {
        assert!(!place["text"].as_str().unwrap().is_empty(), "{place}");
    }
    let one = server.get("/api/v1/applications/checkout").await.ok();
    assert_eq!(one, *checkout);
}

#[tokio::test]
async fn filters_by_name_environment_and_state() {
    let server = serve(vec![shop().seen()]).await;
    let list =
        async |query: &str| server.get(&format!("/api/v1/applications?{query}")).await.items("application");
    assert_eq!(list("q=C").await, ["cart", "checkout"]);
    assert_eq!(list("state=drift").await, ["cart"]);
    assert_eq!(list("state=drift&environment=dev").await, [""; 0]);
    assert_eq!(list("state=proposed").await, ["checkout"]);
    assert_eq!(list("state=proposed&q=cart").await, [""; 0]);
    assert_eq!(list("state=").await.len(), 3, "an empty parameter, as forms send it, is none");
    let answer = server.get("/api/v1/applications?environment=qa").await;
    assert_eq!(answer.body["items"][0]["places"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let names: Vec<String> = (0..7).map(|number| format!("app-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = serve(vec![Scene::new("infra", &names).seen()]).await;
    let mut seen = Vec::new();
    let mut path = "/api/v1/applications?limit=3".to_owned();
    loop {
        let page = server.get(&path).await;
        assert_eq!(page.body["total"], 7);
        seen.extend(page.items("application"));
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("/api/v1/applications?limit=3&after={next}");
    }
    assert_eq!(seen, names);
}

#[tokio::test]
async fn two_repositories_may_use_one_name() {
    let server = serve(vec![shop().seen(), Scene::new("other", &["checkout"]).seen()]).await;
    assert_eq!(server.get("/api/v1/applications?q=checkout").await.items("repository"), ["infra", "other"]);
    let text = server.get("/api/v1/applications/checkout").await.refusal(409);
    assert!(text.contains("infra or other"), "{text}");
    let one = server.get("/api/v1/applications/checkout?repository=other").await.ok();
    assert_eq!(one["repository"], "other");
    server.get("/api/v1/applications/checkout?repository=none").await.refusal(404);
}

#[tokio::test]
async fn why_tells_where_a_build_stands_still() {
    let server = serve(vec![shop().seen()]).await;
    let why = "/api/v1/applications/checkout/environments/prod/why";
    let answer = server.get(&format!("{why}?build=1.1.0")).await.ok();
    assert_eq!((&answer["answer"], &answer["at"]), (&json!("on-its-way"), &json!("prod")));
    assert_eq!(answer["steps"].as_array().unwrap().len(), answer["step_texts"].as_array().unwrap().len());
    assert!(!answer["text"].as_str().unwrap().is_empty());
    let unknown = server.get(&format!("{why}?build=9.9.9")).await.ok();
    assert_eq!(unknown["reasons"][0]["kind"], "never-seen");
    let text = server.get("/api/v1/applications/checkout/environments/moon/why").await.refusal(404);
    assert!(text.contains("dev, qa, prod"), "{text}");
}

#[tokio::test]
async fn history_comes_from_git_newest_first() {
    let mut scene = shop();
    scene.rejected("checkout", "prod", "1.1.0", 150);
    let server = serve(vec![scene.seen()]).await;
    let answer = server.get("/api/v1/applications/checkout/history").await;
    assert_eq!(answer.items("environment"), ["prod", "qa", "dev", "dev", "prod", "qa"]);
    assert_eq!(answer.body["items"][0]["put"], json!(null), "a rejection");
    assert!(
        answer.body["items"][0]["text"].as_str().unwrap().contains("rita"),
        "{}",
        answer.body["items"][0]
    );
    let qa = server.get("/api/v1/applications/checkout/history?environment=qa").await;
    assert_eq!(qa.items("version"), ["1.1.0", "1.0.0"]);
}

#[tokio::test]
async fn releases_tell_where_they_are() {
    let server = serve(vec![shop().seen()]).await;
    let answer = server.get("/api/v1/applications/checkout/releases").await.ok();
    let mut found: Vec<(String, String)> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["version"].as_str().unwrap().to_owned(), item["in_place"].to_string()))
        .collect();
    found.sort();
    let expected = [("1.0.0", r#"["prod"]"#), ("1.1.0", r#"["dev","qa"]"#)];
    assert_eq!(found, expected.map(|(version, place)| (version.to_owned(), place.to_owned())));
}

#[tokio::test]
async fn environments_and_repositories_tell_their_numbers() {
    let mut seen = shop().seen();
    let message = "environments[1].after: there is no environment `dve`".to_owned();
    let file = Some("gantry.yaml".to_owned());
    seen.problems.push(Problem { file, line: Some(3), column: Some(7), message, owner: Owner::Team });
    let server = serve(vec![seen]).await;
    let answer = server.get("/api/v1/environments").await;
    assert_eq!(answer.items("environment"), ["dev", "qa", "prod"]);
    assert_eq!(answer.items("applications"), ["3", "3", "3"]);
    assert_eq!(
        (answer.items("drifted"), answer.items("proposed")),
        (["0", "1", "0"].map(str::to_owned).to_vec(), ["0", "0", "1"].map(str::to_owned).to_vec())
    );
    let repositories = server.get("/api/v1/repositories").await.ok();
    assert_eq!(repositories["items"][0]["problems"][0]["line"], 3);
}

#[tokio::test]
async fn promotions_under_way_name_head_gates_and_reason() {
    let server = serve(vec![shop().seen()]).await;
    let answer = server.get("/api/v1/promotions?q=check").await;
    assert_eq!(answer.items("step"), ["proposed"]);
    let promotion = &answer.body["items"][0];
    assert_eq!((&promotion["proposal"], &promotion["from"]), (&json!(1), &json!("1.0.0")));
    assert_eq!(promotion["head"].as_str().unwrap().len(), 40);
    assert!(promotion["gates"].as_array().unwrap().iter().all(|gate| gate["text"].is_string()));
}

#[tokio::test]
async fn the_plan_holds_each_change_with_its_difference() {
    let mut scene = Scene::new("infra", &["broken", "checkout"]);
    scene.build("checkout", "1.1.0");
    scene.build("broken", "1.1.0");
    let server = serve(vec![scene.seen()]).await;
    let answer = server.get("/api/v1/plan").await;
    assert_eq!(answer.items("effect"), ["commit", "commit"]);
    assert!(answer.items("text")[0].contains("an anchor stands there"), "one bad file hides nothing else");
    assert_eq!(answer.items("diff")[1], "--- infra checkout in dev\n+  newTag: 1.1.0\n");

    let diff = "/api/v1/applications/checkout/environments";
    assert_eq!(server.get(&format!("{diff}/dev/diff")).await.ok()["effect"], "commit");
    assert_eq!(server.get(&format!("{diff}/qa/diff")).await.ok()["effect"], "none");
    let asked = server.get(&format!("{diff}/prod/diff?release=1.1.0")).await.ok();
    assert_eq!(asked["effect"], "propose");
    let text = server.get("/api/v1/applications/broken/environments/dev/diff").await.refusal(409);
    assert!(text.contains("kustomization.yaml:3"), "{text}");
}

#[tokio::test]
async fn a_difference_that_is_proposed_already_is_merged_and_one_that_is_in_place_is_none() {
    let mut scene = shop();
    scene.build("checkout", "1.2.0");
    let server = serve(vec![scene.seen()]).await;
    let prod = "/api/v1/applications/checkout/environments/prod/diff";
    for path in [prod.to_owned(), format!("{prod}?release=1.1.0")] {
        let change = server.get(&path).await.ok();
        assert_eq!(change["effect"], "merge", "proposal #1 holds it: {change}");
        assert_eq!(change["text"], "Merge proposal #1: checkout in prod.");
        assert!(change["diff"].as_str().unwrap().contains("newTag: 1.1.0"));
    }
    let newer = server.get(&format!("{prod}?release=1.2.0")).await.ok();
    assert_eq!(newer["text"], "Update proposal #1 to checkout 1.0.0 -> 1.2.0 in prod.");
    let held = server.get(&format!("{prod}?release=1.0.0")).await.ok();
    assert_eq!((&held["effect"], &held["diff"]), (&json!("none"), &json!("")), "{held}");
    assert!(held["text"].as_str().unwrap().starts_with("It is in place since"), "{held}");
}

#[tokio::test]
async fn an_image_that_cannot_be_read_is_told_with_its_application() {
    let mut scene = Scene::new("infra", &["checkout", "cart"]);
    let problem = Some("https://registry.example.com/v2/: no connection".to_owned());
    scene.facts.looks.insert(image("checkout"), Look { at: at(90), problem });
    scene.facts.looks.insert(image("cart"), Look { at: at(90), problem: None });
    let server = serve(vec![scene.seen()]).await;
    let checkout = server.get("/api/v1/applications/checkout").await.ok();
    assert_eq!(checkout["problems"][0]["image"], image("checkout").as_str());
    assert!(checkout["problems"][0]["message"].as_str().unwrap().contains("no connection"));
    assert_eq!(server.get("/api/v1/applications/cart").await.ok().get("problems"), None);
}

#[tokio::test]
async fn ready_means_that_every_repository_was_looked_at() {
    let mut setup = Setup::of(vec![Scene::new("infra", &["checkout"]).seen()]);
    setup.expected.push("late".to_owned());
    let server = setup.serve().await;
    assert!(server.get("/livez").await.status.is_success());
    let answer = server.get("/readyz").await;
    let text = answer.refusal(503);
    assert!(text.contains("late was not looked at yet"), "{text}");
    assert_eq!(answer.headers["retry-after"], "5");
    server.get("/api/v1/applications/mail").await.refusal(503);
    server.get("/api/v1/applications?repository=late").await.refusal(503);
    server.board.post(Scene::new("late", &["mail"]).seen());
    assert_eq!(server.get("/readyz").await.ok(), serde_json::json!({ "ready": true }));
    // A registry that can't be read holds up nothing but itself.
    let failing = RegistryHealth { host: "r.example.com".to_owned(), images: 3, failing: 2 };
    server.board.note_registries(vec![failing]);
    let ready = server.get("/readyz").await.ok();
    let told = ready["problems"][0].as_str().unwrap();
    assert!(told.starts_with("registry r.example.com: 2 of 3 images can't be read"), "{told}");
    let metrics = server.get("/metrics").await.ok();
    let line = "gantry_registry_images_failing{registry=\"r.example.com\"} 2";
    assert!(metrics.as_str().unwrap().contains(line), "{metrics}");
    server.store.close().await;
    let text = server.get("/readyz").await.refusal(503);
    assert!(text.contains("database"), "{text}");
    assert!(server.get("/livez").await.status.is_success());
}

#[tokio::test]
async fn a_decision_that_is_kept_ends_when_time_changes_it() {
    let mut scene = Scene::new("infra", &["checkout"]);
    scene.promoted("checkout", "dev", "1.1.0", 190);
    let server = serve(vec![scene.seen()]).await;
    assert_eq!(server.get("/api/v1/promotions").await.items("step"), ["waiting"]);
    server.clock.set(at(249));
    assert_eq!(server.get("/api/v1/promotions").await.items("step"), ["waiting"]);
    server.clock.set(at(250));
    assert_eq!(server.get("/api/v1/promotions").await.items("step"), ["writing"]);
}

#[tokio::test]
async fn metrics_count_by_template_and_never_by_what_a_client_sends() {
    let server = serve(vec![shop().seen()]).await;
    server.get("/api/v1/applications/checkout").await.ok();
    server.get("/api/v1/applications/nobody-knows").await.refusal(404);
    server.get("/wp-login.php").await.refusal(404);
    server.send(server.request(Method::from_bytes(b"BREW").unwrap(), "/wp-login.php")).await.refusal(404);
    let text = server.get("/metrics").await.ok();
    let text = text.as_str().unwrap();
    for line in [
        r#"gantry_http_requests_total{method="GET",route="/api/v1/applications/{app}",status="404"} 1"#,
        r#"gantry_http_requests_total{method="other",route="unmatched",status="404"} 1"#,
        r#"gantry_promotions_under_way{repository="infra",step="proposed"} 1"#,
        r#"gantry_seconds_since_look{repository="infra"} 100"#,
        r#"gantry_http_request_seconds_bucket{method="GET",route="/api/v1/applications/{app}",le="0.5"}"#,
        "gantry_inbox_pending 0",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("nobody") && !text.contains("wp-login") && !text.contains("BREW"));
}

#[tokio::test]
async fn reading_needs_a_token_where_the_settings_say_so() {
    let mut setup = Setup::of(vec![shop().seen()]);
    setup.anonymous_read = false;
    let server = setup.serve().await;
    server.get("/api/v1/applications").await.refusal(401);
    server.get("/").await.refusal(401);
    let request = server.request(Method::GET, "/api/v1/applications").bearer_auth(VIEWER);
    assert_eq!(server.send(request).await.items("application").len(), 3);
}
