//! Files of every YAML kind, generated: an edit is exactly the replacement of the tag's bytes, by a search
//! and replace and by granit-parser; and a tag that looks like another type stays a text.

#![allow(clippy::unwrap_used)]

#[path = "common/granit.rs"]
mod granit;
#[path = "common/made.rs"]
mod made;
#[path = "common/resolve.rs"]
mod resolve;

use gantry_edit::{Change, Kind, Reason, Target, check, read, set};
use made::{IMAGE, file};
use proptest::prelude::*;
use resolve::Type;

const OLD: &str = "v7.old-1";
const NEW: &str = "v8.new-22";

fn tagged<'a>(image: &'a str, tag: &'a str) -> Change<'a> {
    Change { tag: Some(tag), ..Change::of(image) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1_000), ..ProptestConfig::default() })]

    #[test]
    fn an_edit_is_the_replacement_of_the_tag_and_nothing_else(made in file()) {
        let text = made.with(OLD);
        prop_assert!(check(text.as_bytes()).is_ok(), "{:?} in {text}", check(text.as_bytes()));
        let target = Target::of(made.kind);
        let found = read(&target, text.as_bytes()).unwrap();
        let ours: Vec<_> = found.iter().filter(|found| found.image == IMAGE).collect();
        prop_assert_eq!(ours.len(), made.places(), "{:#?} in {}", ours, text);
        for reference in ours {
            prop_assert!(reference.blocked.is_none(), "{:?} in {}", reference.blocked, text);
            prop_assert_eq!(&reference.tag.as_ref().unwrap().value, OLD);
        }
        let edited = set(&target, text.as_bytes(), &[tagged(IMAGE, NEW)]).unwrap();
        prop_assert_eq!(std::str::from_utf8(&edited.bytes).unwrap(), made.with(NEW));
        let before = granit::values(text.as_bytes()).unwrap();
        let wanted: Vec<String> = before.iter().map(|value| value.replace(OLD, NEW)).collect();
        prop_assert_eq!(granit::values(&edited.bytes).unwrap(), wanted);
        prop_assert!(!set(&target, &edited.bytes, &[tagged(IMAGE, NEW)]).unwrap().changed);
        let back = set(&target, &edited.bytes, &[tagged(IMAGE, OLD)]).unwrap();
        prop_assert_eq!(std::str::from_utf8(&back.bytes).unwrap(), text);
    }

    #[test]
    fn a_reference_is_edited_alone_by_its_path(made in file(), which in any::<prop::sample::Index>()) {
        let text = made.with(OLD);
        let found = read(&Target::of(made.kind), text.as_bytes()).unwrap();
        let ours: Vec<usize> = (0..found.len()).filter(|at| found[*at].image == IMAGE).collect();
        let at = ours[which.index(ours.len())];
        // A path into a text within the file is for people to read.
        prop_assume!(!found[at].path.contains('|'));
        let target = Target { key: Some(&found[at].path), ..Target::of(made.kind) };
        let edited = set(&target, text.as_bytes(), &[tagged(IMAGE, NEW)]).unwrap();
        let range = found[at].tag.as_ref().unwrap().bytes.clone().unwrap();
        let mut wanted = text.clone();
        wanted.replace_range(range.clone(), &text[range].replace(OLD, NEW));
        prop_assert_eq!(std::str::from_utf8(&edited.bytes).unwrap(), wanted);
    }

    #[test]
    fn a_tag_that_looks_like_another_type_reads_back_as_text(made in file(), odd in prop::sample::select(ODD.to_vec())) {
        let text = made.with(OLD);
        let edited = set(&Target::of(made.kind), text.as_bytes(), &[tagged(IMAGE, odd)]).unwrap();
        let (before, after) = (scalars_of(text.as_bytes()), scalars_of(&edited.bytes));
        prop_assert_eq!(before.len(), after.len());
        for ((old, _), (new, style)) in before.iter().zip(&after) {
            if old.contains('\n') && new != old {
                // Values within a text.
                let (before, after) = (scalars_of(old.as_bytes()), scalars_of(new.as_bytes()));
                prop_assert_eq!(before.len(), after.len());
                for ((old, _), (new, style)) in before.iter().zip(&after) {
                    prop_assert_eq!(&old.replace(OLD, odd), new);
                    prop_assert!(new == old || *style != 'p' || is_text(new), "{} in {}", new, text);
                }
                continue;
            }
            prop_assert_eq!(&old.replace(OLD, odd), new);
            prop_assert!(new == old || *style != 'p' || is_text(new), "{} in {}", new, String::from_utf8_lossy(&edited.bytes));
        }
        let again = read(&Target::of(made.kind), &edited.bytes).unwrap();
        let tags = again.iter().filter(|found| found.image == IMAGE);
        prop_assert!(tags.map(|found| &*found.tag.as_ref().unwrap().value).all(|tag| tag == odd));
    }
}

/// Valid tags that some reader takes for another type.
const ODD: [&str; 20] = [
    "1.10",
    "1e3",
    "012",
    "1_000",
    "on",
    "no",
    "null",
    "2024-01-01",
    "0x1F",
    "0o17",
    "true",
    "y",
    "1",
    "09",
    "1.",
    "0b1",
    "1e-3",
    "Off",
    "6.8e5",
    "2024-1-1",
];

fn is_text(value: &str) -> bool {
    resolve::by_1_1(value) == Type::Text && resolve::by_1_2(value) == Type::Text
}

/// Values and styles, by granit-parser.
fn scalars_of(bytes: &[u8]) -> Vec<(String, char)> {
    let text = std::str::from_utf8(bytes).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    granit::scalars(text).unwrap().into_iter().map(|(value, style, _)| (value, style)).collect()
}

/// Where a tag may stand, with `@` in its place.
const PLACES: [(Kind, &str, char); 13] = [
    (Kind::Kustomization, "images:\n- name: a/b\n  newTag: @\n", 'p'),
    (Kind::Kustomization, "images:\n- name: a/b\n  newTag: '@'\n", '\''),
    (Kind::Kustomization, "images: [{name: a/b, newTag: \"@\"}]\n", '"'),
    (Kind::HelmValues, "image:\n  repository: a/b\n  tag: @ # x\n", 'p'),
    (Kind::HelmValues, "image: {repository: a/b, tag: @}\n", 'p'),
    (Kind::HelmValues, "image: {repository: a/b, tag: '@'}\n", '\''),
    (Kind::HelmValues, "image:\n  repository: a/b\n  tag: \"@\"\n", '"'),
    (Kind::HelmValues, "image: a/b:@\n", 'p'),
    (Kind::Compose, "services:\n  x: {image: 'a/b:@'}\n", '\''),
    (Kind::Manifest, "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: a/b:@\n", 'p'),
    (Kind::Manifest, "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: \"a/b:@\"\n", '"'),
    (Kind::Yaml, "a:\n  tag: @\n", 'p'),
    (Kind::Json, "{\"a\": {\"tag\": \"@\"}}\n", '"'),
];

#[test]
fn every_odd_tag_keeps_its_type_in_every_place() {
    let valid = |tag: &str| !tag.contains([':', '~']) && !tag.starts_with('.');
    let more = [".5", "1:", "~", "12:30:45"];
    for (kind, text, style) in PLACES {
        let target =
            Target { key: kind.needs_key().then_some("a.tag"), image: Some("a/b"), ..Target::of(kind) };
        for tag in ODD.into_iter().chain(more) {
            for line_end in ["\n", "\r\n"] {
                let text = text.replace('\n', line_end);
                let plain = text.replace('@', OLD);
                let edited = set(&target, plain.as_bytes(), &[tagged("a/b", tag)]);
                if !valid(tag) {
                    let reason = edited.unwrap_err().reason;
                    assert!(matches!(reason, Reason::InvalidValue { .. }), "{tag}: {reason:?}");
                    continue;
                }
                let edited = edited.unwrap();
                let (before, after) = (scalars_of(plain.as_bytes()), scalars_of(&edited.bytes));
                let changed: Vec<_> = before.iter().zip(&after).filter(|(old, new)| old.0 != new.0).collect();
                let [(old, new)] = changed[..] else { panic!("{changed:?}") };
                assert_eq!(new.0, old.0.replace(OLD, tag));
                let quoted = if style == 'p' && !is_text(&new.0) { '"' } else { style };
                // Quotes where they are needed; where we are more careful than the two readers, they may be.
                assert!(
                    new.1 == quoted || new.1 == '"',
                    "{tag} in {text}: {}",
                    String::from_utf8_lossy(&edited.bytes)
                );
                let read = read(&target, &edited.bytes).unwrap();
                assert_eq!(read[0].tag.as_ref().unwrap().value, tag);
                assert!(!set(&target, &edited.bytes, &[tagged("a/b", tag)]).unwrap().changed);
                let back = set(&target, &edited.bytes, &[tagged("a/b", OLD)]).unwrap();
                let back = String::from_utf8(back.bytes).unwrap();
                let unquoted = |text: &str| text.replace('"', "");
                assert!(back == plain || new.1 != style && unquoted(&back) == unquoted(&plain), "{back}");
            }
        }
    }
}

#[test]
fn a_joined_text_that_becomes_a_time_is_quoted() {
    for (old, tag, wanted) in
        [("12:v1", "30", "\"12:30\""), ("1:v1", "20", "\"1:20\""), ("12:v1", "v3", "12:v3")]
    {
        let text = |image: &str| format!("services:\n  a:\n    image: {image}\n");
        let name = old.split(':').next().unwrap();
        let edited = set(&Target::of(Kind::Compose), text(old).as_bytes(), &[tagged(name, tag)]).unwrap();
        assert_eq!(String::from_utf8(edited.bytes).unwrap(), text(wanted));
    }
}
