//! An auditor's question: is every promotion in this repository one of Gantry's own?

use serde_json::Value;

use crate::{
    cli::{Ran, command},
    support::{
        git_repository::{git, run},
        house::{House, IMAGE, overlay, path, plain_git},
    },
};

/// Runs `gantry verify` on a repository.
fn verify(folder: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut all = vec!["verify", folder];
    all.extend(arguments);
    let output = command(&all).output().unwrap();
    let code = output.status.code();
    let Ran { out, err, .. } = Ran::from(output);
    (code, out, err)
}

async fn house_in_prod() -> (House, String) {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    plain_git(
        &house.infra,
        &[&["merge", "--no-ff", "-m", "Go", "origin/gantry/prod/checkout"], &["push", "--quiet"]],
    );
    house.later(1).await;
    let key = gantry::seal::load(&house.data().join("seal.key")).ok().unwrap().public().to_string();
    (house, key)
}

#[tokio::test]
async fn every_promotion_of_gantrys_is_believed_in_the_repository_and_in_a_clone() {
    let (house, key) = house_in_prod().await;
    let bare = house.infra.path();
    let bare = bare.to_str().unwrap();
    let (code, out, err) = verify(bare, &["--key", &key, "--repository", bare, "-o", "json"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let lines = report["promotions"].as_array().unwrap();
    let told: Vec<_> =
        lines.iter().map(|l| (l["environment"].as_str().unwrap(), l["files_match"].clone())).collect();
    assert_eq!(told, [("prod", true.into()), ("qa", true.into()), ("dev", true.into())]);
    assert_eq!(report["not_believed"], 0);

    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path().join("clone");
    run(git().args(["clone", "--quiet"]).arg(format!("file://{bare}")).arg(&clone), b"");
    let before = run(git().arg("-C").arg(&clone).args(["count-objects", "-v"]), b"");
    let (code, out, err) = verify(clone.to_str().unwrap(), &["--key", &key]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(err.contains("3 believed, 0 not"), "{err}");
    assert_eq!(
        run(git().arg("-C").arg(&clone).args(["count-objects", "-v"]), b""),
        before,
        "nothing was written"
    );
}

#[tokio::test]
async fn what_others_wrote_is_told_and_ends_with_one() {
    let (mut house, key) = house_in_prod().await;
    let copied = house.infra.git(&["log", "-1", "--format=%B", "--grep=^promote(dev)", "main"]);
    house.person("mallory", &copied, &[(&path("dev"), &overlay(IMAGE, "1.1.0"))]);
    let bare = house.infra.path();
    let bare = bare.to_str().unwrap();
    let (code, out, err) = verify(bare, &["--key", &key, "--repository", bare]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert_eq!(out.matches("not sealed").count(), 1, "{out}");
    assert!(err.contains("3 believed, 1 not"), "{err}");

    let (code, out, err) = verify(bare, &["--key", &key, "--repository", "git.example.com/shop/infra"]);
    assert_eq!(code, Some(1), "of another repository nothing is believed: {out}{err}");
    assert_eq!(out.matches("not sealed").count(), 4, "{out}");
}

#[tokio::test]
async fn a_mistake_in_the_question_ends_with_two() {
    let (house, key) = house_in_prod().await;
    let bare = house.infra.path();
    let bare = bare.to_str().unwrap();
    for (arguments, says) in [
        (&["--repository", bare][..], "no key is given"),
        (&["--key", "ed25519:AAAA"], "gantry seal show"),
        (&["--key", &key], "does not tell which repository"),
        (&["--key", &key, "--repository", bare, "--branch", "nowhere"], "nowhere"),
    ] {
        let (code, out, err) = verify(bare, arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {out}{err}");
        assert!(err.contains(says), "{arguments:?}: {err}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = verify(folder.path().to_str().unwrap(), &["--key", &key]);
    assert_eq!(code, Some(2), "{err}");
    let shallow = folder.path().join("shallow");
    run(git().args(["clone", "--quiet", "--depth=1"]).arg(format!("file://{bare}")).arg(&shallow), b"");
    let (code, _, err) = verify(shallow.to_str().unwrap(), &["--key", &key]);
    assert!(code == Some(2) && err.contains("fetch --unshallow"), "{err}");
}

#[tokio::test]
async fn the_public_key_is_shown_and_the_secret_one_is_not() {
    let house = House::new().await;
    let settings = house.folder.path().join("settings.yaml");
    let secret = std::fs::read_to_string(house.data().join("seal.key")).unwrap();
    let secret = secret.lines().last().unwrap().split(':').next_back().unwrap().to_owned();
    let output =
        command(["seal", "show", "--settings", settings.to_str().unwrap(), "-o", "json"]).output().unwrap();
    let Ran { out, err, .. } = Ran::from(output);
    let shown: Value = serde_json::from_str(&out).unwrap();
    let key = gantry::seal::load(&house.data().join("seal.key")).ok().unwrap();
    assert_eq!(shown["public_key"], key.public().to_string());
    assert_eq!(shown["id"], key.public().id().to_string());
    assert!(!out.contains(&secret) && !err.contains(&secret));
}
