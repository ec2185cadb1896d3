//! People win: their commits, closings and words.

use gantry::{intake::request::Request, store::AuditFilter};
use gantry_core::{
    decide::{place::Step, view::Put},
    facts::ProposalState,
    reason::Reason,
};

use crate::support::house::{House, IMAGE, overlay, path, place, plain_git};

async fn house_with_prod_proposal() -> House {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    house
}

#[tokio::test]
async fn a_hand_edit_in_dev_is_shown_as_drift_with_commit_and_author() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    let commit = house.person("mallory", "Try 1.0.5", &[(&path("dev"), &overlay(IMAGE, "1.0.5"))]);
    house.later(1).await;
    match house.standing("dev").put {
        Put::Drift { commit: found, by, .. } => assert_eq!((found, by.name.as_str()), (commit, "mallory")),
        other => panic!("{other:?}"),
    }
    house.later(3_600).await;
    assert_eq!(house.versions()[0], "1.0.5", "it is not fought");
}

// LESSONS: kargo #3016, automation fought a rollback.
#[tokio::test]
async fn a_revert_with_plain_git_is_not_fought() {
    let mut house = house_with_prod_proposal().await;
    house.approve("prod").await;
    plain_git(&house.infra, &[&["revert", "--no-edit", "HEAD"], &["push", "--quiet"]]);
    house.later(3_600).await;
    assert_eq!(house.versions(), ["1.1.0", "1.1.0", "1.0.0"]);
    assert!(house.open("prod").is_none());
    house.build("1.2.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    assert!(house.open("prod").unwrap().title.contains("1.2.0"), "a newer release is another question");
}

#[tokio::test]
async fn a_rejected_proposal_is_not_proposed_again() {
    let mut house = house_with_prod_proposal().await;
    let number = house.open("prod").unwrap().number;
    let outcome = house.reject(number, "too slow on the small tenants").await;
    assert!(outcome.done, "{outcome:?}");
    house.later(3_600).await;
    assert!(house.open("prod").is_none());
    assert_eq!(house.log("main")[0], "reject(prod): checkout 1.1.0");
    assert!(matches!(house.why("prod", None).reasons[0], Reason::Rejected { .. }));
    assert_eq!(house.branches(), ["main"]);
    let commits = house.log("main").len();
    house.later(3_600).await;
    assert_eq!(house.log("main").len(), commits, "it is written once");

    let release = house.standing("qa").release.unwrap().id;
    let promote = Request::Promote {
        repository: "shop".to_owned(),
        place: place("prod"),
        release: Some(release),
        reason: "fixed by a flag".to_owned(),
    };
    let outcome = house.ask(&promote).await;
    assert!(outcome.done, "{outcome:?}");
    assert!(house.open("prod").is_some(), "a person lifted it");
    assert!(house.log("main").iter().any(|subject| subject == "accept(prod): checkout 1.1.0"));
}

#[tokio::test]
async fn who_approved_when_and_why_stands_in_the_commit_and_in_the_audit_log() {
    let mut house = house_with_prod_proposal().await;
    let proposal = house.open("prod").unwrap();
    let approve = Request::Approve {
        repository: "shop".to_owned(),
        proposal: proposal.number,
        head: proposal.head,
        reason: "seen in QA\nGantry-Checks: all".to_owned(),
    };
    assert!(house.ask(&approve).await.done);
    let message = house.infra.git(&["log", "-1", "--format=%B", "main"]);
    assert!(message.contains("\nApproved-by: rita at 2027-01-15T08:02:00Z: seen in QA"), "{message}");
    assert!(!message.contains("\nGantry-Checks: all"), "{message}");
    let approvals = house.proposals().last().unwrap().approvals.clone();
    assert!(approvals[0].reason.starts_with("seen in QA"), "{approvals:?}");
    let filter = AuditFilter { action: Some("approved".to_owned()), ..AuditFilter::default() };
    let lines = house.server().store.audit(&filter, None, 10).await.unwrap().entries;
    assert!(lines[0].entry.text.contains("by rita (“seen in QA"), "{lines:?}");
}

#[tokio::test]
async fn a_branch_deleted_by_a_person_is_a_rejection() {
    let mut house = house_with_prod_proposal().await;
    plain_git(&house.infra, &[&["push", "--quiet", "origin", ":gantry/prod/checkout"]]);
    house.later(60).await;
    assert!(house.open("prod").is_none());
    assert!(matches!(
        house.proposals().last().unwrap().state,
        ProposalState::Closed { by_gantry: false, .. }
    ));
    house.later(3_600).await;
    assert_eq!(house.branches(), ["main"]);
}

#[tokio::test]
async fn a_proposal_merged_with_plain_git_is_merged() {
    let mut house = house_with_prod_proposal().await;
    plain_git(
        &house.infra,
        &[&["merge", "--no-ff", "-m", "Go", "origin/gantry/prod/checkout"], &["push", "--quiet"]],
    );
    house.later(1).await;
    assert_eq!(house.versions()[2], "1.1.0");
    assert!(matches!(house.proposals().last().unwrap().state, ProposalState::Merged { .. }));
    assert!(
        matches!(house.standing("prod").put, Put::Promotion { .. }),
        "its merged commit tells the record"
    );
    assert_eq!(house.branches(), ["main"]);
}

#[tokio::test]
async fn a_commit_of_a_person_on_the_branch_takes_it_over() {
    let mut house = house_with_prod_proposal().await;
    let text = String::from_utf8(house.infra.show("gantry/prod/checkout", &path("prod"))).unwrap();
    let theirs = house.person_on(
        "gantry/prod/checkout",
        "bob",
        "Also raise the limits",
        &[(&path("prod"), &format!("{text}# limits\n"))],
    );
    house.build("1.2.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    assert_eq!(house.infra.head("gantry/prod/checkout"), Some(theirs), "it is left alone");
    let next = house.standing("prod").next.remove(0);
    assert_eq!(next.step, Step::Stopped);
    assert!(matches!(next.reason, Some(Reason::TakenOver { by, .. }) if by == "bob"));
}

/// The race: a person commits to the branch between Gantry's read and its push.
#[tokio::test]
async fn a_person_who_commits_first_loses_nothing() {
    let mut house = House::new().await;
    // The hook commits in a person's name the moment Gantry's push arrives, once.
    house.infra.hook(
        "pre-receive",
        "test -e raced && exit 0\ntouch raced\nunset GIT_QUARANTINE_PATH\n\
         printf 'commit refs/heads/main\\ncommitter eve <eve@example.com> 1800000001 +0000\\ndata 4\\nrace\\n\
         from refs/heads/main^0\\nM 100644 inline notes.txt\\ndata 6\\nhello\\n\\n' | git fast-import --quiet\n",
    );
    house.build("1.1.0", "success").await;
    house.later(20).await;
    let log = house.log("main");
    assert_eq!(log[..2], ["promote(dev): checkout 1.0.0 -> 1.1.0".to_owned(), "race".to_owned()]);
    assert_eq!(house.infra.show("main", "notes.txt"), b"hello\n");
    assert_eq!(house.versions()[0], "1.1.0");
    house.infra.assert_sound();
}

#[tokio::test]
async fn two_applications_in_one_tick_are_two_commits_in_one_push() {
    let config = crate::support::house::CONFIG.replace("IMAGE", IMAGE)
        + "  - name: catalog
    images: [{image: registry.example.com/shop/catalog, select: {semver: '*'}}]
    files: apps/catalog/{environment}.d/kustomization.yaml
    environments: [dev]
";
    let mut house = House::with(IMAGE, &config, "").await;
    let text = overlay("registry.example.com/shop/catalog", "0.1.0");
    house.person("alice", "Add catalog", &[("apps/catalog/dev.d/kustomization.yaml", &text)]);
    house.later(1).await;
    house.build("1.1.0", "success").await;
    assert_eq!(house.versions()[0], "1.1.0");
}
