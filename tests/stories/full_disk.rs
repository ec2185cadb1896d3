//! A full disk is no damage: the server says so, loses nothing, and goes on where there is room again.

use std::time::Instant;

use reqwest::StatusCode;

use crate::support::{
    git_repository::Bare,
    house::{CONFIG, IMAGE, overlay, path},
    process::{Process, RECHECK},
};

fn server(folder: &std::path::Path) -> (Bare, Process) {
    let infra = Bare::new();
    let config = CONFIG.replace("IMAGE", IMAGE);
    let overlay = overlay(IMAGE, "1.0.0");
    let paths = ["dev", "qa", "prod"].map(path);
    let mut entries = vec![("gantry.yaml", "100644", Some(config.as_bytes()))];
    entries.extend(paths.iter().map(|path| (path.as_str(), "100644", Some(overlay.as_bytes()))));
    infra.commit("main", "Set up", &entries);
    let process = Process::new(folder, &infra.path());
    (infra, process)
}

#[tokio::test]
async fn a_full_disk_at_the_start_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (_infra, mut process) = server(folder.path());
    // Before there is a database, and with one that is sound.
    for _ in 0..2 {
        process.start_on_full_disk(4096);
        assert!(!process.succeeds(), "it can't run without a place to write");
        let log = process.log();
        assert!(log.contains("make room on its disk") || log.contains("whether it is full"), "{log}");
        for untrue in ["damaged", "backup", "move the database away", "fault in Gantry"] {
            assert!(!log.contains(untrue), "{untrue} in {log}");
        }
        process.start();
        process.ready().await;
        process.kill();
    }
}

#[tokio::test]
async fn a_server_whose_disk_is_full_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let (_infra, mut process) = server(folder.path());
    process.start_on_full_disk(768 * 1024);
    let (visitor, began) = (process.visitor(), Instant::now());
    while visitor.get("/livez").await.is_none() {
        process.must_live();
        assert!(began.elapsed().as_secs() < 60, "{}", process.log());
        tokio::time::sleep(RECHECK).await;
    }
    // There is room for what it writes itself, and none for the largest request.
    let (status, body) = visitor.ask("/readyz").await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body["detail"].as_str().unwrap().contains("the disk under the database is full"), "{body}");
    process.kill();
    process.start();
    process.ready().await;
}
