//! Pushing over a real repository on this machine: one branch, many, races, refusals, and the same by the
//! `git` program.

use gantry::git::{GitError, Mirror, PushMethod, RefResult};
use gantry_core::ids::CommitId;

use super::{Own, draft, remote, update};
use crate::support::git_repository::{Bare, file};

fn results(mirror: &Mirror, updates: &[gantry::git::RefUpdate]) -> Vec<RefResult> {
    mirror.push(updates).unwrap().into_iter().map(|outcome| outcome.result).collect()
}

/// The same story by both ways of pushing.
fn both(story: impl Fn(&Bare, &Own)) {
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let bare = Bare::new();
        bare.commit("main", "first", &[file("apps/a/k.yaml", "tag: 1\n"), file("apps/b/k.yaml", "tag: 1\n")]);
        let mut remote = remote(&bare);
        remote.push = method;
        let own = Own::of(remote);
        own.mirror.fetch().unwrap();
        story(&bare, &own);
        bare.assert_sound();
    }
}

fn head(own: &Own) -> CommitId {
    own.mirror.heads().require("main").unwrap().clone()
}

#[test]
fn a_branch_is_made_moved_replaced_and_deleted() {
    both(|bare, own| {
        let main = head(own);
        let one = own.mirror.commit(&draft(&main, "apps/a/k.yaml", b"tag: 2\n")).unwrap();
        let other = own.mirror.commit(&draft(&main, "apps/a/k.yaml", b"tag: 3\n")).unwrap();
        let branch = "gantry/prod/a";
        for (old, new) in [(None, Some(&one)), (Some(&one), Some(&other)), (Some(&other), None)] {
            assert_eq!(results(&own.mirror, &[update(branch, old, new)]), [RefResult::Landed]);
            assert_eq!(bare.head(branch).as_ref(), new);
            assert_eq!(own.mirror.heads().branches.get(branch), new);
            // Doing it twice is harmless.
            assert_eq!(results(&own.mirror, &[update(branch, old, new)]), [RefResult::Landed]);
        }
        assert_eq!(own.mirror.fetch().unwrap().branches.len(), 1);
        // A branch takes the place of the folder that another one was in.
        assert_eq!(results(&own.mirror, &[update("gantry/prod", None, Some(&one))]), [RefResult::Landed]);
    });
}

#[test]
fn what_a_person_pushed_meanwhile_stays() {
    both(|bare, own| {
        let main = head(own);
        let ours = own.mirror.commit(&draft(&main, "apps/a/k.yaml", b"tag: 2\n")).unwrap();
        let theirs = bare.commit("main", "a person", &[file("apps/a/k.yaml", "tag: 1 # keep\n")]);
        let updates = [update("main", Some(&main), Some(&ours)), update("gantry/x", None, Some(&ours))];
        assert_eq!(
            results(&own.mirror, &updates),
            [RefResult::LostRace { now: Some(theirs.clone()) }, RefResult::Landed]
        );
        assert_eq!(bare.head("main"), Some(theirs.clone()));
        // A branch that came, and one that went.
        assert_eq!(
            results(&own.mirror, &[update("main", None, Some(&ours))]),
            [RefResult::LostRace { now: Some(theirs.clone()) }]
        );
        bare.git(&["update-ref", "-d", "refs/heads/gantry/x"]);
        assert_eq!(
            results(&own.mirror, &[update("gantry/x", Some(&main), Some(&ours))]),
            [RefResult::LostRace { now: None }]
        );
        // Read again, plan again, and it lands on theirs.
        let now = own.mirror.fetch().unwrap().require("main").unwrap().clone();
        assert_eq!(now, theirs);
        let again = own.mirror.commit(&draft(&now, "apps/b/k.yaml", b"tag: 2\n")).unwrap();
        assert_eq!(results(&own.mirror, &[update("main", Some(&now), Some(&again))]), [RefResult::Landed]);
        assert_eq!(bare.show("main", "apps/a/k.yaml"), b"tag: 1 # keep\n");
    });
}

/// The person's commit comes after the server has listed its branches: the server itself must say no.
#[test]
fn a_race_within_the_push_is_told_by_reading_again() {
    both(|bare, own| {
        let main = head(own);
        let theirs = bare.commit("their", "a person", &[file("z", "1")]);
        let ours = own.mirror.commit(&draft(&main, "apps/a/k.yaml", b"tag: 2\n")).unwrap();
        // The hook runs between listing and updating: exactly where a second pusher's update would land.
        let script = "unset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main refs/heads/their";
        bare.hook("pre-receive", script);
        assert_eq!(
            results(&own.mirror, &[update("main", Some(&main), Some(&ours))]),
            [RefResult::LostRace { now: Some(theirs.clone()) }]
        );
        assert_eq!(bare.head("main"), Some(theirs));
    });
}

#[test]
fn a_hook_refuses_one_branch_and_its_words_are_shown() {
    both(|bare, own| {
        let main = head(own);
        let ours = own.mirror.commit(&draft(&main, "apps/a/k.yaml", b"tag: 2\n")).unwrap();
        let script =
            "case $1 in refs/heads/gantry/*) exit 0;; *) echo 'main is frozen until Monday'; exit 1;; esac";
        bare.hook("update", script);
        let updates = [update("main", Some(&main), Some(&ours)), update("gantry/qa/a", None, Some(&ours))];
        let results = results(&own.mirror, &updates);
        let RefResult::Refused { message } = &results[0] else { panic!("{results:?}") };
        assert!(message.contains("frozen until Monday") && message.contains("hook declined"), "{message}");
        assert_eq!(results[1], RefResult::Landed);
        assert_eq!((bare.head("main"), bare.head("gantry/qa/a")), (Some(main), Some(ours)));
    });
}

/// A server's words are shown, and what could take over a terminal or turn a line round is not.
#[test]
fn words_of_hooks_and_servers_cannot_touch_a_terminal() {
    let inert = |message: &str| {
        let hidden =
            |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!message.contains(hidden), "{message:?}");
    };
    both(|bare, own| {
        let main = head(own);
        let ours = own.mirror.commit(&draft(&main, "apps/a/k.yaml", b"tag: 2\n")).unwrap();
        let script =
            "printf '\\033[2J\\033]0;owned\\007protected\\r\\b\\b by the team\\342\\200\\256\\n' >&2; exit 1";
        bare.hook("pre-receive", script);
        let results = results(&own.mirror, &[update("main", Some(&main), Some(&ours))]);
        let RefResult::Refused { message } = &results[0] else { panic!("{results:?}") };
        assert!(message.contains("protected") && message.contains("by the team"), "{message:?}");
        inert(message);
        assert_eq!(bare.head("main"), Some(main));
        // A flood of words is cut.
        bare.hook("pre-receive", "yes 'no, and again' | head -c 3000000 >&2; exit 1");
        let results = self::results(&own.mirror, &[update("gantry/x", None, Some(&ours))]);
        let RefResult::Refused { message } = &results[0] else { panic!("{results:?}") };
        assert!(message.contains("no, and again") && message.chars().count() <= 1100, "{}", message.len());
    });
    // The reason in the report itself, from a server that words it as it likes.
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let folder = tempfile::tempdir().unwrap();
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let reason = "protected\x1b[31m\x07 branch\u{202e}";
    let report = format!("{}{}0000", line("unpack ok\n"), line(&format!("ng refs/heads/main {reason}\n")));
    std::fs::write(folder.path().join("report"), format!("{}0000", line(&format!("\x01{report}")))).unwrap();
    let script = folder.path().join("ssh");
    let text = format!(
        "#!/bin/sh\nfor last; do :; done\ncase $last in\n  git-receive-pack*)\n    git receive-pack \
         --http-backend-info-refs '{}'; cat '{}/report' ;;\n  *) eval \"$last\" ;;\nesac\n",
        bare.path().display(),
        folder.path().display()
    );
    std::fs::write(&script, text).unwrap();
    let mut remote = gantry::git::Remote::new(&format!("ssh://nowhere{}", bare.path().display())).unwrap();
    remote.ssh_command = Some(format!("sh {}", script.display()));
    let own = Own::of(remote);
    own.mirror.fetch().unwrap();
    let ours = own.mirror.commit(&draft(&main, "a", b"2")).unwrap();
    let results = results(&own.mirror, &[update("main", Some(&main), Some(&ours))]);
    let RefResult::Refused { message } = &results[0] else { panic!("{results:?}") };
    assert!(message.contains("protected") && message.contains("branch"), "{message:?}");
    inert(message);
}

#[test]
fn five_hundred_branches_go_in_one_push() {
    let bare = Bare::new();
    let files: Vec<(String, String)> =
        (0..500).map(|n| (format!("apps/a{n}/k.yaml"), format!("tag: {n}\n"))).collect();
    let entries: Vec<_> = files.iter().map(|(path, text)| file(path, text)).collect();
    let main = bare.commit("main", "first", &entries);
    let log = bare.path().join("pushes");
    bare.hook("pre-receive", &format!("echo push >> '{}'", log.display()));
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let mut drafting = own.mirror.drafting();
    let mut updates = Vec::new();
    for (path, _) in &files {
        let id = drafting.commit(&draft(&main, path, b"tag: new\n")).unwrap();
        updates.push(update(&format!("gantry/prod/{}", &path[5..path.len() - 7]), None, Some(&id)));
    }
    let outcomes = drafting.push(&updates).unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.result == RefResult::Landed));
    assert_eq!(std::fs::read_to_string(log).unwrap(), "push\n");
    assert_eq!(own.mirror.fetch().unwrap().branches.len(), 501);
    assert_eq!(bare.show("gantry/prod/a7", "apps/a7/k.yaml"), b"tag: new\n");
    assert_eq!(bare.git(&["diff", "--name-only", "main", "gantry/prod/a499"]), "apps/a499/k.yaml");
    bare.assert_sound();
}

#[test]
fn of_two_pushers_one_wins_and_nothing_is_lost() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("log", "")]);
    let writer = |name: &'static str| {
        let own = Own::of_bare(&bare);
        move || {
            // The folder must live as long as the mirror.
            let own = own;
            let mut landed = 0;
            while landed < 5 {
                let main = own.mirror.fetch().unwrap().require("main").unwrap().clone();
                let id = own.mirror.commit(&draft(&main, &format!("{name}{landed}"), b"x")).unwrap();
                match results(&own.mirror, &[update("main", Some(&main), Some(&id))]).remove(0) {
                    RefResult::Landed => landed += 1,
                    RefResult::LostRace { now } => assert_ne!(now, Some(main)),
                    // The other one holds the lock this very moment.
                    RefResult::Refused { .. } => {}
                    unfinished @ RefResult::Unfinished { .. } => panic!("{unfinished:?}"),
                }
            }
        }
    };
    let (a, b) = (writer("a"), writer("b"));
    std::thread::scope(|scope| {
        scope.spawn(a);
        scope.spawn(b);
    });
    assert_eq!(bare.git(&["rev-list", "--count", "main"]), "11");
    assert_eq!(bare.git(&["ls-tree", "--name-only", "main"]).lines().count(), 11);
    bare.assert_sound();
}

#[test]
fn both_ways_of_pushing_make_the_same_repository() {
    let refs = std::cell::RefCell::new(Vec::new());
    both(|bare, own| {
        let main = head(own);
        let a = own.mirror.commit(&draft(&main, "apps/a/k.yaml", b"tag: 2\n")).unwrap();
        let b = own.mirror.commit(&draft(&a, "apps/b/k.yaml", b"tag: 2\n")).unwrap();
        let updates = [
            update("main", Some(&main), Some(&b)),
            update("gantry/qa/a", None, Some(&a)),
            update("x", None, Some(&main)),
        ];
        assert_eq!(results(&own.mirror, &updates), [RefResult::Landed, RefResult::Landed, RefResult::Landed]);
        refs.borrow_mut().push(bare.git(&["for-each-ref"]));
    });
    let refs = refs.into_inner();
    assert_eq!(refs[0], refs[1]);
}

#[test]
fn updates_that_make_no_sense_are_refused() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    for branch in ["", "a b", "-x", "a..b", "x.lock", "a\n", "/x", "@{1}"] {
        let error = own.mirror.push(&[update(branch, None, Some(&main))]).unwrap_err();
        assert!(matches!(error, GitError::Draft { .. }), "{branch:?}: {error}");
    }
    let twice = [update("x", None, Some(&main)), update("x", None, Some(&main))];
    assert!(matches!(own.mirror.push(&twice), Err(GitError::Draft { .. })));
    assert!(own.mirror.push(&[]).unwrap().is_empty());
}

/// The server was asked for its branches before a person moved one and we saw that: it is asked again.
#[test]
fn a_list_of_branches_that_is_too_old_is_asked_for_again() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let mut drafting = own.mirror.drafting_to_push();
    let theirs = bare.commit("main", "a person", &[file("b", "1")]);
    own.mirror.fetch().unwrap();
    let ours = drafting.commit(&draft(&theirs, "a", b"2")).unwrap();
    let outcome = drafting.push(&[update("main", Some(&theirs), Some(&ours))]).unwrap().remove(0);
    assert_eq!(outcome.result, RefResult::Landed);
    assert_eq!(own.mirror.heads().require("main").unwrap(), &ours);
    let own = own.reopened(remote(&bare));
    assert_eq!(own.mirror.snapshot(&ours).unwrap().read("a").unwrap().unwrap().bytes, b"2");
    bare.assert_sound();
}

/// The commit is on the server, and the mirror has no room for it: it takes it from there when it has.
#[test]
fn what_landed_and_could_not_be_kept_comes_with_the_next_fetch() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    // Where the folders of single objects would be made, files are in the way.
    let folders = (0..=255_u8).map(|n| own.path().join(format!("objects/{n:02x}")));
    let blocked: Vec<_> = folders.filter(|folder| !folder.exists()).collect();
    blocked.iter().for_each(|path| std::fs::write(path, "").unwrap());
    let mut drafting = own.mirror.drafting_to_push();
    let ours = drafting.commit(&draft(&main, "a", b"2")).unwrap();
    let outcome = drafting.push(&[update("main", Some(&main), Some(&ours))]).unwrap().remove(0);
    assert_eq!(outcome.result, RefResult::Landed);
    assert_eq!(bare.head("main").as_ref(), Some(&ours));
    assert_eq!(own.mirror.heads().require("main").unwrap(), &main, "it has nothing else");
    blocked.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &ours);
    assert_eq!(own.mirror.snapshot(&ours).unwrap().read("a").unwrap().unwrap().bytes, b"2");
    bare.assert_sound();
}
