//! From the bytes of `gantry.yaml` to a validated config.
//!
//! All problems are reported at once, in two steps: what the meaning is (undefined environments, cycles) is
//! looked at only when everything reads well, so that one typing mistake doesn't cause a list of others.

use serde::de::DeserializeOwned;

use super::{
    error::{ConfigError, Problem, report},
    locate::{Id, Tree},
    read::{At, Path, Reader},
    types::Config,
    validate::validate,
};
use crate::select::Selector;

/// The version of the format that this Gantry reads.
const VERSION: u32 = 1;
const KEYS: &[&str] = &["version", "environments", "applications"];

/// A config that passed validation, with the positions of its parts.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The config as written.
    pub config: Config,
    /// The file's name, for errors.
    pub(super) file: String,
    pub(super) tree: Tree,
    /// For each application and image of the config, in order: its compiled `select`.
    pub(super) selectors: Vec<Vec<Selector>>,
}

/// Reads and validates a config. `file` is its name in errors.
///
/// # Errors
/// Every problem that was found, in the order of the file, at most a hundred.
pub fn parse(bytes: &[u8], file: &str) -> Result<Parsed, Vec<ConfigError>> {
    let tree = Tree::read(bytes).map_err(|problem| report(file, vec![problem]))?;
    let config = read(&tree).map_err(|problems| report(file, problems))?;
    match validate(&config, &tree) {
        Ok(selectors) => Ok(Parsed { config, file: file.to_owned(), tree, selectors }),
        Err(problems) => Err(report(file, problems)),
    }
}

fn read(tree: &Tree) -> Result<Config, Vec<Problem>> {
    let reader = Reader::new(tree);
    let root = At { reader: &reader, id: tree.root(), path: &Path::Root };
    let entries = root.entries(KEYS).unwrap_or_else(|fault| {
        root.record(fault);
        Vec::new()
    });
    let find = |key: &'static str| {
        let found = entries.iter().find(|(own, _)| tree.text(*own) == key).map(|(_, value)| *value);
        if found.is_none() && !entries.is_empty() {
            root.report(format!("`{key}` is missing"), None);
        }
        found
    };
    let path = Path::Key(&Path::Root, "version");
    let at = find("version").map(|id| At { id, path: &path, ..root });
    let version: Option<u32> = at.and_then(At::read);
    if let (Some(at), Some(other)) = (at, version)
        && other != VERSION
    {
        // Another version may have other keys: nothing else would be worth reporting.
        let message = format!("this Gantry reads version {VERSION}, not {other}");
        return Err(vec![at.problem(message, Some(format!("write `version: {VERSION}`")))]);
    }
    let environments = find("environments").map(|id| list(root, id, "environments"));
    let applications = find("applications").map(|id| list(root, id, "applications"));
    let problems = reader.finish();
    match (version, environments, applications) {
        (Some(version), Some(environments), Some(applications)) if problems.is_empty() => {
            Ok(Config { version, environments, applications })
        }
        _ => Err(problems),
    }
}

/// Reads the elements of a list one by one, so that a mistake in one doesn't hide those in the others.
fn list<T: DeserializeOwned>(root: At<'_>, id: Id, key: &str) -> Vec<T> {
    let path = Path::Key(root.path, key);
    let at = At { id, path: &path, ..root };
    let elements = at.elements().unwrap_or_else(|fault| {
        at.record(fault);
        &[]
    });
    let read = |(index, id): (usize, &Id)| {
        let path = Path::Index(&path, index);
        At { id: *id, path: &path, ..at }.read()
    };
    elements.iter().enumerate().filter_map(read).collect()
}
