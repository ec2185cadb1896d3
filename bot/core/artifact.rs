//! Artifacts and releases: what is promoted.
//!
//! Promise 7 (build once, promote the same bytes) rests here: a release's id is computed from the
//! application's name and its digests alone, so that the same content has the same id on every machine,
//! after any crash, whatever tags it carries.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ids::{ApplicationName, ConfigId, Digest, EntryName, ImageName, ReleaseId, Tag};

/// One image at one digest, under the tag by which it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// The image.
    pub image: ImageName,
    /// The entry of a kustomization that it is for, where an application's image is told by one: two entries may
    /// have different tags of one image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryName>,
    /// The tag that stands in the files. One digest may carry many.
    pub tag: Tag,
    /// The digest of the manifest or of the index.
    pub digest: Digest,
    /// When it was built, as the image's config or CI says. `None` where neither does.
    #[schemars(with = "Option<String>")]
    pub built: Option<Timestamp>,
    /// The source revision (`org.opencontainers.image.revision`), as text from outside, bounded at the door.
    pub revision: Option<String>,
    /// The source repository's URL (`org.opencontainers.image.source`).
    pub source: Option<String>,
}

/// An immutable set of artifacts of one application, and the config files promoted with them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// Content-addressed id.
    pub id: ReleaseId,
    /// Whose release it is.
    pub application: ApplicationName,
    /// One for each image of the application, in the order of its config.
    pub artifacts: Vec<Artifact>,
    /// The config files promoted with them, where the application has `config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigId>,
}

impl Artifact {
    /// What a release's id is made of.
    fn content(&self) -> String {
        let entry = self.entry.as_ref().map(|entry| format!("{entry}=")).unwrap_or_default();
        format!("{entry}{}@{}", self.image, self.digest)
    }

    /// Whether it is of the same image, and for the same entry.
    #[must_use]
    pub fn same_image(&self, other: &Self) -> bool {
        self.image == other.image && self.entry == other.entry
    }
}

impl Release {
    /// Makes a release; its id depends on the application and on each image's digest, not on tags or order.
    #[must_use]
    pub fn new(application: ApplicationName, artifacts: Vec<Artifact>) -> Self {
        Self::with_config(application, artifacts, None)
    }

    /// Makes a release with the config files that go with it; without them its id is that of [`Release::new`].
    #[must_use]
    pub fn with_config(
        application: ApplicationName,
        artifacts: Vec<Artifact>,
        config: Option<ConfigId>,
    ) -> Self {
        let mut lines: Vec<String> = artifacts.iter().map(Artifact::content).collect();
        lines.sort();
        let mut hash = Sha256::new();
        hash.update(b"gantry release 1\n");
        hash.update(application.as_str());
        for line in &lines {
            hash.update(b"\n");
            hash.update(line);
        }
        if let Some(config) = &config {
            hash.update(b"\nconfig ");
            hash.update(config.as_str());
        }
        let hex = hex::encode(&hash.finalize()[..16]);
        let id = match hex.parse() {
            Ok(id) => id,
            Err(_) => unreachable!("16 bytes are 32 hexadecimal digits"),
        };
        Self { id, application, artifacts, config }
    }

    /// The same artifacts and config as a release of an application of another name.
    #[must_use]
    pub fn under(&self, name: &ApplicationName) -> Self {
        Self::with_config(name.clone(), self.artifacts.clone(), self.config.clone())
    }

    /// The name people use for it: its tags, joined with `+` where there are several images with
    /// different tags; and the beginning of its config's id where config is promoted with them, as it may be all
    /// that differs.
    #[must_use]
    pub fn version(&self) -> String {
        let mut tags: Vec<&str> = Vec::new();
        for artifact in &self.artifacts {
            if !tags.contains(&artifact.tag.as_str()) {
                tags.push(artifact.tag.as_str());
            }
        }
        let tags = tags.join("+");
        match &self.config {
            Some(config) => format!("{tags}+config.{}", config.short()),
            None => tags,
        }
    }

    /// Whether it is of the same images, whatever config goes with them.
    #[must_use]
    pub fn same_images(&self, artifacts: &[Artifact]) -> bool {
        let digests = |list: &[Artifact]| {
            let mut digests: Vec<_> = list.iter().map(Artifact::content).collect();
            digests.sort();
            digests
        };
        digests(&self.artifacts) == digests(artifacts)
    }

    /// When the newest of its artifacts was built.
    #[must_use]
    pub fn built(&self) -> Option<Timestamp> {
        self.artifacts.iter().filter_map(|a| a.built).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(image: &str, tag: &str, fill: char) -> Artifact {
        Artifact {
            image: image.parse().unwrap(),
            entry: None,
            tag: tag.parse().unwrap(),
            digest: format!("sha256:{}", fill.to_string().repeat(64)).parse().unwrap(),
            built: None,
            revision: None,
            source: None,
        }
    }

    #[test]
    fn the_id_is_the_content() {
        let app: ApplicationName = "shop".parse().unwrap();
        let one = Release::new(app.clone(), vec![artifact("r.io/a", "1", 'a'), artifact("r.io/b", "1", 'b')]);
        let swapped =
            Release::new(app.clone(), vec![artifact("r.io/b", "9", 'b'), artifact("r.io/a", "8", 'a')]);
        let other = Release::new(app, vec![artifact("r.io/a", "1", 'a'), artifact("r.io/b", "1", 'c')]);
        assert_eq!(one.id, swapped.id);
        assert_ne!(one.id, other.id);
        assert_ne!(one.id, Release::new("other".parse().unwrap(), one.artifacts.clone()).id);
        let mut tracks = one.clone();
        tracks.artifacts[0].entry = "shop-a".parse().ok();
        let tracks = Release::new(one.application.clone(), tracks.artifacts);
        assert_ne!(one.id, tracks.id, "for an entry it is another place");
        assert_eq!((one.version().as_str(), swapped.version().as_str()), ("1", "9+8"));
        let config = "0123456789abcdef0123456789abcdef".parse().ok();
        let configured = Release::with_config(one.application.clone(), one.artifacts.clone(), config);
        assert_ne!(one.id, configured.id);
        assert_eq!(configured.version(), "1+config.89abcde");
        assert!(one.same_images(&configured.artifacts) && one.same_images(&swapped.artifacts));
        assert!(!one.same_images(&other.artifacts));
    }
}
