//! Names and identifiers as types, parsed at the door.
//!
//! Every string that comes from a config, a registry, a forge or CI is checked once, here, for length and
//! characters, so that what stands in a branch name, a commit trailer or a page needs no second check.
//! Rules: Git's `check-ref-format` for what becomes a part of a branch name; the OCI distribution
//! specification for image names, tags and digests.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a string is not a valid identifier; the text names the kind, the value and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a valid {kind}: {rule}")]
pub struct IdError {
    /// What the value was meant to be, for instance `tag`.
    pub kind: &'static str,
    /// The offending value, cut to 80 characters.
    pub value: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text of it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError { kind: $kind, value: text.chars().take(80).collect(), rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

fn lower_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A part of a branch name, of a path and of a trailer: no separators, no `..`, no `.lock`.
fn ref_part(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && !text.contains("..")
        && !text.ends_with('.')
        && !text.ends_with(".lock")
}

fn branch(text: &str) -> bool {
    (1..=250).contains(&text.len()) && text.split('/').all(ref_part)
}

/// A repository in a registry, without tag: OCI `<name>` with a leading host. Upper case is not allowed in
/// the path, it is in the host.
fn image_name(text: &str) -> bool {
    let separator = |b: u8| matches!(b, b'.' | b'_' | b'-');
    let component = |c: &str| {
        !c.is_empty()
            && c.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || separator(b))
            && !separator(c.as_bytes()[0])
            && !separator(c.as_bytes()[c.len() - 1])
    };
    if text.is_empty() || text.len() > 255 {
        return false;
    }
    match text.split_once('/') {
        Some((host, path)) if host.contains('.') || host.contains(':') || host == "localhost" => {
            let (name, port) = host.split_once(':').unwrap_or((host, "0"));
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
                && port.parse::<u16>().is_ok()
                && path.split('/').all(component)
        }
        _ => text.split('/').all(component),
    }
}

fn tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && (text.as_bytes()[0].is_ascii_alphanumeric() || text.as_bytes()[0] == b'_')
}

id!(
    /// A deployable with one or more images and an overlay in each environment.
    ApplicationName, "application name", ref_part,
    "1 to 100 letters, digits, '.', '_' or '-', starting with a letter or digit"
);
id!(
    /// A stage in the pipeline, for instance `dev` or `prod-eu`.
    EnvironmentName, "environment name", ref_part,
    "1 to 100 letters, digits, '.', '_' or '-', starting with a letter or digit"
);
id!(
    /// A branch of an infra repository, without `refs/heads/`.
    BranchName, "branch name", branch,
    "at most 250 letters, digits, '.', '_', '-' in parts separated by '/'"
);
id!(
    /// A repository in a registry, without tag: `registry.example.com/shop/checkout`.
    ImageName, "image name", image_name,
    "a registry host and a lower-case path, without tag or digest, at most 255 characters"
);
id!(
    /// The name of an entry under a kustomization's `images`, which may be another than the image's.
    EntryName, "entry's name", image_name,
    "a name as images have it, without tag or digest, at most 255 characters"
);
id!(
    /// A tag of an image, by the OCI rule `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    Tag, "tag", tag, "1 to 128 letters, digits, '.', '_' or '-', not starting with '.' or '-'"
);
id!(
    /// A content digest, `sha256:` and 64 lower-case hexadecimal digits.
    Digest, "digest",
    |text| text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && lower_hex(hex)),
    "'sha256:' and 64 lower-case hexadecimal digits"
);
id!(
    /// A content-addressed release: 32 hexadecimal digits of a SHA-256 over the application and its digests.
    ReleaseId, "release id", |text| text.len() == 32 && lower_hex(text), "32 lower-case hexadecimal digits"
);
id!(
    /// The config files promoted with a release: 8 hexadecimal digits of how `config` is written, 24 of what the
    /// files hold.
    ConfigId, "config id", |text| text.len() == 32 && lower_hex(text), "32 lower-case hexadecimal digits"
);
id!(
    /// A Git object id of a commit (SHA-1, or SHA-256 where the repository uses it).
    CommitId, "commit id", |text| matches!(text.len(), 40 | 64) && lower_hex(text),
    "40 or 64 lower-case hexadecimal digits"
);

impl ReleaseId {
    /// The first ten digits, for tables and titles.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.as_str()[..10]
    }
}

impl ConfigId {
    /// Seven digits of what the files hold, for versions.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.as_str()[8..15]
    }

    /// Which `config` it is of.
    #[must_use]
    pub fn definition(&self) -> &str {
        &self.as_str()[..8]
    }
}

impl CommitId {
    /// The first ten digits, for tables and titles.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.as_str()[..10]
    }
}

impl Digest {
    /// `sha256:` and the first twelve digits, for tables.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.as_str()[..19]
    }
}

impl ImageName {
    /// The registry host, `docker.io` where the name has none (Docker's convention).
    #[must_use]
    pub fn host(&self) -> &str {
        match self.as_str().split_once('/') {
            Some((host, _)) if host.contains('.') || host.contains(':') || host == "localhost" => host,
            _ => "docker.io",
        }
    }

    /// The path within the registry; `library/` is added for Docker Hub's official images.
    #[must_use]
    pub fn path(&self) -> String {
        match self.as_str().split_once('/') {
            Some((host, path)) if host == self.host() => path.to_owned(),
            Some(_) => self.as_str().to_owned(),
            None => format!("library/{}", self.as_str()),
        }
    }
}

/// The number of a proposal in its forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ProposalNumber(pub u64);

impl fmt::Display for ProposalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_break_a_ref_or_a_trailer_are_refused() {
        for bad in ["", "a/b", "..", "a..b", "a.lock", "-a", ".a", "a.", "a b", "a\nb", "é", &"x".repeat(101)]
        {
            assert!(bad.parse::<ApplicationName>().is_err(), "{bad:?}");
        }
        assert!("prod-eu_1.2".parse::<EnvironmentName>().is_ok());
    }

    #[test]
    fn image_names_follow_the_distribution_specification() {
        for good in [
            "localhost:5000/a",
            "registry.example.com/shop/checkout",
            "nginx",
            "a/b__c",
            "[::1]:5/x".trim_start_matches("[::1]:5/"),
        ] {
            assert!(good.parse::<ImageName>().is_ok(), "{good:?}");
        }
        for bad in ["", "a:1", "a@sha256:x", "Shop/x", "a//b", "host:99999/x.y/z", "a/-b", "https://a/b"] {
            assert!(bad.parse::<ImageName>().is_err(), "{bad:?}");
        }
        let hub: ImageName = "nginx".parse().unwrap();
        assert_eq!((hub.host(), hub.path().as_str()), ("docker.io", "library/nginx"));
        let own: ImageName = "localhost:5000/a/b".parse().unwrap();
        assert_eq!((own.host(), own.path().as_str()), ("localhost:5000", "a/b"));
    }

    #[test]
    fn an_error_cuts_what_it_shows() {
        let error = "x".repeat(5000).parse::<Digest>().unwrap_err();
        assert!(error.to_string().len() < 250);
    }
}
