//! How many 500-byte kustomizations a second are edited and proven on one core.
//!
//! `cargo bench -p gantry-edit --bench edit`. Prints the best and the median of a number of rounds, so that
//! other work on the machine shows; the parse alone is measured in the same run as the floor.

use std::hint::black_box;
use std::time::Instant;

use gantry_edit::{Change, Kind, SetDigest, Target, read, set};

const FILE: &str = "\
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

fn measure(name: &str, mut work: impl FnMut()) {
    const ROUNDS: usize = 21;
    const FILES: u32 = 4_000;
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..FILES {
                work();
            }
            f64::from(FILES) / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let (best, median) = (rates[ROUNDS - 1], rates[ROUNDS / 2]);
    eprintln!("{name:<24} best {best:>9.0} files/s   median {median:>9.0} files/s");
}

fn main() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let image = "registry.example.com/shop/checkout";
    let tag = Change { image, new_name: None, tag: Some("1.43.1"), digest: SetDigest::Keep };
    let both = Change { digest: SetDigest::Set(&digest), ..tag };
    eprintln!("a kustomization of {} bytes, one core", FILE.len());
    measure("read", || drop(black_box(read(&Target::of(Kind::Kustomization), black_box(FILE.as_bytes())))));
    for (name, change) in [("set tag, proven", tag), ("add digest too, proven", both)] {
        let edited = set(&Target::of(Kind::Kustomization), FILE.as_bytes(), &[change]);
        assert!(edited.is_ok_and(|edited| edited.changed));
        measure(name, || {
            drop(black_box(set(&Target::of(Kind::Kustomization), black_box(FILE.as_bytes()), &[change])))
        });
    }
}
