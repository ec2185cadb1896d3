//! The config files that are promoted with a release: which they are, and what they hold.
//!
//! What an environment holds of them is known by the Git ids of their bytes. So two environments hold the same
//! config if and only if every promoted file of theirs has the same bytes, whoever wrote them and after any
//! crash (promises 1 and 7). Files that an environment keeps for itself are no part of it. Of a file in which it
//! keeps values, what is left without them is compared in place of the bytes.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::{
    glob,
    ids::{CommitId, ConfigId},
};

/// A file or a folder of an application in one environment, promoted byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its path from the root of the infra repository; a folder's ends with `/`.
    pub path: String,
    /// What stays the environment's own. Of a folder: paths within it, with `*` within a name and `**` for
    /// folders. Of a file: key paths, whose values stay.
    pub keep: Arc<[String]>,
}

impl ConfigEntry {
    /// Whether it is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.path.ends_with('/')
    }

    /// The keys of the file whose values stay the environment's own; none where the entry is a folder.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        if self.is_folder() { &[] } else { &self.keep }
    }

    /// The path of a file within the entry, if it is promoted with it: empty for the file that the entry is.
    #[must_use]
    pub fn within<'p>(&self, path: &'p str) -> Option<&'p str> {
        if !self.is_folder() {
            return (self.path == path).then_some("");
        }
        let inner = path.strip_prefix(self.path.as_str()).filter(|inner| !inner.is_empty())?;
        (!self.keep.iter().any(|pattern| kept(pattern, inner))).then_some(inner)
    }
}

/// Whether a pattern of `keep` means this file; one that ends with `/` means everything below.
fn kept(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('/') {
        Some(folder) => glob::matches(&format!("{folder}/**"), path),
        None => glob::matches(pattern, path),
    }
}

/// A promoted file as it stands in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Which entry of the application's `config` it belongs to, from 0.
    pub entry: usize,
    /// Its path within the entry; empty where the entry is a file.
    pub within: String,
    /// Its path from the root of the infra repository.
    pub path: String,
    /// The Git id of its bytes, by which they are copied.
    pub blob: String,
    /// What it is compared by: `blob`, or the [`content_id`] of a file in which values are kept.
    pub content: String,
}

/// The promoted files that an environment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigState {
    /// What they are together; none where an entry has no file, so that there is nothing to promote.
    pub id: Option<ConfigId>,
    /// The commit in which they stand so.
    pub at: CommitId,
    /// In the order of the entries and of their paths.
    pub files: Arc<[ConfigFile]>,
}

/// The id of promoted files. `definition` is that of the application's `config`: another definition makes other
/// ids, so that what was recorded under the one is never taken for the other.
#[must_use]
pub fn config_id<'f>(definition: &str, files: impl IntoIterator<Item = &'f ConfigFile>) -> ConfigId {
    let mut hash = Sha256::new();
    hash.update(b"gantry config 1\n");
    for ConfigFile { entry, within, path: _, blob: _, content } in files {
        // A path holds no NUL, so no two lists run together.
        hash.update(format!("{entry}\0{within}\0{content}\0"));
    }
    let hex = format!("{definition:.8}{}", hex::encode(&hash.finalize()[..12]));
    match hex.parse() {
        Ok(id) => id,
        Err(_) => unreachable!("a definition has 8 hexadecimal digits, and 12 bytes are 24"),
    }
}

/// What a file is compared by in which values are kept: its bytes without them. It is never a Git id.
#[must_use]
pub fn content_id(without_kept: &[u8]) -> String {
    format!("kept {}", hex::encode(Sha256::digest(without_kept)))
}

/// The id of an application's `config` as it is written: 8 hexadecimal digits.
#[must_use]
pub fn definition<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut hash = Sha256::new();
    hash.update(b"gantry config definition 1\n");
    for text in texts {
        hash.update(text);
        hash.update(b"\0");
    }
    hex::encode(&hash.finalize()[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(keep: &[&str]) -> ConfigEntry {
        ConfigEntry { path: "a/qa/".to_owned(), keep: keep.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn an_entry_knows_its_files() {
        let file = ConfigEntry { path: "a/qa/x.yaml".to_owned(), keep: Arc::new([]) };
        assert_eq!((file.within("a/qa/x.yaml"), file.within("a/qa/x.yaml/y")), (Some(""), None));
        let all = folder(&[]);
        assert_eq!(all.within("a/qa/b/c.yaml"), Some("b/c.yaml"));
        assert_eq!((all.within("a/qa/"), all.within("a/qab/c"), all.within("a/qa")), (None, None, None));
    }

    #[test]
    fn what_is_kept_is_no_part_of_it() {
        for (pattern, path, is_kept) in [
            ("secrets.yaml", "secrets.yaml", true),
            ("secrets.yaml", "b/secrets.yaml", false),
            ("**/secrets.yaml", "b/c/secrets.yaml", true),
            ("**/secrets.yaml", "secrets.yaml", true),
            ("*.local.yaml", "x.local.yaml", true),
            ("*.local.yaml", "x.local.yml", false),
            ("*", "b/c", false),
            ("own/", "own/b/c", true),
            ("own/", "owner", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXcXb", false),
            ("**", "x/y", true),
        ] {
            let path = format!("a/qa/{path}");
            assert_eq!(folder(&[pattern]).within(&path).is_none(), is_kept, "{pattern} {path}");
        }
    }

    #[test]
    fn an_id_is_the_content_and_the_definition() {
        let file = |within: &str, path: &str, blob: &str| ConfigFile {
            entry: 0,
            within: within.to_owned(),
            path: path.to_owned(),
            blob: blob.to_owned(),
            content: blob.to_owned(),
        };
        let one = definition(["conf/{environment}/"]);
        let id = config_id(&one, &[file("a", "conf/dev/a", "1")]);
        assert_eq!(id, config_id(&one, &[file("a", "conf/qa/a", "1")]), "wherever it stands");
        assert_ne!(id, config_id(&one, &[file("a", "conf/dev/a", "2")]));
        assert_ne!(id, config_id(&one, &[file("b", "conf/dev/b", "1")]));
        let other = config_id(&definition(["conf/{environment}/", "x"]), &[file("a", "conf/dev/a", "1")]);
        assert_ne!(id.definition(), other.definition());
        assert_eq!(id.short().len(), 7);
    }

    #[test]
    fn where_values_are_kept_the_rest_is_compared() {
        let one = definition(["s.yaml"]);
        let file = |blob: &str, rest: &[u8]| ConfigFile {
            entry: 0,
            within: String::new(),
            path: "s.yaml".to_owned(),
            blob: blob.to_owned(),
            content: content_id(rest),
        };
        let id = config_id(&one, &[file("1", b"replicas: ")]);
        assert_eq!(
            id,
            config_id(&one, &[file("2", b"replicas: ")]),
            "other bytes, the same without the kept"
        );
        assert_ne!(id, config_id(&one, &[file("1", b"replicas:  #")]));
    }

    #[test]
    fn keys_are_those_of_a_file() {
        assert!(folder(&["a"]).keys().is_empty());
        let file = ConfigEntry { path: "a/qa/x.yaml".to_owned(), keep: Arc::new(["a.b".to_owned()]) };
        assert_eq!(file.keys(), ["a.b"]);
        assert_eq!(file.within("a/qa/x.yaml"), Some(""), "a key leaves no file out");
    }
}
