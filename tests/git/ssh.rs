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
