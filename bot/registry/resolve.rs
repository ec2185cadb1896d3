//! From a tag to a digest.

use gantry_core::ids::{Digest, ImageName, Tag};
use jiff::Timestamp;
use reqwest::Method;
use sha2::{Digest as _, Sha256};

use super::{
    Registry, RegistryError,
    client::Ask,
    error::shown,
    manifest::ACCEPT,
    wire::{Moment, header},
};

impl Registry {
    /// The digest that a tag has now; `None` when the registry has no such tag or repository.
    ///
    /// Asked by HEAD, which the rate limits of registries do not count. Where the registry does not know
    /// HEAD, or names no digest, the manifest is read and hashed.
    ///
    /// # Errors
    /// Any [`RegistryError`] but `NotFound`.
    pub async fn resolve(
        &self,
        image: &ImageName,
        tag: &Tag,
        now: Timestamp,
    ) -> Result<Option<Digest>, RegistryError> {
        self.manifest_of(image, tag.as_str(), now).await
    }

    /// Whether the registry has a digest of an image. Asked by HEAD, like a tag.
    ///
    /// # Errors
    /// Any [`RegistryError`] but `NotFound`; also when it answers with another digest.
    pub async fn has(
        &self,
        image: &ImageName,
        wanted: &Digest,
        now: Timestamp,
    ) -> Result<bool, RegistryError> {
        match self.manifest_of(image, wanted.as_str(), now).await? {
            Some(found) if found == *wanted => Ok(true),
            Some(found) => {
                let url = self.url(&self.path(image)?, &format!("manifests/{wanted}"));
                let why = format!("asked for {wanted}, it answers with {found}");
                Err(RegistryError::Malformed { url: shown(&url), why })
            }
            None => Ok(false),
        }
    }

    /// The digest of the manifest under a tag or a digest; `None` where there is none.
    async fn manifest_of(
        &self,
        image: &ImageName,
        reference: &str,
        now: Timestamp,
    ) -> Result<Option<Digest>, RegistryError> {
        let moment = Moment::new(now);
        let repository = self.path(image)?;
        let mut ask = Ask {
            method: Method::HEAD,
            url: self.url(&repository, &format!("manifests/{reference}")),
            accept: ACCEPT,
            repository: &repository,
            limit: self.limits().manifest,
        };
        match self.fetch(&ask, moment).await {
            Ok(reply) => match header(&reply.headers, "docker-content-digest") {
                Some(text) => return digest(text, &reply.url).map(Some),
                None => ask.method = Method::GET,
            },
            Err(RegistryError::NotFound { .. }) => return Ok(None),
            // Not allowed, not implemented, or a proxy that does not let HEAD through.
            Err(
                RegistryError::Unexpected { status: 400 | 405, .. }
                | RegistryError::Unavailable { status: 501, .. },
            ) => ask.method = Method::GET,
            Err(error) => return Err(error),
        }
        match self.fetch(&ask, moment).await {
            Ok(reply) => Ok(Some(hash(&reply.body))),
            Err(RegistryError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn digest(text: &str, url: &url::Url) -> Result<Digest, RegistryError> {
    let wrong =
        |error| RegistryError::Malformed { url: shown(url), why: format!("Docker-Content-Digest: {error}") };
    text.trim().parse().map_err(wrong)
}

/// The digest of some bytes.
pub(crate) fn hash(bytes: &[u8]) -> Digest {
    match format!("sha256:{}", hex::encode(Sha256::digest(bytes))).parse() {
        Ok(digest) => digest,
        Err(_) => unreachable!("32 bytes are 64 lower-case hexadecimal digits"),
    }
}
