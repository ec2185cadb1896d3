//! A registry that can't be read is told: by name, with the key to set and who must act.

use axum::http::StatusCode;
use gantry_core::reason::{Owner, Problem};

use crate::support::{
    house::{CONFIG, House},
    scripted::{Scripted, answer},
};

/// The problems of a repository with an image in this registry.
async fn problems(host: &str, more: &str) -> (House, Vec<Problem>) {
    let image = format!("{host}/shop/checkout");
    let config = CONFIG.replace("IMAGE", &image);
    let mut house =
        House::with(&image, &config, &format!("registries:\n  - {{host: '{host}'{more}}}\n")).await;
    house.later(1).await;
    let problems = house.seen().problems.clone();
    (house, problems)
}

#[tokio::test]
async fn one_that_is_down_or_speaks_another_protocol_is_a_problem() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let plain = Scripted::always(|| answer(StatusCode::OK, r#"{"tags":[]}"#)).await;
    let secret = Scripted::always(|| answer(StatusCode::UNAUTHORIZED, "{}")).await;
    for (host, more, parts) in [
        (free.to_string(), ", insecure: true", &["connection", "`host`", "the platform engineer"][..]),
        (plain.host().to_owned(), "", &["plain HTTP", "`insecure: true`", "the platform engineer"]),
        (secret.host().to_owned(), ", insecure: true", &["`password_env`", "the platform engineer"]),
    ] {
        let (mut house, problems) = problems(&host, more).await;
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert_eq!(problem.owner, Owner::Platform);
        let begin = format!("registry {host}: 1 of 1 images can't be read ({host}/shop/checkout): ");
        assert!(problem.message.starts_with(&begin), "{problem}");
        for part in parts {
            assert!(problem.message.contains(part), "{part} in {problem}");
        }
        let registries = house.server().board.registries();
        assert_eq!((registries.len(), registries[0].failing), (1, 1));
    }
}

#[tokio::test]
async fn an_image_that_is_not_there_is_a_problem_of_the_team() {
    let registry = Scripted::always(|| answer(StatusCode::NOT_FOUND, "{}")).await;
    let (_house, problems) = problems(registry.host(), ", insecure: true").await;
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!(problem.owner, Owner::Team);
    assert!(problem.message.starts_with(&format!("image {}/shop/checkout: ", registry.host())), "{problem}");
}

#[tokio::test]
async fn one_that_can_be_read_again_is_no_problem_any_more() {
    let host = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (mut house, down) = problems(&host.to_string(), ", insecure: true, poll: 1s").await;
    assert_eq!(down.len(), 1);
    let _up = Scripted::start_at(host, |_| answer(StatusCode::OK, r#"{"tags":[]}"#)).await;
    house.later(2).await;
    assert_eq!(house.seen().problems, []);
    assert_eq!(house.server().board.registries()[0].failing, 0);
}
