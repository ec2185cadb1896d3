//! A YAML document of another meaning than `gantry.yaml`, such as the server's settings: read into a type, with
//! every mistake in it.
//!
//! A typed reader stops at the first value that it can't use. Here that value is taken out and the document read
//! again, until nothing is left to object to, so that one mistake doesn't hide the next. What is missing only
//! because it was taken out is not told.

use serde::de::DeserializeOwned;

use super::{
    error::{ConfigError, Place, Problem, report},
    locate::{Id, Tree, Value, push_key},
    read::{At, Path, Reader},
};

/// How many values are taken out before it is given up; more mistakes than that nobody reads.
const ROUNDS: usize = 100;

/// A document with the mistakes found so far.
#[derive(Debug)]
pub struct Document {
    file: String,
    tree: Option<Tree>,
    problems: Vec<Problem>,
}

impl Document {
    /// Reads a document. The value is what could be read of it; it must not be used where there are
    /// [errors](Self::errors), but may be looked at for more of them.
    #[must_use]
    pub fn read<T: DeserializeOwned>(bytes: &[u8], file: &str) -> (Option<T>, Self) {
        let mut document = Self { file: file.to_owned(), tree: None, problems: Vec::new() };
        match Tree::read(bytes) {
            Ok(mut tree) => {
                let value = document.values(&mut tree);
                document.tree = Some(tree);
                (value, document)
            }
            Err(problem) => {
                document.problems.push(problem);
                (None, document)
            }
        }
    }

    fn values<T: DeserializeOwned>(&mut self, tree: &mut Tree) -> Option<T> {
        for _ in 0..ROUNDS {
            let reader = Reader::new(tree);
            let root = At { reader: &reader, id: tree.root(), path: &Path::Root };
            let read = T::deserialize(root).map_err(|fault| fault.or_at(&root).problem());
            self.problems.extend(reader.finish());
            let stopped = match read {
                Ok(value) => return Some(value),
                Err(stopped) => stopped?,
            };
            let id = exactly(tree, &stopped.key)?;
            if !is_missing_because_wrong(tree, id, &stopped.message) {
                self.problems.push(tree.tab_told(stopped));
            }
            if id == tree.root() {
                return None;
            }
            tree.take_out(id);
        }
        None
    }

    /// Notes a mistake in the value of a key, such as `repositories[1].url`, by the indices of what was read.
    /// Of a key that is not there, the nearest parent is told; nothing is told of a parent of which a part was
    /// taken out, since the mistake may be no other than that.
    pub fn mistake(&mut self, key: &str, message: impl Into<String>) {
        let Some(tree) = &self.tree else { return };
        let (id, place, original) = as_read(tree, key);
        if !has_gaps(tree, id) {
            self.problems.push(Problem { place, key: original, message: message.into(), hint: None });
        }
    }

    /// All mistakes, in the order of the file; none if it can be used.
    #[must_use]
    pub fn errors(self) -> Vec<ConfigError> {
        report(&self.file, self.problems)
    }
}

/// The node at a key path of the document as it is written; none where the path leads nowhere.
fn exactly(tree: &Tree, path: &str) -> Option<Id> {
    let mut id = tree.root();
    for step in steps(path) {
        id = match &tree.node(id).value {
            Value::Map(entries) => entries.iter().find(|(key, _)| tree.text(*key) == step)?.1,
            Value::List(list) => *list.get(index(step)?)?,
            Value::Scalar { .. } => return None,
        };
    }
    Some(id)
}

/// The node at a key path of what was read, where it stands, and its path as it is written.
fn as_read(tree: &Tree, path: &str) -> (Id, Place, String) {
    let (mut id, mut written) = (tree.root(), String::new());
    for step in steps(path) {
        let next = match &tree.node(id).value {
            Value::Map(entries) => {
                entries.iter().find(|(key, _)| tree.text(*key) == step).map(|found| found.1)
            }
            Value::List(list) => {
                let left = list.iter().enumerate().filter(|(_, id)| !tree.is_out(**id));
                let found = index(step).and_then(|index| left.clone().nth(index));
                found.map(|(original, id)| {
                    written.push_str(&format!("[{original}]"));
                    *id
                })
            }
            Value::Scalar { .. } => None,
        };
        match (next, index(step)) {
            (Some(next), indexed) => {
                if indexed.is_none() {
                    push_key(&mut written, step);
                }
                id = next;
            }
            // A key that is not there is told with its parent's place.
            (None, None) => {
                push_key(&mut written, step);
                break;
            }
            (None, Some(_)) => break,
        }
    }
    (id, tree.node(id).place, written)
}

fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[']).filter(|step| !step.is_empty())
}

fn index(step: &str) -> Option<usize> {
    step.strip_suffix(']')?.parse().ok()
}

fn children<'t>(tree: &'t Tree, id: Id) -> Box<dyn Iterator<Item = (&'t str, Id)> + 't> {
    match &tree.node(id).value {
        Value::Map(entries) => Box::new(entries.iter().map(|(key, value)| (tree.text(*key), *value))),
        Value::List(list) => Box::new(list.iter().map(|id| ("", *id))),
        Value::Scalar { .. } => Box::new(std::iter::empty()),
    }
}

fn has_gaps(tree: &Tree, id: Id) -> bool {
    children(tree, id).any(|(_, child)| tree.is_out(child))
}

fn is_missing_because_wrong(tree: &Tree, id: Id, message: &str) -> bool {
    children(tree, id).any(|(key, child)| tree.is_out(child) && message == format!("`{key}` is missing"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only reading matters")]
    struct File {
        listen: Option<String>,
        #[serde(default)]
        open: bool,
        #[serde(default)]
        parts: Vec<Part>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only reading matters")]
    struct Part {
        name: String,
        size: u32,
    }

    fn told(text: &str, more: &[(&str, &str)]) -> Vec<String> {
        let (_, mut document) = Document::read::<File>(text.as_bytes(), "s.yaml");
        more.iter().for_each(|(key, message)| document.mistake(key, *message));
        document.errors().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_mistakes_are_told_with_their_places() {
        let text = "listen: [a]\nopen: maybe\nlsten: x\nparts:\n  - {name: a, size: b}\n  - {size: 1}\n  - \
                    {name: b, size: 2}\n  - {name: [], size: -1}\n";
        let found = told(text, &[("parts[0].name", "too short"), ("parts[0]", "odd")]);
        let wanted = [
            "s.yaml:1:9: listen: expected a string, found a list",
            "s.yaml:2:7: open: expected true or false, found `maybe`",
            "s.yaml:3:1: lsten: unknown key",
            "s.yaml:5:21: parts[0].size: expected a whole number, found `b`",
            "s.yaml:6:5: parts[1]: `name` is missing",
            "s.yaml:7:5: parts[2]: odd",
            "s.yaml:7:12: parts[2].name: too short",
            "s.yaml:8:12: parts[3].name: expected a string, found a list",
            "s.yaml:8:22: parts[3].size: expected a whole number, found `-1`",
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_whole_document_has_no_errors_and_a_broken_one_has_one() {
        assert!(told("listen: a\nparts: []\n", &[]).is_empty());
        assert_eq!(told("listen: a\n", &[("poll", "too short")]), ["s.yaml:1:1: poll: too short"]);
        assert_eq!(told("- a\n", &[]), ["s.yaml:1:1: expected a map, found a list"]);
        assert_eq!(told("a: [\n", &[("a", "not told")]).len(), 1);
    }

    #[test]
    fn a_tab_is_called_a_tab_on_its_line() {
        for (text, line) in [
            ("parts:\n\t- {name: a, size: 1}\n", 2),
            ("open: true\nparts:\n  - name: a\n\tsize: 1\n", 4),
            ("parts:\n  - name: a\n  \t  size: 1\n", 3),
        ] {
            let found = told(text, &[]).join("\n");
            assert!(
                found.contains(&format!("s.yaml:{line}:")) && found.contains("a tab"),
                "{text:?}: {found}"
            );
        }
    }
}
