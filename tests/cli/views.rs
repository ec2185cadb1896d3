//! What `status`, `why`, `history`, `diff` and `plan` show.

use axum::http::StatusCode;

use super::{Ran, against, answers};
use crate::support::scripted::{Scripted, answer};

async fn server() -> Scripted {
    Scripted::start(|seen| match seen.path() {
        "/api/v1/applications" => answers::page(answers::applications()),
        "/api/v1/applications/checkout" => answers::ok(&answers::applications()[0]),
        "/api/v1/repositories" => answers::page(answers::repositories()),
        "/api/v1/applications/checkout/history" => answers::ok(&answers::history()),
        "/api/v1/applications/checkout/environments/prod/why" => answers::ok(&answers::why()),
        "/api/v1/applications/checkout/environments/prod/diff" => answers::ok(&answers::change("propose")),
        "/api/v1/applications/checkout/environments/qa/diff" => answers::ok(&answers::change("none")),
        "/api/v1/plan" => answers::page(vec![answers::change("propose")]),
        _ => answer(StatusCode::NOT_FOUND, ""),
    })
    .await
}

fn narrow(ran: &Ran, width: usize) {
    assert_eq!(ran.code, 0, "{}", ran.err);
    for line in ran.out.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{line}");
    }
}

#[tokio::test]
async fn tables_fit_80_and_120_columns() {
    let server = server().await;
    for width in ["80", "120"] {
        for (name, args) in [
            ("status", &["status"][..]),
            ("history", &["history", "checkout"]),
            ("why", &["why", "checkout", "prod"]),
        ] {
            let ran = against(server.host(), width, args).await;
            if name != "status" {
                narrow(&ran, width.parse().unwrap());
            }
            assert!(!ran.out.contains('\u{1b}'), "no colours without a terminal");
            insta::assert_snapshot!(format!("{name}_{width}"), ran.out);
        }
    }
}

#[tokio::test]
async fn without_a_width_nothing_is_cut() {
    let server = server().await;
    let ran = against(server.host(), "", &["status"]).await;
    assert!(ran.out.contains("proposal #2 waits for the approval of a release manager"), "{}", ran.out);
    assert!(!ran.out.contains('…'));
}

#[tokio::test]
async fn status_of_one_application_asks_for_it() {
    let server = server().await;
    let ran =
        against(server.host(), "80", &["status", "checkout", "--environment", "prod", "-o", "name"]).await;
    assert_eq!(ran.out, "checkout/prod\n");
    assert_eq!(server.targets(), ["GET /api/v1/applications/checkout", "GET /api/v1/repositories?limit=500"]);
}

#[tokio::test]
async fn data_is_data() {
    let server = server().await;
    let ran = against(server.host(), "80", &["status", "-o", "json"]).await;
    let data: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(data["applications"][0]["places"][2]["next"][0]["proposal"], 2);
    assert_eq!(data["repositories"][0]["problems"][0]["line"], 4);
    let ran = against(server.host(), "80", &["why", "checkout", "prod", "-o", "yaml"]).await;
    assert!(ran.out.contains("answer: on-its-way"), "{}", ran.out);
    let ran =
        against(server.host(), "80", &["why", "checkout", "prod", "--build", "1.43.1", "-o", "name"]).await;
    assert_eq!(ran.out, "on-its-way\n");
    assert_eq!(server.seen().last().unwrap().query("build").as_deref(), Some("1.43.1"));
}

#[tokio::test]
async fn why_says_what_to_type_next() {
    let server = server().await;
    let ran = against(server.host(), "80", &["why", "checkout", "prod"]).await;
    assert_eq!(ran.err, "next: gantry approve 2\n");
}

#[tokio::test]
async fn differences_end_with_3_where_that_is_asked_for() {
    let server = server().await;
    let code = async |args: &[&str]| against(server.host(), "80", args).await.code;
    assert_eq!(code(&["diff", "checkout", "prod"]).await, 0);
    assert_eq!(code(&["diff", "checkout", "prod", "--exit-code"]).await, 3);
    assert_eq!(code(&["diff", "checkout", "qa", "--exit-code"]).await, 0);
    assert_eq!(code(&["plan", "--exit-code"]).await, 3);
    let ran = against(server.host(), "80", &["plan"]).await;
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(ran.out, @r"
    propose checkout in prod: 1.42.0 -> 1.43.1
    --- a/apps/checkout/overlays/prod/kustomization.yaml
    +++ b/apps/checkout/overlays/prod/kustomization.yaml
    @@ -3,3 +3,3 @@
     images:
    -  newTag: 1.42.0
    +  newTag: 1.43.1
    ");
}
