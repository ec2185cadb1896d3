//! Where in a YAML file a version stands, as every kind of file describes it.
//!
//! A kind finds [`Site`]s and says nothing of how they are read or edited: [`crate::plan`] does both for all
//! kinds alike. A site does not own text; it points at nodes of the [`Tree`] that it was found in.

mod index;

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::kind::Kind;
use crate::reference::What;
use crate::refusal::Refusal;
use crate::syntax::{NodeId, Tree};
pub(crate) use index::Index;

/// What a kind found in a file.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The sites, in any order.
    pub(crate) sites: Vec<Site>,
    /// Values whose text is a file of its own.
    pub(crate) nested: Vec<Nested>,
    /// Filled when it is first asked for, when all sites are found.
    pub(crate) index: OnceCell<Index>,
    /// The keys that stand twice, of the mappings that were asked for.
    pub(crate) doubled: RefCell<HashMap<NodeId, Vec<(NodeId, NodeId)>>>,
    /// Why a site cannot be edited, by the node that its messages point at, where its kind knows a reason.
    pub(crate) odd: BTreeMap<NodeId, Refusal>,
}

/// A value whose text is a YAML file of its own, such as Helm values in a block scalar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nested {
    pub(crate) key: NodeId,
    pub(crate) value: NodeId,
    pub(crate) kind: Kind,
}

/// A place where the version of something stands.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) what: What,
    /// The effective name, without tag; empty where the file does not name it.
    pub(crate) image: String,
    /// The name that the entry goes by in its file; the same unless the entry renames it.
    pub(crate) name: String,
    /// The node that a message about the whole reference points at.
    pub(crate) at: NodeId,
    pub(crate) form: Form,
}

/// How a reference is written.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// `NAME[:TAG][@DIGEST]` in one value, or in a part of it.
    Joined(Slot),
    /// Name, tag and digest in values of their own.
    Fields(Fields),
}

/// Name, tag and digest in values of their own.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    /// The mapping to which keys that are missing may be added.
    pub(crate) mapping: Option<NodeId>,
    pub(crate) names: Names,
    pub(crate) tag: Option<Slot>,
    /// The key that a tag gets where there is none; added behind the name.
    pub(crate) tag_key: Cow<'static, str>,
    pub(crate) digest: Option<Slot>,
    pub(crate) pin: Pin,
    /// The digest is written without `sha256:` before it.
    pub(crate) bare_hex: bool,
}

/// Where the name of an image stands.
#[derive(Debug, Clone)]
pub(crate) enum Names {
    /// Not in this file, or not where it could be edited.
    Elsewhere,
    /// Not where it could be edited; a key that is missing may be added behind this pair.
    Beside(Slot),
    /// In one value, or in two that are joined by `/`.
    Repository { registry: Option<Slot>, repository: Slot },
    /// In one value, under a registry that stands elsewhere and is not only this image's.
    Under { registry: String, repository: Slot },
    /// In an entry that may rename it, as in a kustomization.
    Renamed { name: Slot, new_name: Option<Slot>, key: &'static str },
}

/// What becomes of a digest that has no key yet, and of one that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pin {
    /// There is no place for a digest: one that is wanted is refused.
    Nowhere,
    /// It is written behind the tag, `TAG@DIGEST`; a key that is there is emptied when the digest goes.
    BehindTag,
    /// It gets this key, which is taken out when the digest goes.
    Key(&'static str),
    /// There must be one, under the key that is there for it: it is never taken out.
    Always,
}

/// A key (for a list item, the item itself) and its value, or a part of that value's text.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) key: NodeId,
    pub(crate) value: NodeId,
    /// The bytes of the value's text (quotes and escapes undone) that are meant; all where absent.
    pub(crate) part: Option<Range<usize>>,
}

impl Site {
    /// An image in one value, `NAME[:TAG][@DIGEST]`; nothing where no text stands there.
    pub(crate) fn joined(tree: &Tree<'_>, slot: Slot) -> Option<Self> {
        let text = slot.text(tree)?;
        let name = text[Joined::split(text).name].to_owned();
        let at = slot.key;
        Some(Self { what: What::Image, image: name.clone(), name, at, form: Form::Joined(slot) })
    }

    /// Whether it is an entry of a kustomization's `images`.
    pub(crate) fn is_entry(&self) -> bool {
        matches!(&self.form, Form::Fields(Fields { names: Names::Renamed { .. }, .. }))
    }

    /// The values that an edit may change.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        let (joined, fields) = match &self.form {
            Form::Joined(slot) => (Some(slot), None),
            Form::Fields(fields) => (None, Some(fields)),
        };
        let fields = fields.into_iter().flat_map(|fields| fields.tag.iter().chain(&fields.digest));
        joined.into_iter().chain(fields)
    }

    /// The value that holds the name alone, or its path behind a registry.
    pub(crate) fn name_slot(&self) -> Option<&Slot> {
        let Form::Fields(Fields { names, .. }) = &self.form else { return None };
        match names {
            Names::Elsewhere => None,
            Names::Beside(slot) => Some(slot),
            Names::Repository { repository, .. } | Names::Under { repository, .. } => Some(repository),
            Names::Renamed { name, new_name, .. } => Some(new_name.as_ref().unwrap_or(name)),
        }
    }

    /// Whether the name stands inside of the node, so that who repeats the node repeats the name.
    pub(crate) fn names_inside(&self, tree: &Tree<'_>, around: NodeId) -> bool {
        let inside = |slot: &Slot| around < slot.key && slot.key.index() < tree.next(around);
        match &self.form {
            Form::Joined(_) => true,
            Form::Fields(Fields { names, .. }) => match names {
                Names::Elsewhere => false,
                Names::Beside(slot) => inside(slot),
                Names::Repository { registry, repository } => {
                    registry.iter().all(&inside) && inside(repository)
                }
                Names::Under { repository, .. } => inside(repository),
                Names::Renamed { name, .. } => inside(name),
            },
        }
    }
}

impl Slot {
    /// The whole value of a key.
    pub(crate) fn of((key, value): (NodeId, NodeId)) -> Self {
        Self { key, value, part: None }
    }

    /// A list item.
    pub(crate) fn item(value: NodeId) -> Self {
        Self { key: value, value, part: None }
    }

    /// A part of the value's text.
    pub(crate) fn part((key, value): (NodeId, NodeId), part: Range<usize>) -> Self {
        Self { key, value, part: Some(part) }
    }

    /// The text, through an alias; nothing for a null, a list, a mapping or an empty text.
    pub(crate) fn text<'t>(&self, tree: &'t Tree<'_>) -> Option<&'t str> {
        let text = tree.string(self.value)?;
        let text = match &self.part {
            Some(part) => text.get(part.clone())?,
            None => text,
        };
        (!text.is_empty()).then_some(text)
    }
}

impl Fields {
    /// A tag alone under a key; the file does not say of which image.
    pub(crate) fn tag_alone(slot: Slot) -> Self {
        Self {
            mapping: None,
            names: Names::Elsewhere,
            tag: Some(slot),
            tag_key: "tag".into(),
            digest: None,
            pin: Pin::Nowhere,
            bare_hex: false,
        }
    }
}

/// `NAME[:TAG][@DIGEST]` taken apart, as ranges of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) name: Range<usize>,
    pub(crate) tag: Option<Range<usize>>,
    pub(crate) digest: Option<Range<usize>>,
}

impl Joined {
    /// Takes it apart without a judgement of its parts. A colon before the last slash is a port's.
    pub(crate) fn split(text: &str) -> Self {
        let (rest, digest) = match text.find('@') {
            Some(at) => (&text[..at], Some(at + 1..text.len())),
            None => (text, None),
        };
        let slash = rest.rfind('/').map_or(0, |at| at + 1);
        match rest[slash..].find(':') {
            Some(colon) => {
                let colon = slash + colon;
                Self { name: 0..colon, tag: Some(colon + 1..rest.len()), digest }
            }
            None => Self { name: 0..rest.len(), tag: None, digest },
        }
    }

    /// Whether the text names an image and is not just a tag: it has a path, or a name before a tag or digest
    /// that is no tag itself.
    pub(crate) fn names_image(&self, text: &str) -> bool {
        self.tag.is_some() || text[self.name.clone()].contains('/')
    }

    /// Takes it apart where it is an image reference by the grammar of the OCI specifications.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let joined = Self::split(text);
        let good = crate::oci::check_name(&text[joined.name.clone()]).is_ok()
            && joined.tag.clone().is_none_or(|tag| crate::oci::check_tag(&text[tag]).is_ok())
            && joined.digest.clone().is_none_or(|digest| crate::oci::is_digest(&text[digest]));
        good.then_some(joined)
    }
}

/// Whether two names mean the same repository: `nginx`, `library/nginx` and `docker.io/library/nginx` do
/// (the defaults of the container runtimes).
#[must_use]
pub fn same_image(one: &str, other: &str) -> bool {
    one == other || full_name(one).eq(full_name(other))
}

fn full_name(name: &str) -> impl Iterator<Item = &str> {
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        _ => ("docker.io", name),
    };
    let host = if host == "index.docker.io" { "docker.io" } else { host };
    let library = host == "docker.io" && !path.contains('/');
    [host].into_iter().chain(library.then_some("library")).chain(path.split('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_references_are_taken_apart() {
        let parts = |text: &'static str| {
            let joined = Joined::split(text);
            let get = |range: Option<Range<usize>>| range.map(|range| &text[range]);
            (&text[joined.name.clone()], get(joined.tag), get(joined.digest))
        };
        assert_eq!(parts("a"), ("a", None, None));
        assert_eq!(parts("r.io:5000/a"), ("r.io:5000/a", None, None));
        assert_eq!(parts("r.io:5000/a:1@sha256:0"), ("r.io:5000/a", Some("1"), Some("sha256:0")));
        assert_eq!(parts("a@sha256:0"), ("a", None, Some("sha256:0")));
        assert!(Joined::parse("a:1@sha256:0").is_none() && Joined::parse("{{ x }}:1").is_none());
    }

    #[test]
    fn short_names_mean_docker_hub() {
        assert!(same_image("nginx", "docker.io/library/nginx") && same_image("a/b", "index.docker.io/a/b"));
        assert!(!same_image("nginx", "quay.io/nginx") && !same_image("localhost/nginx", "nginx"));
    }
}
