//! Layouts of real infra repositories: for each a `gantry.yaml` and files, in `dev` and in `prod`.
//!
//! In the files `<dev>` and `<prod>` stand for the tag that the environment holds, `<dev-rev>` and `<prod-rev>` for
//! the source revision of it, and `<dev-added>` for what Gantry adds with the first promotion.

/// The tag that an environment holds, and the revision that it was built from.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Holds(pub(crate) &'static str, pub(crate) &'static str);

pub(crate) struct Layout {
    /// What is written beside the names of the environments.
    pub(crate) environments: [&'static str; 2],
    pub(crate) applications: &'static str,
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// The images of which a build comes.
    pub(crate) images: &'static [&'static str],
    pub(crate) old: Holds,
    pub(crate) new: Holds,
}

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// Versions, of one image.
const PLAIN: Layout = Layout {
    environments: ["", ""],
    applications: "",
    files: &[],
    images: &["registry.example.com/shop/checkout"],
    old: Holds("1.0.0", A),
    new: Holds("2.0.0", B),
};

impl Layout {
    pub(crate) fn config(&self) -> String {
        let [dev, prod] = self.environments;
        format!(
            "version: 1\nenvironments:\n  - {{name: dev, {dev}delivery: commit}}\n  - {{name: prod, {prod}after: [dev], delivery: pull-request}}\napplications:\n{}",
            self.applications
        )
    }

    /// All files but `gantry.yaml`.
    pub(crate) fn files(&self, dev: Holds, prod: Holds) -> Vec<(String, String)> {
        let added = if dev == self.old { String::new() } else { format!("\n  version: {}", dev.0) };
        let text = |text: &str| {
            text.replace("<dev-added>", &added)
                .replace("<dev>", dev.0)
                .replace("<prod>", prod.0)
                .replace("<dev-rev>", dev.1)
                .replace("<prod-rev>", prod.1)
        };
        self.files.iter().map(|(path, own)| ((*path).to_owned(), text(own))).collect()
    }
}

/// One overlay for each environment.
pub(crate) const OVERLAYS: Layout = Layout {
    applications: "  - discover: apps/{application}/overlays/{environment}/kustomization.yaml
    images: [{image: 'registry.example.com/shop/{application}', select: {semver: '*'}, write: tag}]
",
    files: &[
        (
            "apps/checkout/overlays/dev/kustomization.yaml",
            "images:\n- name: registry.example.com/shop/checkout\n  newTag: <dev> # ours\n",
        ),
        (
            "apps/checkout/overlays/prod/kustomization.yaml",
            "images:\n- name: registry.example.com/shop/checkout\n  newTag: \"<prod>\"\n",
        ),
    ],
    ..PLAIN
};

/// One file without extension for each environment and application.
pub(crate) const PLAIN_FILES: Layout = Layout {
    applications: "  - discover: charts/config/image-tags/{environment}/{application}
    images: [{image: 'registry.example.com/shop/{application}', select: {filter: '^v(?P<n>[0-9]+)$', extract: $n, numerical: desc}, write: tag}]
    files: {path: 'charts/config/image-tags/{environment}/{application}', kind: yaml, key: image_tag}
",
    files: &[
        ("charts/config/image-tags/dev/checkout", "# written by hand\nimage_tag: <dev>\nreplicas: 2\n"),
        ("charts/config/image-tags/prod/checkout", "image_tag: <prod>\r\nreplicas: 9\r\n"),
    ],
    old: Holds("v1447", A),
    new: Holds("v1448", B),
    ..PLAIN
};

/// Other folders for each environment.
pub(crate) const OTHER_FOLDERS: Layout = Layout {
    environments: ["as: [development], ", "as: [production, prd], "],
    applications: "  - discover:
      - components/{application}/{environment}/base/kustomization.yaml
      - components/{application}/{environment}/kustomization.yaml
    images: [{image: 'registry.example.com/shop/{application}', select: {semver: '*'}, write: tag}]
",
    files: &[
        (
            "components/checkout/development/kustomization.yaml",
            "images:\n- {name: registry.example.com/shop/checkout, newTag: <dev>}\n",
        ),
        (
            "components/checkout/production/base/kustomization.yaml",
            "images:\n- {name: registry.example.com/shop/checkout, newTag: <prod>}\n",
        ),
        ("components/checkout/production/kustomization.yaml", "resources: [base]\n"),
    ],
    ..PLAIN
};

/// One folder for each cluster, with several images of one revision.
pub(crate) const CLUSTERS: Layout = Layout {
    environments: ["as: [development], ", "as: [production], "],
    applications: "  - name: checkout
    files:
      dev: components/checkout/{environment}/kustomization.yaml
      prod: components/checkout/{environment}/*/kustomization.yaml
    images: [{match: 'registry.example.com/shop/*', select: {semver: '*'}, write: tag}]
",
    files: &[
        (
            "components/checkout/development/kustomization.yaml",
            "images:\n- name: registry.example.com/shop/api\n  newTag: <dev>\n- name: registry.example.com/shop/web\n  newTag: <dev>\n",
        ),
        (
            "components/checkout/production/eu-01/kustomization.yaml",
            "images:\n- name: registry.example.com/shop/api\n  newTag: <prod>\n- name: registry.example.com/shop/web\n  newTag: <prod>\n",
        ),
        (
            "components/checkout/production/us-03/kustomization.yaml",
            "images:\n- name: registry.example.com/shop/web\n  newTag: <prod> # first\n- name: registry.example.com/shop/api\n  newTag: <prod>\n- name: busybox\n  newTag: '1'\n",
        ),
        ("components/checkout/production/none/kustomization.yaml", "namespace: none\n"),
    ],
    images: &["registry.example.com/shop/api", "registry.example.com/shop/web"],
    ..PLAIN
};

/// The tag is the revision, and a remote base beside it has the same.
pub(crate) const REMOTE_BASE: Layout = Layout {
    applications: "  - name: checkout
    files: build/{environment}/kustomization.yaml
    images: [{image: registry.example.com/org/build, select: {filter: '^[0-9a-f]{40}$', newest: true}, write: tag}]
    refs: [{url: 'https://git.example.com/org/build', follows: registry.example.com/org/build}]
",
    files: &[
        (
            "build/dev/kustomization.yaml",
            "resources:\n- https://git.example.com/org/build/config/default?ref=<dev-rev>\nimages:\n- name: build\n  newName: registry.example.com/org/build\n  newTag: <dev>\n",
        ),
        (
            "build/prod/kustomization.yaml",
            "resources:\n- https://git.example.com/org/build/config/default?ref=<prod-rev>\nimages:\n- name: build\n  newName: registry.example.com/org/build\n  newTag: <prod>\n",
        ),
    ],
    images: &["registry.example.com/org/build"],
    old: Holds(A, A),
    new: Holds(B, B),
    ..PLAIN
};

/// A further part in the path, and an image named by it alone.
pub(crate) const TEAMS: Layout = Layout {
    applications: "  - discover: apps/{team}/{application}/{environment}.yaml
    images:
      - image: registry.example.com/{team}/api
        select: {filter: '^prod-[0-9a-f]+-(?P<time>[0-9]+)$', extract: $time, numerical: desc}
        write: tag
",
    files: &[
        (
            "apps/red/checkout/dev.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: api\n        image: registry.example.com/red/api:<dev> # {\"$imagepolicy\": \"flux-system:red-api\"}\n",
        ),
        (
            "apps/red/checkout/prod.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: api\n        image: registry.example.com/red/api:<prod> # {\"$imagepolicy\": \"flux-system:red-api\"}\n",
        ),
    ],
    images: &["registry.example.com/red/api"],
    old: Holds("prod-68f7180-20260821151134", A),
    new: Holds("prod-79a8291-20260901091500", B),
    ..PLAIN
};

/// The base file is production, and the others patch it.
pub(crate) const BASE_IS_PRODUCTION: Layout = Layout {
    applications: "  - discover:
      - {path: 'apps/{team}/{application}/{application}.yaml', environments: [prod]}
      - 'apps/{team}/{application}/{environment}.yaml'
    images: [{image: 'registry.example.com/{team}/{application}', select: {semver: '*'}, write: tag}]
",
    files: &[
        (
            "apps/shop/checkout/checkout.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: checkout}\nspec: {template: {spec: {containers: [{name: c, image: 'registry.example.com/shop/checkout:<prod>'}]}}}\n",
        ),
        (
            "apps/shop/checkout/dev.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: checkout}\nspec: {template: {spec: {containers: [{name: c, image: 'registry.example.com/shop/checkout:<dev>'}]}}}\n",
        ),
    ],
    ..PLAIN
};

/// Rings: the paths of them.
pub(crate) const RINGS: Layout = Layout {
    environments: ["as: [ring-0], ", "as: [ring-1, ring-2], "],
    applications: "  - discover: components/{application}/rings/{environment}/base/kustomization.yaml
    images: [{image: 'registry.example.com/shop/{application}', select: {semver: '*'}, write: tag}]
",
    files: &[
        (
            "components/checkout/rings/ring-0/base/kustomization.yaml",
            "images: [{name: registry.example.com/shop/checkout, newTag: <dev>}]\n",
        ),
        (
            "components/checkout/rings/ring-1/base/kustomization.yaml",
            "images: [{name: registry.example.com/shop/checkout, newTag: <prod>}]\n",
        ),
        (
            "components/checkout/rings/ring-2/base/kustomization.yaml",
            "images: [{name: registry.example.com/shop/checkout, newTag: <prod>}]\n",
        ),
    ],
    ..PLAIN
};

/// Values that lie over others, and have no version until one is written.
pub(crate) const OVER_VALUES: Layout = Layout {
    applications: "  - name: checkout
    files:
      dev: {path: services/checkout/values-staging.yaml, key: main_app.version, create: key}
      prod: {path: services/checkout/values.yaml, key: main_app.version}
    images: [{image: registry.example.com/group/app, select: {filter: '-production$', alphabetical: desc}, write: tag}]
",
    files: &[
        (
            "services/checkout/values.yaml",
            "docker: {registry: registry.example.com}\nmain_app: { image: group/app, version: <prod> }\n",
        ),
        ("services/checkout/values-staging.yaml", "main_app:\n  replicas: 1 # small<dev-added>\n"),
    ],
    images: &["registry.example.com/group/app"],
    old: Holds("2026-08-17-094555-production", A),
    new: Holds("2026-08-18-101010-production", B),
    ..PLAIN
};

/// One file with many applications, and all environments in it.
pub(crate) const ONE_FILE: Layout = Layout {
    applications: "  - name: checkout
    files: {path: releases.yaml, kind: yaml, key: '{environment}.checkout.tag'}
    images: [{image: registry.example.com/shop/checkout, select: {semver: '*'}, write: tag}]
  - name: search
    files: {path: releases.yaml, kind: yaml, key: '{environment}.search.tag'}
    images: [{image: registry.example.com/shop/search, select: {semver: '*'}, write: tag}]
",
    files: &[(
        "releases.yaml",
        "dev:\n  checkout: { tag: <dev> }\n  search: { tag: 4.5.6 }\nprod:\n  search: { tag: 4.5.5 }\n  checkout: { tag: <prod> } # stable\n",
    )],
    ..PLAIN
};

/// Environments are elements of a list.
pub(crate) const ELEMENTS: Layout = Layout {
    applications: "  - name: checkout
    files: {path: sets/checkout.yaml, key: 'spec.generators[0].list.elements[cluster={environment}].tag'}
    images: [{image: registry.example.com/shop/checkout, select: {semver: '*'}, write: tag}]
",
    files: &[(
        "sets/checkout.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec:\n  generators:\n  - list:\n      elements:\n      - { cluster: prod, tag: <prod> }\n      - { cluster: dev, tag: <dev> }\n  template: {spec: {source: {repoURL: 'https://git.example.com/shop/deploy', targetRevision: main}}}\n",
    )],
    ..PLAIN
};

/// Two tracks of one image: only one of them moves.
pub(crate) const TRACKS: Layout = Layout {
    applications: "  - name: checkout
    files: apps/{environment}/kustomization.yaml
    images: [{image: registry.example.com/shop/checkout, entry: app-a, select: {semver: '<3'}, write: tag}]
  - name: other
    files: apps/{environment}/kustomization.yaml
    images: [{image: registry.example.com/shop/checkout, entry: app-b, select: {semver: '>=9'}, write: tag}]
",
    files: &[
        (
            "apps/dev/kustomization.yaml",
            "images:\n- name: app-b\n  newName: registry.example.com/shop/checkout\n  newTag: 9.0.0\n- name: app-a\n  newName: registry.example.com/shop/checkout\n  newTag: <dev>\n",
        ),
        (
            "apps/prod/kustomization.yaml",
            "images:\n- name: app-a\n  newName: registry.example.com/shop/checkout\n  newTag: <prod>\n- name: app-b\n  newName: registry.example.com/shop/checkout\n  newTag: 9.0.0\n",
        ),
    ],
    ..PLAIN
};

/// All of them, with their letters in the list of layouts.
pub(crate) const ALL: [(&str, &Layout); 12] = [
    ("A", &OVERLAYS),
    ("B", &PLAIN_FILES),
    ("C", &OTHER_FOLDERS),
    ("D", &CLUSTERS),
    ("E", &REMOTE_BASE),
    ("F", &TEAMS),
    ("G", &BASE_IS_PRODUCTION),
    ("H", &RINGS),
    ("I", &OVER_VALUES),
    ("J", &ONE_FILE),
    ("K", &ELEMENTS),
    ("two tracks", &TRACKS),
];
