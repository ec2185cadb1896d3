//! A file before and after, and how the difference is shown.

/// A file before and after.
pub(super) struct FileChange {
    pub(super) path: String,
    /// `None` where there is no file yet.
    pub(super) before: Option<Vec<u8>>,
    /// `None` where the file goes.
    pub(super) after: Option<Vec<u8>>,
}

impl FileChange {
    /// The bytes that it holds.
    pub(super) fn weight(&self) -> usize {
        [&self.before, &self.after].into_iter().flatten().map(Vec::len).sum()
    }
}

/// The largest file whose lines are compared for show, in bytes.
const SHOWN: usize = 256 << 10;

/// The most bytes of differences that are shown.
const LONGEST: usize = 1 << 20;

/// A unified difference, as `git diff` shows it.
pub(super) fn unified(changes: &[FileChange]) -> String {
    let mut text = String::new();
    for (index, FileChange { path, before, after }) in changes.iter().enumerate() {
        if text.len() > LONGEST {
            text.push_str(&format!("{} more files differ\n", changes.len() - index));
            break;
        }
        let old = before.as_ref().map_or("/dev/null".to_owned(), |_| format!("a/{path}"));
        let new = after.as_ref().map_or("/dev/null".to_owned(), |_| format!("b/{path}"));
        let bytes = |side: &Option<Vec<u8>>| side.clone().unwrap_or_default();
        let (before, after) = (bytes(before), bytes(after));
        if [&before, &after].iter().any(|side| side.len() > SHOWN || side.contains(&0)) {
            text.push_str(&format!("Files {old} and {new} differ\n"));
            continue;
        }
        let (before, after) = (String::from_utf8_lossy(&before), String::from_utf8_lossy(&after));
        let diff = similar::TextDiff::from_lines(before.as_ref(), after.as_ref());
        text.push_str(&diff.unified_diff().context_radius(3).header(&old, &new).to_string());
    }
    text
}
