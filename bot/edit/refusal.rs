//! Why a file was not read or not edited, as data and as a sentence.
//!
//! The crate prefers a refusal to a guess: what it is not sure of, it hands back with line, column and
//! reason. It does not know the file's name; the caller puts it in front. Text from the file is cut and
//! stripped of control characters before it is shown.

mod lines;

use std::fmt;

use crate::kind::Kind;
use lines::list;

/// A file was refused; nothing was changed. `Display` is one sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The line that the reason is about, from 1; absent when it is about the whole file.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// What is the matter.
    pub reason: Reason,
}

/// What is the matter with a file or with a wanted change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The file is larger than [`crate::MAX_BYTES`].
    #[error("the file has {bytes} bytes and the limit is {limit}; split it, or leave it out of `files`")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The bytes are not UTF-8.
    #[error("the file is not UTF-8 text; save it as UTF-8")]
    NotUtf8,
    /// A control character that YAML does not allow (NUL among them).
    #[error("control character 0x{byte:02x} is not allowed in YAML; remove it")]
    ControlCharacter {
        /// The byte.
        byte: u8,
    },
    /// Nested deeper than [`crate::MAX_DEPTH`].
    #[error("nested deeper than {limit} levels; make the file flatter")]
    TooDeep {
        /// The limit in levels.
        limit: usize,
    },
    /// More nodes or anchors than the limit.
    #[error("more than {limit} {what}; split the file")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Not well-formed YAML.
    #[error("not valid YAML: {message}; correct the file")]
    Syntax {
        /// The parser's words.
        message: String,
    },
    /// A tab between a colon and its value: YAML, and more than the parser reads.
    #[error("a tab stands behind the colon, and Gantry does not read that; put a blank in its place")]
    TabBehindColon,
    /// `{{`: the file is a template, not YAML yet.
    #[error(
        "`{{{{` makes this a template and not YAML; name the values file or the rendered overlay instead"
    )]
    Template,
    /// A text that something else fills in: Helm's `tpl`, Flux's substitution of variables.
    #[error(
        "`{}` is filled in later; change it where that is, or write the value here",
        clean(.value)
    )]
    FilledLater {
        /// The text.
        value: String,
    },
    /// A key that stands twice in one mapping.
    #[error("key `{}` is already set on line {first_line}; remove one of the two", clean(.key))]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it stands first.
        first_line: usize,
    },
    /// The value is an alias; its text stands elsewhere.
    #[error(
        "`{}` is an alias of the value on line {anchor_line}; write the value out here, or edit line {anchor_line}",
        clean(.key)
    )]
    Alias {
        /// The key whose value is an alias.
        key: String,
        /// Where the anchor is.
        anchor_line: usize,
    },
    /// The value, or a list or mapping around it, is an anchor that aliases repeat elsewhere.
    #[error(
        "`{}` is anchored and repeated on {}; a change here would change those too, so write them out",
        clean(.key), list(.users)
    )]
    SharedAnchor {
        /// The key whose value is anchored.
        key: String,
        /// The lines of the aliases.
        users: Vec<usize>,
    },
    /// `<<` may bring keys that are not seen here.
    #[error("the merge key `<<` may set image fields from elsewhere; write the fields out here")]
    MergeKey,
    /// A value in a block scalar or over several lines.
    #[error("the value of `{}` is a block scalar or spans lines; write it on one line", clean(.key))]
    MultiLine {
        /// The key.
        key: String,
    },
    /// A value with a tag other than `!!str`.
    #[error("the value of `{}` has a YAML tag; remove the tag", clean(.key))]
    Tagged {
        /// The key.
        key: String,
    },
    /// Another structure than the kind of file demands.
    #[error("{what} must be {expected}; correct the file")]
    Shape {
        /// What is meant.
        what: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The entry has a digest inside `newTag` and a `digest` key too.
    #[error("`newTag` holds a digest and there is a `digest` key as well; remove one of the two digests")]
    TwoDigests,
    /// More than one document of the file holds what is sought.
    #[error("documents on {} all hold `{key}`; keep it in one of them", list(.lines))]
    SeveralDocuments {
        /// The key that is sought.
        key: &'static str,
        /// The lines of the keys.
        lines: Vec<usize>,
    },
    /// No reference to the image.
    #[error("{}", not_found(*.kind, .image, .renamed.as_ref(), .present))]
    NotFound {
        /// The kind of the file, which says where the image would go.
        kind: Kind,
        /// The image sought.
        image: String,
        /// An entry whose `name` is the image, but which renames it.
        renamed: Option<Renamed>,
        /// The images that the file does hold.
        present: Vec<String>,
    },
    /// Two or more references to the image in one file.
    #[error("image `{}` stands on {}; keep one of them", clean(.image), list(.lines))]
    Ambiguous {
        /// The image sought.
        image: String,
        /// Where it stands.
        lines: Vec<usize>,
    },
    /// Two of the wanted changes concern one reference.
    #[error("two changes were asked for image `{}`; ask for one", clean(.image))]
    TwoChanges {
        /// The image.
        image: String,
    },
    /// A wanted value that breaks the rules of the OCI specifications.
    #[error("`{}` is not a valid {what}: {rule}", clean(.value))]
    InvalidValue {
        /// What it was meant to be.
        what: &'static str,
        /// The value.
        value: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// The pair cannot be added or removed without touching its surroundings.
    #[error("`{}` cannot be {done} here without touching what stands around it; edit it by hand", clean(.key))]
    NoRoom {
        /// The key.
        key: String,
        /// `added` or `removed`.
        done: &'static str,
    },
    /// The text is no image reference: a template, a variable, a path.
    #[error("`{}` is no image reference; write NAME:TAG or NAME:TAG@DIGEST", clean(.value))]
    NoReference {
        /// The text.
        value: String,
    },
    /// A Compose file's image that a variable is put into.
    #[error("`{}` takes a variable; set it in the .env file, or write the reference out here", clean(.value))]
    Interpolated {
        /// The text.
        value: String,
    },
    /// A digest is wanted and there is no place for one.
    #[error("`{}` has no place for a digest; write the tag alone (`write: tag`), or add one", clean(.path))]
    NoDigest {
        /// The key path.
        path: String,
    },
    /// The digest shall go, and the chart puts one behind every tag.
    #[error("`useDigest` at `{}` puts a digest behind the tag; set `write: tag-and-digest` for this image, or `useDigest: false` in the file", clean(.path))]
    DigestDemanded {
        /// The key path.
        path: String,
    },
    /// A key path that breaks its grammar.
    #[error("{rule}")]
    BadKey {
        /// The key, the character and the rule.
        rule: String,
    },
    /// Several documents of the file have the key.
    #[error("several documents have the key, on {}; put `#1.` before it for the first, `#2.` for the second", list(.lines))]
    KeyInDocuments {
        /// The lines of the key.
        lines: Vec<usize>,
    },
    /// The edited file was parsed again and something else had changed too.
    #[error("the edit would change more than the wanted values ({detail}); edit this line by hand")]
    ProofFailed {
        /// What differs.
        detail: String,
    },
    /// A file of another format than YAML that cannot be read for sure.
    #[error("not valid {format}: {message}; correct the file")]
    Invalid {
        /// The format, such as `TOML`.
        format: &'static str,
        /// What is the matter, without text from the file.
        message: String,
    },
    /// Nothing stands at the key.
    #[error("{}", no_such_key(.key, .deepest, .present))]
    NoSuchKey {
        /// The key sought.
        key: String,
        /// The longest part of it that is in the file; empty where none is.
        deepest: String,
        /// The names that stand there.
        present: Vec<String>,
    },
    /// More than one value stands at the key.
    #[error("`{}` stands on {}; keep one of them, or name a key that only one has", clean(.key), list(.lines))]
    SeveralValues {
        /// The key sought.
        key: String,
        /// Where values for it stand.
        lines: Vec<usize>,
    },
    /// The value at the key is not a string that can be written over for sure.
    #[error("the value of `{}` {is}; {advice}", clean(.key))]
    NotEditable {
        /// The key.
        key: String,
        /// What the value is, as the rest of a sentence.
        is: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A regular expression that breaks a rule.
    #[error("the pattern cannot be used: {rule}")]
    Pattern {
        /// The rule.
        rule: String,
    },
}

/// An entry that answers to another name than the one sought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// The `newName` of the entry.
    pub new_name: String,
    /// The line of the entry, from 1.
    pub line: usize,
}

impl Refusal {
    /// A refusal at a line and column (both from 1).
    #[must_use]
    pub fn at((line, column): (usize, usize), reason: Reason) -> Self {
        Self { line: Some(line), column: Some(column), reason }
    }

    /// A refusal about the whole file or about the request.
    #[must_use]
    pub fn whole(reason: Reason) -> Self {
        Self { line: None, column: None, reason }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: {}", self.reason),
            (Some(line), None) => write!(f, "line {line}: {}", self.reason),
            (None, _) => write!(f, "{}", self.reason),
        }
    }
}

impl std::error::Error for Refusal {}

/// Text from outside, fit for a terminal and a log: at most 100 characters, no control characters.
fn clean(text: &str) -> String {
    let mut shown: String =
        text.chars().take(100).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(100).is_some() {
        shown.push('…');
    }
    shown
}

fn not_found(kind: Kind, image: &str, renamed: Option<&Renamed>, present: &[String]) -> String {
    let image = clean(image);
    if let Some(renamed) = renamed {
        let new_name = clean(&renamed.new_name);
        return format!(
            "entry `{image}` on line {} is renamed to `{new_name}`; name that image in gantry.yaml",
            renamed.line
        );
    }
    if present.is_empty() {
        let what = if kind == Kind::Chart { "chart" } else { "image" };
        return format!("no {what} in this file, so `{image}` was not found; {}", advice(kind));
    }
    let named: Vec<String> = present.iter().take(5).map(|name| format!("`{}`", clean(name))).collect();
    let more = if present.len() > 5 { format!(" and {} more", present.len() - 5) } else { String::new() };
    format!(
        "image `{image}` was not found; the file has {}{more}: name one of them, or add it here",
        named.join(", ")
    )
}

/// Where an image goes in a file that has none.
fn advice(kind: Kind) -> &'static str {
    match kind {
        Kind::Kustomization => "add it under `images`",
        Kind::HelmValues => {
            "write `repository` and `tag` under its `image`, or name the value by `key` and its image by `image`"
        }
        Kind::Manifest => {
            "name the file whose containers run it, or the value by `key` and its image by `image`"
        }
        Kind::Chart => "add it under `dependencies`, with the address that it comes from as `repository`",
        Kind::Compose => "write it as the `image` of a service",
        Kind::ArgocdSource => "add it under `kustomize.images`, or its name and tag under `helm.parameters`",
        Kind::Markers => {
            "put a marker behind its name too, or name the policy by `key` and its image by `image`"
        }
        Kind::Yaml | Kind::Json | Kind::Toml | Kind::Dotenv | Kind::Hcl => {
            "say by `key` which value is its tag"
        }
        Kind::Regex => "say by `key` the expression that finds its tag",
    }
}

fn no_such_key(key: &str, deepest: &str, present: &[String]) -> String {
    let key = clean(key);
    let place = if deepest.is_empty() { String::from("the file") } else { format!("`{}`", clean(deepest)) };
    if present.is_empty() {
        return format!(
            "nothing stands at `{key}`: {place} has no keys or no such item; add it, or correct the key"
        );
    }
    let named: Vec<String> = present.iter().take(5).map(|name| format!("`{}`", clean(name))).collect();
    let more = if present.len() > 5 { format!(" and {} more", present.len() - 5) } else { String::new() };
    format!("nothing stands at `{key}`: {place} has {}{more}; correct the key, or add it", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_the_file_is_cut_and_harmless() {
        let reason = Reason::DuplicateKey { key: format!("\u{1b}[31m{}", "x".repeat(9000)), first_line: 2 };
        let shown = Refusal::at((3, 1), reason).to_string();
        assert!(shown.len() < 250 && !shown.contains('\u{1b}'), "{shown}");
    }
}
