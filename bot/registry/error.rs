//! What can go wrong with a registry, as types a caller can branch on.
//!
//! Each text names the URL, what happened and who must act. URLs come in through [`shown`], which drops
//! query, fragment and user: a signed redirect and a token request carry secrets there.

use std::time::Duration;

use gantry_core::{
    ids::{Digest, ImageName},
    reason::Owner,
};
use jiff::Timestamp;
use url::Url;

/// Why a registry gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The endpoint's settings cannot work; no request was sent.
    #[error("registry {host}: {why}; the platform engineer must correct this registry's settings")]
    Settings {
        /// The host as it stands in the settings.
        host: String,
        /// What is wrong with which setting.
        why: String,
    },
    /// The image lives in another registry; asking here would show this registry's credentials around.
    #[error("image {image} is not in registry {host}; this is an error in Gantry, please report it")]
    WrongHost {
        /// The image asked for.
        image: ImageName,
        /// The host of this client.
        host: String,
    },
    /// The registry or its token service wants credentials, or refuses those it got (401).
    #[error(
        "{url}: not signed in: {why}; the platform engineer must set this registry's credentials in the settings, \
         `username` and `password_env` or `password_file`"
    )]
    Unauthorized {
        /// Which URL refused.
        url: String,
        /// Which credentials were used and what came back.
        why: String,
    },
    /// The credentials are known but may not read this repository (403).
    #[error(
        "{url}: access denied (403{code}); the platform engineer must grant these credentials read access"
    )]
    Forbidden {
        /// Which URL refused.
        url: String,
        /// The registry's own error code, for instance `, DENIED`, or nothing.
        code: String,
    },
    /// There is no such repository, manifest or blob (404).
    #[error("{url}: not found (404{code}); check the image name in gantry.yaml, and that it was pushed")]
    NotFound {
        /// Which URL is not there.
        url: String,
        /// The registry's own error code, for instance `, NAME_UNKNOWN`, or nothing.
        code: String,
    },
    /// The registry names a token service that is not known to belong to it; it was not given the password.
    #[error(
        "{url}: it names the token service {service}, which is not known to belong to this registry and was not given \
         its password; if it does, the platform engineer adds {address} to `token_services` of this registry in the \
         settings"
    )]
    TokenService {
        /// Which URL named it.
        url: String,
        /// The token service's URL.
        service: String,
        /// Its host, as the settings would name it.
        address: String,
    },
    /// It answers in plain HTTP where https was expected.
    #[error(
        "{url}: it answers in plain HTTP, not in TLS; the platform engineer sets `insecure: true` on this registry in \
         the settings, or gives the registry a certificate"
    )]
    PlainHttp {
        /// Which URL was asked.
        url: String,
    },
    /// It wants TLS where the settings say that it speaks plain HTTP.
    #[error(
        "{url}: it wants TLS, and the settings say that it speaks plain HTTP; the platform engineer removes \
         `insecure: true` from this registry in the settings"
    )]
    WantsTls {
        /// Which URL was asked.
        url: String,
    },
    /// The registry asked for a pause (429, or 503 with `Retry-After`).
    #[error("{url}: the registry asks for a pause until {until}; Gantry waits and nobody need act")]
    RateLimited {
        /// Which URL answered so.
        url: String,
        /// When the next request may be sent.
        until: Timestamp,
    },
    /// The registry failed (5xx).
    #[error(
        "{url}: the registry failed with {status}{code}; Gantry tries again, whoever runs the registry must look"
    )]
    Unavailable {
        /// Which URL answered so.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own error code, or nothing.
        code: String,
    },
    /// An HTTP status that the protocol does not know here.
    #[error("{url}: unexpected answer {status}{code}; check that this host is an OCI registry")]
    Unexpected {
        /// Which URL answered so.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own error code, or nothing.
        code: String,
    },
    /// No connection: name, network or TLS.
    #[error(
        "{url}: no connection: {why}; Gantry tries again, the platform engineer checks that the registry runs, the \
         network, and `host` and `ca_file` of this registry in the settings"
    )]
    Unreachable {
        /// Which URL was asked.
        url: String,
        /// The cause, from the innermost error.
        why: String,
    },
    /// The registry took too long.
    #[error("{url}: no {what} within {after:?}; Gantry tries again, whoever runs the registry must look")]
    Timeout {
        /// Which URL was asked.
        url: String,
        /// What was waited for: `answer`, `end of the body` or `next piece of the body`.
        what: &'static str,
        /// The bound that was reached.
        after: Duration,
    },
    /// The body ended before its announced length.
    #[error("{url}: the body was cut short: {why}; Gantry tries again, nothing of it was used")]
    Truncated {
        /// Which URL was asked.
        url: String,
        /// The cause.
        why: String,
    },
    /// The body is larger than Gantry reads.
    #[error("{url}: the body is larger than {limit} bytes and was not read; whoever pushes it must look")]
    TooLarge {
        /// Which URL was asked.
        url: String,
        /// The bound in bytes.
        limit: u64,
    },
    /// The body or a header is not what the protocol says.
    #[error("{url}: not understood: {why}; whoever runs the registry or builds the image must look")]
    Malformed {
        /// Which URL was asked.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The bytes do not hash to the digest they were asked for by.
    #[error(
        "{url}: the content hashes to {found}, not to {expected}; do not deploy it, the registry's data is damaged or forged"
    )]
    DigestMismatch {
        /// Which URL was asked.
        url: String,
        /// The digest asked for.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// The registry pointed to a place that Gantry does not go to.
    #[error("{url}: {why}; whoever runs the registry must correct it")]
    Refused {
        /// Which URL pointed there.
        url: String,
        /// Where to, and why not.
        why: String,
    },
}

impl RegistryError {
    /// Who must act.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self {
            Self::RateLimited { .. } => Owner::Nobody,
            Self::NotFound { .. } => Owner::Team,
            _ => Owner::Platform,
        }
    }

    /// Whether it concerns the registry as a whole and not one image.
    #[must_use]
    pub fn is_of_registry(&self) -> bool {
        match self {
            Self::Settings { .. }
            | Self::Unauthorized { .. }
            | Self::TokenService { .. }
            | Self::PlainHttp { .. }
            | Self::WantsTls { .. }
            | Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Refused { .. } => true,
            Self::WrongHost { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Unexpected { .. }
            | Self::Truncated { .. }
            | Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::DigestMismatch { .. } => false,
        }
    }

    /// Whether the same request may succeed later with nobody acting.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Truncated { .. } => true,
            Self::Settings { .. }
            | Self::WrongHost { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Unexpected { .. }
            | Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::DigestMismatch { .. }
            | Self::TokenService { .. }
            | Self::PlainHttp { .. }
            | Self::WantsTls { .. }
            | Self::Refused { .. } => false,
        }
    }
}

/// A URL as errors show it: scheme, host, port and path, at most 300 characters.
pub(crate) fn shown(url: &Url) -> String {
    let mut text = format!("{}://{}", url.scheme(), url.host_str().unwrap_or("?"));
    if let Some(port) = url.port() {
        text.push_str(&format!(":{port}"));
    }
    // `path` is percent-encoded: ASCII, without blanks or control characters.
    text.extend(url.path().chars().take(300));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_url_has_no_query_and_no_user() {
        let url = "https://u:hunter2@r.io:5000/v2/a/blobs/x?sig=hunter2#hunter2".parse().unwrap();
        assert_eq!(shown(&url), "https://r.io:5000/v2/a/blobs/x");
    }
}
