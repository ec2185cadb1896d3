//! The artifacts, tags and CI results that are known, as one value to look things up in.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{
    artifact::Artifact,
    ci::BuildStatus,
    ids::{Digest, ImageName, Tag},
};

/// A tag and what it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPoint {
    /// The tag.
    pub tag: Tag,
    /// The digest that it pointed to when it was last seen.
    pub digest: Digest,
    /// A complete list of the registry didn't hold it any more.
    pub gone: bool,
}

/// The result of one CI check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// How it went.
    pub status: BuildStatus,
    /// Where to look.
    pub url: Option<String>,
}

/// Known facts of one image.
#[derive(Debug, Clone, Default)]
struct Known {
    tags: Vec<TagPoint>,
    artifacts: HashMap<Digest, (Option<Timestamp>, Option<String>, Option<String>)>,
    checks: HashMap<Digest, Vec<(String, CheckResult)>>,
}

/// Everything known of images.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    images: HashMap<ImageName, Known>,
}

impl Catalog {
    /// Adds an artifact's own facts; what is known already stays where the new one has nothing to say.
    pub fn learn(&mut self, artifact: &Artifact) {
        let known = self.images.entry(artifact.image.clone()).or_default();
        let facts = known.artifacts.entry(artifact.digest.clone()).or_default();
        facts.0 = artifact.built.or(facts.0);
        facts.1 = artifact.revision.clone().or(facts.1.take());
        facts.2 = artifact.source.clone().or(facts.2.take());
    }

    /// Points a tag to a digest.
    pub fn point(&mut self, image: &ImageName, tag: Tag, digest: Digest, gone: bool) {
        let known = self.images.entry(image.clone()).or_default();
        match known.tags.iter_mut().find(|point| point.tag == tag) {
            Some(point) => *point = TagPoint { tag, digest, gone },
            None => known.tags.push(TagPoint { tag, digest, gone }),
        }
    }

    /// Points a tag to a digest, unless the tag is known.
    pub fn point_if_unknown(&mut self, image: &ImageName, tag: Tag, digest: Digest) {
        if self.digest_of(image, &tag).is_none() {
            self.point(image, tag, digest, false);
        }
    }

    /// Sets the result of a check.
    pub fn set_check(&mut self, image: &ImageName, digest: &Digest, check: &str, result: CheckResult) {
        let known = self.images.entry(image.clone()).or_default();
        let checks = known.checks.entry(digest.clone()).or_default();
        match checks.iter_mut().find(|(name, _)| name == check) {
            Some((_, old)) => *old = result,
            None => checks.push((check.to_owned(), result)),
        }
    }

    /// The known tags of an image.
    pub fn tags_of(&self, image: &ImageName) -> impl Iterator<Item = &TagPoint> {
        self.images.get(image).into_iter().flat_map(|known| &known.tags)
    }

    /// What a tag points to.
    #[must_use]
    pub fn digest_of(&self, image: &ImageName, tag: &Tag) -> Option<&Digest> {
        self.images.get(image)?.tags.iter().find(|point| point.tag == *tag).map(|point| &point.digest)
    }

    /// A tag that points to a digest.
    #[must_use]
    pub fn tag_of(&self, image: &ImageName, digest: &Digest) -> Option<&Tag> {
        self.images.get(image)?.tags.iter().find(|point| point.digest == *digest).map(|point| &point.tag)
    }

    /// The artifact of that digest, under `tag`.
    #[must_use]
    pub fn artifact(&self, image: &ImageName, digest: &Digest, tag: Tag) -> Option<Artifact> {
        let (built, revision, source) = self.images.get(image)?.artifacts.get(digest)?.clone();
        Some(Artifact { image: image.clone(), tag, digest: digest.clone(), built, revision, source })
    }

    /// The result of a check.
    #[must_use]
    pub fn check(&self, image: &ImageName, digest: &Digest, check: &str) -> Option<&CheckResult> {
        let checks = self.images.get(image)?.checks.get(digest)?;
        checks.iter().find(|(name, _)| name == check).map(|(_, result)| result)
    }

    /// A failed check of that digest: its name and where to look.
    #[must_use]
    pub fn failure(&self, image: &ImageName, digest: &Digest) -> Option<(&str, Option<String>)> {
        let checks = self.images.get(image)?.checks.get(digest)?;
        let failed = checks.iter().find(|(_, result)| result.status == BuildStatus::Failed);
        failed.map(|(name, result)| (name.as_str(), result.url.clone()))
    }

    /// The names of the checks that succeeded for every one of `artifacts`, sorted.
    #[must_use]
    pub fn passed(&self, artifacts: &[Artifact]) -> Vec<String> {
        let Some((first, rest)) = artifacts.split_first() else { return Vec::new() };
        let succeeded = |artifact: &Artifact, check: &str| {
            let result = self.check(&artifact.image, &artifact.digest, check);
            result.is_some_and(|result| result.status == BuildStatus::Success)
        };
        let of_first = self.images.get(&first.image).and_then(|known| known.checks.get(&first.digest));
        let names = of_first.into_iter().flatten().map(|(name, _)| name);
        let mut names: Vec<String> = names
            .filter(|name| succeeded(first, name) && rest.iter().all(|artifact| succeeded(artifact, name)))
            .cloned()
            .collect();
        names.sort();
        names
    }
}
