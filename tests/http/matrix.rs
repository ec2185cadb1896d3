//! Who may do what: every role on every route (kargo CVE-2026-27111: missing authorization on approve and
//! promote). The snapshot is what a reviewer reads when a route is added.

use std::fmt::Write as _;

use gantry::http::{RouteInfo, routes};
use reqwest::Method;

use super::{
    scene::Scene,
    serving::{CI, MANAGER, Serving, Setup, VIEWER},
};

const CALLERS: [(&str, Option<&str>); 4] =
    [("anonymous", None), ("ci", Some(CI)), ("viewer", Some(VIEWER)), ("release-manager", Some(MANAGER))];

/// `yes` if the guard lets the request through, whatever the handler then says of its emptiness.
async fn passes(server: &Serving, route: &RouteInfo, token: Option<&str>) -> &'static str {
    let path = route
        .path
        .replace("{app}", "checkout")
        .replace("{env}", "prod")
        .replace("{number}", "1")
        .replace("{id}", "1");
    let method: Method = route.method.parse().unwrap();
    let mut request = server.request(method, &path);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    // The head is enough: a stream of events has no end.
    match request.send().await.unwrap().status().as_u16() {
        401 => "401",
        403 => "403",
        _ => "yes",
    }
}

#[tokio::test]
async fn the_matrix_of_role_by_route() {
    let mut table = String::new();
    for anonymous_read in [false, true] {
        let mut setup = Setup::of(vec![Scene::new("infra", &["checkout"]).seen()]);
        setup.anonymous_read = anonymous_read;
        let server = setup.serve().await;
        writeln!(table, "anonymous_read: {anonymous_read}").unwrap();
        writeln!(table, "{:<70}{:<11}{:<6}{:<8}release-manager", "", "anonymous", "ci", "viewer").unwrap();
        for route in routes() {
            let mut cells = Vec::new();
            for (_, token) in CALLERS {
                cells.push(passes(&server, &route, token).await);
            }
            let name = format!("{} {}", route.method, route.path);
            writeln!(table, "{name:<70}{:<11}{:<6}{:<8}{}", cells[0], cells[1], cells[2], cells[3]).unwrap();
        }
        writeln!(table).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn nothing_that_changes_something_is_open_to_those_who_only_read() {
    let server = Setup::of(vec![Scene::new("infra", &["checkout"]).seen()]).serve().await;
    for route in routes().iter().filter(|route| route.method != "GET") {
        for token in [None, Some(VIEWER)] {
            assert_ne!(passes(&server, route, token).await, "yes", "{} {}", route.method, route.path);
        }
    }
}
