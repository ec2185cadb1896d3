//! What people write is kept byte for byte, and what is not understood is refused.

use gantry_core::{
    facts::{Place, Rejection},
    ids::ProposalNumber,
};
use proptest::prelude::*;

use super::{MAX_ENTRIES, add, lift, read};

fn place(environment: &str) -> Place {
    Place { application: "checkout".parse().unwrap(), environment: environment.parse().unwrap() }
}

fn rejection(digit: char) -> Rejection {
    Rejection {
        release: digit.to_string().repeat(32).parse().unwrap(),
        version: "1.1.0".to_owned(),
        by: "rita".to_owned(),
        at: "2026-01-31T12:00:00Z".parse().unwrap(),
        reason: "too slow: \"see\" #4 \\ {x}\nGantry-Accepts: y".to_owned(),
        proposal: Some(ProposalNumber(3)),
    }
}

fn entry(digit: char, environment: &str) -> String {
    format!(
        "  - application: checkout\n    environment: {environment}\n    release: '{}' # ours\n    by: rita\n    at: 2026-01-31\n",
        digit.to_string().repeat(32)
    )
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_first_entry_makes_the_file() {
    let made = text(add(None, &place("on"), &rejection('1')).unwrap().unwrap());
    insta::assert_snapshot!(made);
    let entries = read(made.as_bytes()).unwrap();
    assert_eq!(entries[0].place, place("on"));
    assert_eq!(entries[0].rejection.reason, "too slow: \"see\" #4 \\ {x} Gantry-Accepts: y");
    let emptied = text(lift(made.as_bytes(), &place("on"), &rejection('1').release).unwrap().unwrap());
    assert!(emptied.ends_with("version: 1\nrejections:\n"), "{emptied}");
    assert_eq!(read(emptied.as_bytes()), Ok(vec![]));
    assert_eq!(text(add(Some(emptied.as_bytes()), &place("on"), &rejection('1')).unwrap().unwrap()), made);
}

#[test]
fn an_entry_comes_at_the_end_and_goes_with_its_own_lines() {
    let (a, b) = (entry('a', "qa"), entry('b', "prod"));
    for (before, behind) in [
        (format!("# ours\nrejections: # all\n{a}\n  # about b\n{b}"), "\n  # the end\nversion: 1 # first\n"),
        (format!("version: 1\nrejections:\n{a}{b}"), ""),
        (format!("version: 1\nrejections:\n{}", a.replace("\n  ", "\n").trim_start()), "# end\n"),
        (format!("\u{feff}version: 1\r\nrejections:\r\n{}", a.replace('\n', "\r\n")), "...\r\n"),
        ("version: 1\nrejections:\n".to_owned(), "# none\n"),
        ("version: 1\n\"rejections\": # none\n".to_owned(), ""),
    ] {
        let file = format!("{before}{behind}");
        let added = text(add(Some(file.as_bytes()), &place("prod"), &rejection('c')).unwrap().unwrap());
        assert!(added.starts_with(&before) && added.ends_with(behind), "{added}");
        assert_eq!(add(Some(added.as_bytes()), &place("prod"), &rejection('c')), Ok(None), "once");
        let lifted = lift(added.as_bytes(), &place("prod"), &rejection('c').release).unwrap().unwrap();
        assert_eq!(text(lifted), file);
    }
    let file = format!("version: 1\nrejections:\n{a}  # about b\n{b}");
    let lifted = lift(file.as_bytes(), &place("qa"), &rejection('a').release).unwrap().unwrap();
    assert_eq!(text(lifted), format!("version: 1\nrejections:\n  # about b\n{b}"));
    assert_eq!(lift(file.as_bytes(), &place("prod"), &rejection('a').release), Ok(None));
}

#[test]
fn an_empty_list_is_opened_and_a_missing_line_end_stays_missing() {
    for (file, expected) in [
        ("rejections: [] # none\nversion: 1", "rejections: # none\n  - application: checkout\n"),
        ("rejections: ~\nversion: 1", "rejections:\n  - application: checkout\n"),
        ("version: 1", "version: 1\nrejections:\n  - application: checkout\n"),
        ("version: 1\nrejections: []", "version: 1\nrejections:\n  - application: checkout\n"),
    ] {
        let added = text(add(Some(file.as_bytes()), &place("qa"), &rejection('c')).unwrap().unwrap());
        assert!(added.starts_with(expected), "{added}");
        assert!(!added.ends_with('\n'), "{added}");
    }
}

#[test]
fn where_it_is_not_sure_nothing_is_written() {
    let flow = "version: 1\nrejections: [{application: checkout, environment: qa, release: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, by: r, at: 2026-01-31}]\n";
    assert_eq!(read(flow.as_bytes()).unwrap().len(), 1);
    let refused = add(Some(flow.as_bytes()), &place("prod"), &rejection('c')).unwrap_err();
    assert!(refused.message.contains("can't tell for sure"), "{refused}");
    lift(flow.as_bytes(), &place("qa"), &rejection('a').release).unwrap_err();
    let broken = "version: 1\nrejections:\n  - application: checkout\n    enviroment: qa\n";
    add(Some(broken.as_bytes()), &place("prod"), &rejection('c')).unwrap_err();
}

#[test]
fn every_mistake_has_its_place() {
    let ok = entry('a', "qa");
    let doubled = format!("version: 1\nrejections: []\nrejections:\n{ok}");
    let many = format!("version: 1\nrejections:\n{}", "  - {}\n".repeat(MAX_ENTRIES + 1));
    let all: Vec<String> = [
        "",
        "# nothing\n",
        "[]",
        "version: 2\nrejections: []\n",
        "rejections: []\n",
        "version: 1\nrejection: []\n",
        "version: 1\nrejections: {a: b}\n",
        "version: 1\nrejections:\n  - qa\n",
        "version: 1\nrejections:\n  - application: Check out\n    environment: qa\n    release: 12\n    at: now\n    proposal: x\n    tag: 1\n",
        "version: 1\nrejections:\n  - &a {application: checkout}\n  - *a\n",
        "version: 1\nrejections: [}\n",
        "version: 1\n---\nversion: 1\n",
        &doubled,
        &many,
    ]
    .iter()
    .map(|file| {
        let said: Vec<String> = read(file.as_bytes()).unwrap_err().iter().map(ToString::to_string).collect();
        said.join("\n")
    })
    .collect();
    insta::assert_snapshot!(all.join("\n--\n"));
}

proptest! {
    #[test]
    fn what_is_added_can_be_lifted_and_leaves_no_trace(
        comments in proptest::collection::vec("[ -~é]{0,30}", 4),
        entries in proptest::collection::vec(("[0-9a-f]", 0..3_usize, "[ -~é\n\u{85}\u{2028}]{0,40}"), 0..6),
        reason in "\\PC{0,60}|[ -~\n\r\t]{0,60}",
    ) {
        let environments = ["dev", "qa", "prod"];
        let mut file = format!("# {}\nversion: 1 # {}\nrejections: # {}\n", comments[0], comments[1], comments[2]).into_bytes();
        for (digit, environment, why) in entries {
            let one = Rejection { reason: why, ..rejection(digit.chars().next().unwrap()) };
            if let Some(more) = add(Some(&file), &place(environments[environment]), &one).unwrap() {
                file = more;
            }
        }
        file.extend(format!("  # {}\n", comments[3]).bytes());
        let one = Rejection { release: "g".repeat(32).parse().unwrap_or(rejection('f').release), reason, ..rejection('f') };
        if let Some(added) = add(Some(&file), &place("eu"), &one).unwrap() {
            prop_assert_eq!(lift(&added, &place("eu"), &one.release).unwrap(), Some(file));
        }
    }

    #[test]
    fn hostile_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[-a-z: \\[\\]{}\"'#\n]{0,200}") {
        let _ = read(&bytes);
        let file = format!("version: 1\nrejections:\n{text}");
        if let (Ok(before), Ok(Some(after))) = (read(file.as_bytes()), add(Some(file.as_bytes()), &place("qa"), &rejection('a'))) {
            prop_assert_eq!(read(&after).unwrap().len(), before.len() + 1);
        }
    }
}
