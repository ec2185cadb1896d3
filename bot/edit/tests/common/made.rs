//! Generated files of every YAML kind around one image. [`TAG`] stands where its tag is.

use gantry_edit::Kind;
use proptest::prelude::*;

/// The image that a generated file is about.
pub(crate) const IMAGE: &str = "registry.example.com/shop/checkout";
/// What stands in a generated file where the tag goes.
pub(crate) const TAG: &str = "@TAG@";

/// A file in the making.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) kind: Kind,
    text: String,
}

impl Made {
    /// The text with that tag.
    pub(crate) fn with(&self, tag: &str) -> String {
        self.text.replace(TAG, tag)
    }

    /// How often the tag stands in it.
    pub(crate) fn places(&self) -> usize {
        self.text.matches(TAG).count()
    }
}

/// What stands around: lines of a mapping that no kind takes for an image.
fn noise() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "# a comment: {with \"braces é\n",
        "\n",
        "replicas: 3\n",
        "labels: {app: shop, 'tier': \"web\"}\n",
        "numbers: [80, 443,\n  8080]\n",
        "script: |\n  echo \"é\" # no comment\n\n  done\n",
        "folded: >-\n  one\n  two\n",
        "? complex\n: key\n",
        "nothing:\n",
        "plain: over\n  lines\n",
        "anchored: &one {a: b}\nrepeated: *one\n",
    ])
    .prop_map(str::to_owned)
}

/// How a value is quoted, and what is behind it.
fn dress() -> impl Strategy<Value = (&'static str, &'static str)> {
    let quote = prop::sample::select(vec!["", "'", "\""]);
    (quote, prop::sample::select(vec!["", "  ", " # why: \"é", " #"]))
}

fn indent(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    text.lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") })
        .collect()
}

/// The value of a key `image`, as Helm's values have it: block, flow or one text.
fn image_value() -> impl Strategy<Value = String> {
    (0u8..5, dress(), any::<bool>()).prop_map(|(form, (quote, behind), first)| {
        let (host, path) = IMAGE.split_once('/').unwrap();
        let tag = format!("{quote}{TAG}{quote}");
        match form {
            0 => {
                let (a, b) = (format!("  repository: {IMAGE}{behind}\n"), format!("  tag: {tag}{behind}\n"));
                let both = if first { b + &a } else { a + &b };
                format!("image:{behind}\n{both}  pullPolicy: Always\n")
            }
            1 => format!("image: {{repository: {IMAGE}, tag: {tag}}}{behind}\n"),
            2 => format!(
                "image:\n  registry: {quote}{host}{quote}\n  repository: {path}{behind}\n  tag: {tag}\n"
            ),
            3 => format!("image: {{\n    \"repository\": \"{IMAGE}\",\n    \"tag\": \"{TAG}\"\n  }}\n"),
            _ => format!("image: {quote}{IMAGE}:{TAG}{quote}{behind}\n"),
        }
    })
}

/// Values of a chart: some images at some depth.
fn values() -> impl Strategy<Value = String> {
    let part = (image_value(), 0usize..4, noise());
    prop::collection::vec(part, 1..5).prop_map(|parts| {
        let mut text = String::new();
        for (at, (image, depth, noise)) in parts.into_iter().enumerate() {
            let mut part = format!("{image}other: {{image: {{repository: other/app, tag: v0}}}}\n");
            for level in 0..depth {
                part = format!("part{level}:\n{}", indent(&part, 2));
            }
            text += &format!("part-{at}:\n  first: 1\n{}", noise_of(&noise, at));
            text += &indent(&part, 2);
        }
        text
    })
}

/// Noise two deep, with an anchor of its own.
fn noise_of(noise: &str, at: usize) -> String {
    indent(noise, 2).replace("&one", &format!("&one{at}")).replace("*one", &format!("*one{at}"))
}

/// One to three workloads.
fn manifest() -> impl Strategy<Value = String> {
    let container = (dress(), any::<bool>(), any::<bool>()).prop_map(|((quote, behind), flow, first)| {
        let image = format!("{quote}{IMAGE}:{TAG}{quote}");
        match (flow, first) {
            (true, _) => format!("- {{name: a, image: {image}}}{behind}\n"),
            (false, true) => format!("- image: {image}{behind}\n  name: a\n"),
            (false, false) => format!("- name: a{behind}\n  image: {image}{behind}\n  args: [--image=b:1]\n"),
        }
    });
    let document = (0u8..4, prop::collection::vec(container, 1..3), noise(), any::<bool>());
    prop::collection::vec(document, 1..4).prop_map(|documents| {
        let document = |(at, (form, containers, noise, init)): (usize, (u8, Vec<String>, String, bool))| {
            let list = if init { "initContainers" } else { "containers" };
            let other = "- name: other\n  image: other/app:v0\n";
            let spec = format!("{list}:\n{}{other}", containers.concat());
            let pod = |spec: &str| format!("template:\n  spec:\n{}", indent(spec, 4));
            let (version, kind, body) = match form {
                0 => ("v1", "Pod", format!("spec:\n{}", indent(&spec, 2))),
                1 => ("apps/v1", "Deployment", format!("spec:\n{}", indent(&pod(&spec), 2))),
                2 => {
                    let job = format!("jobTemplate:\n  spec:\n{}", indent(&pod(&spec), 4));
                    ("batch/v1", "CronJob", format!("spec:\n{}", indent(&job, 2)))
                }
                _ => (
                    "apps/v1",
                    "StatefulSet",
                    format!("spec:\n  replicas: 1 # one\n{}", indent(&pod(&spec), 2)),
                ),
            };
            format!(
                "apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: shop-{at}\n{}{body}",
                noise_of(&noise, at)
            )
        };
        let all: Vec<String> = documents.into_iter().enumerate().map(document).collect();
        all.join("---\n")
    })
}

fn kustomization() -> impl Strategy<Value = String> {
    (dress(), any::<bool>(), any::<bool>(), noise(), 0usize..3).prop_map(
        |((quote, behind), flow, renamed, noise, pad)| {
            let name = if renamed { format!("app, newName: {IMAGE}") } else { IMAGE.to_owned() };
            let entry = match flow {
                true => format!("- {{name: {name}, newTag: {quote}{TAG}{quote}}}{behind}\n"),
                false => format!(
                    "- name: {}{behind}\n  newTag: {quote}{TAG}{quote}{behind}\n",
                    name.replace(", ", "\n  ")
                ),
            };
            let list = indent(&format!("- name: other/app\n{entry}- name: last\n  newTag: v0\n"), pad);
            format!("kind: Kustomization\n{noise}resources: [../base]\nimages:{behind}\n{list}")
        },
    )
}

fn compose() -> impl Strategy<Value = String> {
    prop::collection::vec((dress(), noise()), 1..4).prop_map(|services| {
        let service = |(at, ((quote, behind), noise)): (usize, ((&str, &str), String))| {
            let noise = indent(&noise_of(&noise, at), 2);
            format!(
                "  shop-{at}:\n{noise}    image: {quote}{IMAGE}:{TAG}{quote}{behind}\n    ports: ['80:80']\n"
            )
        };
        let all: String = services.into_iter().enumerate().map(service).collect();
        format!("services:\n{all}  db: {{image: postgres:16}}\n")
    })
}

/// A release of Flux: values within the resource.
fn release() -> impl Strategy<Value = String> {
    values().prop_map(|values| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: shop\nspec:\n  interval: 5m\n  values:\n{}",
            indent(&values, 4)
        )
    })
}

/// An Application: values as a text within, and images of a kustomization.
fn application() -> impl Strategy<Value = String> {
    (values(), dress(), any::<bool>(), any::<bool>()).prop_map(|(values, (quote, behind), object, images)| {
        let values = match object {
            true => format!("      valuesObject:\n{}", indent(&values, 8)),
            false => format!("      values: |\n{}", indent(&values, 8)),
        };
        let list = match images {
            true => format!("    kustomize:\n      images:\n      - {quote}{IMAGE}:{TAG}{quote}{behind}\n      - other/app:v0\n"),
            false => String::new(),
        };
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: shop\nspec:\n  source:\n    repoURL: https://git.example.com/shop.git\n    helm:\n{values}{list}"
        )
    })
}

/// A file of some kind, with LF or CRLF, with or without a byte order mark and a last line end.
pub(crate) fn file() -> impl Strategy<Value = Made> {
    let made = |kind: Kind| move |text: String| Made { kind, text };
    let text = prop_oneof![
        values().prop_map(made(Kind::HelmValues)),
        manifest().prop_map(made(Kind::Manifest)),
        kustomization().prop_map(made(Kind::Kustomization)),
        compose().prop_map(made(Kind::Compose)),
        release().prop_map(made(Kind::Manifest)),
        application().prop_map(made(Kind::Manifest)),
    ];
    (text, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(Made { kind, mut text }, crlf, bom, last, mark)| {
            if mark {
                text = format!("---\n{text}");
            }
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            if !last {
                text.truncate(text.trim_end_matches(['\r', '\n']).len());
            }
            Made { kind, text: if bom { format!("\u{feff}{text}") } else { text } }
        },
    )
}
