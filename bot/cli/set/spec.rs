//! `IMAGE=TAG[@DIGEST]` and kustomize's forms of it.

use std::str::FromStr;

use gantry_core::ids::{Digest, ImageName, Tag};

/// Which image shall be what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) image: String,
    pub(super) new_name: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) digest: Option<String>,
}

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let spec = match text.split_once('=') {
            Some((image, wanted)) => {
                let (rest, digest) = cut_digest(wanted);
                let (new_name, tag) = match cut_tag(rest) {
                    (name, Some(tag)) => (Some(name), Some(tag)),
                    ("", None) => (None, None),
                    // A word alone is a tag, before a digest too; with a `/` it is a name.
                    (word, None) if word.contains('/') => (Some(word), None),
                    (word, None) => (None, Some(word)),
                };
                Self::new(image, new_name, tag, digest)
            }
            None => {
                let (rest, digest) = cut_digest(text);
                let (image, tag) = cut_tag(rest);
                Self::new(image, None, tag, digest)
            }
        };
        if spec.new_name.is_none() && spec.tag.is_none() && spec.digest.is_none() {
            return Err(
                "say what the image shall be: IMAGE=TAG, IMAGE=TAG@DIGEST or IMAGE=NEWNAME:TAG".into()
            );
        }
        let check = |name: &str| name.parse::<ImageName>().map(drop).map_err(|error| error.to_string());
        named(&spec.image)?;
        spec.new_name.as_deref().map_or(Ok(()), check)?;
        // A chart's version may hold a `+`, which no tag may; the file's kind decides.
        if let Some(tag) = &spec.tag {
            tag.replace('+', "_").parse::<Tag>().map_err(|error| error.to_string())?;
        }
        if let Some(digest) = &spec.digest {
            digest.parse::<Digest>().map_err(|error| error.to_string())?;
        }
        Ok(spec)
    }
}

impl Spec {
    fn new(image: &str, new_name: Option<&str>, tag: Option<&str>, digest: Option<&str>) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Self { image: image.to_owned(), new_name: own(new_name), tag: own(tag), digest: own(digest) }
    }
}

/// Demands what could name an image, a chart or a Git repository: not only lower case, as images are.
fn named(text: &str) -> Result<(), String> {
    text.to_ascii_lowercase().parse::<ImageName>().map(drop).map_err(|error| error.to_string())
}

fn cut_digest(text: &str) -> (&str, Option<&str>) {
    text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)))
}

/// A colon before the last slash belongs to a registry's port.
fn cut_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let d = digest.as_str();
        for (text, image, name, tag, digest) in [
            ("a=1".to_owned(), "a", None, Some("1"), None),
            (format!("r.io:5000/a=1@{d}"), "r.io:5000/a", None, Some("1"), Some(d)),
            (format!("a=@{d}"), "a", None, None, Some(d)),
            ("a:1".to_owned(), "a", None, Some("1"), None),
            ("r.io:5000/a:1".to_owned(), "r.io:5000/a", None, Some("1"), None),
            (format!("a@{d}"), "a", None, None, Some(d)),
            ("a=r.io:5000/b:1".to_owned(), "a", Some("r.io:5000/b"), Some("1"), None),
            (format!("a=r.io/b@{d}"), "a", Some("r.io/b"), None, Some(d)),
            ("a=b:1".to_owned(), "a", Some("b"), Some("1"), None),
            ("a=b/c".to_owned(), "a", Some("b/c"), None, None),
        ] {
            assert_eq!(text.parse(), Ok(Spec::new(image, name, tag, digest)), "{text}");
        }
    }

    #[test]
    fn what_is_no_image_or_tag_is_refused() {
        for bad in ["", "a", "a=", "=1", "a=1 2", "a=1@sha256:1", "a=b:", "a=-x", "a==1"] {
            assert!(bad.parse::<Spec>().is_err(), "{bad:?}");
        }
    }
}
