//! Only Gantry's own word opens a gate (promise 11): what others dress up as a promotion is somebody's commit.

use gantry_core::{
    artifact::{Artifact, Release},
    decide::view::Put,
    effects::Promotion,
    ids::CommitId,
    record,
};
use jiff::Timestamp;

use crate::support::{
    git_repository::{git, run},
    house::{CONFIG, House, IMAGE, digest, path, place, plain_git},
};

/// An overlay with a tag and the digest that belongs to it.
fn pinned(version: &str) -> String {
    let digest = digest(version);
    format!(
        "kind: Kustomization\nresources: [../base]\nimages:\n  - name: {IMAGE}\n    newTag: {version} # ours\n    digest: {digest}\n"
    )
}

/// The message that Gantry would write for a promotion, but for the seal.
fn dressed_up(environment: &str, version: &str) -> String {
    let artifact = Artifact {
        image: IMAGE.parse().unwrap(),
        entry: None,
        tag: version.parse().unwrap(),
        digest: digest(version).parse().unwrap(),
        built: None,
        revision: Some("0123abc".to_owned()),
        source: None,
    };
    let place = place(environment);
    let promotion = Promotion {
        release: Release::new(place.application.clone(), vec![artifact]),
        place,
        base: "main".parse().unwrap(),
        from: None,
        from_version: "1.0.0".to_owned(),
        gates: vec![],
        checks: vec!["ci".to_owned(), "security-scan".to_owned()],
        by: Some("rita".to_owned()),
    };
    let trailers = record::promotion_trailers(&promotion);
    let lines: String = trailers.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    format!("promote({environment}): checkout 1.0.0 -> {version}\n\nMoves on.\n\n{lines}")
}

/// A commit with the bot's name and address, at any time, on any parents.
fn as_bot(
    house: &House,
    branch: &str,
    at: Timestamp,
    message: &str,
    merges: Option<&str>,
    files: &[(String, String)],
) -> CommitId {
    let mut stream = format!(
        "commit refs/heads/{branch}\ncommitter Gantry <gantry@localhost> {} +0000\ndata {}\n{message}\n",
        at.as_second(),
        message.len()
    );
    if house.infra.head(branch).is_some() {
        stream.push_str(&format!("from refs/heads/{branch}^0\n"));
    }
    if let Some(other) = merges {
        stream.push_str(&format!("merge refs/heads/{other}^0\n"));
    }
    for (path, text) in files {
        stream.push_str(&format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len()));
    }
    let mut import = git();
    import.arg("--git-dir").arg(house.infra.path()).args(["fast-import", "--quiet", "--force"]);
    run(&mut import, stream.as_bytes());
    house.infra.head(branch).unwrap()
}

fn days_ago(house: &House, days: i64) -> Timestamp {
    house.now().checked_sub(jiff::SignedDuration::from_hours(24 * days)).unwrap()
}

/// What stands in an environment is no promotion, and says so.
fn assert_somebodys(house: &mut House, environment: &str) {
    let put = house.standing(environment).put;
    assert!(!matches!(put, Put::Promotion { .. }), "{environment}: {put:?}");
    let seen = house.seen();
    let arrival = &seen.facts.places[&place(environment)].history[0];
    assert!(arrival.record.is_none() && arrival.claimed, "{arrival:?}");
}

fn message_of(house: &House, revision: &str) -> String {
    house.infra.git(&["log", "-1", "--format=%B", revision])
}

async fn house_with_prod_proposal() -> House {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    assert!(house.open("prod").is_some());
    house
}

#[tokio::test]
async fn a_commit_dressed_up_as_a_promotion_opens_no_gate() {
    let mut house = House::new().await;
    let (at, message) = (days_ago(&house, 4), dressed_up("dev", "6.6.6"));
    as_bot(&house, "main", at, &message, None, &[(path("dev"), pinned("6.6.6"))]);
    house.later(1).await;
    assert_eq!(house.versions(), ["6.6.6", "1.0.0", "1.0.0"]);
    assert_somebodys(&mut house, "dev");
    house.later(24 * 3_600).await;
    assert_eq!(house.versions(), ["6.6.6", "1.0.0", "1.0.0"], "no check of CI's was told");
    assert!(house.proposals().is_empty());
}

#[tokio::test]
async fn a_date_of_somebodys_own_shortens_no_soak() {
    let config = CONFIG.replace("IMAGE", IMAGE).replace(", {checks: [ci]}", "");
    let mut house = House::with(IMAGE, &config, "").await;
    let (at, message) = (days_ago(&house, 4), dressed_up("dev", "1.1.0"));
    as_bot(&house, "main", at, &message, None, &[(path("dev"), pinned("1.1.0"))]);
    house.later(1).await;
    house.later(59).await;
    assert_eq!(house.versions()[1], "1.0.0", "it soaks from when it was seen");
    house.restart().await;
    house.later(1).await;
    assert_eq!(house.versions()[1], "1.1.0", "which a restart does not forget");
}

#[tokio::test]
async fn without_its_database_somebodys_commit_soaks_from_now_on() {
    let config = CONFIG.replace("IMAGE", IMAGE).replace(", {checks: [ci]}", "");
    let mut house = House::with(IMAGE, &config, "").await;
    let at = days_ago(&house, 4);
    as_bot(&house, "main", at, "Try 1.1.0", None, &[(path("dev"), pinned("1.1.0"))]);
    house.later(1).await;
    house.later(59).await;
    house.lose_database().await;
    house.pass().await;
    house.later(59).await;
    assert_eq!(house.versions()[1], "1.0.0");
    house.later(1).await;
    assert_eq!(house.versions()[1], "1.1.0");
}

#[tokio::test]
async fn a_record_copied_from_a_real_promotion_is_none() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    let real = message_of(&house, "main");
    assert!(real.contains("\nGantry-Seal: "), "{real}");
    house.build("1.2.0", "success").await;
    assert_eq!(house.versions()[0], "1.2.0");
    let at = days_ago(&house, 4);
    as_bot(&house, "main", at, &real, None, &[(path("dev"), pinned("1.1.0"))]);
    house.later(1).await;
    assert_eq!(house.versions()[0], "1.1.0");
    assert_somebodys(&mut house, "dev");
}

#[tokio::test]
async fn a_proposal_repeated_after_its_revert_is_somebodys_commit() {
    let mut house = house_with_prod_proposal().await;
    let sealed = house.infra.git(&["rev-parse", "gantry/prod/checkout"]);
    house.approve("prod").await;
    assert!(matches!(house.standing("prod").put, Put::Promotion { .. }));
    plain_git(&house.infra, &[&["revert", "--no-edit", "HEAD"], &["push", "--quiet"]]);
    house.later(60).await;
    plain_git(&house.infra, &[&["cherry-pick", &sealed], &["push", "--quiet"]]);
    assert_eq!(message_of(&house, "main"), message_of(&house, &sealed), "word for word");
    house.later(1).await;
    assert_eq!(house.versions()[2], "1.1.0");
    assert_somebodys(&mut house, "prod");
    house.restart().await;
    house.later(1).await;
    assert_somebodys(&mut house, "prod");
}

#[tokio::test]
async fn a_proposal_that_people_squash_or_rebase_is_a_promotion() {
    for script in [
        &[
            &["merge", "--squash", "origin/gantry/prod/checkout"][..],
            &["commit", "-C", "origin/gantry/prod/checkout"],
        ][..],
        &[
            &["commit", "--allow-empty", "-m", "Something else"],
            &["cherry-pick", "origin/gantry/prod/checkout"],
        ],
        &[&["merge", "--no-ff", "-m", "Merge it", "origin/gantry/prod/checkout"]],
        &[&["merge", "--ff-only", "origin/gantry/prod/checkout"]],
    ] {
        let mut house = house_with_prod_proposal().await;
        let mut script: Vec<&[&str]> = script.to_vec();
        script.push(&["push", "--quiet", "origin", "HEAD:main", ":gantry/prod/checkout"]);
        plain_git(&house.infra, &script);
        house.later(1).await;
        assert_eq!(house.versions()[2], "1.1.0");
        let put = house.standing("prod").put;
        assert!(matches!(put, Put::Promotion { .. }), "{script:?}: {put:?}");
        house.lose_database().await;
        house.later(1).await;
        assert!(matches!(house.standing("prod").put, Put::Promotion { .. }), "{script:?}");
    }
}

#[tokio::test]
async fn a_dressed_up_commit_on_a_merges_side_is_somebodys() {
    let mut house = house_with_prod_proposal().await;
    let at = days_ago(&house, 4);
    house.infra.git(&["branch", "side", "main"]);
    let files = [(path("prod"), format!("{}# mine\n", pinned("1.1.0")))];
    as_bot(&house, "side", at, &dressed_up("prod", "1.1.0"), None, &files);
    as_bot(&house, "main", at, &message_of(&house, "gantry/prod/checkout"), Some("side"), &files);
    house.later(1).await;
    assert_eq!(house.versions()[2], "1.1.0");
    // The merge repeats the words of the real proposal, but its files differ from what that one made of them.
    assert_somebodys(&mut house, "prod");
}

#[tokio::test]
async fn a_record_is_none_in_another_repository_of_the_same_names() {
    let mut house = house_with_prod_proposal().await;
    house.approve("prod").await;
    let mut other = House::empty("");
    std::fs::create_dir_all(other.data()).unwrap();
    std::fs::copy(house.data().join("seal.key"), other.data().join("seal.key")).unwrap();
    let to = other.infra.path();
    house.infra.git(&["push", "--quiet", to.to_str().unwrap(), "main"]);
    other.start().await;
    other.later(0).await;
    assert_eq!(other.versions(), house.versions());
    for environment in ["dev", "qa", "prod"] {
        assert!(matches!(house.standing(environment).put, Put::Promotion { .. }), "{environment}");
        assert_somebodys(&mut other, environment);
    }
    assert!(other.proposals().is_empty());
}

#[tokio::test]
async fn a_record_is_none_on_another_branch() {
    let mut house = house_with_prod_proposal().await;
    house.approve("prod").await;
    let main = house.infra.git(&["rev-parse", "main"]);
    house.infra.git(&["branch", "production", &main]);
    let config =
        CONFIG.replace("IMAGE", IMAGE).replace("name: prod\n", "name: prod\n    branch: production\n");
    house.person("alice", "Prod has a branch of its own", &[("gantry.yaml", &config)]);
    house.later(1).await;
    assert_eq!(house.versions()[2], "1.1.0");
    assert_somebodys(&mut house, "prod");
}

#[tokio::test]
async fn a_commit_dressed_up_as_the_bots_takes_a_proposals_branch_over() {
    let mut house = house_with_prod_proposal().await;
    let text = String::from_utf8(house.infra.show("gantry/prod/checkout", &path("prod"))).unwrap();
    let message = message_of(&house, "gantry/prod/checkout");
    let (now, files) = (house.now(), [(path("prod"), format!("{text}# limits\n"))]);
    let theirs = as_bot(&house, "gantry/prod/checkout", now, &message, None, &files);
    house.later(1).await;
    let seen = house.seen();
    let branch = &seen.facts.branches[&place("prod")];
    assert_eq!(branch.foreign.as_ref().map(|(commit, _)| commit), Some(&theirs));
    house.build("1.2.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    assert_eq!(house.infra.head("gantry/prod/checkout"), Some(theirs), "it is left alone");
}

#[tokio::test]
async fn a_branch_made_up_by_somebody_is_no_proposal_of_gantrys() {
    let mut house = House::new().await;
    house.infra.git(&["branch", "gantry/qa/checkout", "main"]);
    let (now, files) = (house.now(), [(path("qa"), pinned("6.6.6"))]);
    let theirs = as_bot(&house, "gantry/qa/checkout", now, &dressed_up("qa", "6.6.6"), None, &files);
    house.later(1).await;
    let seen = house.seen();
    let branch = &seen.facts.branches[&place("qa")];
    assert!(branch.record.is_none(), "its checks count for nothing");
    assert_eq!(branch.foreign.as_ref().map(|(commit, _)| commit), Some(&theirs));
    house.later(3_600).await;
    assert_eq!(house.versions(), ["1.0.0", "1.0.0", "1.0.0"]);
}

#[tokio::test]
async fn a_lost_key_loses_belief_and_opens_nothing() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(30).await;
    std::fs::remove_file(house.data().join("seal.key")).unwrap();
    house.restart().await;
    house.later(30).await;
    assert_eq!(house.versions(), ["1.1.0", "1.0.0", "1.0.0"], "its time is not believed either");
    assert_somebodys(&mut house, "dev");
    house.build("1.2.0", "success").await;
    assert!(matches!(house.standing("dev").put, Put::Promotion { .. }), "the new key seals what comes");
}

#[tokio::test]
async fn a_rotated_key_and_a_restored_backup_change_nothing() {
    let mut house = house_with_prod_proposal().await;
    let before = house.outside();
    let key = std::fs::read(house.data().join("seal.key")).unwrap();
    let public = gantry::seal::load(&house.data().join("seal.key")).ok().unwrap().public().to_string();

    house.lose_database().await;
    std::fs::remove_file(house.data().join("seal.key")).unwrap();
    let backup = house.data().join("seal.key");
    std::fs::write(&backup, key).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&backup, std::fs::Permissions::from_mode(0o600)).unwrap();
    house.restart().await;
    house.pass().await;
    assert_eq!(house.outside(), before, "the backup's key is believed");

    std::fs::remove_file(&backup).unwrap();
    house.restart_with_settings(&format!("seal: {{trusted: ['{public}']}}\n")).await;
    house.pass().await;
    assert_eq!(house.outside(), before, "the old key is still trusted");
    house.approve("prod").await;
    assert!(matches!(house.standing("prod").put, Put::Promotion { .. }));
    house.build("1.2.0", "success").await;
    assert!(matches!(house.standing("dev").put, Put::Promotion { .. }), "and the new one seals");
}

#[tokio::test]
async fn a_clock_that_is_behind_shortens_no_soak() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    let first = house.seen().facts.places[&place("dev")].history[0].since;
    house.later(-365 * 24 * 3_600).await;
    house.build("1.2.0", "success").await;
    let seen = house.seen();
    let arrival = &seen.facts.places[&place("dev")].history[0];
    assert!(arrival.record.is_some() && arrival.since >= first, "{arrival:?}");
    house.later(365 * 24 * 3_600 + 30).await;
    assert_eq!(house.versions(), ["1.2.0", "1.0.0", "1.0.0"], "it has stood there for 30 seconds");
}

#[tokio::test]
async fn a_date_far_ahead_stops_no_soak() {
    let mut house = House::new().await;
    let ahead = Timestamp::from_second(4_000_000_000).unwrap();
    as_bot(&house, "main", ahead, "From the future", None, &[("README".to_owned(), "x".to_owned())]);
    house.build("1.1.0", "success").await;
    house.later(60).await;
    assert_eq!(house.versions(), ["1.1.0", "1.1.0", "1.0.0"]);
}

#[tokio::test]
async fn what_was_taken_off_a_branch_and_put_back_soaks_anew() {
    let config = CONFIG.replace("IMAGE", IMAGE).replace(", {checks: [ci]}", "");
    let mut house = House::with(IMAGE, &config, "").await;
    let before = house.infra.head("main").unwrap();
    let theirs = as_bot(&house, "main", days_ago(&house, 4), "Try", None, &[(path("dev"), pinned("1.1.0"))]);
    house.later(1).await;
    house.infra.git(&["branch", "-f", "main", before.as_str()]);
    house.later(1).await;
    assert_eq!(house.versions()[0], "1.0.0");
    house.restart().await;
    house.later(3_600).await;
    house.infra.git(&["branch", "-f", "main", theirs.as_str()]);
    house.later(1).await;
    assert_eq!(house.versions(), ["1.1.0", "1.0.0", "1.0.0"], "it is there for a moment only");
    house.later(60).await;
    assert_eq!(house.versions()[1], "1.1.0");
}

#[tokio::test]
async fn a_change_under_a_mountain_of_commits_soaks_from_when_it_was_seen() {
    let config = CONFIG.replace("IMAGE", IMAGE).replace(", {checks: [ci]}", "");
    let mut house = House::with(IMAGE, &config, "").await;
    let at = days_ago(&house, 4);
    house.infra.git(&["branch", "side", "main"]);
    as_bot(&house, "side", at, &dressed_up("dev", "1.1.0"), None, &[(path("dev"), pinned("1.1.0"))]);
    let mut stream = String::new();
    for number in 0..20_010 {
        let from = if number == 0 { "from refs/heads/side^0\n" } else { "" };
        stream.push_str(&format!(
            "commit refs/heads/side\ncommitter Mallory <m@example.com> {} +0000\ndata 1\nx\n{from}\n",
            at.as_second()
        ));
    }
    let mut import = git();
    import.arg("--git-dir").arg(house.infra.path()).args(["fast-import", "--quiet"]);
    run(&mut import, stream.as_bytes());
    house.infra.git(&["branch", "-f", "main", "side"]);
    house.later(1).await;
    assert_eq!(house.versions(), ["1.1.0", "1.0.0", "1.0.0"]);
    house.later(59).await;
    assert_eq!(house.versions()[1], "1.0.0");
    house.later(60).await;
    assert_eq!(house.versions()[1], "1.1.0");
}
