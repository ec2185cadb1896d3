//! Applications and environments that are renamed, or are there no more.

use gantry::intake::request::Request;
use gantry_core::{
    facts::{Place, ProposalState},
    ids::ProposalNumber,
    reason::Reason,
    why::why,
};

use crate::support::house::{CONFIG, House, IMAGE};

const FILE: &str = ".gantry/rejections.yaml";

fn config() -> String {
    CONFIG.replace("IMAGE", IMAGE)
}

/// The same application under another name.
fn renamed() -> String {
    config().replace("- name: checkout", "- name: shop\n    was: [checkout]")
}

/// Another application in its place.
fn replaced() -> String {
    config().replace("- name: checkout", "- name: shop")
}

async fn proposed() -> (House, ProposalNumber) {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let number = house.open("prod").unwrap().number;
    (house, number)
}

impl House {
    fn of_application(&mut self, application: &str, environment: &str) -> Reason {
        let (seen, now) = (self.seen(), self.now());
        let pipeline = seen.pipeline.clone().unwrap();
        let (application, environment) = (application.parse().unwrap(), environment.parse().unwrap());
        why(&pipeline, &seen.facts, now, &application, &environment, None).unwrap().reasons[0].clone()
    }

    fn state(&mut self, number: ProposalNumber) -> ProposalState {
        self.proposals().into_iter().find(|proposal| proposal.number == number).unwrap().state
    }
}

#[tokio::test]
async fn the_proposal_of_an_application_that_is_gone_is_closed_with_the_reason() {
    let (mut house, number) = proposed().await;
    house.person("bob", "Replace it", &[("gantry.yaml", &replaced())]);
    house.later(1).await;
    let ProposalState::Closed { by_gantry: true, reason, .. } = house.state(number) else { panic!() };
    assert!(reason.contains("gantry.yaml does not name checkout in prod"), "{reason}");
    assert!(!house.branches().contains(&"gantry/prod/checkout".to_owned()));
    house.person("bob", "Take it back", &[("gantry.yaml", &config())]);
    house.later(1).await;
    assert!(house.open("prod").is_some(), "that was no rejection");
}

#[tokio::test]
async fn approving_what_belongs_to_nothing_is_refused() {
    let (mut house, number) = proposed().await;
    let head = house.open("prod").unwrap().head;
    let without = config().replace("  - name: prod\n    after: [qa]\n", "  - name: live\n    after: [qa]\n");
    house.person("bob", "Rename an environment", &[("gantry.yaml", &without)]);
    let (repository, reason) = ("shop".to_owned(), String::new());
    let approve = Request::Approve { repository: repository.clone(), proposal: number, head, reason };
    let outcome = house.ask(&approve).await;
    assert!(!outcome.done && outcome.text.contains("does not name checkout in prod"), "{outcome:?}");
    let place = Place { application: "checkout".parse().unwrap(), environment: "prod".parse().unwrap() };
    let promote = Request::Promote { repository, place, release: None, reason: String::new() };
    let outcome = house.ask(&promote).await;
    assert!(!outcome.done && outcome.text.contains("does not name checkout in prod"), "{outcome:?}");
}

#[tokio::test]
async fn a_broken_config_closes_nothing() {
    let (mut house, number) = proposed().await;
    house.person("bob", "Oops", &[("gantry.yaml", "version: 1\napplications: []\n")]);
    house.later(3_600).await;
    house.restart().await;
    house.later(3_600).await;
    assert_eq!(house.state(number), ProposalState::Open);
}

#[tokio::test]
async fn a_branch_of_an_application_that_is_gone_stays_where_a_person_committed_to_it() {
    let (mut house, number) = proposed().await;
    house.person_on("gantry/prod/checkout", "carol", "By hand", &[("notes.txt", "mine")]);
    house.person("bob", "Replace it", &[("gantry.yaml", &replaced())]);
    house.later(1).await;
    house.later(1).await;
    assert!(matches!(house.state(number), ProposalState::Closed { by_gantry: true, .. }));
    assert!(house.branches().contains(&"gantry/prod/checkout".to_owned()));
}

#[tokio::test]
async fn a_renamed_application_keeps_its_rejections() {
    let (mut house, number) = proposed().await;
    house.reject(number, "too slow").await;
    house.later(1).await;
    house.person("bob", "Rename it", &[("gantry.yaml", &renamed())]);
    house.later(3_600).await;
    assert!(matches!(house.of_application("shop", "prod"), Reason::Rejected { .. }));
    assert!(!house.branches().iter().any(|branch| branch.starts_with("gantry/prod")));
    let place = Place { application: "shop".parse().unwrap(), environment: "prod".parse().unwrap() };
    let repository = "shop".to_owned();
    let promote = Request::Promote { repository, place, release: None, reason: "mended".to_owned() };
    let outcome = house.ask(&promote).await;
    assert!(outcome.done, "{outcome:?}");
    assert!(!house.infra.git(&["show", &format!("main:{FILE}")]).contains("  - "), "the old entry is lifted");
}

#[tokio::test]
async fn the_proposal_of_a_renamed_application_is_opened_under_its_new_name() {
    let (mut house, number) = proposed().await;
    house.person("bob", "Rename it", &[("gantry.yaml", &renamed())]);
    house.later(60).await;
    house.later(60).await;
    let ProposalState::Closed { by_gantry: true, reason, .. } = house.state(number) else { panic!() };
    assert!(reason.contains("the application is called shop now"), "{reason}");
    let open: Vec<_> = house.proposals().into_iter().filter(|p| p.state == ProposalState::Open).collect();
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0].place.application.as_str(), "shop");
}
