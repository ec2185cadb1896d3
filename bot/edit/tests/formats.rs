//! Values at key paths in TOML, dotenv and HCL, and what patterns find: tables of small files. Each edit is
//! checked against the whole expected file; each refusal against its reason and line.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use gantry_edit::format::{Format, Holds, Pattern, Quote};
use gantry_edit::key::Key;
use gantry_edit::{Reason, Refusal};

mod formats {
    pub(crate) mod dotenv;
    pub(crate) mod generated;
    pub(crate) mod hcl;
    pub(crate) mod hostile;
    pub(crate) mod pattern;
    pub(crate) mod toml;
}

/// Sets the value at the key and compares with the whole expected file; `find` must agree with what was set.
fn edits(format: Format, cases: &[(&str, &str, &str, &str)]) {
    for (key, before, wanted, after) in cases {
        let key: Key = key.parse().unwrap();
        let written = format.set(before.as_bytes(), &key, wanted).unwrap_or_else(|r| panic!("{before}: {r}"));
        assert_eq!(String::from_utf8(written.bytes.clone()).unwrap(), *after, "{before}");
        assert_eq!(written.changed, before != after);
        let old = format.find(before.as_bytes(), &key).unwrap();
        assert_eq!(old.text, written.before, "{before}");
        let new = format.find(&written.bytes, &key).unwrap();
        assert_eq!((new.text.as_str(), new.line, new.quote), (*wanted, written.line, old.quote), "{before}");
        assert_eq!((new.line, new.column, new.range.start), (old.line, old.column, old.range.start));
        assert_eq!(new.path, key.to_string());
        let token = &written.bytes[new.range];
        if before != after {
            assert_eq!(format.render(&old, wanted).unwrap().as_bytes(), token, "{before}");
        }
        let again = format.set(&written.bytes, &key, wanted).unwrap();
        assert!(!again.changed && again.bytes == written.bytes, "{before}");
        let back = format.set(&written.bytes, &key, &written.before).unwrap();
        assert_eq!(format.find(&back.bytes, &key).unwrap().text, old.text);
    }
}

/// The sentence for which `set` refuses, and that `find` refuses alike.
fn refused(format: Format, key: &str, text: &str) -> String {
    let key: Key = key.parse().unwrap();
    let refusal = format.set(text.as_bytes(), &key, "v2").expect_err(text);
    if let Ok(found) = format.find(text.as_bytes(), &key) {
        assert_eq!(format.render(&found, "v2"), Err(refusal.clone()), "{text}");
    }
    refusal.to_string()
}

fn refuses(format: Format, cases: &[(&str, &str, &str)]) {
    for (key, text, sentence) in cases {
        let shown = refused(format, key, text);
        assert!(shown.contains(sentence), "{text}\n{shown}\n{sentence}");
    }
}

fn reason<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Reason {
    result.unwrap_err().reason
}

#[test]
fn formats_are_known_by_name() {
    for (path, format) in [
        ("a/b.toml", Some(Format::Toml)),
        (".toml", None),
        (".env", Some(Format::Dotenv)),
        ("x/.env.prod", Some(Format::Dotenv)),
        ("prod.env", Some(Format::Dotenv)),
        ("main.tf", Some(Format::Hcl)),
        ("a/prod.auto.tfvars", Some(Format::Hcl)),
        ("terragrunt.hcl", Some(Format::Hcl)),
        ("main.tf.json", None),
        ("environment", None),
        ("tf", None),
    ] {
        assert_eq!(Format::detect(path), format, "{path}");
    }
}

#[test]
fn places_are_lines_and_characters() {
    for (format, text) in [
        (Format::Toml, "\u{feff}# é\r\n\"é\" = {tag = \"v1\"}"),
        (Format::Hcl, "\u{feff}# é\r\né = { tag = \"v1\" }"),
    ] {
        let found = format.find(text.as_bytes(), &"é.tag".parse().unwrap()).unwrap();
        assert_eq!((found.line, found.text.as_str()), (2, "v1"));
        assert_eq!(&text.as_bytes()[found.range.clone()], b"\"v1\"");
        let line = text.lines().nth(1).unwrap();
        assert_eq!(line.chars().position(|c| c == 'v').unwrap(), found.column, "{line}");
    }
    let found = Format::Dotenv.find(b"A=1\nexport TAG=v1", &"TAG".parse().unwrap()).unwrap();
    assert_eq!((found.line, found.column, found.range, found.quote), (2, 12, 15..17, Quote::Bare));
    let pattern = Pattern::new("é(?P<tag>.*)").unwrap();
    assert_eq!(pattern.holds(), Holds::Tag);
    let found = pattern.find("\u{feff}\nxé1".as_bytes()).unwrap();
    assert_eq!((found.line, found.column, found.range, found.path.as_str()), (2, 3, 7..8, "tag"));
}
