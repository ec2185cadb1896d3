//! The overview page.

use reqwest::Method;

use super::{
    scene::Scene,
    serving::{Serving, serve},
};

async fn text(server: &Serving, path: &str) -> String {
    server.get(path).await.ok().as_str().unwrap().to_owned()
}

#[tokio::test]
async fn it_shows_what_runs_where_and_the_open_proposals() {
    let mut scene = Scene::new("infra", &["cart", "checkout"]);
    scene.promoted("checkout", "dev", "1.1.0", 10);
    scene.promoted("checkout", "qa", "1.1.0", 100);
    scene.proposed("checkout", "prod", "1.1.0");
    let server = serve(vec![scene.seen()]).await;
    let page = text(&server, "/").await;
    for part in ["cart", "checkout", "1.1.0", "1.0.0", "https://git.example.com/infra/pulls/1"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script"));
    let style = server.get("/assets/style.css").await;
    assert!(style.headers["content-type"].to_str().unwrap().starts_with("text/css"));
    assert!(style.headers["cache-control"].to_str().unwrap().contains("max-age"));
    assert!(server.get("/assets/icon.svg").await.status.is_success());
}

#[tokio::test]
async fn it_pages_and_searches_on_the_server() {
    let names: Vec<String> = (0..60).map(|number| format!("app-{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut scene = Scene::new("infra", &names);
    scene.promoted("app-59", "qa", "1.1.0", 100);
    scene.proposed("app-59", "prod", "1.1.0");
    let server = serve(vec![scene.seen()]).await;
    let first = text(&server, "/").await;
    assert!(first.contains("app-49") && !first.contains("app-50"));
    assert!(first.contains("app-59"), "an open proposal is shown though its application is on another page");
    let second = text(&server, "/?after=app-49!infra").await;
    assert!(second.contains("app-50") && !second.contains("app-49"));
    let found = text(&server, "/?q=APP-3&limit=5").await;
    assert!(found.contains("app-30") && !found.contains("app-40") && !found.contains("app-35"));
    assert!(found.contains("q=APP-3"), "the next page is of the same search");
}

#[tokio::test]
async fn what_a_client_sends_is_not_put_into_the_page() {
    let server = serve(vec![Scene::new("infra", &["cart"]).seen()]).await;
    let page = text(&server, "/?q=%3Cscript%3Ealert(1)%3C/script%3E&after=%22%3E%3Cb%3E").await;
    assert!(!page.contains("<script>") && !page.contains("\"><b>"));
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let server = serve(vec![Scene::new("infra", &["cart"]).seen()]).await;
    let request = server.request(Method::GET, "/").header("accept-encoding", "identity");
    assert!(server.send(request).await.headers.get("content-encoding").is_none());
    let raw = reqwest::Client::builder().gzip(false).build().unwrap();
    let answer = raw.get(format!("{}/", server.url)).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
}
