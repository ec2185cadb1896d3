//! The lines that a refusal names: of a text within a file as those of the file, and as words.

use super::{Reason, Refusal};

impl Refusal {
    /// The refusal with every line that its reason names as `line` gives it; its own place stays.
    pub(crate) fn with_lines(mut self, line: impl Fn(usize) -> usize) -> Self {
        match &mut self.reason {
            Reason::DuplicateKey { first_line: named, .. } | Reason::Alias { anchor_line: named, .. } => {
                *named = line(*named);
            }
            Reason::SharedAnchor { users: named, .. }
            | Reason::SeveralDocuments { lines: named, .. }
            | Reason::Ambiguous { lines: named, .. }
            | Reason::KeyInDocuments { lines: named }
            | Reason::SeveralValues { lines: named, .. } => {
                named.iter_mut().for_each(|named| *named = line(*named));
            }
            Reason::NotFound { renamed, .. } => {
                renamed.iter_mut().for_each(|renamed| renamed.line = line(renamed.line));
            }
            Reason::TooLarge { .. }
            | Reason::NotUtf8
            | Reason::ControlCharacter { .. }
            | Reason::TooDeep { .. }
            | Reason::TooMany { .. }
            | Reason::Syntax { .. }
            | Reason::TabBehindColon
            | Reason::Template
            | Reason::FilledLater { .. }
            | Reason::MergeKey
            | Reason::MultiLine { .. }
            | Reason::Tagged { .. }
            | Reason::Shape { .. }
            | Reason::TwoDigests
            | Reason::TwoChanges { .. }
            | Reason::InvalidValue { .. }
            | Reason::NoRoom { .. }
            | Reason::NoReference { .. }
            | Reason::Interpolated { .. }
            | Reason::NoDigest { .. }
            | Reason::DigestDemanded { .. }
            | Reason::BadKey { .. }
            | Reason::ProofFailed { .. }
            | Reason::Invalid { .. }
            | Reason::NoSuchKey { .. }
            | Reason::NotEditable { .. }
            | Reason::Pattern { .. } => {}
        }
        self
    }
}

/// `line 3`, `lines 3 and 7`, `lines 3, 7 (twice) and 9`; at most five are named.
pub(super) fn list(lines: &[usize]) -> String {
    let named: Vec<String> = lines
        .chunk_by(|one, other| one == other)
        .take(5)
        .map(|same| match (same.len(), same.first().copied().unwrap_or_default()) {
            (1, line) => line.to_string(),
            (2, line) => format!("{line} (twice)"),
            (times @ 3..=5, line) => format!("{line} ({times} times)"),
            // Who seeks them may have stopped there.
            (_, line) => format!("{line} (more than 5 times)"),
        })
        .collect();
    let more = lines.chunk_by(|one, other| one == other).count().saturating_sub(5);
    match named.split_last() {
        None => String::from("other lines"),
        Some((last, [])) => format!("line {last}"),
        Some(_) if more > 0 => format!("lines {} and {more} more", named.join(", ")),
        Some((last, rest)) => format!("lines {} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_as_a_person_would() {
        assert_eq!(list(&[3]), "line 3");
        assert_eq!(list(&[3, 7, 9]), "lines 3, 7 and 9");
        assert_eq!(list(&[1, 2, 3, 4, 5, 6, 7]), "lines 1, 2, 3, 4, 5 and 2 more");
        assert_eq!(list(&[1, 1, 1]), "line 1 (3 times)");
        assert_eq!(list(&[1; 6]), "line 1 (more than 5 times)");
        assert_eq!(list(&[1, 4, 4, 9]), "lines 1, 4 (twice) and 9");
        assert_eq!(list(&[1, 1, 2, 3, 4, 5, 6, 6]), "lines 1 (twice), 2, 3, 4, 5 and 1 more");
    }

    #[test]
    fn lines_of_a_reason_are_those_of_the_file() {
        let reason = Reason::SharedAnchor { key: String::from("a"), users: vec![1, 2] };
        let refusal = Refusal::at((7, 1), reason).with_lines(|line| line + 10);
        assert!(
            refusal
                .to_string()
                .starts_with("line 7, column 1: `a` is anchored and repeated on lines 11 and 12")
        );
    }
}
