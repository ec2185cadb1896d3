//! Input made to hurt: it is refused with a reason, on a small stack, without expansion.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;

use gantry_edit::{
    Change, Kind, MAX_ANCHORS, MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_REFERENCES, Reason, Target, check, read,
    set,
};

/// The reason for which `check` and `read` refuse, on a stack of 128 KiB.
fn refused(name: &str, text: String) -> Option<Reason> {
    let name = name.to_owned();
    let work = move || {
        let start = Instant::now();
        let checked = check(text.as_bytes()).map_err(|refusal| refusal.reason);
        println!("{name}: {} bytes, {:?}", text.len(), start.elapsed());
        if let Err(reason) = &checked
            && !matches!(reason, Reason::DuplicateKey { .. })
        {
            assert_eq!(&read(&Target::of(Kind::Kustomization), text.as_bytes()).unwrap_err().reason, reason);
        }
        checked.err()
    };
    std::thread::Builder::new().stack_size(128 << 10).spawn(work).unwrap().join().unwrap()
}

#[test]
fn nesting_is_cut_off() {
    let deep = Some(Reason::TooDeep { limit: MAX_DEPTH });
    assert_eq!(refused("100,000 [", "[".repeat(100_000)), deep);
    assert_eq!(refused("100,000 - ", "- ".repeat(100_000)), deep);
    assert_eq!(refused("100,000 ? ", "? ".repeat(100_000)), deep);
    assert_eq!(refused("100,000 {a:", "{a: ".repeat(100_000)), deep);
    let nested: String = (0..2_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(refused("2,000 levels of keys", nested), deep);
    assert_eq!(refused("as deep as allowed", format!("{}x", "- ".repeat(MAX_DEPTH))), None);
}

#[test]
fn aliases_are_not_expanded() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let item = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![item; 9].join(", "));
    }
    bomb += "images: [{name: a, newTag: v1}]\n";
    assert_eq!(refused("alias bomb", bomb.clone()), None);
    assert_eq!(read(&Target::of(Kind::Kustomization), bomb.as_bytes()).unwrap().len(), 1);
    assert_eq!(refused("an alias of what it is in", "&a [*a, {b: *a}]\n".to_owned()), None);
}

#[test]
fn size_and_number_are_bounded() {
    let large = 100 << 20;
    let reason = Reason::TooLarge { bytes: large, limit: MAX_BYTES };
    assert_eq!(refused("100 MB scalar", "a".repeat(large)), Some(reason));
    let anchors = Some(Reason::TooMany { what: "anchors", limit: MAX_ANCHORS });
    assert_eq!(refused("a million anchors", format!("[{}", "&a,".repeat(1_000_000))), anchors);
    let spread = format!("[{}", "\n&a x,".repeat(100_000));
    assert_eq!(refused("anchors over lines", spread), anchors);
    let values = Some(Reason::TooMany { what: "values", limit: MAX_NODES });
    assert_eq!(refused("a value too many", "-\n".repeat(MAX_NODES)), values);
    let reason = values.clone();
    assert_eq!(refused("two million items in brackets", format!("[{}", "a,".repeat(2_000_000))), reason);
}

#[test]
fn what_has_no_end_is_cut_off() {
    let fill = |unit: &str| unit.repeat((1 << 20) / unit.len() + 1);
    let long = Reason::TooMany { what: "characters in one list or text", limit: 1 << 20 };
    for (name, text) in [
        ("one scalar", fill("a")),
        ("one quoted scalar not closed", format!("'{}", fill("''"))),
        ("pairs in brackets", format!("[{}", fill("a:\n"))),
    ] {
        assert_eq!(refused(name, text), Some(long.clone()), "{name}");
    }
}

#[test]
fn large_files_of_one_thing_are_read() {
    let fill = |unit: &str| unit.repeat((256 << 10) / unit.len());
    for (name, text) in [
        ("one scalar", fill("a")),
        ("one comment", format!("# {}\n", fill("x"))),
        ("blank lines", fill("\n")),
        ("carriage returns", fill("\r")),
        ("one line of words", fill("a ")),
        ("one quoted scalar of escapes", format!("\"{}\"", fill("\\n"))),
        ("block scalar", format!("|\n{}", fill(" é\n"))),
        ("a list of text", fill("- some words\n")),
        ("long keys", format!("? {}\n: b\n", fill("k"))),
    ] {
        assert_eq!(refused(name, text), None, "{name}");
    }
    let keys: String = (0..20_000).map(|at| format!("k{at}: v\n")).collect();
    assert_eq!(refused("20,000 keys", keys.clone()), None);
    let twice = Reason::DuplicateKey { key: "k7".to_owned(), first_line: 8 };
    assert_eq!(refused("20,000 keys and one again", format!("{keys}k7: v\n")), Some(twice));
}

#[test]
fn references_are_bounded_in_texts_inside_of_the_file_too() {
    let many = Reason::TooMany { what: "references", limit: MAX_REFERENCES };
    let keep = Change { tag: Some("v2"), ..Change::of("a/b") };
    let list = |count: usize, pad: &str| -> String {
        (0..count).map(|at| format!("{pad}c{at}: {{image: a/b:v1}}\n")).collect()
    };
    let application = |texts: usize, each: usize| -> String {
        let one = format!(
            "---\napiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n    helm:\n      values: |\n{}",
            list(each, "        ")
        );
        one.repeat(texts)
    };
    for (kind, good, bad) in [
        (Kind::HelmValues, list(20, ""), list(MAX_REFERENCES + 1, "")),
        (Kind::Manifest, application(3, 20), application(5, MAX_REFERENCES / 4)),
    ] {
        let target = Target::of(kind);
        assert!(!read(&target, good.as_bytes()).unwrap().is_empty());
        assert!(set(&target, good.as_bytes(), &[keep]).unwrap().changed);
        assert_eq!(read(&target, bad.as_bytes()).unwrap_err().reason, many);
        assert_eq!(set(&target, bad.as_bytes(), &[keep]).unwrap_err().reason, many);
    }
}
