//! Whose commits they are, and what is never written: over the whole loop.

use std::process::Command;

use gantry::{intake::request::Request, settings::Settings};
use gantry_core::reason::Reason;
use sha2::{Digest as _, Sha256};

use crate::support::{
    git_repository::run,
    house::{CONFIG, House, IMAGE, overlay, path, place},
};

const CO_AUTHORS: &str = "%(trailers:key=Co-authored-by,valueonly,separator=%x2C)";

/// Commits signed by a key, written by one and made by another, and a person with an address.
fn settings(key: &std::path::Path) -> String {
    let hash = hex::encode(Sha256::digest("a token"));
    format!(
        "commits:\n  author: {{name: Release Train, email: train@example.com}}\n  \
         committer: {{name: Gantry of Shop, email: gantry+shop@example.com}}\n  sign: {{ssh: '{}'}}\n\
         tokens:\n  - {{name: rita, email: rita@example.com, sha256: {hash}, role: release-manager}}\n",
        key.display()
    )
}

#[tokio::test]
async fn commits_name_their_authors_and_are_signed() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key), b"");
    let mut house = House::with(IMAGE, &CONFIG.replace("IMAGE", IMAGE), &settings(&key)).await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let proposal = house.open("prod").unwrap();
    house.reject(proposal.number, "too slow").await;
    house.later(1).await;
    let release = house.standing("qa").release.unwrap().id;
    let promote = Request::Promote {
        repository: "shop".to_owned(),
        place: place("prod"),
        release: Some(release),
        reason: "fixed by a flag".to_owned(),
    };
    let outcome = house.ask(&promote).await;
    assert!(outcome.done, "{outcome:?}");

    let people = |house: &House, format: &str, branch: &str| {
        let log = house.infra.git(&["log", &format!("--format=%s|{format}"), branch]);
        log.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    let own =
        |lines: Vec<String>| lines.into_iter().filter(|line| !line.starts_with("Set up")).collect::<Vec<_>>();
    for line in own(people(&house, "%an <%ae>|%cn <%ce>", "main")) {
        assert!(line.ends_with("|Gantry of Shop <gantry+shop@example.com>"), "{line}");
        let author = match line.starts_with("promote(") {
            true => "|Release Train <train@example.com>|",
            false => "|rita <rita@example.com>|",
        };
        assert!(line.contains(author), "{line}");
    }
    let asked = own(people(&house, CO_AUTHORS, "gantry/prod/checkout"));
    assert_eq!(asked[0], "promote(prod): checkout 1.0.0 -> 1.1.0|rita <rita@example.com>");
    assert!(asked[1..].iter().all(|line| line.ends_with('|')), "only of what she asked for: {asked:?}");

    // Who approves is named by the commit that the approval brings.
    house.approve("prod").await;
    assert_eq!(house.versions(), ["1.1.0", "1.1.0", "1.1.0"]);
    house.build("1.2.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let head = house.open("prod").unwrap().head;
    let record = |house: &House, commit: &str| {
        house.infra.git(&["log", "-1", "--format=%(trailers:key=Gantry-Release,key=Gantry-Image)", commit])
    };
    let before = record(&house, head.as_str());
    house.approve("prod").await;
    assert_eq!(house.branches(), ["main"], "merged, and nothing is left over");
    let merged = own(people(&house, CO_AUTHORS, "main"));
    assert_eq!(merged[0], "promote(prod): checkout 1.1.0 -> 1.2.0|rita <rita@example.com>");
    assert!(merged.iter().all(|line| line.matches("rita <").count() <= 1), "{merged:?}");
    assert!(before.contains("Gantry-Release") && record(&house, "main") == before, "the record is the same");
    house.infra.assert_sound();

    // Every commit of ours has a good signature, also those on the proposal's branch and the merged one.
    let allowed = folder.path().join("allowed");
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    std::fs::write(&allowed, format!("gantry+shop@example.com {public}")).unwrap();
    let option = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
    let arguments = ["-c", "gpg.format=ssh", "-c", &option, "log", "--format=%G? %s", "--all"];
    let log = house.infra.git(&arguments);
    let (good, other): (Vec<&str>, Vec<&str>) = log.lines().partition(|line| line.starts_with("G "));
    assert!(good.len() >= 8 && other == ["N Set up"], "{log}");

    // With the database gone, the commits are known as Gantry's by the committer's address.
    let before = house.log("main");
    house.lose_database().await;
    house.later(60).await;
    assert_eq!(house.log("main"), before);
}

#[tokio::test]
async fn a_key_that_is_gone_stops_the_writing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key), b"");
    let mut house = House::with(IMAGE, &CONFIG.replace("IMAGE", IMAGE), &settings(&key)).await;
    let before = house.log("main");
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    std::fs::remove_file(key.with_extension("pub")).unwrap();
    house.build("1.1.0", "success").await;
    assert_eq!(house.log("main"), before, "nothing goes out unsigned");
    let standing = format!("{:?}", house.standing("dev"));
    assert!(standing.contains("commits.sign") && standing.contains("platform engineer"), "{standing}");
    std::fs::write(&key, kept).unwrap();
    run(Command::new("chmod").arg("600").arg(&key), b"");
    house.later(60).await;
    assert_eq!(house.versions()[0], "1.1.0", "and goes on by itself");
}

#[tokio::test]
async fn links_submodules_and_lfs_pointers_are_named_and_an_executable_stays_one() {
    let mut house = House::new().await;
    let module = house.infra.head("main").unwrap();
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1\n", "0".repeat(64));
    let now = house.now().as_second();
    for (mode, bytes, words) in [
        ("120000", "../qa/kustomization.yaml", "is a symlink, which Gantry never writes"),
        ("160000", module.as_str(), "is a submodule, which Gantry never writes"),
        ("100644", pointer.as_str(), "is a Git LFS pointer, which Gantry never writes"),
    ] {
        let entry = (path("dev"), mode, bytes);
        house.infra.commit_as("main", "alice", now, "Odd", &[(&entry.0, mode, Some(entry.2.as_bytes()))]);
        house.build("1.1.0", "success").await;
        house.later(1).await;
        match house.standing("dev").problem {
            Some(Reason::Broken { problem }) => {
                let text = problem.to_string();
                assert!(text.contains(&path("dev")) && text.contains(words), "{text}");
            }
            other => panic!("{mode}: {other:?}"),
        }
        assert_eq!(house.log("main")[0], "Odd", "nothing was written");
    }
    let text = overlay(IMAGE, "1.0.0");
    house.infra.commit_as("main", "alice", now, "Mend", &[(&path("dev"), "100755", Some(text.as_bytes()))]);
    house.later(1).await;
    house.build("1.2.0", "success").await;
    assert!(house.log("main")[0].starts_with("promote(dev)"), "{:?}", house.log("main"));
    let entry = house.infra.git(&["ls-tree", "main", &path("dev")]);
    assert!(entry.starts_with("100755 blob"), "{entry}");
    house.infra.assert_sound();
}

#[test]
fn settings_are_checked_in_the_file_and_its_mistakes_told_together() {
    let folder = tempfile::tempdir().unwrap();
    let load = |text: &str| {
        let file = folder.path().join("settings.yaml");
        std::fs::write(&file, text).unwrap();
        Settings::load(&file, &|_| None)
    };
    let text = "commits: {sign: {ssh: a, gpg: b}}\nrepositories: [{name: a, url: 'https://h/a', proxy: 'ftp://x', \
                commits: {author: {name: '', email: none}}}]\n";
    let error = load(text).err().unwrap().to_string();
    for part in
        ["commits.sign", "repositories[0].proxy", "repositories[0].commits.author.name", ".author.email"]
    {
        assert!(error.contains(part), "{part}: {error}");
    }
    let error =
        load("repositories: [{name: a, url: 'https://h/a', commits: {sing: {ssh: a}}}]\n").err().unwrap();
    assert!(error.to_string().contains("sing") && error.to_string().contains("sign"), "{error}");
}
