//! Where a registry is, how it is asked, and the bounds of asking.

use std::{path::PathBuf, sync::Arc, time::Duration};

use url::Url;

use super::{Names, RegistryError};
use crate::settings::secret::Secret;

/// What a registry is signed in to with.
///
/// With the user name `<token>`, which is what `docker login` stores for such accounts, the secret is an
/// identity token: it is exchanged at the token service by POST (`grant_type=refresh_token`) and never sent
/// to the registry itself.
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password, access token or identity token.
    pub secret: Secret,
}

/// One registry as the settings describe it.
pub struct Endpoint {
    /// Host and port as they stand in image names: `registry.example.com`, `localhost:5000`, `docker.io`.
    pub host: String,
    /// Plain http, and credentials over it. For a registry on the same machine or in tests.
    pub insecure: bool,
    /// Who Gantry is to this registry; nobody (anonymous reading) when absent.
    pub credentials: Option<Credentials>,
    /// A PEM file of certificate authorities trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Hosts beside its own whose token services may get the credentials, with the port where one stands in the
    /// service's URL.
    pub token_services: Vec<String>,
    /// What looks names up; the system when absent.
    pub names: Option<Arc<dyn Names>>,
    /// Tags to ask for in one page, 2 to 10,000. A registry that refuses it is asked for 100, then for its
    /// own default.
    pub page_size: u32,
    /// The bounds.
    pub limits: Limits,
}

impl Endpoint {
    /// A registry over https, without credentials, with the default bounds and pages of 1,000 tags.
    #[must_use]
    pub fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            insecure: false,
            credentials: None,
            ca_file: None,
            token_services: Vec::new(),
            names: None,
            page_size: 1000,
            limits: Limits::default(),
        }
    }

    /// The URL all requests start from. Docker Hub's API is not at the host its image names show.
    ///
    /// # Errors
    /// [`RegistryError::Settings`] when the host is more or less than a host and a port.
    pub fn base_url(&self) -> Result<Url, RegistryError> {
        let host = match self.host.as_str() {
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            host => host,
        };
        let scheme = if self.insecure { "http" } else { "https" };
        let wrong = |why: &str| RegistryError::Settings { host: self.host.clone(), why: why.to_owned() };
        if host.contains(['/', '?', '#', '@', '\\']) || host.chars().any(|c| c.is_whitespace()) {
            return Err(wrong("`host` must be a host and a port, without scheme or path"));
        }
        Url::parse(&format!("{scheme}://{host}/")).map_err(|error| wrong(&format!("`host`: {error}")))
    }
}

/// How much Gantry takes from a registry. The defaults suit every registry we know of.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For name, connection and TLS: 10 s.
    pub connect: Duration,
    /// For a whole request with its body: 30 s.
    pub request: Duration,
    /// For the next piece of a body: 10 s.
    pub stall: Duration,
    /// Bytes of a manifest or index: 4 MiB, the size registries accept at most.
    pub manifest: u64,
    /// Bytes of an image's config: 8 MiB.
    pub config: u64,
    /// Bytes of one page of a tag list: 16 MiB.
    pub page: u64,
    /// Pages of one tag list: 1,000.
    pub pages: usize,
    /// Tags of one list: 100,000.
    pub tags: usize,
    /// Requests in flight at once: 4.
    pub in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(30),
            stall: Duration::from_secs(10),
            manifest: 4 << 20,
            config: 8 << 20,
            page: 16 << 20,
            pages: 1000,
            tags: 100_000,
            in_flight: 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_url_follows_the_host() {
        let base = |host: &str, insecure| Endpoint { insecure, ..Endpoint::new(host) }.base_url();
        assert_eq!(base("docker.io", false).unwrap().as_str(), "https://registry-1.docker.io/");
        assert_eq!(base("r.example.com:5000", false).unwrap().as_str(), "https://r.example.com:5000/");
        assert_eq!(base("localhost:5000", true).unwrap().as_str(), "http://localhost:5000/");
        for bad in ["", "https://r.io", "r.io/v2", "u:p@r.io", "r.io:99999", "r io", "r.io?x", "r.io\\x"] {
            let error = base(bad, false).unwrap_err();
            assert!(error.to_string().contains("settings"), "{bad}: {error}");
        }
    }
}
