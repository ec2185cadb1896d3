//! Over HTTP, with a real `git http-backend`: sign-in, redirects, statuses, a server that hangs or breaks off.

use std::time::{Duration, Instant};

use gantry::git::{Credentials, GitError, PushMethod, RefResult, Remote};

use super::{Own, draft, update};
use crate::support::{
    git_http::{Behaviour, Hanging, Server},
    git_repository::{Bare, file},
    git_tls::Tls,
};

const SECRET: &str = "hunter2-is-secret";
/// `bot` and the secret, as a browser would send them.
const BASIC: &str = "Basic Ym90Omh1bnRlcjItaXMtc2VjcmV0";

fn serve(bare: &Bare, behaviour: Behaviour) -> Server {
    Server::start(bare.path().parent().unwrap().to_owned(), behaviour)
}

fn signed_in(url: &str) -> Remote {
    let mut remote = Remote::new(url).unwrap();
    remote.credentials = Some(Credentials::new("bot", SECRET));
    remote.allow_plain_http = true;
    remote
}

fn private() -> Behaviour {
    Behaviour { authorization: Some(BASIC.into()), ..Behaviour::default() }
}

#[test]
fn the_whole_way_with_credentials_by_both_ways_of_pushing() {
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let bare = Bare::new();
        let main = bare.commit("main", "first", &[file("apps/a/k.yaml", "tag: 1\n")]);
        let server = serve(&bare, private());
        let mut remote = signed_in(&server.url("infra.git"));
        remote.push = method;
        let own = Own::of(remote);
        assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main);
        let id = own.mirror.commit(&draft(&main, "apps/a/k.yaml", b"tag: 2\n")).unwrap();
        let updates = [update("main", Some(&main), Some(&id)), update("gantry/qa/a", None, Some(&id))];
        for outcome in own.mirror.push(&updates).unwrap() {
            assert_eq!(outcome.result, RefResult::Landed, "{method:?}");
        }
        let theirs = bare.commit("main", "a person", &[file("b", "1")]);
        let late = own.mirror.commit(&draft(&id, "c", b"1")).unwrap();
        let outcome = own.mirror.push(&[update("main", Some(&id), Some(&late))]).unwrap().remove(0);
        assert_eq!(outcome.result, RefResult::LostRace { now: Some(theirs.clone()) }, "{method:?}");
        assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &theirs);
        own.mirror.push(&[update("gantry/qa/a", Some(&id), None)]).unwrap();
        assert_eq!(bare.head("gantry/qa/a"), None);
        bare.assert_sound();
    }
}

#[test]
fn an_empty_repository_takes_a_first_fetch() {
    let bare = Bare::new();
    let server = serve(&bare, private());
    let own = Own::of(signed_in(&server.url("infra.git")));
    assert!(own.mirror.fetch().unwrap().is_empty());
}

#[test]
fn a_server_of_the_first_protocol_version_works_too() {
    let bare = Bare::new();
    let server = serve(&bare, Behaviour { old: true, ..private() });
    let own = Own::of(signed_in(&server.url("infra.git")));
    assert!(own.mirror.fetch().unwrap().is_empty());
    let mut main = bare.commit("main", "first", &[file("a", "0")]);
    bare.git(&["tag", "v1", "main"]);
    for n in 1..4 {
        let heads = own.mirror.fetch().unwrap();
        assert_eq!(heads.default_branch.as_deref(), Some("main"));
        assert_eq!((heads.require("main").unwrap(), heads.branches.len()), (&main, 1));
        let id = own.mirror.commit(&draft(&main, "a", format!("{n}").as_bytes())).unwrap();
        assert_eq!(
            own.mirror.push(&[update("main", Some(&main), Some(&id))]).unwrap()[0].result,
            RefResult::Landed
        );
        main = bare.commit("main", "a person", &[file("b", &n.to_string())]);
    }
    bare.assert_sound();
}

#[test]
fn wrong_credentials_are_told_without_them() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let open = serve(&bare, Behaviour::default());
    let own = Own::of(Remote::new(&open.url("infra.git")).unwrap());
    own.mirror.fetch().unwrap();
    drop(own);
    let server = serve(&bare, private());
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let url = server.url("infra.git");
        let mut wrong = signed_in(&url);
        wrong.credentials = Some(Credentials::new("bot", "wrong-and-secret"));
        wrong.push = method;
        let own = Own::of(wrong);
        let fetch = own.mirror.fetch().unwrap_err();
        assert!(matches!(fetch, GitError::Denied { .. }), "{fetch}");
        let push = own.mirror.push(&[update("x", Some(&main), None)]).unwrap_err();
        assert!(matches!(push, GitError::Denied { .. }), "{method:?}: {push}");
        for text in [fetch.to_string(), push.to_string(), format!("{fetch:?}"), format!("{push:?}")] {
            assert!(text.contains(&url) && !text.contains("secret"), "{text}");
        }
        let anonymous = Own::of(Remote::new(&url).unwrap());
        assert!(matches!(anonymous.mirror.fetch(), Err(GitError::Denied { .. })));
    }
}

#[test]
fn credentials_that_may_only_read_are_told_at_the_push() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let server = serve(&bare, Behaviour { read_only: true, ..private() });
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let mut remote = signed_in(&server.url("infra.git"));
        remote.push = method;
        let own = Own::of(remote);
        own.mirror.fetch().unwrap();
        let error = own.mirror.push(&[update("main", Some(&main), None)]).unwrap_err();
        assert!(matches!(error, GitError::Denied { .. }) && error.to_string().contains("403"), "{error}");
    }
}

#[test]
fn what_the_server_answers_is_told() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let error = |behaviour: Behaviour, repository: &str| {
        let server = serve(&bare, behaviour);
        let own = Own::of(Remote::new(&server.url(repository)).unwrap());
        own.mirror.fetch().unwrap_err()
    };
    let status = |status| Behaviour { status: Some(status), ..Behaviour::default() };
    assert!(matches!(error(Behaviour::default(), "none.git"), GitError::Missing { .. }));
    assert!(matches!(error(status(404), "infra.git"), GitError::Missing { .. }));
    assert!(matches!(error(status(403), "infra.git"), GitError::Denied { .. }));
    for passing in [429, 500, 502, 503] {
        let error = error(status(passing), "infra.git");
        assert!(matches!(error, GitError::Unreachable { .. }) && error.passes(), "{error}");
        assert!(error.to_string().contains(&passing.to_string()), "{error}");
    }
    let page = error(Behaviour { page: true, ..Behaviour::default() }, "infra.git");
    assert!(matches!(page, GitError::Protocol { .. }), "{page}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let own = Own::of(Remote::new(&format!("http://{closed}/infra.git")).unwrap());
    let refused = own.mirror.fetch().unwrap_err();
    assert!(matches!(refused, GitError::Unreachable { .. }), "{refused}");
}

#[test]
fn a_redirect_is_followed_at_home_and_nowhere_else() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let moved = |to: &str| Behaviour { moved: Some(("/old.git".into(), to.into())), ..private() };
    let server = serve(&bare, moved("/infra.git"));
    let own = Own::of(signed_in(&server.url("old.git")));
    assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main);
    let id = own.mirror.commit(&draft(&main, "a", b"2")).unwrap();
    assert_eq!(
        own.mirror.push(&[update("main", Some(&main), Some(&id))]).unwrap()[0].result,
        RefResult::Landed
    );

    let elsewhere = serve(&bare, private());
    let server = serve(&bare, moved(&elsewhere.url("infra.git")));
    let own = Own::of(signed_in(&server.url("old.git")));
    let error = own.mirror.fetch().unwrap_err();
    assert!(matches!(error, GitError::Protocol { .. }) && error.to_string().contains("redirects"), "{error}");
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let hanging = Hanging::start();
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let mut remote = Remote::new(&hanging.url()).unwrap();
        remote.timeout = Duration::from_millis(300);
        remote.push = method;
        let own = Own::of(remote);
        let begun = Instant::now();
        let error = own.mirror.fetch().unwrap_err();
        assert!(matches!(error, GitError::Timeout { .. }) && error.passes(), "{error}");
        let id = "00000000000000000000000000000000000000aa".parse().unwrap();
        match own.mirror.push(&[update("x", Some(&id), None)]) {
            Err(GitError::Timeout { .. }) => {}
            Ok(outcomes) => {
                assert!(matches!(outcomes[0].result, RefResult::Unfinished { .. }), "{outcomes:?}")
            }
            Err(error) => panic!("{error}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_server_that_falls_silent_is_given_up_before_the_time_is_over() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let silent = serve(&bare, Behaviour { falls_silent: true, ..Behaviour::default() });
    let hanging = Hanging::start();
    for url in [silent.url("infra.git"), hanging.url()] {
        let mut remote = Remote::new(&url).unwrap();
        remote.idle_timeout = Duration::from_millis(300);
        let begun = Instant::now();
        let error = Own::of(remote).mirror.fetch().unwrap_err();
        assert!(matches!(error, GitError::Unreachable { .. }) && error.passes(), "{error}");
        assert!(error.to_string().contains("idle_timeout"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_connection_that_dies_within_the_answer_is_read_again() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    bare.hook("update", "case $1 in refs/heads/main) exit 0;; *) exit 1;; esac");
    let server = serve(&bare, Behaviour { cuts_push_answers: true, ..Behaviour::default() });
    let own = Own::of(Remote::new(&server.url("infra.git")).unwrap());
    own.mirror.fetch().unwrap();
    let id = own.mirror.commit(&draft(&main, "a", b"2")).unwrap();
    let updates = [update("main", Some(&main), Some(&id)), update("refused", None, Some(&id))];
    let outcomes = own.mirror.push(&updates).unwrap();
    assert_eq!(outcomes[0].result, RefResult::Landed);
    let RefResult::Unfinished { message } = &outcomes[1].result else { panic!("{outcomes:?}") };
    assert!(message.contains("cannot be reached"), "{message}");
    assert_eq!(own.mirror.heads().require("main").unwrap(), &id);
}

#[test]
fn a_private_authority_is_trusted_when_named_and_only_then() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let server = serve(&bare, private());
    let Some(tls) = Tls::before(server.address()) else { return };
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let mut remote = Remote::new(&tls.url("infra.git")).unwrap();
        remote.credentials = Some(Credentials::new("bot", SECRET));
        remote.push = method;
        let error = Own::of(remote.clone()).mirror.fetch().unwrap_err();
        assert!(matches!(error, GitError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
        remote.ca_file = Some(tls.authority());
        let own = Own::of(remote.clone());
        assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main);
        let id = own.mirror.commit(&draft(&main, "a", b"2")).unwrap();
        let branch = format!("by{method:?}");
        assert_eq!(
            own.mirror.push(&[update(&branch, None, Some(&id))]).unwrap()[0].result,
            RefResult::Landed
        );
        for bad in ["none.pem", "extensions"] {
            remote.ca_file = Some(tls.authority().with_file_name(bad));
            let error = Own::of(remote.clone()).mirror.fetch().unwrap_err();
            assert!(matches!(error, GitError::Settings { .. }) && error.to_string().contains(bad), "{error}");
        }
    }
}
