//! What the forge refuses, and what it says when its file is in trouble.

use gantry::forge::{Answered, Forge as _, ForgeError, local::LocalForge};
use gantry_core::{facts::Person, ids::ProposalNumber};
use sqlx::Executor as _;

use super::town::{Town, bot, sqlite};

const NOBODY: ProposalNumber = ProposalNumber(u64::MAX);

#[tokio::test]
async fn nameless_people_are_refused() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    for by in ["", "  ", "a\nb", &"x".repeat(201)] {
        let error = town.forge.approve(number, &head, by, "").await.unwrap_err();
        assert!(matches!(error, ForgeError::Invalid { .. }), "{by:?}: {error}");
        assert!(town.forge.reject(number, by, "no").await.is_err(), "{by:?}");
    }
    assert!(town.proposal(number).await.approvals.is_empty());
    let nameless = Person { name: String::new(), email: String::new() };
    let file = town.folder.path().join("other.db");
    assert!(LocalForge::open(&file, town.mirror.clone(), nameless, town.clock.clone()).await.is_err());
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_missing() {
    let town = Town::new().await;
    let (_, head) = town.propose("qa", "shop", '2').await;
    let forge = &town.forge;
    assert_eq!(forge.approve(NOBODY, &head, "Grace", "").await.unwrap(), Answered::Missing);
    assert_eq!(forge.reject(NOBODY, "Grace", "").await.unwrap(), Answered::Missing);
    for error in [
        forge.merge(NOBODY, &head).await.unwrap_err(),
        forge.close(NOBODY, "").await.unwrap_err(),
        forge.describe(NOBODY, &town.draft("qa", "shop", '2')).await.unwrap_err(),
        forge.set_statuses(NOBODY, &head, &[]).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("there is no proposal #"), "{error}");
    }
}

#[tokio::test]
async fn a_proposal_needs_its_own_branch() {
    let town = Town::new().await;
    let error = town.forge.open(&town.draft("qa", "shop", '2')).await.unwrap_err();
    assert!(error.to_string().contains("no branch gantry/qa/shop"), "{error}");
    town.promote("qa", "shop", "2");
    let mut draft = town.draft("qa", "shop", '2');
    draft.branch = "main".parse().unwrap();
    assert!(town.forge.open(&draft).await.is_err());
    assert!(town.forge.proposals().await.unwrap().is_empty());
}

#[tokio::test]
async fn texts_are_bounded() {
    let town = Town::new().await;
    let (number, _) = town.propose("qa", "shop", '2').await;
    let mut draft = town.draft("qa", "shop", '2');
    (draft.title, draft.body) = ("t\n\0".repeat(10_000), "b\0".repeat(1_000_000));
    town.forge.describe(number, &draft).await.unwrap();
    let one = town.proposal(number).await;
    assert_eq!((one.title.chars().count(), one.body.chars().count()), (250, 65_536));
    assert!(!one.title.contains('\0') && !one.body.contains('\0'));
    town.forge.reject(number, "Grace", &"why ".repeat(100_000)).await.unwrap();
    assert_eq!(town.closer(number).await.2.chars().count(), 4_000);
}

fn says(error: &ForgeError, parts: &[&str]) {
    let text = error.to_string();
    assert!(matches!(error, ForgeError::Unavailable { .. }), "{text}");
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}

async fn error_of(town: &Town, name: &str) -> ForgeError {
    let file = town.folder.path().join(name);
    match LocalForge::open(&file, town.mirror.clone(), bot(), town.clock.clone()).await {
        Ok(_) => panic!("{name} opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused() {
    let town = Town::new().await;
    std::fs::write(town.folder.path().join("garbage.db"), "no database".repeat(1_000)).unwrap();
    says(&error_of(&town, "garbage.db").await, &["garbage.db", "restore it from a backup"]);
    std::fs::write(town.folder.path().join("other.db"), "").unwrap();
    let other = sqlite(&town.folder.path().join("other.db")).await;
    other.execute("CREATE TABLE inbox (id INTEGER)").await.unwrap();
    other.close().await;
    says(&error_of(&town, "other.db").await, &["another program's", "platform engineer"]);
    town.sql("PRAGMA user_version = 99", &[]).await;
    says(&error_of(&town, "data/forge-infra.db").await, &["newer Gantry"]);
    says(&error_of(&town, "infra.git").await, &["infra.git", "grant Gantry access"]);
}

#[tokio::test]
async fn a_locked_file_is_unavailable_and_works_again() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    let other = sqlite(&town.database()).await;
    let lock = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
    says(
        &town.forge.approve(number, &head, "Grace", "").await.unwrap_err(),
        &["forge-infra.db", "tries again"],
    );
    lock.rollback().await.unwrap();
    assert_eq!(town.forge.approve(number, &head, "Grace", "").await.unwrap(), Answered::Done);
}

#[tokio::test]
async fn a_damaged_page_is_unavailable() {
    let mut town = Town::new().await;
    let (number, _) = town.propose("qa", "shop", '2').await;
    town.sql("PRAGMA wal_checkpoint(TRUNCATE)", &[]).await;
    let mut bytes = std::fs::read(town.database()).unwrap();
    // All but the first page, which holds the schema.
    bytes[4096..].fill(0xff);
    let copy = town.folder.path().join("data/copy.db");
    std::fs::write(&copy, bytes).unwrap();
    town.forge = LocalForge::open(&copy, town.mirror.clone(), bot(), town.clock.clone()).await.unwrap();
    let error = town.forge.proposals().await.unwrap_err();
    says(&error, &["copy.db", "damaged"]);
    assert_eq!(number.0, 1);
}

#[tokio::test]
async fn a_repository_that_is_away_is_unavailable() {
    let town = Town::new().await;
    let (number, head) = town.propose("qa", "shop", '2').await;
    let away = town.folder.path().join("away.git");
    std::fs::rename(town.bare(), &away).unwrap();
    says(&town.forge.proposals().await.unwrap_err(), &["infra.git"]);
    assert!(town.forge.merge(number, &head).await.is_err());
    std::fs::rename(&away, town.bare()).unwrap();
    assert_eq!(town.proposal(number).await.head, head);
}
