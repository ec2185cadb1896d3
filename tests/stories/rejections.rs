//! Rejections stand in a file that people read and edit.

use gantry_core::reason::Reason;

use crate::support::house::{House, IMAGE, overlay, path, plain_git};

const FILE: &str = ".gantry/rejections.yaml";

impl House {
    fn list(&self) -> String {
        self.infra.git(&["show", &format!("main:{FILE}")])
    }

    /// The problems that are shown.
    fn problems(&mut self) -> String {
        let seen = self.seen();
        seen.problems.iter().map(|problem| format!("{problem}\n")).collect()
    }
}

/// 1.1.0 is in qa, and Rita rejected it for prod.
async fn rejected() -> House {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let number = house.open("prod").unwrap().number;
    assert!(house.reject(number, "too slow: see #4").await.done);
    house.later(1).await;
    house
}

fn without_entries(file: &str) -> String {
    file.lines().take_while(|line| !line.starts_with("  - ")).map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn removing_the_entry_lifts_the_rejection() {
    let mut house = rejected().await;
    let file = house.list();
    assert!(file.contains("reason: \"too slow: see #4\"") && file.contains("by: \"rita\""), "{file}");
    assert!(house.open("prod").is_none());
    house.person("bob", "Lift it", &[(FILE, &without_entries(&file))]);
    house.later(1).await;
    assert!(house.open("prod").is_some());
    let commits = house.log("main").len();
    house.lose_database().await;
    house.later(3_600).await;
    assert!(house.open("prod").is_some(), "the closed proposal is not taken for a new rejection");
    assert_eq!(house.log("main").len(), commits);
}

#[tokio::test]
async fn a_revert_of_its_commit_lifts_it_too() {
    let mut house = House::new().await;
    house.person("bob", "Prepare", &[(FILE, "version: 1\nrejections: []\n")]);
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let number = house.open("prod").unwrap().number;
    house.reject(number, "no").await;
    house.later(1).await;
    plain_git(&house.infra, &[&["revert", "--no-edit", "HEAD"], &["push", "--quiet"]]);
    house.later(1).await;
    assert!(house.open("prod").is_some());
    let commits = house.log("main").len();
    house.restart().await;
    house.later(3_600).await;
    assert_eq!(house.log("main").len(), commits);
}

#[tokio::test]
async fn a_broken_file_lifts_nothing_and_is_shown_with_its_place() {
    let mut house = rejected().await;
    let good = house.list();
    house.person("bob", "Oops", &[(FILE, &good.replace("environment: prod", "enviroment: prod"))]);
    for step in 0..3 {
        house.later(3_600).await;
        assert!(house.open("prod").is_none(), "{step}");
        assert!(matches!(house.why("prod", None).reasons[0], Reason::Rejected { .. }));
        let problems = house.problems();
        assert!(problems.contains(".gantry/rejections.yaml:7:5: unknown key"), "{problems}");
        match step {
            0 => house.restart().await,
            _ => house.lose_database().await,
        }
    }
    house.person("bob", "Mend and lift", &[(FILE, &without_entries(&good))]);
    house.later(1).await;
    assert!(house.open("prod").is_some());
    assert_eq!(house.problems(), "");
}

#[tokio::test]
async fn a_file_that_is_gone_lifts_nothing() {
    let mut house = rejected().await;
    plain_git(&house.infra, &[&["rm", "--quiet", FILE], &["commit", "-qm", "Tidy up"], &["push", "--quiet"]]);
    house.later(3_600).await;
    house.lose_database().await;
    house.later(3_600).await;
    assert!(house.open("prod").is_none());
    assert!(house.problems().contains("is gone from the default branch"), "{}", house.problems());
    house.person("bob", "Lift all", &[(FILE, "version: 1\nrejections: []\n")]);
    house.later(1).await;
    assert!(house.open("prod").is_some());
}

#[tokio::test]
async fn what_people_wrote_into_the_file_stays_byte_for_byte() {
    let mut house = House::new().await;
    let theirs = "# Ask Bob\r\nrejections: # none yet\r\nversion: 1\r\n# The end";
    house.person("bob", "Prepare", &[(FILE, theirs)]);
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let number = house.open("prod").unwrap().number;
    house.reject(number, "no").await;
    house.later(1).await;
    let file = house.list();
    let (before, behind) = theirs.split_at(theirs.find("version").unwrap());
    assert!(file.starts_with(before) && file.trim_end().ends_with(behind.trim_end()), "{file:?}");
    assert_eq!(house.log("main")[0], "reject(prod): checkout 1.1.0");
}

#[tokio::test]
async fn what_earlier_versions_wrote_into_commits_is_moved_once() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    let release = house.standing("dev").release.unwrap().id;
    let commit = |word: &str, environment: &str| {
        format!(
            "reject({environment}): checkout 1.1.0\n\nNot good.\n\nGantry-Application: checkout\n\
             Gantry-Environment: {environment}\nGantry-{word}: {release}\nGantry-By: rita"
        )
    };
    for (word, environment) in [("Rejects", "qa"), ("Rejects", "prod"), ("Accepts", "prod")] {
        house.person("gantry", &commit(word, environment), &[]);
    }
    house.later(60).await;
    assert_eq!(house.versions(), ["1.1.0", "1.0.0", "1.0.0"], "it is honoured");
    assert_eq!(house.log("main")[0], "rejections: list 1 in .gantry/rejections.yaml");
    let file = house.list();
    assert!(file.contains("environment: qa") && !file.contains("environment: prod"), "{file}");
    let commits = house.log("main").len();
    house.person("bob", "Lift it", &[(FILE, &without_entries(&file))]);
    house.lose_database().await;
    house.later(3_600).await;
    assert_eq!(house.versions()[1], "1.1.0", "only the file counts");
    assert!(house.log("main").len() > commits && !house.list().contains("qa"), "it is not moved again");
}

#[tokio::test]
async fn only_the_default_branch_counts() {
    let mut house = rejected().await;
    let lifted = without_entries(&house.list());
    house.person_on("gantry/prod/checkout", "mallory", "Lift it", &[(FILE, &lifted)]);
    house.later(3_600).await;
    assert!(house.open("prod").is_none());
    assert!(house.list().contains("environment: prod"));
}

#[tokio::test]
async fn environments_on_branches_of_their_own_are_rejected_on_the_default_branch() {
    let config = crate::support::house::CONFIG
        .replace("IMAGE", IMAGE)
        .replace("after: [qa]", "after: [qa]\n    branch: live");
    let mut house = House::empty("");
    let overlays: Vec<(String, String)> =
        ["dev", "qa", "prod"].map(|environment| (path(environment), overlay(IMAGE, "1.0.0"))).into();
    let mut files = vec![("gantry.yaml", config.as_str())];
    files.extend(overlays.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    house.person("alice", "Set up", &files);
    house.infra.git(&["branch", "live", "main"]);
    house.start().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let number = house.open("prod").unwrap().number;
    house.reject(number, "no").await;
    house.later(1).await;
    assert_eq!(house.log("main")[0], "reject(prod): checkout 1.1.0");
    assert_eq!(house.log("live"), ["Set up"]);
    assert!(house.open("prod").is_none());
}
