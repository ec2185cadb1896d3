//! Large files of Flux and Argo CD, and files with markers: each reference is found, and the time grows with
//! the size alone.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;

use gantry_edit::{Kind, Reason, Reference, Target, read};

/// The references, and none where there are more than a file may have.
fn found(name: &str, kind: Kind, text: &str) -> Vec<Reference> {
    let start = Instant::now();
    let found = read(&Target::of(kind), text.as_bytes());
    println!("{name}: {} bytes, {:?}", text.len(), start.elapsed());
    match found {
        Ok(found) => found,
        Err(refusal) => {
            assert!(matches!(refusal.reason, Reason::TooMany { .. }), "{name}: {refusal}");
            Vec::new()
        }
    }
}

fn times(count: usize, unit: impl Fn(usize) -> String) -> String {
    (0..count).map(unit).collect()
}

#[test]
fn many_releases_find_their_repositories() {
    let text = times(4_000, |at| {
        let name = at % 7;
        let release = format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  chart:\n    spec: \
             {{chart: c, version: 1.0.{at}, sourceRef: {{kind: HelmRepository, name: r{name}}}}}\n---\n"
        );
        let repository = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {{name: r{name}}}\n\
             spec: {{url: https://example.com/{name}}}\n---\n"
        );
        format!("{release}{repository}")
    });
    let all = found("releases", Kind::Manifest, &text);
    assert_eq!(all.len(), 4_000);
    assert!(all.iter().all(|reference| reference.image.starts_with("example.com/")));
}

#[test]
fn many_markers_in_one_mapping_are_read() {
    let text = times(6_000, |at| format!("k{at}: v{at} # {{\"$imagepolicy\": \"a:p{at}:tag\"}}\n"));
    let all = found("policies in one mapping", Kind::Markers, &text);
    assert!(all.len() == 6_000 && all.iter().all(|reference| reference.blocked.is_some()));
    let text = format!("repository: a/b\n{}", text.replace(":tag", ""));
    assert_eq!(found("whole markers", Kind::Markers, &text).len(), 6_000);
    let text = format!("a: |\n{}", times(6_000, |_| " # {\"$imagepolicy\": \"a:b\"}\n".to_owned()));
    assert_eq!(found("markers in a block", Kind::Markers, &text).len(), 0);
}

#[test]
fn many_parameters_and_images_of_one_source_are_read() {
    let parameters = times(3_000, |at| {
        format!("  - {{name: i{at}.repository, value: a/b{at}}}\n  - {{name: i{at}.tag, value: v1}}\n")
    });
    let images = times(3_000, |at| format!("  - a{at}=b/c:{at}\n"));
    let text = format!("helm:\n  parameters:\n{parameters}kustomize:\n  images:\n{images}");
    assert_eq!(found("one source", Kind::ArgocdSource, &text).len(), 6_000);
    let twice = times(3_000, |_| "  - {name: i.tag, value: v1}\n".to_owned());
    let text = format!("helm:\n  parameters:\n  - {{name: i.repository, value: a/b}}\n{twice}");
    assert_eq!(found("one parameter again and again", Kind::ArgocdSource, &text).len(), 1);
}

#[test]
fn nested_files_in_sources_are_bounded() {
    let mut text = String::from("image: a/b:1\n");
    for _ in 0..8 {
        let block: String = text.lines().map(|line| format!("      {line}\n")).collect();
        text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n    helm:\n      values: |\n{}",
            block.replace("      ", "        ")
        );
    }
    assert!(found("applications in values", Kind::Manifest, &text).len() <= 1);
}
