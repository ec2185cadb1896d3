//! A branch that somebody commits to all the time: they lose nothing, and Gantry gets through.

use crate::support::house::{CONFIG, House, IMAGE, overlay};

/// How many applications one build concerns.
const APPLICATIONS: usize = 12;

/// A house in which one build is many promotions to dev.
async fn house() -> House {
    let mut config = CONFIG.replace("IMAGE", IMAGE);
    let path = |n: usize| format!("apps/a{n:02}/dev/kustomization.yaml");
    for n in 1..APPLICATIONS {
        config += &format!(
            "  - name: a{n:02}\n    images: [{{image: {IMAGE}, select: {{semver: '*'}}}}]\n    files: {}\n    \
             environments: [dev]\n",
            path(n).replace("dev", "{environment}")
        );
    }
    let mut house = House::with(IMAGE, &config, "").await;
    let files: Vec<(String, String)> =
        (1..APPLICATIONS).map(|n| (path(n), overlay(IMAGE, "1.0.0"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    house.person("alice", "Add applications", &files);
    house.later(1).await;
    house
}

/// Somebody commits within every push of more than two commits: it is always too slow.
#[tokio::test]
async fn who_commits_faster_than_a_large_push_does_not_keep_it_out() {
    let mut house = house().await;
    house.infra.hook(
        "pre-receive",
        "while read old new ref; do\n\
         test \"$ref\" = refs/heads/main || continue\n\
         test \"$(git rev-list --count \"$old..$new\")\" -gt 2 || continue\n\
         echo >> raced\nn=$(wc -l < raced)\nunset GIT_QUARANTINE_PATH\n\
         printf 'commit refs/heads/main\\ncommitter eve <eve@example.com> 1800000001 +0000\\ndata 4\\nrace\\n\
         from refs/heads/main^0\\nM 100644 inline notes/%d\\ndata 6\\nhello\\n\\n' $n \
         | git fast-import --quiet\ndone\n",
    );
    house.build("1.1.0", "success").await;
    let log = house.log("main");
    let count = |subject: &str| log.iter().filter(|line| line.starts_with(subject)).count();
    assert_eq!(count("promote(dev): "), APPLICATIONS, "{log:#?}");
    // 12, 6, 3, then one lands, two, and four are too many again.
    assert_eq!(count("race"), 7, "{log:#?}");
    let notes = house.infra.git(&["ls-tree", "--name-only", "main:notes"]);
    assert_eq!(notes.lines().count(), 7, "nothing of theirs is lost");
    assert_eq!(house.infra.git(&["grep", "-l", "newTag: 1.1.0", "main"]).lines().count(), APPLICATIONS);
    house.infra.assert_sound();
    assert!(house.seen().settled);

    // Nobody is in the way any more: the next one goes in one push.
    house.infra.hook("pre-receive", "echo >> pushes\n");
    house.build("1.2.0", "success").await;
    let text = std::fs::read_to_string(house.infra.path().join("pushes")).unwrap();
    assert_eq!(text.lines().count(), 1);
}
