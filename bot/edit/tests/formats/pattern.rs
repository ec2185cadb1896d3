use gantry_edit::Reason;
use gantry_edit::format::{Holds, MAX_PATTERN_BYTES, Pattern};

use crate::reason;

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap_or_else(|refusal| panic!("{text}: {refusal}"))
}

#[test]
fn one_match_is_set() {
    for (text, before, wanted, after) in [
        ("tag: (?P<tag>.*)", "tag: v1", "v2", "tag: v2"),
        (
            "(?m)^FROM a:(?<tag>\\S+)$",
            "# FROM a:x\nFROM a:v1\nRUN b\n",
            "v2",
            "# FROM a:x\nFROM a:v2\nRUN b\n",
        ),
        (
            "(?m)^image=(?P<image>.*?)\\r?$",
            "\u{feff}x\r\nimage=a:v1\r\n",
            "a:v2@sha256:0",
            "\u{feff}x\r\nimage=a:v2@sha256:0\r\n",
        ),
        ("@(?P<digest>sha256:[0-9a-f]+)", "a@sha256:00 é", "sha256:11", "a@sha256:11 é"),
        ("v(?P<tag>[0-9]*)é", "é v1é", "22", "é v22é"),
        ("tag=(?P<tag>\\w*)", "tag=", "v2", "tag=v2"),
        ("(?x) a (b|c) (?P<tag> \\d+ )", "ab1", "2", "ab2"),
        ("(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})", "v1", "1.10", "1.10"),
        ("(?s)begin.*tag (?P<tag>[0-9.]+)", "begin\n\ntag 1\n", "2", "begin\n\ntag 2\n"),
        // Left as it is.
        ("tag: (?P<tag>.*)", "tag: v2", "v2", "tag: v2"),
    ] {
        let pattern = pattern(text);
        let written =
            pattern.set(before.as_bytes(), wanted).unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
        assert_eq!(String::from_utf8(written.bytes.clone()).unwrap(), after, "{text}");
        assert_eq!(written.changed, before != after);
        assert!(!pattern.set(&written.bytes, wanted).unwrap().changed);
        let back = pattern.set(&written.bytes, &written.before).unwrap();
        assert_eq!(back.bytes, before.as_bytes());
        assert_eq!(pattern.render(&pattern.find(before.as_bytes()).unwrap(), wanted).unwrap(), wanted);
    }
    for (group, holds) in [("tag", Holds::Tag), ("digest", Holds::Digest), ("image", Holds::Whole)] {
        assert_eq!(pattern(&format!("(?P<{group}>a)")).holds(), holds);
    }
}

#[test]
fn bad_patterns_are_refused_by_rule() {
    for (text, rule) in [
        ("tag", "exactly one named group"),
        ("(tag)", "exactly one named group"),
        ("(?P<version>a)", "exactly one named group"),
        ("(?P<tag>a)(?P<digest>b)", "exactly one named group"),
        ("(?P<tag>a", "unclosed group"),
        ("(?P<tag>a)(?P<tag>b)", "duplicate capture group name"),
        ("(?P<tag>*)", "repetition operator missing expression"),
        ("(?P<tag>(?=a))", "look-around"),
        ("(?P<tag>\\1)", "backreferences"),
        ("(?P<tag>\\w{1000}{1000})", "compiled it is larger"),
        ("(?P<tag>[\\w][\\w.-]{0,127})", "write `[A-Za-z0-9_]` for a repeated `\\w`"),
    ] {
        let shown = Pattern::new(text).unwrap_err().to_string();
        assert!(shown.starts_with("the pattern cannot be used: ") && shown.contains(rule), "{text}: {shown}");
    }
    let long = format!("(?P<tag>{})", "a".repeat(MAX_PATTERN_BYTES));
    assert!(Pattern::new(&long).unwrap_err().to_string().contains("the limit is 1024"));
    assert!(Pattern::new(&format!("{}(?P<tag>a){}", "(".repeat(100), ")".repeat(100))).is_err());
}

#[test]
fn all_but_one_match_is_refused() {
    for (text, file, sentence) in [
        ("tag: (?P<tag>.*)", "tog: v1", "it matches nothing in the file"),
        ("^tag: (?P<tag>.*)", "\ntag: v1", "`(?m)` lets `^`"),
        ("tag: (?P<tag>.*)", "tag: a\n\ntag: b\n", "line 1, column 1: `tag` stands on lines 1 and 3"),
        ("(?P<tag>a)", &"a\n".repeat(1000), "lines 1, 2, 3, 4, 5 and 1 more"),
        ("x|(?P<tag>y)", " x", "line 1, column 2: the pattern cannot be used: its group `tag` has no part"),
        ("(?s)(?P<tag>.*)", "a\nb", "goes over several lines"),
        ("(?P<tag>a)", "a\u{0}", "control character 0x00"),
    ] {
        let refusal = pattern(text).set(file.as_bytes(), "v2").unwrap_err();
        assert!(refusal.to_string().contains(sentence), "{text}: {refusal}");
        assert_eq!(pattern(text).find(file.as_bytes()).unwrap_err(), refusal);
    }
    assert_eq!(reason(pattern("(?P<tag>a)").find(b"a\xff")), Reason::NotUtf8);
}

#[test]
fn what_the_pattern_does_not_find_again_is_refused() {
    for (text, file, wanted) in [
        ("(?P<tag>v[0-9])", "v1", "w1"),
        ("(?P<tag>v[0-9])", "v1", "v12"),
        ("(?P<tag>v[0-9])", "v1", "v1 v2"),
        ("(?P<tag>v[0-9])", "v1", ""),
        ("(?P<tag>[a-z]+)[0-9]*$", "a1", "b2"),
    ] {
        let shown = reason(pattern(text).set(file.as_bytes(), wanted));
        assert!(matches!(shown, Reason::ProofFailed { .. }), "{text} {wanted}: {shown:?}");
    }
    let shown = reason(pattern("(?P<tag>.+)").set(b"a", "b\nc"));
    assert!(matches!(shown, Reason::InvalidValue { .. }), "{shown:?}");
}
