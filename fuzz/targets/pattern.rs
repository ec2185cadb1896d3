//! Patterns. The first line of an input is the pattern, the rest is the file.

use gantry_edit::Reason;
use gantry_edit::format::Pattern;

use super::{first_line, outcome, refused, same_around};

pub(super) fn run(data: &[u8]) -> u64 {
    let Some((pattern, file)) = first_line(data) else { return 0 };
    let pattern = match Pattern::new(pattern) {
        Ok(pattern) => pattern,
        Err(refusal) => return refused(&refusal),
    };
    let found = pattern.find(file);
    match pattern.set(file, "v2") {
        Ok(written) => {
            let old = found.expect("what is set is found");
            let new = pattern.find(&written.bytes).expect("what was set is found");
            assert_eq!((&old.text, new.text.as_str()), (&written.before, "v2"));
            same_around(file, &old.range, &written.bytes, &new.range);
            let again = pattern.set(&written.bytes, "v2").expect("a second time");
            assert!(!again.changed && again.bytes == written.bytes, "the second time changes nothing");
            outcome(&(written.changed, old.path, old.text.is_empty()))
        }
        Err(refusal) => {
            // A pattern may well not find the new value: it says what values look like.
            let unproven = matches!(refusal.reason, Reason::ProofFailed { .. });
            assert!(found.is_err() || unproven, "found, and refused: {refusal}");
            refused(&refusal)
        }
    }
}
