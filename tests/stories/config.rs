//! Config that is promoted with the release, byte for byte, over a real repository.

use gantry_core::{
    decide::view::Put,
    ids::CommitId,
    reason::{Owner, Reason},
};

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
    let mut files = Vec::new();
    for environment in ["dev", "qa", "prod"] {
        files.push((settings(environment), "a: 1  # one\r\nb: 2".to_owned()));
        files.push((conf(environment, "one.txt"), "one\n".to_owned()));
        files.push((conf(environment, "two.txt"), "two\n".to_owned()));
        files.push((conf(environment, "secrets.yaml"), format!("own: {environment}\n")));
    }
    let entries = "apps/checkout/{environment}/settings.yaml\n      - {path: 'apps/checkout/{environment}/conf/', keep: [secrets.yaml]}";
    house_with(entries, files).await
}

/// A house whose application has these entries in `config`, and these files.
async fn house_with(entries: &str, mut files: Vec<(String, String)>) -> House {
    let mut house = House::empty("");
    let config = format!("{}    config:\n      - {entries}\n", CONFIG.replace("IMAGE", IMAGE));
    files.push(("gantry.yaml".to_owned(), config));
    for environment in ["dev", "qa", "prod"] {
        let pinned = format!("    newTag: 1.0.0\n    digest: {}", digest("1.0.0"));
        files.push((path(environment), overlay(IMAGE, "1.0.0").replace("    newTag: 1.0.0", &pinned)));
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
    // People's commits soak from when they were seen, not from the time that they say.
    house.later(60).await;
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
        Put::Drift { commit: found, by, .. } => {
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

const KEYED: &str = "{path: 'apps/checkout/{environment}/values.yaml', keep: [replicas, ingress.hosts]}";

fn values(environment: &str) -> String {
    format!("apps/checkout/{environment}/values.yaml")
}

/// What `values.yaml` is with these kept values and this level of the log.
fn valued(replicas: &str, hosts: &str, level: &str) -> String {
    format!("replicas: {replicas} # pods\ningress:\n  hosts:\n{hosts}log: {level}  # how much\n")
}

const DEV_HOSTS: &str = "    - dev.example.com\n";
const PROD_HOSTS: &str = "    - \"shop.example.com\"\n    # moved in May\n    - 'www.example.com'\n";

/// A house whose environments differ in kept values alone; `prod` is all of prod's file.
async fn keyed_house(prod: &str) -> House {
    let dev = valued("1", DEV_HOSTS, "info");
    let extra: Vec<(String, String)> = ["dev", "qa", "prod"]
        .map(|environment| {
            let text = if environment == "prod" { prod } else { dev.as_str() };
            (values(environment), text.to_owned())
        })
        .into();
    house_with(KEYED, extra).await
}

#[tokio::test]
async fn kept_values_stay_and_what_is_beside_them_is_promoted() {
    let mut house = keyed_house(&valued("'5'", PROD_HOSTS, "info")).await;
    house.later(3_600).await;
    assert_eq!(house.log("main"), ["Set up"], "kept values alone are no difference");
    assert!(!matches!(house.standing("prod").put, Put::Drift { .. }), "{:?}", house.standing("prod").put);
    house.person("alice", "Two pods in dev", &[(&values("dev"), &valued("2", DEV_HOSTS, "info"))]);
    house.person("bob", "Six pods in prod", &[(&values("prod"), &valued("'6'", PROD_HOSTS, "info"))]);
    house.later(3_600).await;
    assert!(house.proposals().is_empty(), "a change of a kept value makes no release");
    assert!(!matches!(house.standing("prod").put, Put::Drift { .. }), "{:?}", house.standing("prod").put);

    house.person("alice", "Say more", &[(&values("dev"), &valued("3", DEV_HOSTS, "debug"))]);
    house.later(1).await;
    house.later(60).await;
    house.later(60).await;
    let proposal = house.open("prod").unwrap();
    assert!(
        proposal.body.contains("-log: info") && proposal.body.contains("+log: debug"),
        "{}",
        proposal.body
    );
    assert!(!proposal.body.contains("-replicas"), "{}", proposal.body);
    assert_eq!(changed(&house, "gantry/prod/checkout"), [format!("M {}", values("prod"))]);
    // Kept values that change while the proposal is open are in it at once.
    house.person("bob", "Seven pods in prod", &[(&values("prod"), &valued("'7'", PROD_HOSTS, "info"))]);
    house.later(60).await;
    assert!(house.open("prod").is_some(), "their change is no drift");
    let before = house.outside();
    house.lose_database().await;
    house.pass().await;
    assert_eq!(house.outside(), before, "without its database it does the same");
    house.approve("prod").await;
    assert_eq!(
        house.infra.git(&["show", &format!("main:{}", values("prod"))]),
        valued("'7'", PROD_HOSTS, "debug").trim_end()
    );
    assert_eq!(
        house.infra.git(&["show", &format!("main:{}", values("qa"))]),
        valued("1", DEV_HOSTS, "debug").trim_end()
    );
    assert!(matches!(house.standing("prod").put, Put::Promotion { .. }), "{:?}", house.standing("prod").put);
    let (log, proposals) = (house.log("main"), house.proposals().len());
    house.later(3_600).await;
    assert_eq!((house.log("main"), house.proposals().len()), (log, proposals), "at rest");
    // What is not kept is drift as ever.
    house.person("mallory", "Be quiet", &[(&values("prod"), &valued("'7'", PROD_HOSTS, "error"))]);
    house.later(60).await;
    assert!(matches!(house.standing("prod").put, Put::Drift { .. }), "{:?}", house.standing("prod").put);
}

#[tokio::test]
async fn a_file_without_its_like_comes_whole() {
    let mut house = keyed_house(&valued("5", PROD_HOSTS, "info")).await;
    let at = house.now().as_second();
    house.infra.commit_as("main", "alice", at, "Oops", &[(&values("prod"), "100644", None)]);
    house.person("alice", "Say more", &[(&values("dev"), &valued("3", DEV_HOSTS, "debug"))]);
    house.later(1).await;
    house.later(60).await;
    house.later(60).await;
    house.approve("prod").await;
    assert_eq!(
        house.infra.git(&["show", &format!("main:{}", values("prod"))]),
        valued("3", DEV_HOSTS, "debug").trim_end(),
        "with the values of where config starts, not of qa"
    );
}

#[tokio::test]
async fn a_kept_value_that_cannot_be_told_is_a_problem_of_its_place_with_its_line() {
    let mut house = keyed_house(&valued("5", PROD_HOSTS, "info")).await;
    let odd = valued("5\n  6", DEV_HOSTS, "debug").replace(" # pods", "");
    house.person("alice", "Odd", &[(&values("prod"), &odd)]);
    house.later(60).await;
    let problem = house.standing("prod").problem.unwrap();
    assert!(
        matches!(&problem, Reason::Broken { problem } if problem.line == Some(1)
            && problem.file.as_deref() == Some(values("prod").as_str())
            && problem.owner == Owner::Team && problem.message.contains("spans lines")),
        "{problem:?}"
    );
    assert_eq!(house.standing("dev").problem, None, "the others go on");
    house.person("alice", "Say more", &[(&values("dev"), &valued("1", DEV_HOSTS, "debug"))]);
    house.later(1).await;
    house.later(60).await;
    house.later(60).await;
    assert!(house.open("prod").is_none());
    house.person("alice", "Plain", &[(&values("prod"), &valued("5", PROD_HOSTS, "info"))]);
    house.later(60).await;
    assert_eq!(house.standing("prod").problem, None);
    assert!(house.open("prod").is_some());
}

#[tokio::test]
async fn a_kept_value_without_a_place_in_the_source_is_told() {
    let mut house = keyed_house(&valued("5", PROD_HOSTS, "info")).await;
    house.person("alice", "One pod by default", &[(&values("dev"), "ingress:\n  hosts: []\nlog: debug\n")]);
    house.later(1).await;
    house.later(3_600).await;
    let problem = house.standing("qa").problem.unwrap();
    assert!(
        matches!(&problem, Reason::WriteRefused { message, owner: Owner::Team, .. }
            if message.contains(&values("dev")) && message.contains("nothing stands at `replicas`")),
        "{problem:?}"
    );
    assert_eq!(house.why("qa", None).reasons[0].owner(), Owner::Team, "the files are theirs");
    assert!(house.open("qa").is_none());
}
