//! Many writers at once, people among them: nobody's commit is lost, and everybody's lands once.

use std::{
    cell::Cell,
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use gantry::git::RefResult;
use gantry_core::ids::CommitId;

use super::{Own, draft, update};
use crate::support::git_repository::{Bare, file, git, run};

/// A person's commit by the `git` program, made on the head and put there by compare-and-swap, as a push does.
fn person(bare: &Bare, number: usize) -> CommitId {
    loop {
        let head = bare.head("main").unwrap();
        let text = format!("note {number}\n");
        let stream = format!(
            "commit refs/people/pat\ncommitter Pat <pat@example.com> {} +0000\ndata 5\nnote\n\nfrom {head}\n\
             M 100644 inline notes/{number}\ndata {}\n{text}\n",
            1_700_000_000 + number,
            text.len()
        );
        run(
            git().arg("--git-dir").arg(bare.path()).args(["fast-import", "--quiet", "--force"]),
            stream.as_bytes(),
        );
        let new: CommitId = bare.git(&["rev-parse", "refs/people/pat"]).parse().unwrap();
        let mut swap = git();
        swap.arg("--git-dir").arg(bare.path()).args([
            "update-ref",
            "refs/heads/main",
            new.as_str(),
            head.as_str(),
        ]);
        if swap.output().unwrap().status.success() {
            return new;
        }
    }
}

#[test]
fn of_500_branches_one_loses_its_race_and_the_others_land() {
    let bare = Bare::new();
    let names: Vec<String> = (0..500).map(|n| format!("apps/a{n}/k.yaml")).collect();
    let entries: Vec<_> = names.iter().map(|path| file(path, "newTag: 1\n")).collect();
    let main = bare.commit("main", "first", &entries);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let theirs = bare.commit("gantry/qa/a250", "a person", &[file("x", "1")]);
    let mut drafting = own.mirror.drafting_to_push();
    let mut updates = Vec::new();
    for (n, path) in names.iter().enumerate() {
        let id = drafting.commit(&draft(&main, path, b"newTag: 2\n")).unwrap();
        updates.push(update(&format!("gantry/qa/a{n}"), None, Some(&id)));
    }
    for (n, outcome) in drafting.push(&updates).unwrap().into_iter().enumerate() {
        let lost = RefResult::LostRace { now: Some(theirs.clone()) };
        let expected = if n == 250 { lost } else { RefResult::Landed };
        assert_eq!((outcome.branch, outcome.result), (format!("gantry/qa/a{n}"), expected));
    }
    assert_eq!(bare.head("gantry/qa/a250"), Some(theirs));
    assert_eq!(bare.git(&["for-each-ref", "--format=x", "refs/heads/gantry"]).lines().count(), 500);
    // The loser's commit is at hand still: planned anew, it needs no second drafting.
    bare.git(&["update-ref", "-d", "refs/heads/gantry/qa/a250"]);
    assert_eq!(own.mirror.push(&updates[250..=250]).unwrap()[0].result, RefResult::Landed);
    bare.assert_sound();
}

/// The person is faster than any clock: a commit stands between each two steps of ours, and one comes within
/// the push, between the server's list of branches and its compare-and-swap.
#[test]
fn a_person_who_commits_all_the_time_loses_nothing_and_neither_do_we() {
    const UPDATES: usize = 1_000;
    let bare = Bare::new();
    let names: Vec<String> = (0..UPDATES).map(|n| format!("apps/a{n:04}/k.yaml")).collect();
    let entries: Vec<_> = names.iter().map(|path| file(path, "newTag: 1\n")).collect();
    bare.commit("main", "first", &entries);
    let own = Own::of_bare(&bare);
    let people = Cell::new(Vec::new());
    let commits = || {
        let mut made = people.take();
        made.push(person(&bare, made.len()));
        people.set(made);
    };
    let hook = bare.path().join("hooks/pre-receive");
    let (mut landed, mut lost) = (0, 0);
    // How many go in one push: fewer after each lost race, so that somebody who is fast can't keep us out.
    let mut batch = 250;
    for attempt in 0.. {
        let head = own.mirror.fetch().unwrap().require("main").unwrap().clone();
        let mut drafting = own.mirror.drafting_to_push();
        let mut last = head.clone();
        for path in names[landed..].iter().take(batch) {
            last = drafting.commit(&draft(&last, path, b"newTag: 2\n")).unwrap();
        }
        match attempt % 4 {
            0 => commits(),
            // The person's commit is there already and becomes the head exactly within our push.
            1 => {
                commits();
                let theirs = people.take();
                let new = theirs.last().unwrap().to_string();
                people.set(theirs);
                bare.git(&["update-ref", "refs/heads/main", head.as_str(), &new]);
                let script = format!(
                    "unset GIT_QUARANTINE_PATH\nrm hooks/pre-receive\ngit update-ref refs/heads/main {new}"
                );
                bare.hook("pre-receive", &script);
            }
            _ => {}
        }
        match drafting.push(&[update("main", Some(&head), Some(&last))]).unwrap().remove(0).result {
            RefResult::Landed => {
                landed = (landed + batch).min(UPDATES);
                commits();
            }
            RefResult::LostRace { now } => {
                assert_eq!(now, bare.head("main"));
                lost += 1;
                batch = (batch / 2).max(100);
            }
            other => panic!("{other:?}"),
        }
        assert!(!hook.exists());
        if landed == UPDATES {
            break;
        }
    }
    assert!(lost >= 4, "{lost} races");
    let people = people.into_inner();
    let history: BTreeSet<String> = bare.git(&["rev-list", "main"]).lines().map(ToOwned::to_owned).collect();
    assert!(people.iter().all(|id| history.contains(id.as_str())), "a person's commit is gone");
    assert_eq!(history.len(), 1 + UPDATES + people.len());
    assert_eq!(bare.git(&["grep", "-l", "newTag: 2", "main", "--", "apps"]).lines().count(), UPDATES);
    assert_eq!(bare.git(&["ls-tree", "--name-only", "main:notes"]).lines().count(), people.len());
    bare.assert_sound();
}

#[test]
fn fifty_writers_on_one_branch_land_once_each() {
    const WRITERS: usize = 50;
    let bare = Bare::new();
    bare.commit("main", "first", &[file("log/first", "")]);
    let tries = AtomicUsize::new(0);
    let write = |name: usize| {
        let own = Own::of_bare(&bare);
        loop {
            tries.fetch_add(1, Ordering::Relaxed);
            // Read again, build the commit on the new head, push again: what `act` does after a lost race.
            let main = own.mirror.fetch().unwrap().require("main").unwrap().clone();
            let mut drafting = own.mirror.drafting_to_push();
            let id = drafting.commit(&draft(&main, &format!("log/{name:02}"), b"x")).unwrap();
            match drafting.push(&[update("main", Some(&main), Some(&id))]).unwrap().remove(0).result {
                RefResult::Landed => return,
                RefResult::LostRace { now } => assert_ne!(now, Some(main)),
                // Another one holds the server's lock this very moment and has not finished when we look.
                RefResult::Refused { .. } => {}
                unfinished @ RefResult::Unfinished { .. } => panic!("{unfinished:?}"),
            }
        }
    };
    std::thread::scope(|scope| {
        for name in 0..WRITERS {
            let write = &write;
            scope.spawn(move || write(name));
        }
    });
    assert_eq!(bare.git(&["rev-list", "--count", "main"]), (WRITERS + 1).to_string());
    assert_eq!(bare.git(&["log", "--merges", "--format=%h", "main"]), "");
    let each: BTreeSet<String> =
        bare.git(&["log", "--name-only", "--format=", "main"]).lines().map(ToOwned::to_owned).collect();
    assert_eq!(each.len(), WRITERS + 1);
    println!("{} tries for {WRITERS} commits", tries.into_inner());
    bare.assert_sound();
}
