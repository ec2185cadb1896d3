//! What an image says of itself: when it was built, and of which source.

use gantry_core::{
    artifact::Artifact,
    ids::{Digest, ImageName, Tag},
};
use jiff::Timestamp;
use reqwest::Method;

use super::{
    Registry, RegistryError,
    client::Ask,
    error::shown,
    manifest::{self, ACCEPT, Config, Document, Marks},
    resolve::hash,
    text::{self, REVISION, SOURCE},
    wire::Moment,
};

/// An index may hold an index, which may hold an image; deeper ones are nobody's.
const DEPTH: usize = 3;

impl Registry {
    /// Reads an artifact by its digest. Digests never change their content, so one reading is enough for
    /// ever; the caller keeps the result.
    ///
    /// `built`, `revision` and `source` come from the annotations of the index, then of the manifest, then
    /// from the config; the first usable one counts. Of the config, its own `created` goes before the label
    /// of that name, which an image inherits from its base. Of a multi-platform image the config of
    /// linux/amd64 is read, or of the first image where there is none.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when the manifest, or one it names, is gone;
    /// [`RegistryError::DigestMismatch`] when the content is not what the digest says; or any other.
    pub async fn artifact(
        &self,
        image: &ImageName,
        tag: &Tag,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Artifact, RegistryError> {
        let moment = Moment::new(now);
        let repository = self.path(image)?;
        let limits = self.limits();
        let mut all: Vec<Marks> = Vec::new();
        let mut config = Config::default();
        let mut next = Some(digest.clone());
        for _ in 0..DEPTH {
            let Some(at) = next.take() else { break };
            let rest = format!("manifests/{at}");
            let body = self.verified(&repository, &rest, &at, limits.manifest, moment).await?;
            match manifest::parse(&body).map_err(|why| self.malformed(&repository, &rest, why))? {
                Document::Index { marks, chosen } => {
                    all.push(marks);
                    next = chosen;
                }
                Document::Image { marks, config: None } => all.push(marks),
                Document::Image { marks, config: Some((at, size)) } => {
                    all.push(marks);
                    let rest = format!("blobs/{at}");
                    if size > limits.config {
                        let url = shown(&self.url(&repository, &rest));
                        return Err(RegistryError::TooLarge { url, limit: limits.config });
                    }
                    let body = self.verified(&repository, &rest, &at, limits.config, moment).await?;
                    config = manifest::parse_config(&body)
                        .map_err(|why| self.malformed(&repository, &rest, why))?;
                }
            }
        }
        let annotated = all.iter().map(|marks| &marks.created);
        let built = annotated.chain([&config.created, &config.labels.created]);
        let built = built.flatten().find_map(|text| text::build_time(text, moment.now()));
        all.push(config.labels);
        Ok(Artifact {
            image: image.clone(),
            entry: None,
            tag: tag.clone(),
            digest: digest.clone(),
            built,
            revision: all.iter().flat_map(|m| &m.revision).find_map(|t| text::tidy(t, REVISION)),
            source: all.iter().flat_map(|m| &m.source).find_map(|t| text::tidy(t, SOURCE)),
        })
    }

    /// Reads what a digest names, and checks that it is that.
    async fn verified(
        &self,
        repository: &str,
        rest: &str,
        expected: &Digest,
        limit: u64,
        moment: Moment,
    ) -> Result<Vec<u8>, RegistryError> {
        let accept = if rest.starts_with("blobs/") { "*/*" } else { ACCEPT };
        let url = self.url(repository, rest);
        let ask = Ask { method: Method::GET, url, accept, repository, limit };
        let reply = self.fetch(&ask, moment).await?;
        let found = hash(&reply.body);
        if found == *expected {
            Ok(reply.body)
        } else {
            let url = shown(&reply.url);
            Err(RegistryError::DigestMismatch { url, expected: expected.clone(), found })
        }
    }

    fn malformed(&self, repository: &str, rest: &str, why: String) -> RegistryError {
        let why = text::tidy(&why, 300).unwrap_or_else(|| "no JSON as it should be".to_owned());
        RegistryError::Malformed { url: shown(&self.url(repository, rest)), why }
    }
}
