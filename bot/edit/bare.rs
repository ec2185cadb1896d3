//! One value in a file that is not YAML: at a key path in TOML, dotenv and HCL, or where a pattern finds it.
//!
//! What the value is decides how it changes: `NAME:TAG` names its image, a digest is a digest, any other text
//! is the tag of the image that the caller tells.

use crate::find;
use crate::format::{self, Format, Holds, Pattern, Written};
use crate::key::Key;
use crate::oci;
use crate::reference::{Change, Edit, Edited, Located, Reference, SetDigest, What};
use crate::refusal::{Reason, Refusal};
use crate::site::{Joined, same_image};
use crate::target::Target;

/// How the value is found.
enum Finder {
    Key(Format, Key),
    Pattern(Box<Pattern>),
}

/// What the value says.
struct Value {
    /// Its image; empty where nothing tells.
    image: String,
    tag: Option<String>,
    digest: Option<String>,
    /// Whether the name stands in the value.
    named: bool,
}

/// The reference at the target's key.
pub(crate) fn read(target: &Target<'_>, bytes: &[u8]) -> Result<Vec<Reference>, Refusal> {
    let Some(finder) = Finder::of(target)? else { return Ok(Vec::new()) };
    let found = finder.find(bytes)?;
    let value = Value::of(&found.text, finder.holds(), target);
    let located = |value: String| Located {
        value,
        line: found.line,
        column: found.column,
        bytes: Some(found.range.clone()),
    };
    Ok(vec![Reference {
        what: What::Image,
        name: value.image.clone(),
        image: value.image,
        path: found.path.clone(),
        tag: value.tag.map(located),
        digest: value.digest.map(located),
        line: found.line,
        column: found.column,
        blocked: None,
    }])
}

/// Makes the change.
pub(crate) fn set(target: &Target<'_>, bytes: &[u8], changes: &[Change<'_>]) -> Result<Edited, Refusal> {
    let nothing = || Edited { bytes: bytes.to_vec(), changed: false, edits: Vec::new() };
    let (finder, change) = match (Finder::of(target)?, changes) {
        (_, []) => return Ok(nothing()),
        (Some(finder), [one]) => (finder, one),
        (None, [one, ..]) => {
            let reason = Reason::NotFound {
                kind: target.kind,
                image: one.image.to_owned(),
                renamed: None,
                present: Vec::new(),
            };
            return Err(Refusal::whole(reason));
        }
        (Some(_), [_, second, ..]) => {
            return Err(Refusal::whole(Reason::TwoChanges { image: second.image.to_owned() }));
        }
    };
    let found = finder.find(bytes)?;
    let refuse = |reason| Refusal::at((found.line, found.column), reason);
    let value = Value::of(&found.text, finder.holds(), target);
    // The group of a pattern says what it holds; the value at a key does not.
    if finder.holds().is_none() && !value.named && !crate::keyed::is_version(&found.text) {
        return Err(refuse(Reason::NoReference { value: found.text.chars().take(200).collect() }));
    }
    if !value.image.is_empty() && !same_image(&value.image, change.image) {
        let reason = Reason::NotFound {
            kind: target.kind,
            image: change.image.to_owned(),
            renamed: None,
            present: vec![value.image],
        };
        return Err(refuse(reason));
    }
    let wanted = value.with(change, &found).map_err(|refusal| refuse(refusal.reason))?;
    let written = finder.set(bytes, &wanted)?;
    if !written.changed {
        return Ok(nothing());
    }
    let edit =
        Edit { key: found.path, before: Some(written.before), after: Some(wanted), line: written.line };
    Ok(Edited { bytes: written.bytes, changed: true, edits: vec![edit] })
}

impl Finder {
    /// The finder of the target's kind; nothing where the target names no key.
    fn of(target: &Target<'_>) -> Result<Option<Self>, Refusal> {
        let Some(key) = target.key else { return Ok(None) };
        match find::finder(target.kind) {
            find::Finder::Format(format) => Ok(Some(Self::Key(format, crate::keyed::parse(key)?))),
            find::Finder::Pattern => Ok(Some(Self::Pattern(Box::new(Pattern::new(key)?)))),
            find::Finder::Shape(_) | find::Finder::Markers | find::Finder::Key => Ok(None),
        }
    }

    fn find(&self, bytes: &[u8]) -> Result<format::Found, Refusal> {
        match self {
            Self::Key(format, key) => format.find(bytes, key),
            Self::Pattern(pattern) => pattern.find(bytes),
        }
    }

    fn set(&self, bytes: &[u8], wanted: &str) -> Result<Written, Refusal> {
        match self {
            Self::Key(format, key) => format.set(bytes, key, wanted),
            Self::Pattern(pattern) => pattern.set(bytes, wanted),
        }
    }

    fn holds(&self) -> Option<Holds> {
        match self {
            Self::Key(..) => None,
            Self::Pattern(pattern) => Some(pattern.holds()),
        }
    }
}

impl Value {
    fn of(text: &str, holds: Option<Holds>, target: &Target<'_>) -> Self {
        let image = || target.image.unwrap_or_default().to_owned();
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let holds = holds.unwrap_or_else(|| match Joined::parse(text) {
            _ if oci::is_digest(text) => Holds::Digest,
            Some(joined) if joined.names_image(text) => Holds::Whole,
            _ => Holds::Tag,
        });
        match holds {
            Holds::Whole => {
                let joined = Joined::split(text);
                let get = |range: Option<std::ops::Range<usize>>| range.and_then(|range| part(&text[range]));
                let image = text[joined.name.clone()].to_owned();
                Self { image, tag: get(joined.tag), digest: get(joined.digest), named: true }
            }
            Holds::Digest => Self { image: image(), tag: None, digest: part(text), named: false },
            Holds::Tag => match text.split_once('@') {
                Some((tag, digest)) if oci::is_digest(digest) => {
                    Self { image: image(), tag: part(tag), digest: part(digest), named: false }
                }
                _ => Self { image: image(), tag: part(text), digest: None, named: false },
            },
        }
    }

    /// The text after the change.
    fn with(&self, change: &Change<'_>, found: &format::Found) -> Result<String, Refusal> {
        if let Some(tag) = change.tag {
            oci::check_tag(tag)?;
        }
        let digest = match change.digest {
            SetDigest::Keep => self.digest.as_deref(),
            SetDigest::Remove => None,
            SetDigest::Set(digest) => {
                oci::check_digest(digest)?;
                Some(digest)
            }
        };
        let refuse = |reason| Err(Refusal::whole(reason));
        let tag = change.tag.or(self.tag.as_deref());
        if self.named {
            change.new_name.map_or(Ok(()), oci::check_name)?;
            let name = change.new_name.unwrap_or(&self.image);
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            let digest = digest.map(|digest| format!("@{digest}")).unwrap_or_default();
            return Ok(format!("{name}{tag}{digest}"));
        }
        if change.new_name.is_some() {
            return refuse(Reason::NoRoom { key: String::from("the name"), done: "changed" });
        }
        match (&self.tag, &self.digest, tag, digest) {
            // A digest alone stays one.
            (None, Some(_), _, Some(digest)) => Ok(digest.to_owned()),
            (Some(_), Some(_), Some(tag), Some(digest)) => Ok(format!("{tag}@{digest}")),
            (Some(_) | None, _, Some(tag), None) if self.tag.is_some() || self.digest.is_none() => {
                Ok(tag.to_owned())
            }
            _ => refuse(Reason::NoDigest { path: found.path.clone() }),
        }
    }
}
