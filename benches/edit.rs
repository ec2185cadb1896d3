//! How many files a second are read, and edited and proven, on one core: a kustomization of 500 bytes, Helm
//! values of 3 KB, a Deployment, and Helm values as a text within an Application.
//!
//! `cargo bench -p gantry-edit --bench edit [PART OF A NAME]`. The time is that which the thread had a processor (where the
//! system tells it), and the best and the median of a number of rounds are printed, so that other work on
//! the machine shows; the parse alone is measured in the same run as the floor.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gantry_edit::syntax::Tree;
use gantry_edit::{Change, Kind, SetDigest, Target, detect, read, set};

const KUSTOMIZATION: &str = "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
# The shop in prod
resources:
  - ../../base
labels:
  - pairs:
      app.kubernetes.io/name: checkout
patches:
  - path: replicas.yaml
    target:
      kind: Deployment
      name: checkout
images:
  - name: registry.example.com/shop/checkout # main
    newTag: 1.42.0
  - name: registry.example.com/shop/sidecar
    newTag: \"2.1\"
    digest: sha256:0000000000000000000000000000000000000000000000000000000000000000
";

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  labels:
    app.kubernetes.io/name: checkout
spec:
  replicas: 3
  selector:
    matchLabels:
      app.kubernetes.io/name: checkout
  template:
    metadata:
      labels:
        app.kubernetes.io/name: checkout
    spec:
      securityContext:
        runAsNonRoot: true
      initContainers:
        - name: migrate
          image: registry.example.com/shop/checkout:1.42.0
          args: [migrate, --wait]
      containers:
        - name: checkout
          image: registry.example.com/shop/checkout:1.42.0
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: LOG_LEVEL
              value: info
          readinessProbe:
            httpGet:
              path: /healthz
              port: http
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
        - name: sidecar
          image: registry.example.com/shop/sidecar:2.1
";

/// Helm values of about 3 KB, with comments as charts have them.
fn values() -> String {
    let mut text = String::from(
        "# Values of the shop\nimage:\n  registry: registry.example.com\n  repository: shop/checkout\n  # Set by promotion\n  tag: 1.42.0\n  pullPolicy: IfNotPresent\nimagePullSecrets: []\n",
    );
    for part in ["web", "worker", "cron", "proxy"] {
        text += &format!(
            "{part}:\n  enabled: true\n  # How many there are\n  replicaCount: 2\n  image:\n    repository: registry.example.com/shop/{part}\n    tag: \"2.1.{}\"\n  service:\n    type: ClusterIP\n    ports: {{http: 8080, metrics: 9090}}\n  resources:\n    limits:\n      memory: 256Mi\n    requests:\n      cpu: 100m\n      memory: 128Mi\n  podAnnotations:\n    prometheus.io/scrape: \"true\"\n    prometheus.io/port: '9090'\n  affinity: {{}}\n  tolerations:\n    - key: dedicated\n      operator: Equal\n      value: shop\n      effect: NoSchedule\n  env:\n    LOG_LEVEL: info # or debug\n    REGION: eu\n",
            part.len()
        );
    }
    text += "ingress:\n  enabled: true\n  hosts:\n    - host: shop.example.com\n      paths: [/, /api]\n";
    text
}

/// The values as a text within an Application.
fn application(values: &str) -> String {
    let lines: String = values.lines().map(|line| format!("        {line}\n")).collect();
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: shop\nspec:\n  source:\n    repoURL: https://git.example.com/shop.git\n    targetRevision: v1.2.0\n    path: chart\n    helm:\n      values: |\n{lines}"
    )
}

fn measure(name: &str, mut work: impl FnMut()) {
    const ROUNDS: usize = 15;
    const FILES: u32 = 2_000;
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = (processor(), Instant::now());
            for _ in 0..FILES {
                work();
            }
            let spent = processor().zip(start.0).map(|(now, then)| now.saturating_sub(then));
            f64::from(FILES) / spent.unwrap_or_else(|| start.1.elapsed()).as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let (best, median) = (rates[ROUNDS - 1], rates[ROUNDS / 2]);
    eprintln!("  {name:<24} best {best:>9.0} files/s   median {median:>9.0} files/s");
}

/// The time that this thread had a processor.
fn processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn main() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let image = "registry.example.com/shop/checkout";
    let tag = Change { tag: Some("1.43.1"), ..Change::of(image) };
    let both = Change { digest: SetDigest::Set(&digest), ..tag };
    let (values, kustomization, deployment) = (values(), KUSTOMIZATION.to_owned(), DEPLOYMENT.to_owned());
    let application = application(&values);
    let wanted = std::env::args().skip(1).find(|argument| argument != "--bench").unwrap_or_default();
    let cases = [
        ("kustomization", Kind::Kustomization, kustomization),
        ("Helm values", Kind::HelmValues, values),
        ("Deployment", Kind::Manifest, deployment),
        ("Application with values", Kind::Manifest, application),
    ];
    for (name, kind, text) in cases.into_iter().filter(|(name, ..)| name.contains(&wanted)) {
        eprintln!("{name}, {} bytes", text.len());
        let (bytes, target) = (text.as_bytes(), Target::of(kind));
        measure("parse alone, the floor", || drop(black_box(Tree::parse(black_box(bytes)))));
        measure("detect", || {
            black_box(detect("some.yaml", black_box(bytes)));
        });
        measure("read", || drop(black_box(read(&target, black_box(bytes)))));
        for (name, change) in [("set tag, proven", tag), ("set digest too, proven", both)] {
            let edited = set(&target, bytes, &[change]);
            assert!(edited.is_ok_and(|edited| edited.changed));
            measure(name, || drop(black_box(set(&target, black_box(bytes), &[change]))));
        }
    }
}
