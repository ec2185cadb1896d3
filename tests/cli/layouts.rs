//! `gantry check` on the layouts of real infra repositories.

use std::fs;

use super::in_dir;
use crate::support::layouts::{ALL, CLUSTERS, Layout, OVER_VALUES, REMOTE_BASE};

/// What `gantry check` says of a layout, some of whose text is another: code, output and summary.
fn check(layout: &Layout, replaced: &[(&str, &str)]) -> (i32, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let mut files = layout.files(layout.old, layout.old);
    files.push(("gantry.yaml".to_owned(), layout.config()));
    for (path, text) in files {
        let text = replaced.iter().fold(text, |text, (from, to)| text.replace(from, to));
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let ran = in_dir(dir.path(), &["check"]);
    (ran.code, ran.out, ran.err)
}

#[test]
fn each_layout_is_sound() {
    for (letter, layout) in ALL {
        let (code, out, err) = check(layout, &[]);
        let errors: Vec<&str> = out.lines().filter(|line| line.contains("error:")).collect();
        assert_eq!((code, errors.len()), (0, 0), "{letter}: {out}{err}");
    }
}

#[test]
fn files_without_images_are_told_once() {
    let (code, out, _) = check(&CLUSTERS, &[]);
    assert_eq!(code, 0);
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(
        out.contains("1 file that the patterns of checkout take in names none of its images: components/checkout/production/none/kustomization.yaml"),
        "{out}"
    );
}

#[test]
fn what_is_behind_or_missing_is_told() {
    let (code, out, _) = check(&CLUSTERS, &[("newTag: 1.0.0 # first", "newTag: 0.9.0 # first")]);
    assert_eq!(code, 0);
    assert!(out.contains("note: holds 0.9.0 of image registry.example.com/shop/web"), "{out}");
    let (code, out, _) = check(&CLUSTERS, &[("{environment}/*/k", "{environment}/eu/*/k")]);
    assert_eq!(code, 2);
    assert!(out.contains("matches no file in this folder"), "{out}");
    let (code, out, _) = check(&CLUSTERS, &[("shop/*'", "other/*'")]);
    assert_eq!(code, 2);
    assert!(out.contains("no image in the files of checkout is one that `match` means"), "{out}");
    let (code, out, _) = check(&OVER_VALUES, &[(", create: key", "")]);
    assert_eq!(code, 2);
    assert!(out.contains("lies over services/checkout/values.yaml"), "{out}");
    let (code, out, _) =
        check(&REMOTE_BASE, &[("url: 'https://git.example.com/org/build'", "url: 'not/a repository'")]);
    assert_eq!(code, 2, "{out}");
}
