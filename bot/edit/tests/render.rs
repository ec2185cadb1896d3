//! What kustomize and Helm make of an edited file: the new image is in the output and the old one is not.
//!
//! Each test runs where its tool (`kubectl`, `helm`) is on the path, and else prints that it is skipped.
//! Everything is rendered from files that the test writes; no cluster and no network is asked.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::Command;

use gantry_edit::{Change, Kind, SetDigest, Target, detect, set};

const IMAGE: &str = "registry.example.com/shop/checkout";

/// A folder of files that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("gantry-render-{name}-{}", std::process::id()));
        for (file, text) in files {
            let file = path.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        Self(path)
    }

    /// Makes the change in one of its files, of the kind that the file is found to be.
    fn edit(&self, file: &str, kind: Kind, change: Change<'_>) {
        let path = self.0.join(file);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(detect(file, &bytes), Some(kind), "{file}");
        let edited = set(&Target::of(kind), &bytes, &[change]).unwrap();
        assert!(edited.changed, "{file}");
        std::fs::write(path, edited.bytes).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What the tool prints; nothing, and a printed line, where the tool is not here.
fn output(folder: &Path, tool: &str, arguments: &[&str]) -> Option<String> {
    let run = Command::new(tool).args(arguments).current_dir(folder).env("HELM_NO_PLUGINS", "1").output();
    match run {
        Err(error) => {
            println!("skipped: {tool} cannot be started: {error}");
            None
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{tool} {arguments:?}: {said}");
            Some(String::from_utf8(output.stdout).unwrap())
        }
    }
}

fn kustomize(folder: &Folder, overlay: &str) -> Option<String> {
    output(&folder.0, "kubectl", &["kustomize", overlay])
}

fn helm(folder: &Folder, arguments: &[&str]) -> Option<String> {
    output(&folder.0, "helm", &[&["template", "shop", "chart"], arguments].concat())
}

/// The images of the output, in its order.
fn images(output: &str) -> Vec<&str> {
    let lines = output.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("image: "));
    lines.map(|image| image.trim_matches(['"', '\''])).collect()
}

fn tag(tag: &str) -> Change<'_> {
    Change { tag: Some(tag), ..Change::of(IMAGE) }
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout}
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      containers:
      - name: checkout
        image: checkout # set by overlays
      - {name: sidecar, image: 'registry.example.com/shop/checkout:1.0'}
";

#[test]
fn kustomize_renders_the_new_tag_digest_and_name_of_an_overlay() {
    let overlay = "\
resources: [../base]
images:
- name: checkout
  newName: registry.example.com/shop/checkout # main
  newTag: \"1.0\"
";
    let digest = format!("sha256:{}", "b".repeat(64));
    let folder = Folder::new(
        "overlay",
        &[
            ("base/kustomization.yaml", "resources: [deployment.yaml]\n"),
            ("base/deployment.yaml", DEPLOYMENT),
            ("prod/kustomization.yaml", overlay),
        ],
    );
    let edit = |change| folder.edit("prod/kustomization.yaml", Kind::Kustomization, change);
    let sidecar = format!("{IMAGE}:1.0");
    let rendered = |wanted: &str| {
        let Some(output) = kustomize(&folder, "prod") else { return };
        assert_eq!(images(&output), [wanted, &sidecar]);
    };
    // One that YAML 1.1 would take for a number: the tag stays text.
    edit(tag("1.10"));
    rendered(&format!("{IMAGE}:1.10"));
    edit(Change { digest: SetDigest::Set(&digest), ..tag("1e3") });
    rendered(&format!("{IMAGE}:1e3@{digest}"));
    edit(Change { digest: SetDigest::Remove, ..tag("v2") });
    rendered(&format!("{IMAGE}:v2"));
    edit(Change { new_name: Some("mirror.example.com/checkout"), ..tag("v3") });
    rendered("mirror.example.com/checkout:v3");
}

#[test]
fn kustomize_renders_the_new_image_of_manifests_patches_and_components() {
    let patch = "\
- op: replace
  path: /spec/template/spec/containers/0/image
  value: registry.example.com/shop/checkout:1.0
";
    let overlay = "\
resources: [deployment.yaml]
components: [../part]
patches:
- target: {kind: Deployment}
  patch: |-
    - op: add
      path: /spec/template/spec/containers/-
      value: {name: more, image: registry.example.com/shop/checkout:1.0}
- target: {kind: Deployment}
  path: patch.yaml
";
    let component = "\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
- name: other
  newTag: \"1\"
";
    let folder = Folder::new(
        "manifests",
        &[
            ("app/kustomization.yaml", overlay),
            ("app/deployment.yaml", DEPLOYMENT),
            ("app/patch.yaml", patch),
            ("part/kustomization.yaml", component),
        ],
    );
    folder.edit("app/deployment.yaml", Kind::Manifest, tag("2.10"));
    folder.edit("app/patch.yaml", Kind::Manifest, tag("2.10"));
    folder.edit("app/kustomization.yaml", Kind::Kustomization, tag("2.10"));
    let Some(output) = kustomize(&folder, "app") else { return };
    let new = format!("{IMAGE}:2.10");
    assert_eq!(images(&output), [&new, &new, &new]);
}

/// A chart that writes images as charts do.
const CHART: [(&str, &str); 3] = [
    ("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\nappVersion: \"0\"\n"),
    (
        "chart/values.yaml",
        "\
image:
  registry: registry.example.com
  repository: shop/checkout
  tag: 1.0.0 # the release
  digest: \"\"
sidecar:
  image: {repository: registry.example.com/shop/checkout, tag: '1.0.0'}
job:
  image: registry.example.com/shop/checkout:1.0.0
untagged:
  image:
    repository: registry.example.com/shop/checkout
",
    ),
    (
        "chart/templates/pod.yaml",
        "\
apiVersion: v1
kind: Pod
metadata: {name: {{ .Release.Name }}}
spec:
  containers:
  - name: main
    image: {{ .Values.image.registry }}/{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag }}{{ end }}
  - name: sidecar
    image: {{ .Values.sidecar.image.repository }}:{{ .Values.sidecar.image.tag }}
  - name: job
    image: {{ .Values.job.image }}
  - name: untagged
    image: {{ .Values.untagged.image.repository }}:{{ .Values.untagged.image.tag | default .Chart.AppVersion }}
",
    ),
];

#[test]
fn helm_renders_the_new_image_of_values() {
    let folder = Folder::new("values", &CHART);
    // Numbers to YAML 1.1, or 1.2, or both: rendered as they were written.
    for new in ["1.10", "1e3", "012", "0x1F", "2024-01-01", "v2.0.0"] {
        folder.edit("chart/values.yaml", Kind::HelmValues, tag(new));
        let Some(output) = helm(&folder, &[]) else { return };
        assert_eq!(images(&output), vec![format!("{IMAGE}:{new}"); 4], "{new}");
    }
    // A chart with a key for the digest gets it there, another behind the tag.
    let digest = format!("sha256:{}", "c".repeat(64));
    let pinned = Change { digest: SetDigest::Set(&digest), ..tag("v3") };
    folder.edit("chart/values.yaml", Kind::HelmValues, pinned);
    let Some(output) = helm(&folder, &[]) else { return };
    let behind = format!("{IMAGE}:v3@{digest}");
    assert_eq!(images(&output), [&format!("{IMAGE}@{digest}"), &behind, &behind, &behind]);
}

#[test]
fn helm_renders_values_that_lie_over_those_of_the_chart() {
    let over =
        "# production\nimage: {tag: 1.0.0}\njob: {image: 'registry.example.com/shop/checkout:1.0.0'}\n";
    let folder = Folder::new("over", &[&CHART[..], &[("prod.yaml", over)]].concat());
    let path = folder.0.join("prod.yaml");
    let bytes = std::fs::read(&path).unwrap();
    // The overlay does not name the image of the tag: the key and the caller do.
    let target = Target { key: Some("image.tag"), image: Some(IMAGE), ..Target::of(Kind::HelmValues) };
    let edited = set(&target, &bytes, &[tag("1.20")]).unwrap();
    let edited = set(&Target::of(Kind::HelmValues), &edited.bytes, &[tag("1.20")]).unwrap();
    std::fs::write(path, edited.bytes).unwrap();
    let Some(output) = helm(&folder, &["--values", "prod.yaml"]) else { return };
    let (new, old) = (format!("{IMAGE}:1.20"), format!("{IMAGE}:1.0.0"));
    assert_eq!(images(&output), [&new, &old, &new, &format!("{IMAGE}:0")]);
}
