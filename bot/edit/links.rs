//! The paths that a kustomization names: resources, bases, components, patches and what its generators read.
//!
//! A text is remote, and no path, where it has a scheme, a user and host (`git@host:`), a query, or `//` (the
//! forms of kustomize's `repospec.go`); what is left and starts with a host name (`github.com/org/repo`) is
//! marked, since only the folder can tell which it is. Texts in place of paths (inline patches) are left out.

use crate::refusal::Refusal;
use crate::syntax::{NodeId, Shape, Style, Tree};

/// A path that a kustomization names, relative to its own folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The path as it is written.
    pub path: String,
    /// The key under which it stands, such as `resources`.
    pub key: &'static str,
    /// Whether it may name a folder.
    pub folder: bool,
    /// Whether it may be the address of a repository too: it starts with what could be a host.
    pub maybe_remote: bool,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
}

/// The lists whose items are paths, and whether a path may be a folder.
const LISTS: [(&str, bool); 9] = [
    ("resources", true),
    ("bases", true),
    ("components", true),
    ("crds", false),
    ("configurations", false),
    ("generators", true),
    ("transformers", true),
    ("validators", true),
    ("patchesStrategicMerge", false),
];

/// The lists whose items are mappings that name paths.
const ENTRIES: [(&str, &[&str]); 7] = [
    ("patches", &["path"]),
    ("patchesJson6902", &["path"]),
    ("replacements", &["path"]),
    ("configMapGenerator", &["files", "envs", "env"]),
    ("secretGenerator", &["files", "envs", "env"]),
    ("helmCharts", &["valuesFile", "additionalValuesFiles"]),
    ("helmChartInflationGenerator", &["values"]),
];

/// Every local path that the kustomization names, in the order of its keys above.
///
/// # Errors
/// A [`Refusal`] where the file cannot be read for sure.
pub fn links(bytes: &[u8]) -> Result<Vec<Link>, Refusal> {
    let tree = Tree::parse(bytes)?;
    let mut found = Vec::new();
    for root in tree.roots() {
        for (key, folder) in LISTS {
            let Some((_, list)) = tree.get(root, key)? else { continue };
            for item in tree.items(list) {
                found.extend(link(&tree, item, key, folder));
            }
        }
        for (key, fields) in ENTRIES {
            let Some((_, list)) = tree.get(root, key)? else { continue };
            for item in tree.items(list) {
                for field in fields {
                    let Some((_, value)) = tree.get(item, field)? else { continue };
                    let generator = matches!(*field, "files");
                    for value in values(&tree, value) {
                        found.extend(link(&tree, value, key, false).map(|link| named(link, generator)));
                    }
                }
            }
        }
        if let Some((_, openapi)) = tree.get(root, "openapi")?
            && let Some((_, path)) = tree.get(openapi, "path")?
        {
            found.extend(link(&tree, path, "openapi", false));
        }
    }
    Ok(found)
}

/// The items of a list, or the value itself.
fn values(tree: &Tree<'_>, value: NodeId) -> Vec<NodeId> {
    match tree.node(value).shape {
        Shape::Sequence(_) => tree.items(value).collect(),
        Shape::Scalar(_) | Shape::Alias(_) | Shape::Mapping(_) => vec![value],
    }
}

/// `key=path`, as generators name files.
fn named(mut link: Link, generator: bool) -> Link {
    if let Some((_, path)) = link.path.split_once('=').filter(|_| generator) {
        link.path = path.to_owned();
    }
    link
}

fn link(tree: &Tree<'_>, value: NodeId, key: &'static str, folder: bool) -> Option<Link> {
    let path = tree.string(value)?;
    let remote = path.contains("://")
        || path.contains("::")
        || path.contains('?')
        || path.trim_start_matches('/').contains("//")
        || (path.contains('@') && path.contains(':'));
    let inline = path.contains(['\n', '{', '\0']) || path.contains(": ");
    let inline = inline || tree.node(value).shape == Shape::Scalar(Style::Block);
    if path.is_empty() || remote || inline {
        return None;
    }
    let (line, column) = tree.position(value);
    let host = path.split('/').next().unwrap_or_default();
    let maybe_remote = folder && path.contains('/') && host.contains('.') && !host.starts_with('.');
    Some(Link { path: path.to_owned(), key, folder, maybe_remote, line, column })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_paths_are_found_with_their_places() {
        let text = "\
resources:
- ../base
- https://example.com/x//y?ref=1
- github.com/org/repo
- git@example.com:org/repo
components: [ ../c ]
patches:
- path: p.yaml
- patch: |-
    - op: add
patchesStrategicMerge:
- |-
  a: 1
- old.yaml
configMapGenerator:
- name: a
  files: [x.conf=conf/x, y]
  envs: [.env]
";
        let found = links(text.as_bytes()).unwrap();
        let short: Vec<_> =
            found.iter().map(|link| (link.path.as_str(), link.line, link.maybe_remote)).collect();
        assert_eq!(
            short,
            [
                ("../base", 2, false),
                ("github.com/org/repo", 4, true),
                ("../c", 6, false),
                ("old.yaml", 14, false),
                ("p.yaml", 8, false),
                ("conf/x", 17, false),
                ("y", 17, false),
                (".env", 18, false),
            ]
        );
    }

    #[test]
    fn odd_shapes_name_nothing() {
        assert_eq!(links(b"resources: x\npatches: {path: a}\nopenapi: 1\n").unwrap(), []);
        assert!(links(b"resources: []\nresources: []\n").is_err());
    }
}
