//! Parses manifests, indexes and image configs. Pure; every byte is from outside.

use gantry_core::ids::Digest;
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::Value;

/// What is asked for: all forms of manifest and index that hold images today.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// The annotations and labels that Gantry reads, as they came.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Marks {
    #[serde(rename = "org.opencontainers.image.created", default, deserialize_with = "lenient")]
    pub(crate) created: Option<String>,
    #[serde(rename = "org.opencontainers.image.revision", default, deserialize_with = "lenient")]
    pub(crate) revision: Option<String>,
    #[serde(rename = "org.opencontainers.image.source", default, deserialize_with = "lenient")]
    pub(crate) source: Option<String>,
}

/// A manifest or an index.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// Several manifests, and the one that stands for them all; none where it holds no image.
    Index { marks: Marks, chosen: Option<Digest> },
    /// One image, or another artifact, which has no config that Gantry can read.
    Image { marks: Marks, config: Option<(Digest, u64)> },
}

/// An image's config.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) created: Option<String>,
    pub(crate) labels: Marks,
}

/// A text, or nothing: these fields are a help, and a wrong type in one does not spoil the image.
fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

#[derive(Deserialize)]
struct Raw {
    manifests: Option<Vec<Entry>>,
    config: Option<Descriptor>,
    annotations: Option<Marks>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(rename = "mediaType", default)]
    media_type: Option<String>,
    digest: String,
    size: u64,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    platform: Option<Platform>,
    annotations: Option<Kind>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "vnd.docker.reference.type", default, deserialize_with = "lenient")]
    of: Option<String>,
}

impl Entry {
    /// How well it stands for the whole; `None` for what is no image (a build's attestations).
    fn rank(&self) -> Option<u8> {
        if self.annotations.as_ref().is_some_and(|kind| kind.of.is_some()) {
            return None;
        }
        match self.platform.as_ref().map(|p| (p.os.as_str(), p.architecture.as_str())) {
            Some(("unknown", _) | (_, "unknown")) => None,
            Some(("linux", "amd64")) => Some(0),
            Some(("linux", _)) => Some(1),
            _ => Some(2),
        }
    }
}

/// Parses a manifest or an index.
///
/// # Errors
/// A text that says what is wrong: no JSON, both kinds in one (the confusion of CVE-2021-41190), the old
/// schema 1, a digest other than SHA-256.
pub(crate) fn parse(body: &[u8]) -> Result<Document, String> {
    let raw: Raw = serde_json::from_slice(body).map_err(|error| format!("the manifest: {error}"))?;
    let marks = raw.annotations.unwrap_or_default();
    match (raw.manifests, raw.config) {
        (Some(_), Some(_)) => Err("the manifest is both an index and an image".to_owned()),
        (Some(entries), None) => {
            // The first of the best rank: `min_by_key` keeps the order of the index.
            let best = entries.iter().filter_map(|e| Some((e.rank()?, e))).min_by_key(|(rank, _)| *rank);
            let chosen = best.map(|(_, entry)| digest(&entry.digest)).transpose()?;
            Ok(Document::Index { marks, chosen })
        }
        (None, Some(config)) => {
            let config = match config.media_type.as_deref() {
                None
                | Some(
                    "application/vnd.oci.image.config.v1+json"
                    | "application/vnd.docker.container.image.v1+json",
                ) => Some((digest(&config.digest)?, config.size)),
                Some(_) => None,
            };
            Ok(Document::Image { marks, config })
        }
        (None, None) if raw.fs_layers.is_some() => {
            Err("the manifest is of schema 1, which nothing pulls any more; push the image again".to_owned())
        }
        (None, None) => Err("the manifest is neither an index nor an image".to_owned()),
    }
}

/// Parses an image's config.
///
/// # Errors
/// A text that says what is wrong.
pub(crate) fn parse_config(body: &[u8]) -> Result<Config, String> {
    #[derive(Deserialize)]
    struct Outer {
        #[serde(default, deserialize_with = "lenient")]
        created: Option<String>,
        config: Option<Inner>,
    }
    #[derive(Deserialize)]
    struct Inner {
        #[serde(rename = "Labels")]
        labels: Option<Marks>,
    }
    let outer: Outer =
        serde_json::from_slice(body).map_err(|error| format!("the image's config: {error}"))?;
    let labels = outer.config.and_then(|inner| inner.labels).unwrap_or_default();
    Ok(Config { created: outer.created, labels })
}

fn digest(text: &str) -> Result<Digest, String> {
    text.parse().map_err(|error| format!("a digest in the manifest: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(fill: char) -> String {
        format!("sha256:{}", fill.to_string().repeat(64))
    }

    fn chosen(entries: &str) -> Option<String> {
        let body = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
        match parse(body.as_bytes()).unwrap() {
            Document::Index { chosen, .. } => chosen.map(String::from),
            Document::Image { .. } => panic!("an index"),
        }
    }

    fn entry(fill: char, os: &str, architecture: &str) -> String {
        let digest = hash(fill);
        format!(
            r#"{{"digest":"{digest}","size":7,"platform":{{"os":"{os}","architecture":"{architecture}"}}}}"#
        )
    }

    #[test]
    fn an_index_is_stood_for_by_linux_amd64() {
        let [win, arm, amd] =
            [entry('a', "windows", "amd64"), entry('b', "linux", "arm64"), entry('c', "linux", "amd64")];
        let unknown = entry('d', "unknown", "unknown");
        let bare = format!(r#"{{"digest":"{}","size":7}}"#, hash('e'));
        let attested = format!(
            r#"{{"digest":"{}","size":7,"annotations":{{"vnd.docker.reference.type":"attestation-manifest"}}}}"#,
            hash('f')
        );
        assert_eq!(chosen(&[&*unknown, &win, &arm, &amd].join(",")), Some(hash('c')));
        assert_eq!(chosen(&[&*attested, &win, &arm].join(",")), Some(hash('b')));
        assert_eq!(chosen(&[&*bare, &win].join(",")), Some(hash('e')));
        assert_eq!(chosen(&[&*unknown, &attested].join(",")), None);
        assert_eq!(chosen(""), None);
    }

    #[test]
    fn an_image_and_its_marks() {
        let body = format!(
            r#"{{"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":9}},
            "annotations":{{"org.opencontainers.image.revision":"abc","org.opencontainers.image.source":7,"x":[]}}}}"#,
            hash('a')
        );
        let marks = Marks { revision: Some("abc".to_owned()), ..Marks::default() };
        let config = Some((hash('a').parse().unwrap(), 9));
        assert_eq!(parse(body.as_bytes()), Ok(Document::Image { marks, config }));
        let helm = body.replace("oci.image.config.v1", "cncf.helm.config.v1");
        assert!(matches!(parse(helm.as_bytes()), Ok(Document::Image { config: None, .. })));
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_the_reason() {
        let descriptor = format!(r#"{{"digest":"{}","size":9}}"#, hash('a'));
        for (bad, why) in [
            ("<html>".to_owned(), "the manifest: expected value"),
            ("{}".to_owned(), "neither"),
            (format!(r#"{{"manifests":[],"config":{descriptor}}}"#), "both"),
            (r#"{"fsLayers":[]}"#.to_owned(), "schema 1"),
            (r#"{"config":{"digest":"sha512:aa","size":9}}"#.to_owned(), "not a valid digest"),
            (r#"{"config":{"digest":"sha256:aa","size":-9}}"#.to_owned(), "the manifest: invalid value"),
            (format!("{}{}", r#"{"a":"#.repeat(200), "}".repeat(200)), "the manifest: "),
        ] {
            let error = parse(bad.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn configs_as_builders_write_them() {
        let full = br#"{"created":"2026-01-01T00:00:00Z","config":{"Labels":{"org.opencontainers.image.revision":"r"}}}"#;
        let config = parse_config(full).unwrap();
        assert_eq!(config.created.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(config.labels.revision.as_deref(), Some("r"));
        for bare in [&b"{}"[..], br#"{"created":null,"config":null}"#, br#"{"config":{"Labels":null}}"#] {
            assert_eq!(parse_config(bare), Ok(Config::default()));
        }
        assert!(parse_config(b"[").is_err());
    }
}
