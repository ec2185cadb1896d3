//! Over ssh, with a real `sshd`.

use gantry::git::{GitError, PushMethod, RefResult, Remote};

use super::{Own, draft, update};
use crate::support::{
    git_repository::{Bare, file},
    git_ssh::Sshd,
};

#[test]
fn the_whole_way_with_a_key() {
    let Some(sshd) = Sshd::start() else { return };
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let bare = Bare::new();
        let main = bare.commit("main", "first", &[file("a", "1")]);
        let mut remote = Remote::new(&sshd.url(&bare.path())).unwrap();
        remote.ssh_command = Some(sshd.command("good"));
        remote.push = method;
        let own = Own::of(remote);
        assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main);
        let id = own.mirror.commit(&draft(&main, "a", b"2")).unwrap();
        let updates = [update("main", Some(&main), Some(&id)), update("main2", Some(&main), Some(&id))];
        let outcomes = own.mirror.push(&updates).unwrap();
        assert_eq!(outcomes[0].result, RefResult::Landed, "{method:?}");
        assert_eq!(outcomes[1].result, RefResult::LostRace { now: None }, "{method:?}");
        bare.assert_sound();
    }
}

#[test]
fn a_refused_key_a_wrong_path_and_a_dead_port_are_told_apart() {
    let Some(sshd) = Sshd::start() else { return };
    let bare = Bare::new();
    let fetch = |url: String, key: &str| {
        let mut remote = Remote::new(&url).unwrap();
        remote.ssh_command = Some(sshd.command(key));
        Own::of(remote).mirror.fetch().unwrap_err()
    };
    let denied = fetch(sshd.url(&bare.path()), "bad");
    assert!(matches!(denied, GitError::Denied { .. }), "{denied}");
    let missing = fetch(sshd.url(&bare.path().join("none")), "good");
    assert!(matches!(missing, GitError::Missing { .. }), "{missing}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = fetch(format!("ssh://root@{closed}/x"), "good");
    assert!(matches!(dead, GitError::Unreachable { .. }), "{dead}");
}

#[test]
fn a_server_whose_key_is_not_known_gets_nothing() {
    let Some(sshd) = Sshd::start() else { return };
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let own = |known: &str| {
            let mut remote = Remote::new(&sshd.url(&bare.path())).unwrap();
            remote.ssh_command = Some(sshd.strict("good", known));
            remote.push = method;
            Own::of(remote)
        };
        for known in ["nothing", &sshd.known("bad")] {
            let own = own(known);
            let fetch = own.mirror.fetch().unwrap_err();
            let push = own.mirror.push(&[update("x", Some(&main), None)]).unwrap_err();
            for error in [fetch, push] {
                assert!(matches!(error, GitError::Denied { .. }), "{method:?}: {error}");
                // The reason is at the end of a long warning, which is cut.
                let said = error.to_string();
                assert!(said.contains("host key") || said.contains("HOST IDENTIFICATION"), "{said}");
            }
        }
        let own = own(&sshd.known("host"));
        assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main);
    }
}

#[test]
fn an_ssh_program_that_hangs_or_leaves_a_helper_behind_holds_nothing_up() {
    use std::time::{Duration, Instant};
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("never");
    crate::support::git_repository::run(std::process::Command::new("mkfifo").arg(&fifo), b"");
    let begun = Instant::now();
    let mut remote = Remote::new("ssh://nowhere/x").unwrap();
    remote.timeout = Duration::from_millis(500);
    remote.ssh_command = Some(format!("sh -c 'cat {}'", fifo.display()));
    let error = Own::of(remote).mirror.fetch().unwrap_err();
    assert!(matches!(error, GitError::Timeout { .. }), "{error}");

    // As a shared connection of ssh: it holds stderr open, here until somebody writes into the fifo.
    let mut remote = Remote::new(&format!("ssh://nowhere{}", bare.path().display())).unwrap();
    let script = folder.path().join("ssh");
    let text = format!(
        "#!/bin/sh\n(exec </dev/null >/dev/null; cat {}) &\nfor last; do :; done\neval \"$last\"\n",
        fifo.display()
    );
    std::fs::write(&script, text).unwrap();
    remote.ssh_command = Some(format!("sh {}", script.display()));
    let own = Own::of(remote);
    assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main);
    // The path is wrong now, and why is told although stderr never ends.
    std::fs::rename(bare.path(), bare.path().with_extension("away")).unwrap();
    assert!(own.mirror.fetch().is_err());
    assert!(begun.elapsed() < Duration::from_secs(30));
    // Lets the helpers go.
    drop(std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap());
}
