//! SIGTERM in the middle of a large round: the process ends soon, is not ready from then on, and the next one goes
//! on where it was.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{
    git_repository::{Bare, assert_sound},
    house::{digest, overlay},
    process::{CI, Process, RECHECK},
};

/// How many applications one build concerns: so many merges follow from it.
const APPLICATIONS: usize = 150;
const IMAGE: &str = "registry.example.com/shop/base";
/// How long the process may take to end.
const END: Duration = Duration::from_secs(10);
/// How long all of it may take to come to rest.
const REST: Duration = Duration::from_secs(240);

fn path(application: usize, environment: &str) -> String {
    format!("apps/a{application:03}/{environment}/kustomization.yaml")
}

fn infra() -> Bare {
    let infra = Bare::new();
    let mut config = "\
version: 1
environments:
  - {name: dev, delivery: commit}
  - {name: qa, after: [dev], delivery: pull-request, merge: auto}
applications:
"
    .to_owned();
    let mut files = Vec::new();
    for application in 0..APPLICATIONS {
        config += &format!(
            "  - name: a{application:03}\n    images: [{{image: {IMAGE}, select: {{semver: '*'}}}}]\n    \
             files: apps/a{application:03}/{{environment}}/kustomization.yaml\n"
        );
        for environment in ["dev", "qa"] {
            files.push((path(application, environment), overlay(IMAGE, "1.0.0")));
        }
    }
    files.push(("gantry.yaml".to_owned(), config));
    let entries: Vec<_> =
        files.iter().map(|(path, text)| (path.as_str(), "100644", Some(text.as_bytes()))).collect();
    infra.commit("main", "Set up", &entries);
    infra
}

/// How many files of an environment hold the new build.
fn arrived(infra: &Bare, environment: &str) -> usize {
    let files = infra.git(&["ls-tree", "-r", "--format=%(path) %(objectname)", "main"]);
    let blob = infra.git(&["rev-parse", &format!("main:{}", path(0, "dev"))]);
    let folder = format!("/{environment}/");
    files.lines().filter(|line| line.contains(&folder) && line.ends_with(&blob)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_end_during_many_merges_it_does_and_the_next_start_goes_on() {
    let (infra, folder) = (infra(), tempfile::tempdir().unwrap());
    let mut process = Process::new(folder.path(), &infra.path());
    process.start();
    process.ready().await;
    let visitor = process.visitor();
    let body = json!({
        "image": IMAGE, "tag": "1.1.0", "digest": digest("1.1.0"), "revision": "0123abc",
        "source": "https://git.example.com/shop/base", "created": "2026-11-01T10:00:00Z", "status": "success",
    });
    let answer = visitor.post("/api/v1/builds", CI, "one", &body).await;
    assert!(answer.is_some_and(|(status, _)| status.is_success()));
    let commits = || infra.git(&["rev-list", "--count", "main"]).parse::<usize>().unwrap();
    let begin = Instant::now();
    // The first merges have landed, and others are under way.
    while commits() <= 1 + APPLICATIONS {
        process.must_live();
        assert!(begin.elapsed() < REST, "no merge: {}", process.log());
        tokio::time::sleep(RECHECK).await;
    }
    process.terminate();
    let asked = Instant::now();
    let status = loop {
        if let Some(status) = process.ended() {
            break status;
        }
        assert!(asked.elapsed() < END, "it goes on: {}", process.log());
        if asked.elapsed() > RECHECK {
            assert_ne!(visitor.status("/readyz").await, Some(StatusCode::OK), "it is ready no more");
        }
        tokio::time::sleep(RECHECK).await;
    };
    assert!(status.success(), "{status}: {}", process.log());
    eprintln!("ended after {:?}, {} of {APPLICATIONS} merged", asked.elapsed(), arrived(&infra, "qa"));
    assert_sound(&infra.path());

    process.start();
    let begin = Instant::now();
    let branches = || infra.git(&["for-each-ref", "--format=%(refname)"]);
    while arrived(&infra, "qa") < APPLICATIONS || branches() != "refs/heads/main" {
        process.must_live();
        assert!(begin.elapsed() < REST, "{} in qa: {}", arrived(&infra, "qa"), process.log());
        tokio::time::sleep(RECHECK * 5).await;
    }
    assert_eq!(commits(), 1 + 2 * APPLICATIONS, "nothing was done twice");
    process.kill();
    assert!(!process.log().contains("panicked"), "{}", process.log());
}
