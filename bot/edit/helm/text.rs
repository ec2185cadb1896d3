//! Whether a text in a values file is an image, and which keys hold images.

use crate::oci;
use crate::scalar;
use crate::site::Joined;
use crate::syntax::{NodeId, Shape, Style, Tree};

/// The longest text that is looked at: a name of 255 bytes, a tag of 128, a digest of 135 and what joins
/// them. An alias may repeat a huge text many times, so what is longer is not copied.
const MAX_TEXT: usize = 600;

/// What stands around a text, and so how much of an image it must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// Under `image` in the mapping of a container: a bare word is an image too.
    Container,
    /// Under `image`: a bare word may be anything, a path of two words is an image.
    Image,
    /// Under `image` beside a registry, or in a mapping that is an image's: without a tag it is a name alone,
    /// and its tag would have to go elsewhere.
    Part,
    /// Under a key that ends in `Image`, or among `images`: only a tag, a digest or a registry's host tells
    /// it from a picture or a title.
    Named,
}

/// Whether the text is a reference to an image, or a template of one under `image`.
pub(super) fn is_image(text: &str, around: Around) -> bool {
    if text.len() > MAX_TEXT {
        return false;
    }
    if is_template(text) {
        return around != Around::Named;
    }
    let Some(joined) = Joined::parse(text) else { return false };
    let name = &text[joined.name];
    match joined.tag {
        _ if joined.digest.is_some() => true,
        Some(tag) => !is_address(name, &text[tag], around),
        None if around == Around::Part || is_file(name) => false,
        None => match (around, name.split_once('/')) {
            (_, Some((host, _))) if is_host(host) => true,
            (Around::Container, _) | (Around::Image, Some(_)) => true,
            (Around::Image, None) | (Around::Named | Around::Part, _) => false,
        },
    }
}

/// Whether the text can be the name of an image, without tag, whose tag stands beside it.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= MAX_TEXT && (is_template(text) || oci::check_name(text).is_ok() && !is_file(text))
}

/// Whether the text is filled in later: by Helm's `tpl`, or by Flux's substitution of variables.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("${")
}

/// Whether the first part of a name is a registry, by the rule of the container runtimes.
pub(super) fn is_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

/// `localhost:5000` and `registry.example.com:5000`.
fn is_address(name: &str, tag: &str, around: Around) -> bool {
    let port = tag.len() <= 5 && tag.bytes().all(|byte| byte.is_ascii_digit());
    let named = matches!(around, Around::Named | Around::Part);
    port && (name == "localhost" || named && name.contains('.') && !name.contains('/'))
}

/// A picture, a disk, an archive or a page: no repository ends so, and such paths stand under `image` too.
fn is_file(name: &str) -> bool {
    const ENDS: [&str; 24] = [
        "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "bmp", "tif", "tiff", "img", "iso",
        "qcow2", "vmdk", "vhd", "vhdx", "ova", "raw", "gz", "xz", "zip", "html", "json",
    ];
    name.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end))
}

/// Whether the value is no longer than a tag and digest can be.
pub(super) fn is_short(tree: &Tree<'_>, value: NodeId) -> bool {
    tree.string(value).is_none_or(|text| text.len() <= MAX_TEXT)
}

/// The text of a scalar, through an alias; nothing for what is too long, or a number, a boolean or a null without quotes.
pub(super) fn string<'t>(tree: &'t Tree<'_>, value: NodeId) -> Option<&'t str> {
    let node = match tree.node(value).shape {
        Shape::Alias(target) => tree.node(target),
        Shape::Scalar(_) | Shape::Sequence(_) | Shape::Mapping(_) => tree.node(value),
    };
    let plain = match node.shape {
        Shape::Scalar(style) => style == Style::Plain,
        Shape::Sequence(_) | Shape::Mapping(_) | Shape::Alias(_) => return None,
    };
    let text = &*node.text;
    if text.len() > MAX_TEXT {
        return None;
    }
    (!text.is_empty() && !(plain && (node.is_null() || !scalar::is_string(text)))).then_some(text)
}

/// Whether the key is `image` or ends in `Image`, `_image` or `-image` (`_IMAGE` too).
pub(super) fn is_image_key(key: &str) -> bool {
    key.eq_ignore_ascii_case("image") || key.ends_with("Image") || ends_in_word(key, "image")
}

/// Whether the key starts with `image` and names one of several, as `imageK8S` of Consul's chart and
/// `imageName` of CloudNativePG's: only a whole reference with a tag or digest is an image there.
pub(super) fn is_one_of_several(key: &str) -> bool {
    key.strip_prefix("image")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()) && !rest.starts_with("Pull"))
}

/// Whether the text is a whole reference, with a tag or digest.
pub(super) fn is_whole(text: &str) -> bool {
    Joined::parse(text).is_some_and(|joined| joined.tag.is_some() || joined.digest.is_some())
}

/// Whether the key is `images` or ends in `Images`, `_images` or `-images`.
pub(super) fn is_images_key(key: &str) -> bool {
    key == "images" || key.ends_with("Images") || ends_in_word(key, "images")
}

/// Whether the key's list holds containers: `containers`, `extraContainers`, `initContainers`, `sidecars`.
pub(super) fn is_containers_key(key: &str) -> bool {
    key.ends_with("ontainers") || key == "sidecars" || key.ends_with("Sidecars")
}

fn ends_in_word(key: &str, word: &str) -> bool {
    let at = key.len().checked_sub(word.len());
    let parts = at.and_then(|at| Some((key.get(..at)?, key.get(at..)?)));
    parts.is_some_and(|(before, end)| before.ends_with(['_', '-']) && end.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_images_by_what_they_hold_and_where_they_stand() {
        let digest = format!("nginx@sha256:{}", "a".repeat(64));
        // Text, in a container, under `image`, under `heroImage`.
        for (text, wanted) in [
            ("nginx", [true, false, false]),
            ("nginx:1.27", [true, true, true]),
            (digest.as_str(), [true, true, true]),
            ("grafana/loki", [true, true, false]),
            ("quay.io/prometheus/prometheus", [true, true, true]),
            ("localhost:5000/shop/web", [true, true, true]),
            ("localhost:5000", [false, false, false]),
            ("registry.example.com:5000", [true, true, false]),
            ("/images/logo.png", [false, false, false]),
            ("images/logo.png", [false, false, false]),
            ("example.com/img/logo.svg", [false, false, false]),
            ("https://example.com/shop/web", [false, false, false]),
            ("https://example.com:8080/a", [false, false, false]),
            ("data:image/png;base64,iVBORw0KGgo=", [false, false, false]),
            ("Hero Image", [false, false, false]),
            ("{{ .Values.image }}:1", [true, true, false]),
            ("${REGISTRY}/web:1", [true, true, false]),
            (&"a".repeat(601), [false, false, false]),
        ] {
            let seen = [Around::Container, Around::Image, Around::Named].map(|around| is_image(text, around));
            assert_eq!(seen, wanted, "{text}");
        }
    }

    #[test]
    fn numbers_and_words_without_quotes_are_no_texts() {
        let tree = Tree::parse(b"[1.10, yes, ~, '', 'yes', a, 10:30, [b]]").unwrap();
        let root = tree.roots().next().unwrap();
        let texts: Vec<_> = tree.items(root).map(|item| string(&tree, item)).collect();
        assert_eq!(texts, [None, None, None, None, Some("yes"), Some("a"), None, None]);
    }

    #[test]
    fn keys_of_images() {
        for good in ["image", "Image", "IMAGE", "sidecarImage", "job_image", "KUBECTL_IMAGE", "init-image"] {
            assert!(is_image_key(good), "{good}");
        }
        for bad in ["images", "imagePullPolicy", "pilgrimage", "éimage", "mage", ""] {
            assert!(!is_image_key(bad), "{bad}");
        }
        assert!(is_images_key("images") && is_images_key("extraImages") && !is_images_key("mirages"));
        assert!(is_containers_key("extraInitContainers") && !is_containers_key("container"));
    }
}
