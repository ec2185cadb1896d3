//! Generated documents: spans against granit-parser, edits that undo each other, and damage that must end in
//! a refusal or a sound edit, never in a panic.

#![allow(clippy::unwrap_used)]

#[path = "common/granit.rs"]
mod granit;
#[path = "common/spans.rs"]
mod spans;

use gantry_edit::syntax::Tree;
use gantry_edit::{Change, Kind, SetDigest, Target, check, read, set};
use proptest::prelude::*;

/// A scalar with its quotes, as people write them; some over several lines, some with anchor or tag.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9][a-zA-Z0-9._/-]{0,12}",
        "'[a-zé ☃:#]{0,6}(''){0,2}[a-z]{0,3}'",
        r#""[a-zé {}:#']{0,6}(\\"|\\\\|\\u00e9|\\t){0,2}[a-z]{0,3}""#,
        "[a-z][a-z é]{0,8}[a-z]",
        "&a[0-9] [a-z]{1,5}",
        "!!str [0-9]\\.[0-9]{1,2}",
        "registry\\.example\\.com:5000/[a-z]{1,6}:[0-9]\\.[0-9]@sha256:[0-9a-f]{8}",
        Just("[a, 'b c', \"d\\\"é\", {x: 1, y: \"z\"}, q: r]".to_owned()),
        Just("{a: 'é', b: [1, {c: d}]}".to_owned()),
        Just(String::new()),
    ]
}

fn trailer() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(String::new()),
        1 => Just("  ".to_owned()),
        2 => "[ ]{1,3}# [a-zé\"'{: ]{0,9}",
    ]
}

/// Lines of a mapping with nested mappings, lists, block scalars and comments.
fn document() -> impl Strategy<Value = String> {
    let line = (0usize..4, 0u8..12, scalar(), trailer());
    (any::<bool>(), any::<bool>(), prop::collection::vec(line, 1..14), any::<bool>()).prop_map(
        |(crlf, mark, lines, last)| {
            let end = if crlf { "\r\n" } else { "\n" };
            let mut text = String::from(if mark { "---\n" } else { "" });
            let mut deep = 0;
            for (at, (indent, kind, value, trailer)) in lines.into_iter().enumerate() {
                deep = indent.min(deep);
                let pad = "  ".repeat(deep);
                match kind {
                    0 => {
                        text += &format!("{pad}k{at}:{trailer}{end}");
                        deep += 1;
                    }
                    1 => text += &format!("{pad}k{at}: |{end}{pad}  é text{end}{pad}  ☃{end}"),
                    2 => text += &format!("{pad}k{at}: >-{end}{pad}  folded{end}{pad}  é{end}"),
                    3 => text += &format!("{pad}# é ☃ \"comment{end}"),
                    4 => text += &format!("{pad}k{at}:{end}{pad}- {value}{trailer}{end}{pad}- name: x{end}"),
                    5 => text += &format!("{pad}\"ké{at}\" : {value}{trailer}{end}"),
                    6 => text += &format!("{pad}k{at}: plain{end}{pad}  over lines{end}"),
                    _ => text += &format!("{pad}k{at}: {value}{trailer}{end}"),
                }
            }
            if last { text } else { text.trim_end_matches(['\r', '\n']).to_owned() }
        },
    )
}

/// A kustomization with an entry for `shop/checkout` with a tag, among others.
fn kustomization() -> impl Strategy<Value = (String, String)> {
    let tag = prop_oneof!["v[0-9]{1,2}\\.[0-9]", "[0-9]\\.[0-9]\\.[0-9]", "[a-z]{3,6}-[0-9a-f]{4}"];
    let quote = prop::sample::select(vec!["", "'", "\""]);
    (
        (tag, quote, trailer(), trailer(), trailer()),
        (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        (prop::sample::select(vec!["", "  ", "    "]), 1usize..4, document()),
    )
        .prop_map(
            |((tag, quote, t1, t2, t3), (flow, crlf, last, before, digest), (pad, gap, around))| {
                let gap = " ".repeat(gap);
                let value = format!("{quote}{tag}{quote}");
                let pin = if digest { format!("sha256:{}", "0".repeat(64)) } else { String::new() };
                let entry = if flow {
                    let pin = if digest { format!(",digest: {pin}") } else { String::new() };
                    format!("{pad}-{gap}{{ name: shop/checkout, newTag: {value}{pin} }}{t1}\n")
                } else {
                    let inner = format!("{pad} {gap}");
                    let pin = if digest { format!("{inner}digest: {pin}{t3}\n") } else { String::new() };
                    format!("{pad}-{gap}name: shop/checkout{t1}\n{inner}newTag: {value}{t2}\n{pin}")
                };
                let around = around.replace("---\n", "").replace("\r\n", "\n");
                let around = format!("{}\n", around.trim_end_matches('\n'));
                let images = format!("images:{t3}\n{pad}- {{name: other}}\n{entry}{pad}- name: last\n");
                let mut text = if before { format!("{around}{images}") } else { format!("{images}{around}") };
                if crlf {
                    text = text.replace('\n', "\r\n");
                }
                let text = if last { text } else { text.trim_end_matches(['\r', '\n']).to_owned() };
                (text, tag)
            },
        )
}

fn change<'a>(tag: Option<&'a str>, digest: SetDigest<'a>) -> Change<'a> {
    Change { tag, digest, ..Change::of("shop/checkout") }
}

/// By granit-parser, which the crate's own proof does not use: the whole files hold the same scalars but for
/// one value that is now `new`, or one pair more that ends in it.
fn assert_differ_in(before: &[u8], after: &[u8], new: &str) {
    let Some(mut old) = granit::values(before) else { return };
    let now = granit::values(after).unwrap();
    let at = old.iter().zip(&now).position(|(old, now)| old != now).unwrap_or(old.len());
    if old.len() == now.len() {
        old[at] = new.to_owned();
    } else {
        // A pair before another one of the same key differs from its second half on.
        let at = if now[at] == new && at > 0 { at - 1 } else { at };
        old.splice(at..at, [now[at].clone(), new.to_owned()]);
    }
    assert_eq!(old, now);
}

proptest! {
    // At least a thousand of each; `PROPTEST_CASES` asks for more.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1_000), ..ProptestConfig::default() })]

    #[test]
    fn spans_are_those_of_another_parser(text in document()) {
        let Ok(tree) = Tree::parse(text.as_bytes()) else { return Ok(()) };
        if let Some(theirs) = granit::scalars(&text) {
            spans::assert_same_spans(&text, &spans::scalars(&tree), &theirs);
        }
    }

    #[test]
    fn a_new_tag_and_the_old_one_again_give_the_original((text, tag) in kustomization()) {
        prop_assume!(check(text.as_bytes()).is_ok() && granit::scalars(&text).is_some());
        let bytes = text.as_bytes();
        let edited = set(&Target::of(Kind::Kustomization), bytes, &[change(Some("1e3"), SetDigest::Keep)]).unwrap();
        prop_assert!(edited.changed);
        assert_differ_in(bytes, &edited.bytes, "1e3");
        let plain = set(&Target::of(Kind::Kustomization), bytes, &[change(Some("v9"), SetDigest::Keep)]).unwrap();
        assert_differ_in(bytes, &plain.bytes, "v9");
        let back = change(Some(&tag), SetDigest::Keep);
        let restored = set(&Target::of(Kind::Kustomization), &plain.bytes, &[back]).unwrap();
        prop_assert_eq!(String::from_utf8(restored.bytes).unwrap(), text);
    }

    #[test]
    fn a_digest_that_is_added_can_be_taken_out_again((text, _) in kustomization()) {
        prop_assume!(check(text.as_bytes()).is_ok());
        let digest = format!("sha256:{}", "b".repeat(64));
        let found = read(&Target::of(Kind::Kustomization), text.as_bytes()).unwrap();
        let had = found.iter().any(|reference| reference.digest.is_some());
        let pinned =
            set(&Target::of(Kind::Kustomization), text.as_bytes(), &[change(None, SetDigest::Set(&digest))]).unwrap();
        assert_differ_in(text.as_bytes(), &pinned.bytes, &digest);
        let free = set(&Target::of(Kind::Kustomization), &pinned.bytes, &[change(None, SetDigest::Remove)]).unwrap();
        prop_assert!(read(&Target::of(Kind::Kustomization), &free.bytes).unwrap().iter().all(|r| r.digest.is_none()));
        if !had {
            prop_assert_eq!(String::from_utf8(free.bytes).unwrap(), text);
        }
    }

    #[test]
    fn damaged_files_are_refused_or_edited_soundly(
        (text, _) in kustomization(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0u8..4, "[-:?{}\\[\\],&*!|>'\"%@` \t\r\n#a\u{feff}é<]{1,3}"), 1..5),
    ) {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, how, with) in damage {
            let at = at.index(chars.len());
            match how {
                0 => { chars.remove(at); }
                1 => { let half = chars.len() / 2; chars.truncate(at.max(half).max(1)); }
                _ => { chars.splice(at..at, with.chars()); }
            }
            if chars.is_empty() { chars.push('\n'); }
        }
        let text: String = chars.into_iter().collect();
        let digest = format!("sha256:{}", "b".repeat(64));
        for wanted in [
            change(Some("9.9.9-gantry"), SetDigest::Keep),
            change(None, SetDigest::Set(&digest)),
        ] {
            if let Ok(edited) = set(&Target::of(Kind::Kustomization), text.as_bytes(), &[wanted]) && edited.changed {
                let new = wanted.tag.unwrap_or(&digest);
                assert_differ_in(text.as_bytes(), &edited.bytes, new);
                // The crate's whole-file view agrees with what was proven on a part.
                let (before, after) =
                    (Tree::parse(text.as_bytes()).unwrap(), Tree::parse(&edited.bytes).unwrap());
                let more = 2 * usize::from(edited.edits[0].before.is_none() && edited.edits[0].after.is_some());
                let filled = after.ids().count() == before.ids().count();
                prop_assert!(filled || after.ids().count() == before.ids().count() + more);
                prop_assert!(!set(&Target::of(Kind::Kustomization), &edited.bytes, &[wanted]).unwrap().changed);
            }
        }
        let _ = (check(text.as_bytes()), read(&Target::of(Kind::Kustomization), text.as_bytes()));
    }

    #[test]
    fn noise_never_panics(text in "[-:?{}\\[\\],&*!|>'\"%@` \t\r\n#ab\u{feff}é<.0~]{0,80}") {
        let _ = (check(text.as_bytes()), read(&Target::of(Kind::Kustomization), text.as_bytes()));
    }
}
