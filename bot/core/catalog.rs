//! What is known of images: their tags, their artifacts and the checks over them, as plain data.
//!
//! The store loads a catalog in one go, `decide` and everything that explains it look things up in it. A
//! catalog makes no choice: that a tag is gone from its registry, or was never seen there, stands in it as a
//! fact (promise 4: a deleted tag changes no decision, so nothing is dropped here).

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::{
    artifact::Artifact,
    build::BuildStatus,
    ids::{Digest, ImageName, Tag},
    shared::SharedMap,
};

/// Where a tag stands in its registry, as far as a complete list of tags has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagState {
    /// CI told of it; no complete list has shown it yet.
    Reported,
    /// It stood in the last complete list, or the registry answered for it since.
    Listed,
    /// It was known and is missing from the last complete list.
    Gone,
}

/// One tag of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagFact {
    /// The digest to which it pointed when last asked; `None` for a tag that is listed and not resolved yet.
    pub digest: Option<Digest>,
    /// Where it stands in its registry.
    pub state: TagState,
    /// When the digest was learnt, or, where there is none, when the tag was first listed.
    pub seen: Timestamp,
}

/// What is known of one image at one digest. A digest never changes its content, so this only grows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArtifactFact {
    /// When it was built.
    pub built: Option<Timestamp>,
    /// The source revision.
    pub revision: Option<String>,
    /// The source repository's URL.
    pub source: Option<String>,
    /// Whether the registry itself was asked: its config need not be fetched again, ever.
    pub described: bool,
}

/// The newest result of one check over one image at one digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// How it stands.
    pub status: BuildStatus,
    /// The tag that the report named.
    pub tag: Tag,
    /// Where a person reads more.
    pub url: Option<String>,
    /// When this status was first received.
    pub at: Timestamp,
}

/// All facts of one image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageFacts {
    /// By tag, in the order of the text.
    pub tags: BTreeMap<Tag, TagFact>,
    /// By digest.
    pub artifacts: HashMap<Digest, ArtifactFact>,
    /// By digest, then by the name of the check.
    pub checks: HashMap<Digest, BTreeMap<String, CheckResult>>,
}

/// The facts of many images.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    images: SharedMap<ImageName, ImageFacts>,
}

impl Catalog {
    /// The facts of an image, `None` where nothing is known of it.
    #[must_use]
    pub fn image(&self, image: &ImageName) -> Option<&ImageFacts> {
        self.images.get(image)
    }

    /// The facts of an image, to fill in; empty ones are made where there are none.
    pub fn image_mut(&mut self, image: &ImageName) -> &mut ImageFacts {
        self.images.get_or_insert_with(image.clone(), ImageFacts::default)
    }

    /// Sets what is known of an image; where that is nothing, the image is unknown.
    pub fn put(&mut self, image: &ImageName, facts: ImageFacts) {
        if facts == ImageFacts::default() {
            self.images.remove(image);
        } else if self.images.get(image) != Some(&facts) {
            self.images.insert(image.clone(), facts);
        }
    }

    /// The images of which something else may be known than in another version of this catalog.
    #[must_use]
    pub fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a ImageName> {
        self.images.differing(&other.images)
    }

    /// All images of which something is known, sorted.
    pub fn images(&self) -> impl Iterator<Item = (&ImageName, &ImageFacts)> {
        self.images.iter()
    }

    /// The tags of an image in the order of their text, also those that are gone; none for an unknown image.
    pub fn tags_of(&self, image: &ImageName) -> impl Iterator<Item = (&Tag, &TagFact)> {
        self.images.get(image).into_iter().flat_map(|facts| &facts.tags)
    }

    /// What is known of an image at a digest.
    #[must_use]
    pub fn artifact(&self, image: &ImageName, digest: &Digest) -> Option<&ArtifactFact> {
        self.images.get(image)?.artifacts.get(digest)
    }

    /// The digest to which a tag pointed when last asked.
    #[must_use]
    pub fn digest_of(&self, image: &ImageName, tag: &Tag) -> Option<&Digest> {
        self.images.get(image)?.tags.get(tag)?.digest.as_ref()
    }

    /// The artifact under a tag, whole. `None` while the tag is not resolved; where the digest is known and
    /// nothing else is, the rest is empty.
    #[must_use]
    pub fn artifact_at(&self, image: &ImageName, tag: &Tag) -> Option<Artifact> {
        let digest = self.digest_of(image, tag)?;
        let fact = self.artifact(image, digest).cloned().unwrap_or_default();
        Some(Artifact {
            image: image.clone(),
            entry: None,
            tag: tag.clone(),
            digest: digest.clone(),
            built: fact.built,
            revision: fact.revision,
            source: fact.source,
        })
    }

    /// The newest result of a check over an image at a digest; `None` where nobody has reported.
    #[must_use]
    pub fn check(&self, image: &ImageName, digest: &Digest, name: &str) -> Option<&CheckResult> {
        self.images.get(image)?.checks.get(digest)?.get(name)
    }

    /// All check results over an image at a digest, by the name of the check.
    pub fn checks_of(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> impl Iterator<Item = (&str, &CheckResult)> {
        let results = self.images.get(image).and_then(|facts| facts.checks.get(digest));
        results.into_iter().flatten().map(|(name, result)| (name.as_str(), result))
    }

    /// A tag that points to a digest, the first in the order of their text.
    #[must_use]
    pub fn tag_of(&self, image: &ImageName, digest: &Digest) -> Option<&Tag> {
        self.tags_of(image).find(|(_, fact)| fact.digest.as_ref() == Some(digest)).map(|(tag, _)| tag)
    }

    /// A failed check over an image at a digest: its name and where a person reads more.
    #[must_use]
    pub fn failure(&self, image: &ImageName, digest: &Digest) -> Option<(&str, Option<&str>)> {
        let mut results = self.checks_of(image, digest);
        let (name, result) = results.find(|(_, result)| result.status == BuildStatus::Failed)?;
        Some((name, result.url.as_deref()))
    }

    /// The names of the checks that succeeded for every one of `artifacts`, sorted.
    #[must_use]
    pub fn passed(&self, artifacts: &[Artifact]) -> Vec<String> {
        let Some((first, rest)) = artifacts.split_first() else { return Vec::new() };
        let succeeded = |artifact: &Artifact, name: &str| {
            let result = self.check(&artifact.image, &artifact.digest, name);
            result.is_some_and(|result| result.status == BuildStatus::Success)
        };
        self.checks_of(&first.image, &first.digest)
            .filter(|(name, _)| succeeded(first, name) && rest.iter().all(|other| succeeded(other, name)))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// Takes in what a promotion's record in Git says of an artifact and of the checks that it had passed, so
    /// that they outlive the database (promise 1). What is known already stays.
    pub fn remember(&mut self, artifact: &Artifact, passed: &[String], at: Timestamp) {
        self.image_mut(&artifact.image).remember(artifact, passed, at);
    }
}

impl ImageFacts {
    /// The same for one image, which is the artifact's.
    pub fn remember(&mut self, artifact: &Artifact, passed: &[String], at: Timestamp) {
        let facts = self;
        let known = facts.artifacts.entry(artifact.digest.clone()).or_default();
        known.built = known.built.or(artifact.built);
        known.revision = known.revision.take().or_else(|| artifact.revision.clone());
        known.source = known.source.take().or_else(|| artifact.source.clone());
        let tag = facts.tags.entry(artifact.tag.clone()).or_insert_with(|| TagFact {
            digest: None,
            state: TagState::Reported,
            seen: at,
        });
        tag.digest.get_or_insert_with(|| artifact.digest.clone());
        let checks = facts.checks.entry(artifact.digest.clone()).or_default();
        for name in passed {
            checks.entry(name.clone()).or_insert_with(|| CheckResult {
                status: BuildStatus::Success,
                tag: artifact.tag.clone(),
                url: None,
                at,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(fill: char) -> Digest {
        format!("sha256:{}", fill.to_string().repeat(64)).parse().unwrap()
    }

    #[test]
    fn an_unknown_image_has_nothing_and_a_known_one_has_what_was_put_in() {
        let (image, tag): (ImageName, Tag) = ("r.io/a".parse().unwrap(), "1".parse().unwrap());
        let mut catalog = Catalog::default();
        assert_eq!(catalog.tags_of(&image).count(), 0);
        assert_eq!(catalog.artifact_at(&image, &tag), None);

        let fact =
            TagFact { digest: Some(digest('a')), state: TagState::Listed, seen: Timestamp::UNIX_EPOCH };
        catalog.image_mut(&image).tags.insert(tag.clone(), fact);
        assert_eq!(catalog.digest_of(&image, &tag), Some(&digest('a')));
        let bare = catalog.artifact_at(&image, &tag).unwrap();
        assert_eq!((bare.built, bare.revision), (None, None));

        let known = ArtifactFact { revision: Some("0f3c".into()), ..ArtifactFact::default() };
        catalog.image_mut(&image).artifacts.insert(digest('a'), known);
        assert_eq!(catalog.artifact_at(&image, &tag).unwrap().revision.as_deref(), Some("0f3c"));
        assert_eq!(catalog.artifact(&image, &digest('b')), None);
        assert_eq!(catalog.check(&image, &digest('a'), "ci"), None);
        assert_eq!(catalog.checks_of(&image, &digest('a')).count(), 0);
    }
}
