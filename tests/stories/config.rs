//! Config that is promoted with the release, byte for byte, over a real repository.

use gantry_core::{decide::view::Put, ids::CommitId, reason::Reason};

use crate::support::house::{CONFIG, House, IMAGE, digest, overlay, path};

const SETTINGS: &str = "apps/checkout/ENV/settings.yaml";
const CONF: &str = "apps/checkout/ENV/conf/";

fn settings(environment: &str) -> String {
    SETTINGS.replace("ENV", environment)
}

fn conf(environment: &str, name: &str) -> String {
    format!("{}{name}", CONF.replace("ENV", environment))
}

/// A house whose application promotes a file and a folder, of which `secrets.yaml` is kept. All environments
/// hold the same of it, and their own secrets.
async fn house() -> House {
    let mut house = House::empty("");
    let config = CONFIG.replace("IMAGE", IMAGE)
        + "    config:\n      - apps/checkout/{environment}/settings.yaml\n      - {path: 'apps/checkout/{environment}/conf/', keep: [secrets.yaml]}\n";
    let mut files = vec![("gantry.yaml".to_owned(), config)];
    for environment in ["dev", "qa", "prod"] {
        let pinned = format!("    newTag: 1.0.0\n    digest: {}", digest("1.0.0"));
        files.push((path(environment), overlay(IMAGE, "1.0.0").replace("    newTag: 1.0.0", &pinned)));
        files.push((settings(environment), "a: 1  # one\r\nb: 2".to_owned()));
        files.push((conf(environment, "one.txt"), "one\n".to_owned()));
        files.push((conf(environment, "two.txt"), "two\n".to_owned()));
        files.push((conf(environment, "secrets.yaml"), format!("own: {environment}\n")));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    house.person("alice", "Set up", &files);
    house.start().await;
    house.pass().await;
    house.build("1.0.0", "success").await;
    house
}

fn bytes(house: &House, revision: &str, path: &str) -> Option<String> {
    let listed = house.infra.git(&["ls-tree", "-r", "--name-only", revision, "--", path]);
    (!listed.is_empty()).then(|| house.infra.git(&["rev-parse", &format!("{revision}:{path}")]))
}

/// The files that a commit changes: `A path`, `M path`, `D path`.
fn changed(house: &House, revision: &str) -> Vec<String> {
    let text = house.infra.git(&["show", "--format=", "--name-status", "-m", "--first-parent", revision]);
    text.lines().map(|line| line.replace('\t', " ")).collect()
}

fn head(house: &House, branch: &str) -> CommitId {
    house.infra.git(&["rev-parse", branch]).parse().unwrap()
}

#[tokio::test]
async fn the_same_config_everywhere_promotes_nothing() {
    let mut house = house().await;
    house.later(3_600).await;
    assert_eq!(house.log("main"), ["Set up"]);
    assert!(house.proposals().is_empty());
}

#[tokio::test]
async fn a_change_of_config_alone_goes_from_dev_to_prod() {
    let mut house = house().await;
    house.person("alice", "More of b", &[(&settings("dev"), "a: 1  # one\r\nb: 3")]);
    house.later(1).await;
    assert!(matches!(house.standing("dev").put, Put::Config { .. }), "{:?}", house.standing("dev").put);
    house.later(59).await;
    let subject = &house.log("main")[0];
    assert!(
        subject.starts_with("Merge") || subject.starts_with("promote(qa): checkout 1.0.0+config."),
        "{subject}"
    );
    assert_eq!(bytes(&house, "main", &settings("qa")), bytes(&house, "main", &settings("dev")));
    assert!(matches!(house.standing("qa").put, Put::Promotion { .. }), "{:?}", house.standing("qa").put);
    assert_ne!(bytes(&house, "main", &settings("prod")), bytes(&house, "main", &settings("dev")));
    // What people write in dev later is no part of what prod is asked to approve.
    house.person("alice", "Later", &[(&settings("dev"), "a: 9")]);
    house.later(60).await;
    let proposal = house.open("prod").unwrap();
    assert!(proposal.body.contains("-b: 2") && proposal.body.contains("+b: 3"), "{}", proposal.body);
    assert!(!proposal.body.contains("a: 9"));
    let trailers =
        house.infra.git(&["log", "-1", "--format=%(trailers:key=Gantry-Config)", "gantry/prod/checkout"]);
    assert!(trailers.starts_with("Gantry-Config: "), "{trailers}");
    assert_eq!(changed(&house, "gantry/prod/checkout"), [format!("M {}", settings("prod"))]);
    house.approve("prod").await;
    assert_eq!(
        house.infra.git(&["show", &format!("main:{}", settings("prod"))]),
        "a: 1  # one\r\nb: 3",
        "byte for byte, without a last line end"
    );
    assert!(matches!(house.standing("prod").put, Put::Promotion { .. }), "{:?}", house.standing("prod").put);
}

#[tokio::test]
async fn image_and_config_go_in_one_commit() {
    let mut house = house().await;
    house.person("alice", "More of b", &[(&settings("dev"), "b: 3\n")]);
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    assert_eq!(
        changed(&house, "gantry/prod/checkout"),
        [format!("M {}", path("prod")), format!("M {}", settings("prod"))]
    );
    assert!(house.open("prod").unwrap().title.contains("1.1.0+config."));
    house.approve("prod").await;
    let versions = house.versions();
    assert!(versions.iter().all(|version| *version == versions[0] && version.starts_with("1.1.0+config.")));
}

#[tokio::test]
async fn a_folder_brings_what_is_new_takes_what_is_gone_and_leaves_what_is_kept() {
    let mut house = house().await;
    let new = conf("dev", "sub/three.txt");
    let gone = conf("dev", "two.txt");
    let secrets = conf("dev", "secrets.yaml");
    let at = house.now().as_second();
    house.infra.commit_as(
        "main",
        "alice",
        at,
        "Three for two",
        &[
            (&new, "100644", Some(b"three")),
            (&gone, "100644", None),
            (&secrets, "100644", Some(b"own: changed\n")),
        ],
    );
    house.later(1).await;
    house.later(60).await;
    house.later(60).await;
    assert_eq!(
        changed(&house, "gantry/prod/checkout"),
        [format!("A {}", conf("prod", "sub/three.txt")), format!("D {}", conf("prod", "two.txt"))]
    );
    house.approve("prod").await;
    assert_eq!(
        house.infra.git(&["show", &format!("main:{}", conf("prod", "secrets.yaml"))]),
        "own: prod",
        "kept"
    );
    // What is kept is no part of the release: a change of it alone promotes nothing.
    let before = house.proposals().len();
    house.person("alice", "New secret", &[(&secrets, "own: again\n")]);
    house.later(3_600).await;
    assert_eq!(house.proposals().len(), before);
}

#[tokio::test]
async fn without_its_database_there_is_no_second_proposal_of_config() {
    let mut house = house().await;
    house.person("alice", "More of b", &[(&settings("dev"), "b: 3\n")]);
    house.later(1).await;
    house.later(60).await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    assert!(house.open("prod").is_some());
    let before = house.outside();
    house.lose_database().await;
    house.pass().await;
    assert_eq!(house.outside(), before, "same branches, same commits, same proposals, same words");
    let rejected = house.open("prod").unwrap();
    house.reject(rejected.number, "not today").await;
    house.lose_database().await;
    house.later(3_600).await;
    let of_it =
        |house: &mut House| house.proposals().iter().filter(|p| p.release == rejected.release).count();
    assert_eq!(of_it(&mut house), 2, "qa's, and prod's that was rejected: not proposed again");
}

#[tokio::test]
async fn a_symlink_is_refused_with_its_path_and_the_way_out() {
    let mut house = house().await;
    let link = conf("dev", "link.txt");
    let at = house.now().as_second();
    house.infra.commit_as("main", "alice", at, "Link", &[(&link, "120000", Some(b"/etc/passwd"))]);
    house.later(3_600).await;
    let problem = house.standing("dev").problem.unwrap();
    assert!(
        matches!(&problem, Reason::Broken { problem } if problem.file.as_deref() == Some(link.as_str())
            && problem.message.contains("symlink") && problem.message.contains("`keep`")),
        "{problem:?}"
    );
    assert!(house.proposals().is_empty());
    house.infra.commit_as("main", "alice", at + 3_600, "No link", &[(&link, "100644", None)]);
    house.later(1).await;
    assert_eq!(house.standing("dev").problem, None);
}

/// Promise 6: what a person put into prod stays, until something newer is promoted.
#[tokio::test]
async fn a_persons_config_in_prod_is_drift_and_stays() {
    let mut house = house().await;
    let mine = "b: mine\n";
    let commit = house.person("mallory", "Tune prod", &[(&settings("prod"), mine)]);
    house.later(3_600).await;
    match house.standing("prod").put {
        Put::Drift { commit: found, by } => {
            assert_eq!((found, by.name.as_str()), (commit.clone(), "mallory"))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(head(&house, "main"), commit, "nothing was written over it");
    assert!(house.open("prod").is_none());
    house.person("alice", "More of b", &[(&settings("dev"), "b: 3\n")]);
    house.later(1).await;
    house.later(60).await;
    house.later(60).await;
    let proposal = house.open("prod").unwrap();
    assert!(
        proposal.body.contains("-b: mine"),
        "the proposal shows what it would replace: {}",
        proposal.body
    );
    house.person("mallory", "Tune prod more", &[(&settings("prod"), "b: mine 2\n")]);
    house.later(1).await;
    assert!(house.open("prod").is_none(), "closed: theirs is newer");
    assert_eq!(house.infra.git(&["show", &format!("main:{}", settings("prod"))]), "b: mine 2");
}

#[tokio::test]
async fn config_that_is_missing_in_dev_is_told_and_takes_nothing_away() {
    let mut house = house().await;
    let at = house.now().as_second();
    house.infra.commit_as("main", "alice", at, "Oops", &[(&settings("dev"), "100644", None)]);
    house.later(3_600).await;
    let problem = house.standing("dev").problem.unwrap();
    assert!(
        matches!(&problem, Reason::Broken { problem } if problem.message.contains("has no file to promote")),
        "{problem:?}"
    );
    assert!(house.proposals().is_empty());
}
