//! Generated documents: setting one value changes its bytes only and reads back; the old value again gives the
//! old meaning; damage ends in a refusal or a sound edit.

use gantry_edit::format::{Format, Found, Pattern};
use gantry_edit::key::Key;
use proptest::prelude::*;

fn blanks() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(vec!["", " ", "  ", "\t"])
}

/// A TOML value that is not the one sought.
fn toml_value() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        "[1-9][0-9]{0,4}",
        "[0-9]\\.[0-9]{1,3}",
        Just("true".to_owned()),
        Just("2024-01-01T00:00:00Z".to_owned()),
        "'[a-zé#\\[{\" .=]{0,8}'",
        "\"[a-zé#\\[{' .=]{0,6}(\\\\\"|\\\\\\\\|\\\\u00e9){0,2}\"",
        Just("\"\"\"\ntag = 'v1'\n\"\" \\\n  é\"\"\"".to_owned()),
        Just("'''\n[a]\ntag = \"v1\"\n'''".to_owned()),
        Just("[1, [2.5, 'x]'], # ]\n  { a.b = 1, tag = 'v1' },\n]".to_owned()),
        Just("{ tag = 'v1', b = [] }".to_owned()),
    ]
}

/// A TOML document, the key of its `tag`, and its value.
fn toml() -> impl Strategy<Value = (String, String, String)> {
    let lines = prop::collection::vec((blanks(), toml_value(), any::<bool>()), 0..6);
    let quote = prop::sample::select(vec!["'", "\"", "'''", "\"\"\""]);
    (lines.clone(), lines, quote, 0u8..5, "[a-z0-9.-]{0,8}", blanks(), any::<(bool, bool, bool)>()).prop_map(
        |(before, after, quote, place, value, blank, (crlf, last, bom))| {
            let block = |lines: Vec<(&str, String, bool)>, name: &str| {
                let line = |(at, (blank, value, comment)): (usize, (&str, String, bool))| {
                    let comment = if comment { " # 'tag' é" } else { "" };
                    format!("{blank}{name}{at}{blank}={blank}{value}{comment}\n")
                };
                lines.into_iter().enumerate().map(line).collect::<String>()
            };
            let (before, after) = (block(before, "b"), block(after, "c"));
            let entry = format!("tag{blank}={blank}{quote}{value}{quote}");
            let (text, key) = match place {
                0 => (format!("{before}{entry}\n{after}"), "tag"),
                1 => (format!("{before}[x.y]\n{entry} # v\n{after}"), "x.y.tag"),
                2 => (format!("{before}[[x]]\ntag = 'v1'\n[[x]]\n{entry}\n{after}"), "x[1].tag"),
                3 => (format!("{before}x = [{{ {entry} }}, 'v1']\n{after}"), "x[0].tag"),
                _ => (format!("{before}x.\"y.z\".{entry}\n{after}"), "x.\"y.z\".tag"),
            };
            (finish(text, crlf, last, bom), key.to_owned(), value)
        },
    )
}

fn finish(mut text: String, crlf: bool, last: bool, bom: bool) -> String {
    if crlf {
        text = text.replace('\n', "\r\n");
    }
    let text = if last { text } else { text.trim_end_matches(['\r', '\n']).to_owned() };
    if bom { format!("\u{feff}{text}") } else { text }
}

fn dotenv() -> impl Strategy<Value = (String, String, String)> {
    let line = prop_oneof![
        "[A-Z]{1,3}_=[a-z0-9#$][a-z0-9 $#\"]{0,8}[a-z]",
        "export [A-Z]{1,3}_='[a-zé =#\"\\n]{0,8}'",
        "[A-Z]{1,3}_ = \"[a-zé =#'\\n$]{0,8}(\\\\\"|\\\\n)?\" # é",
        "# TAG=[a-z]{0,4}",
        Just("export ONLY_".to_owned()),
        Just(String::new()),
    ];
    let lines = prop::collection::vec(line, 0..6);
    let quote = prop::sample::select(vec!["", "'", "\""]);
    let export = prop::sample::select(vec!["", "export ", " "]);
    let trailer = prop::sample::select(vec!["", " # v1", "\t"]);
    (lines.clone(), lines, (quote, export, trailer), "[a-z0-9.-]{0,8}", any::<(bool, bool, bool)>()).prop_map(
        |(before, after, (quote, export, trailer), value, (crlf, last, bom))| {
            let block = |lines: Vec<String>| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let (before, after) = (block(before), block(after));
            let text = format!("{before}{export}TAG={quote}{value}{quote}{trailer}\n{after}");
            (finish(text, crlf, last, bom), "TAG".to_owned(), value)
        },
    )
}

fn hcl_value() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        "[1-9][0-9]{0,4}",
        "\"[a-zé#\\[{' .=]{0,6}(\\\\\"|\\\\\\\\|\\$\\$\\{)?\"",
        Just("\"${a.b[0]}-${f(\"}\", { tag = \"v1\" })}\"".to_owned()),
        Just("<<-EOT\n  tag = \"v1\"\n  ${x} }\n  EOT".to_owned()),
        Just("{ tag = \"v1\", \"b\" : [1, 2] }".to_owned()),
        Just("[for x in y : upper(x) if x != \"v1\"]".to_owned()),
        Just("a ? b : -(c + 1) * 2".to_owned()),
        Just("{\n  a = 1 # }\n  /* { */ b = \"é\"\n}".to_owned()),
    ]
}

fn hcl() -> impl Strategy<Value = (String, String, String)> {
    let lines = prop::collection::vec((blanks(), hcl_value()), 0..6);
    let trailer = prop::sample::select(vec!["", " # v1", " // \"", " /* x */"]);
    (lines.clone(), lines, 0u8..5, "[a-z0-9.-]{0,8}", (blanks(), trailer), any::<(bool, bool, bool)>())
        .prop_map(|(before, after, place, value, (blank, trailer), (crlf, last, bom))| {
            let block = |lines: Vec<(&str, String)>, name: &str| {
                let line = |(at, (blank, value)): (usize, (&str, String))| {
                    format!("{blank}{name}{at}{blank}={blank}{value}\n")
                };
                lines.into_iter().enumerate().map(line).collect::<String>()
            };
            let (before, after) = (block(before, "b"), block(after, "c"));
            let entry = format!("tag{blank}={blank}\"{value}\"");
            let (text, key) = match place {
                0 => (format!("{before}{entry}{trailer}\n{after}"), "tag"),
                1 => (format!("{before}x \"y.z\" w {{\n{entry}{trailer}\n}}\n{after}"), "x.\"y.z\".w.tag"),
                2 => (format!("{before}x {{\n}}\nx {{ {entry} }}\n{after}"), "x.tag"),
                3 => (format!("{before}x = [1, {{ {entry} }}]\n{after}"), "x[1].tag"),
                _ => (
                    format!("x {{\n{before}y = {{\n\"tag\" :{blank}\"{value}\"{trailer}\n}}\n{after}}}\n"),
                    "x.y.tag",
                ),
            };
            (finish(text, crlf, last, bom), key.to_owned(), value)
        })
}

/// The bytes before and behind the value are the same.
fn same_around(before: &[u8], after: &[u8], old: &Found, new: &Found) {
    assert_eq!(before[..old.range.start], after[..new.range.start]);
    assert_eq!(before[old.range.end..], after[new.range.end..]);
}

fn sets(format: Format, (text, key, value): (String, String, String)) {
    let key: Key = key.parse().unwrap();
    let bytes = text.as_bytes();
    let old = format.find(bytes, &key).unwrap_or_else(|refusal| panic!("{text}\n{refusal}"));
    assert_eq!(old.text, value);
    for wanted in ["1.10", "v2", "", &value] {
        let written = format.set(bytes, &key, wanted).unwrap_or_else(|refusal| panic!("{text}\n{refusal}"));
        let new = format.find(&written.bytes, &key).unwrap();
        assert_eq!(new.text, wanted);
        same_around(bytes, &written.bytes, &old, &new);
        let back = format.set(&written.bytes, &key, &value).unwrap();
        assert_eq!(String::from_utf8(back.bytes).unwrap(), text);
    }
}

/// What holds for any bytes.
fn sound(format: Format, key: &Key, bytes: &[u8]) {
    let Ok(written) = format.set(bytes, key, "v2") else { return };
    let (old, new) = (format.find(bytes, key).unwrap(), format.find(&written.bytes, key).unwrap());
    assert_eq!((new.text.as_str(), old.text), ("v2", written.before));
    same_around(bytes, &written.bytes, &format.find(bytes, key).unwrap(), &new);
    assert!(!format.set(&written.bytes, key, "v2").unwrap().changed);
}

fn damaged(text: &str, damage: Vec<(prop::sample::Index, u8, String)>) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, how, with) in damage {
        let at = at.index(chars.len().max(1));
        match how {
            0 if at < chars.len() => drop(chars.remove(at)),
            1 => chars.truncate(at.max(chars.len() / 2)),
            _ => drop(chars.splice(at.min(chars.len())..at.min(chars.len()), with.chars())),
        }
    }
    chars.into_iter().collect()
}

fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, String)>> {
    let with = "[-=:?{}\\[\\],.&*!|<>'\"%@`$#/\\\\ \t\n0taé]{1,3}";
    prop::collection::vec((any::<prop::sample::Index>(), 0u8..4, with), 1..5)
}

proptest! {
    // `PROPTEST_CASES` asks for more.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(500), ..ProptestConfig::default() })]

    #[test]
    fn toml_is_set_and_set_back(case in toml()) {
        sets(Format::Toml, case);
    }

    #[test]
    fn dotenv_is_set_and_set_back(case in dotenv()) {
        sets(Format::Dotenv, case);
    }

    #[test]
    fn hcl_is_set_and_set_back(case in hcl()) {
        sets(Format::Hcl, case);
    }

    #[test]
    fn damaged_files_are_refused_or_edited_soundly(
        (toml, dotenv, hcl) in (toml(), dotenv(), hcl()), damage in damage(),
    ) {
        for (format, (text, key, _)) in [(Format::Toml, toml), (Format::Dotenv, dotenv), (Format::Hcl, hcl)] {
            sound(format, &key.parse().unwrap(), damaged(&text, damage.clone()).as_bytes());
        }
    }

    #[test]
    fn patterns_find_what_they_set(
        (before, value, after) in ("[a-z\\n: é]{0,20}", "[a-z0-9.]{0,8}", "(\\n[a-z\\n: é]{0,20})?"),
        wanted in "[a-z0-9. =]{0,8}",
    ) {
        let text = format!("{before}\ntag={value}{after}");
        let pattern = Pattern::new("(?m)^tag=(?P<tag>[a-z0-9.]*)$").unwrap();
        let old = pattern.find(text.as_bytes()).unwrap();
        if let Ok(written) = pattern.set(text.as_bytes(), &wanted) {
            let new = pattern.find(&written.bytes).unwrap();
            prop_assert_eq!(&new.text, &wanted);
            same_around(text.as_bytes(), &written.bytes, &old, &new);
        } else {
            prop_assert!(wanted.contains([' ', '=']));
        }
    }
}
