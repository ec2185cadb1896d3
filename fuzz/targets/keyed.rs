//! What holds for every format with key paths. The first line of an input is the key, the rest is the file.

use gantry_edit::Reason;
use gantry_edit::format::Format;
use gantry_edit::key::Key;

use super::{first_line, outcome, refused, same_around};

pub(super) fn run(format: Format, data: &[u8]) -> u64 {
    let Some((key, file)) = first_line(data) else { return 0 };
    let key: Key = match key.parse() {
        Ok(key) => key,
        Err(error) => return outcome(&error.rule),
    };
    assert_eq!(key.to_string().parse::<Key>().as_ref(), Ok(&key), "a key reads back");
    let mut last = 0;
    for wanted in ["v2", "1.10", "r.example.com:5000/a/b:v2@sha256:00", "it's \"${x}\" \\"] {
        let found = format.find(file, &key);
        last = match format.set(file, &key, wanted) {
            Ok(written) => {
                let old = found.expect("what is set is found");
                let new = format.find(&written.bytes, &key).expect("what was set is found");
                assert_eq!((&old.text, new.text.as_str()), (&written.before, wanted));
                assert_eq!((old.line, old.column, old.quote), (new.line, new.column, new.quote));
                same_around(file, &old.range, &written.bytes, &new.range);
                assert_eq!(written.changed, old.text != wanted);
                let again = format.set(&written.bytes, &key, wanted).expect("a second time");
                assert!(!again.changed && again.bytes == written.bytes, "the second time changes nothing");
                outcome(&(
                    written.changed,
                    old.quote == gantry_edit::format::Quote::Bare,
                    old.text.is_empty(),
                ))
            }
            Err(refusal) => {
                if let Ok(found) = found {
                    let unfit = matches!(refusal.reason, Reason::InvalidValue { .. });
                    assert!(unfit, "{:?} was found, and refused: {refusal}", found.text);
                    assert_eq!(format.render(&found, wanted), Err(refusal.clone()));
                }
                refused(&refusal)
            }
        };
    }
    last
}
