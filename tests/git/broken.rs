//! Mirrors that are damaged, half-written or somebody else's, and servers on this machine that fail.

use std::{fs, time::Duration};

use gantry::git::{GitError, Limits, Mirror, Remote};

use super::{Own, draft, remote, update};
use crate::support::git_repository::{Bare, assert_sound, file};

fn fetched(bare: &Bare) -> Own {
    let own = Own::of_bare(bare);
    own.mirror.fetch().unwrap();
    own
}

#[test]
fn a_damaged_mirror_is_made_anew() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let packs = |own: &Own| own.path().join("objects/pack");
    type Harm<'a> = (&'a str, &'a dyn Fn(&Own));
    let pack = |own: &Own, extension: &str| {
        let mut found = fs::read_dir(packs(own)).unwrap().map(|entry| entry.unwrap().path());
        found.find(|path| path.extension().is_some_and(|e| e == extension)).unwrap()
    };
    let change = |path: std::path::PathBuf, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        // Packs are read-only, also for us; the folder is not.
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    };
    let harms: [Harm<'_>; 12] = [
        ("half a pack", &|own| change(pack(own, "pack"), &|bytes| bytes.truncate(bytes.len() / 2))),
        ("an empty pack", &|own| change(pack(own, "pack"), &|bytes| bytes.clear())),
        ("turned bytes", &|own| {
            change(pack(own, "pack"), &|bytes| bytes[20..].iter_mut().for_each(|b| *b ^= 0x5a))
        }),
        ("no index", &|own| fs::remove_file(pack(own, "idx")).unwrap()),
        ("half an index", &|own| change(pack(own, "idx"), &|bytes| bytes.truncate(bytes.len() / 2))),
        ("garbage in HEAD", &|own| fs::write(own.path().join("HEAD"), b"\xff\x00 garbage").unwrap()),
        ("a branch of nothing", &|own| {
            fs::write(own.path().join("refs/heads/main"), "0".repeat(39) + "1\n").unwrap()
        }),
        ("no packs", &|own| fs::remove_dir_all(packs(own)).unwrap()),
        ("no HEAD", &|own| fs::remove_file(own.path().join("HEAD")).unwrap()),
        ("config", &|own| fs::write(own.path().join("config"), "[[[").unwrap()),
        ("a torn branch", &|own| fs::write(own.path().join("refs/heads/main"), "12").unwrap()),
        ("a torn pack", &|own| {
            for entry in fs::read_dir(packs(own)).unwrap() {
                let path = entry.unwrap().path();
                fs::remove_file(&path).unwrap();
                fs::write(&path, b"torn").unwrap();
            }
        }),
    ];
    for (name, harm) in harms {
        let own = fetched(&bare);
        harm(&own);
        let own = own.reopened(remote(&bare));
        assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main, "{name}");
        // What shows only when it is read is cured by the fetch that follows.
        let read = || own.mirror.snapshot(&main).and_then(|snapshot| snapshot.read("a"));
        if let Err(error) = read() {
            assert!(matches!(error, GitError::Damaged { .. }), "{name}: {error}");
            own.mirror.fetch().unwrap();
        }
        assert_eq!(read().unwrap().unwrap().bytes, b"1", "{name}");
        let id = own.mirror.commit(&draft(&main, "b", name.as_bytes())).unwrap();
        own.mirror.push(&[update(&format!("x/{}", name.replace(' ', "-")), None, Some(&id))]).unwrap();
        assert_sound(&own.path());
    }
    bare.assert_sound();
}

/// The damage comes while the process runs, and shows in the middle of writing.
#[test]
fn damage_met_while_writing_is_cured_by_the_next_fetch() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("apps/a/k.yaml", "1"), file("apps/b/k.yaml", "1")]);
    let own = fetched(&bare);
    let main = bare.commit("main", "second", &[file("apps/a/k.yaml", "2")]);
    own.mirror.fetch().unwrap();
    for entry in fs::read_dir(own.path().join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"").unwrap();
    }
    let own = own.reopened(remote(&bare));
    // Opening found it already, or writing does; nothing half-made is ever pushed.
    if let Err(error) = own.mirror.commit(&draft(&main, "apps/a/k.yaml", b"3")) {
        assert!(error.passes(), "{error}");
    }
    assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main);
    let id = own.mirror.commit(&draft(&main, "apps/a/k.yaml", b"3")).unwrap();
    let outcome = own.mirror.push(&[update("main", Some(&main), Some(&id))]).unwrap().remove(0);
    assert_eq!(outcome.result, gantry::git::RefResult::Landed);
    assert_eq!(bare.show("main", "apps/b/k.yaml"), b"1");
    bare.assert_sound();
}

/// History is rewritten and the old objects are gone from the server between our fetch and our push.
#[test]
fn a_force_push_under_us_is_a_lost_race_and_the_new_history_is_read() {
    let bare = Bare::new();
    let old = bare.commit("main", "first", &[file("a", "1"), file("b", "1")]);
    let own = fetched(&bare);
    let ours = own.mirror.commit(&draft(&old, "a", b"2")).unwrap();
    bare.git(&["update-ref", "-d", "refs/heads/main"]);
    let new = bare.commit("main", "all anew", &[file("a", "other")]);
    bare.git(&["reflog", "expire", "--expire=now", "--all"]);
    bare.git(&["gc", "--quiet", "--prune=now"]);
    let outcome = own.mirror.push(&[update("main", Some(&old), Some(&ours))]).unwrap().remove(0);
    assert_eq!(outcome.result, gantry::git::RefResult::LostRace { now: Some(new.clone()) });
    assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &new);
    assert_eq!(own.mirror.log(&new, None, 9).unwrap().len(), 1);
    assert!(own.mirror.snapshot(&new).unwrap().read("b").unwrap().is_none());
    // What the server has no more is not left out of the next pack.
    let again = own.mirror.commit(&draft(&new, "b", b"1")).unwrap();
    let outcome = own.mirror.push(&[update("main", Some(&new), Some(&again))]).unwrap().remove(0);
    assert_eq!(outcome.result, gantry::git::RefResult::Landed);
    assert_eq!(bare.show("main", "b"), b"1");
    bare.assert_sound();
}

#[test]
fn damage_found_while_reading_is_cured_by_the_next_fetch() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let own = fetched(&bare);
    let id = own.mirror.commit(&draft(&main, "a", b"2")).unwrap();
    own.mirror.push(&[update("main", Some(&main), Some(&id))]).unwrap();
    // Not by reading it here: what was read stays in memory, and is right whatever happens to the folder.
    let blob = bare.git(&["rev-parse", "main:a"]);
    fs::remove_file(own.path().join("objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    let error = own.mirror.snapshot(&id).unwrap().read("a").unwrap_err();
    assert!(matches!(error, GitError::Damaged { .. }) && error.passes(), "{error}");
    own.mirror.fetch().unwrap();
    assert_eq!(own.mirror.snapshot(&id).unwrap().read("a").unwrap().unwrap().bytes, b"2");
}

#[test]
fn what_a_killed_process_left_is_no_hindrance() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let own = fetched(&bare);
    for lock in ["refs/heads/main.lock", "packed-refs.lock", "HEAD.lock", "config.lock"] {
        fs::write(own.path().join(lock), "").unwrap();
    }
    fs::write(own.path().join("objects/pack/.tmpABC"), "half").unwrap();
    fs::create_dir_all(own.path().with_extension("new").join("x")).unwrap();
    let own = own.reopened(remote(&bare));
    let second = bare.commit("main", "second", &[file("a", "2")]);
    assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &second);
    assert!(!own.path().join("objects/pack/.tmpABC").exists() && !own.path().with_extension("new").exists());
}

#[test]
fn a_mirror_of_another_url_is_made_anew_and_a_strangers_folder_is_not_touched() {
    let (one, two) = (Bare::new(), Bare::new());
    one.commit("main", "one", &[file("a", "1")]);
    let head = two.commit("main", "two", &[file("a", "2")]);
    let own = fetched(&one).reopened(remote(&two));
    assert!(own.mirror.heads().is_empty());
    assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &head);

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let error = Mirror::open(remote(&one), folder.path()).err().unwrap();
    assert!(error.to_string().contains("no mirror of Gantry's"), "{error}");
    assert!(folder.path().join("thesis.txt").exists());
    let _ = fs::remove_file(folder.path().with_extension("lock"));
}

#[test]
fn a_mirror_has_one_owner() {
    let bare = Bare::new();
    let own = Own::of_bare(&bare);
    let error = Mirror::open(remote(&bare), &own.path()).err().unwrap();
    assert!(matches!(error, GitError::InUse { .. }), "{error}");
}

#[test]
fn a_missing_repository_is_told_and_the_mirror_keeps_what_it_had() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let own = fetched(&bare);
    fs::rename(bare.path(), bare.path().with_extension("away")).unwrap();
    let error = own.mirror.fetch().unwrap_err();
    assert!(matches!(error, GitError::Missing { .. }), "{error}");
    assert!(error.to_string().contains(bare.path().to_str().unwrap()), "{error}");
    let error = own.mirror.push(&[update("x", Some(&main), None)]).unwrap_err();
    assert!(matches!(error, GitError::Missing { .. }), "{error}");
    fs::create_dir(bare.path()).unwrap();
    let error = own.mirror.fetch().unwrap_err();
    assert!(matches!(error, GitError::Missing { .. }), "{error}");
    assert!(own.mirror.snapshot(&main).unwrap().read("a").unwrap().is_some());
}

#[test]
fn a_hook_that_hangs_is_given_up_and_nothing_landed() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    // It waits for a reader that never comes, until it is killed.
    let fifo = bare.path().join("never");
    bare.hook("pre-receive", &format!("mkfifo '{0}' && cat '{0}'", fifo.display()));
    let mut remote = remote(&bare);
    remote.timeout = Duration::from_secs(2);
    let own = Own::of(remote);
    own.mirror.fetch().unwrap();
    let id = own.mirror.commit(&draft(&main, "a", b"2")).unwrap();
    let outcome = own.mirror.push(&[update("main", Some(&main), Some(&id))]).unwrap().remove(0);
    let gantry::git::RefResult::Unfinished { message } = &outcome.result else { panic!("{outcome:?}") };
    assert!(message.contains("gave no answer within 2 s"), "{message}");
    assert_eq!(bare.head("main"), Some(main));
}

#[test]
fn the_hosts_git_configuration_and_hooks_do_not_act() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let own = fetched(&bare);
    let hooks = own.path().join("hooks");
    fs::create_dir_all(&hooks).unwrap();
    for name in ["pre-push", "reference-transaction", "post-update"] {
        use std::os::unix::fs::PermissionsExt;
        fs::write(hooks.join(name), format!("#!/bin/sh\ntouch '{}/ran'\nexit 1\n", hooks.display())).unwrap();
        fs::set_permissions(hooks.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    for method in [gantry::git::PushMethod::Builtin, gantry::git::PushMethod::GitProgram] {
        let mut remote = remote(&bare);
        remote.push = method;
        let own = Own::of(remote);
        own.mirror.fetch().unwrap();
        let id = own.mirror.commit(&draft(&main, "a", b"2")).unwrap();
        let branch = format!("x{method:?}");
        let outcome = own.mirror.push(&[update(&branch, None, Some(&id))]).unwrap().remove(0);
        assert_eq!(outcome.result, gantry::git::RefResult::Landed);
    }
    let id = own.mirror.commit(&draft(&main, "a", b"3")).unwrap();
    own.mirror.push(&[update("y", None, Some(&id))]).unwrap();
    own.mirror.fetch().unwrap();
    assert!(!hooks.join("ran").exists());
}

#[test]
fn a_mirror_that_grew_is_made_anew_and_nothing_is_missing() {
    let bare = Bare::new();
    let mut main = bare.commit("main", "first", &[file("a", "1")]);
    let own = fetched(&bare);
    let limits = Limits { packs: 3, loose: 12, bytes: u64::MAX };
    assert!(!own.mirror.maintain(limits).unwrap());
    for n in 0..5_u8 {
        let id = own.mirror.commit(&draft(&main, "a", &[n])).unwrap();
        own.mirror.push(&[update("main", Some(&main), Some(&id))]).unwrap();
        main = id;
    }
    let kept = own.mirror.heads();
    fs::rename(bare.path(), bare.path().with_extension("away")).unwrap();
    assert!(own.mirror.maintain(limits).is_err());
    assert_eq!(own.mirror.snapshot(&main).unwrap().read("a").unwrap().unwrap().bytes, [4]);
    fs::rename(bare.path().with_extension("away"), bare.path()).unwrap();
    assert!(own.mirror.maintain(limits).unwrap());
    assert_eq!(own.mirror.heads().branches, kept.branches);
    assert_eq!(own.mirror.log(&main, None, 100).unwrap().len(), 6);
    assert!(!own.mirror.maintain(limits).unwrap());
    assert_sound(&own.path());
}

#[test]
fn many_fetches_and_packs_do_not_wear_the_mirror_out() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let own = fetched(&bare);
    for n in 0..60 {
        let head = bare.commit("main", "next", &[file("a", &n.to_string())]);
        assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &head);
        assert_eq!(
            own.mirror.snapshot(&head).unwrap().read("a").unwrap().unwrap().bytes,
            n.to_string().as_bytes()
        );
    }
}

#[test]
fn a_repository_of_another_object_format_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.git");
    let mut init = crate::support::git_repository::git();
    crate::support::git_repository::run(
        init.args(["init", "--quiet", "--bare", "--object-format=sha256"]).arg(&path),
        b"",
    );
    let own = Own::of(Remote::new(path.to_str().unwrap()).unwrap());
    let error = own.mirror.fetch().unwrap_err();
    assert!(error.to_string().contains("sha256"), "{error}");
}
