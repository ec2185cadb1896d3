//! Reads the templates of a folder: bounded in depth, number and size, and only names that replace something.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::SpeakError;

const MOST_FILES: usize = 100;
const MOST_BYTES: u64 = 256 * 1024;
const DEEPEST: usize = 3;

/// The files of `folder` by their path within it. Names that begin with a dot are left out.
pub(super) fn read(
    folder: &Path,
    known: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, SpeakError> {
    let mut found = BTreeMap::new();
    walk(folder, "", 0, known, &mut found)?;
    Ok(found)
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    known: &BTreeMap<String, String>,
    found: &mut BTreeMap<String, String>,
) -> Result<(), SpeakError> {
    let wrong = |path: &Path, message: String| SpeakError::Folder { path: PathBuf::from(path), message };
    if depth > DEEPEST {
        return Err(wrong(folder, format!("folders within folders, deeper than {DEEPEST}")));
    }
    for entry in fs::read_dir(folder).map_err(|error| wrong(folder, error.to_string()))? {
        let entry = entry.map_err(|error| wrong(folder, error.to_string()))?;
        let path = entry.path();
        let Some(own) = entry.file_name().to_str().map(str::to_owned) else {
            return Err(wrong(&path, "a name that is no UTF-8".to_owned()));
        };
        if own.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{own}");
        // Follows links: a folder that Kubernetes mounts is made of them.
        let facts = fs::metadata(&path).map_err(|error| wrong(&path, error.to_string()))?;
        if facts.is_dir() {
            walk(&path, &format!("{name}/"), depth + 1, known, found)?;
            continue;
        }
        if !known.contains_key(&name) {
            let known = known.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(SpeakError::Unknown { path: name, known });
        }
        if !facts.is_file() || facts.len() > MOST_BYTES {
            return Err(wrong(&path, format!("not a file of at most {MOST_BYTES} bytes")));
        }
        if found.len() >= MOST_FILES {
            return Err(wrong(folder, format!("more than {MOST_FILES} files")));
        }
        let text = fs::read_to_string(&path).map_err(|error| wrong(&path, error.to_string()))?;
        found.insert(name, text);
    }
    Ok(())
}
