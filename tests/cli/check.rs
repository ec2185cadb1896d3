//! `gantry check` on folders.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{Ran, command, in_dir};

const CONFIG: &str = "\
version: 1
environments:
  - {name: dev, delivery: commit}
  - {name: prod, after: [dev], delivery: pull-request}
applications:
  - name: checkout
    images: [{image: r.io/shop/checkout, select: {semver: '*'}}]
    files: apps/checkout/{environment}/kustomization.yaml
";
const GOOD: &str = "images:\r\n- name: r.io/shop/checkout\r\n  newTag: 1.0.0\r\n";

fn put(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn infra() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "gantry.yaml", CONFIG);
    for environment in ["dev", "prod"] {
        put(dir.path(), &format!("apps/checkout/{environment}/kustomization.yaml"), GOOD);
    }
    dir
}

#[test]
fn a_sound_folder_has_no_problems() {
    let dir = infra();
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert_eq!(ran.err, "no problems in 1 application, 2 environments, 2 overlays\n");
}

#[test]
fn rejections_are_checked_too() {
    let dir = infra();
    let entry = |environment: &str| {
        format!(
            "version: 1\nrejections:\n  - {{application: checkout, environment: {environment}, by: rita, at: 2026-01-31, release: {}}}\n",
            "a".repeat(32)
        )
    };
    put(dir.path(), ".gantry/rejections.yaml", &entry("prod"));
    assert_eq!(in_dir(dir.path(), &["check"]).code, 0);
    put(dir.path(), ".gantry/rejections.yaml", &entry("qa"));
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.out.contains("note: the rejection of aaaaaaaaaa for checkout in qa stops nothing"),
        "{}",
        ran.out
    );
    put(dir.path(), ".gantry/rejections.yaml", &entry("prod").replace("by: rita, ", ""));
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.out.trim(), ".gantry/rejections.yaml:3:5: error: `by` is missing");
}

#[test]
fn every_problem_names_file_line_and_column() {
    let dir = infra();
    let prod = "apps/checkout/prod/kustomization.yaml";
    for (text, expected) in [
        ("images: [", "error: not valid YAML"),
        (
            "images:\n- name: r.io/shop/checkout\n  newTag: a\n  newTag: b\n",
            "apps/checkout/prod/kustomization.yaml:4:3: error: key `newTag` is already set on line 3",
        ),
        ("images: []\n", "apps/checkout/prod/kustomization.yaml: error: names no image r.io/shop/checkout"),
        (
            "images:\n- name: r.io/shop/checkout\n- name: r.io/shop/checkout\n",
            "apps/checkout/prod/kustomization.yaml:2:3: error: image `r.io/shop/checkout` stands on lines 2",
        ),
    ] {
        put(dir.path(), prod, text);
        let ran = in_dir(dir.path(), &["check"]);
        assert_eq!(ran.code, 2, "{text}");
        assert!(ran.out.contains(expected), "{text:?}: {}", ran.out);
        assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    }
    fs::remove_file(dir.path().join(prod)).unwrap();
    let ran = in_dir(dir.path(), &["check"]);
    assert!(
        ran.out.starts_with("apps/checkout/prod/kustomization.yaml: error: does not exist"),
        "{}",
        ran.out
    );
}

#[test]
fn what_a_kustomization_names_must_be_there() {
    let dir = infra();
    put(
        dir.path(),
        "apps/checkout/prod/kustomization.yaml",
        &format!("resources:\n- ../base\n- https://example.com/x//y?ref=1\n- gone.yaml\n{GOOD}"),
    );
    put(
        dir.path(),
        "apps/checkout/base/kustomization.yaml",
        "resources: [deployment.yaml, ../../../../out]\npatches:\n- path: no.yaml\n- path: ../dev\n",
    );
    put(dir.path(), "apps/checkout/base/deployment.yaml", "a: 1\n");
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!(ran.code, 2);
    let found: Vec<_> = ran.out.lines().map(|line| line.split(';').next().unwrap()).collect();
    assert_eq!(
        found,
        [
            "apps/checkout/prod/kustomization.yaml:4:3: error: `gone.yaml` does not exist",
            "apps/checkout/base/kustomization.yaml:1:30: error: `../../../../out` leads out of the repository",
            "apps/checkout/base/kustomization.yaml:3:9: error: `no.yaml` does not exist",
            "apps/checkout/base/kustomization.yaml:4:9: error: `../dev` is a folder, and `patches` takes files",
        ]
    );
}

#[test]
fn a_reference_that_could_not_be_edited_is_told_before_it_matters() {
    let dir = infra();
    let other = "- name: other\n  newTag: &x '1'\n- name: third\n  newTag: *x\n";
    put(dir.path(), "apps/checkout/prod/kustomization.yaml", &format!("{}{other}", GOOD.replace('\r', "")));
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!(ran.code, 0, "not an image of the application: {}", ran.out);
    assert!(ran.out.contains("kustomization.yaml:5:3: note: `newTag` is anchored"), "{}", ran.out);
    put(
        dir.path(),
        "apps/checkout/prod/kustomization.yaml",
        "images:\n- name: r.io/shop/checkout\n  newTag: &x a\ny: *x\n",
    );
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!((ran.code, ran.out.lines().count()), (2, 1), "no hint, for to follow is no way: {}", ran.out);
    assert!(ran.out.contains("kustomization.yaml:3:3: error: `newTag` is anchored"), "{}", ran.out);
    // A file in which to follow is a way.
    let compose = "services:\n  a: {image: &x r.io/shop/checkout:1}\n  b: {image: *x}\n";
    let file = "{path: 'apps/{environment}.yaml', kind: compose}";
    let config = CONFIG.replace("apps/checkout/{environment}/kustomization.yaml", file);
    for environment in ["dev", "prod"] {
        put(dir.path(), &format!("apps/{environment}.yaml"), compose);
    }
    put(dir.path(), "gantry.yaml", &config);
    let ran = in_dir(dir.path(), &["check"]);
    assert!(ran.code == 2 && ran.out.contains("anchors: follow}` in gantry.yaml"), "{}", ran.out);
    let follows = file.replace("compose", "compose, anchors: follow");
    put(dir.path(), "gantry.yaml", &config.replace(file, &follows));
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    // Another image of the same file, whose application does not say so.
    for environment in ["dev", "prod"] {
        let more = "  c: {image: &y r.io/shop/second:1}\n  d: {image: *y}\n";
        put(dir.path(), &format!("apps/{environment}.yaml"), &format!("{compose}{more}"));
    }
    let second = config.rsplit_once("applications:\n").unwrap().1.replace("checkout", "second");
    put(dir.path(), "gantry.yaml", &format!("{}{second}", config.replace(file, &follows)));
    let ran = in_dir(dir.path(), &["check"]);
    assert!(ran.code == 2 && ran.out.contains("dev.yaml:4:7: error: `image` is anchored"), "{}", ran.out);
}

#[test]
fn a_wrong_config_is_told_with_its_hint() {
    let dir = infra();
    put(dir.path(), "gantry.yaml", &CONFIG.replace("delivery: commit", "delivry: commit"));
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.out.contains("gantry.yaml:3:") && ran.out.contains("did you mean `delivery`?"),
        "{}",
        ran.out
    );
    let ran = in_dir(dir.path(), &["check", "nowhere"]);
    assert_eq!(ran.code, 2);
    let ran = in_dir(&dir.path().join("apps"), &["check"]);
    assert!(ran.code == 2 && ran.err.contains("there is no gantry.yaml"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn promoted_config_is_there_where_it_starts_and_holds_files_only() {
    let dir = infra();
    let config = format!("{CONFIG}    config: ['conf/{{environment}}/', 'conf/{{environment}}.yaml']\n");
    put(dir.path(), "gantry.yaml", &config);
    put(dir.path(), "conf/dev/a.txt", "a");
    put(dir.path(), "conf/prod/b.txt", "version https://git-lfs.github.com/spec/v1\n");
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("conf/dev.yaml") && ran.out.contains("no file to promote"), "{}", ran.out);
    assert!(ran.out.contains("conf/prod/b.txt") && ran.out.contains("Git LFS pointer"), "{}", ran.out);
    assert!(!ran.out.contains("conf/prod.yaml"), "a promotion brings it: {}", ran.out);
}

#[test]
fn values_that_cannot_be_kept_are_told_in_each_environment() {
    let dir = infra();
    let keep =
        |keys: &str| format!("{CONFIG}    config: [{{path: 'conf/{{environment}}.yaml', keep: {keys}}}]\n");
    put(dir.path(), "gantry.yaml", &keep("[replicas]"));
    put(dir.path(), "conf/dev.yaml", "log: info\nreplicas: 1\n");
    put(dir.path(), "conf/prod.yaml", "log: info\nreplicas: 5\n  6\n");
    let ran = in_dir(dir.path(), &["check"]);
    assert!(ran.code == 2 && ran.out.contains("conf/prod.yaml:2:"), "{}", ran.out);
    assert!(!ran.out.contains("conf/dev.yaml"), "{}", ran.out);
    put(dir.path(), "conf/prod.yaml", "log: info\nreplicas: '5'\n");
    let ran = in_dir(dir.path(), &["check"]);
    assert!(ran.code == 0 && !ran.out.contains("has no value"), "{}", ran.out);
    put(dir.path(), "gantry.yaml", &keep("[replicas, replica]"));
    let ran = in_dir(dir.path(), &["check"]);
    assert!(ran.code == 0 && ran.out.contains("conf/dev.yaml"), "a note alone: {}", ran.out);
    assert!(ran.out.contains("has no value at `replica`,") && !ran.out.contains("`replicas`"), "{}", ran.out);
    put(dir.path(), "gantry.yaml", &keep("[\"'replicas'\"]"));
    let ran = in_dir(dir.path(), &["check"]);
    assert!(ran.code == 2 && ran.out.contains("double quotes"), "the editor's word on a key: {}", ran.out);
}

#[test]
fn symlinks_are_not_followed() {
    let dir = infra();
    let prod = dir.path().join("apps/checkout/prod/kustomization.yaml");
    fs::remove_file(&prod).unwrap();
    std::os::unix::fs::symlink("../dev/kustomization.yaml", &prod).unwrap();
    std::os::unix::fs::symlink("..", dir.path().join("apps/loop")).unwrap();
    let ran = in_dir(dir.path(), &["check"]);
    assert!(ran.code == 2 && ran.out.contains("is a symlink, which Gantry never writes"), "{}", ran.out);
}

#[test]
fn a_submodule_is_no_part_of_the_repository_and_may_hold_a_base() {
    let dir = infra();
    put(dir.path(), "apps/checkout/prod/.git", "gitdir: ../../../.git/modules/prod\n");
    let ran = in_dir(dir.path(), &["check"]);
    assert!(ran.code == 2 && ran.out.contains("is a submodule, which Gantry never writes"), "{}", ran.out);
    // What is found by convention is found in this repository.
    let found =
        CONFIG.replace("name: checkout", "discover: apps/{application}/{environment}/kustomization.yaml");
    let found = found.replace("    files: apps/checkout/{environment}/kustomization.yaml\n", "");
    put(dir.path(), "gantry.yaml", &found);
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (0, "no problems in 1 application, 2 environments, 1 overlay\n")
    );
    put(dir.path(), "base/.git", "gitdir: ../.git/modules/base\n");
    put(dir.path(), "base/kustomization.yaml", "resources: [gone.yaml]\n");
    put(dir.path(), "apps/checkout/dev/kustomization.yaml", &format!("resources: [../../../base]\n{GOOD}"));
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
}

#[test]
fn environments_on_other_branches_are_left_out_and_named() {
    let dir = infra();
    let config = CONFIG.replace("name: prod, after", "name: prod, branch: live, after");
    put(dir.path(), "gantry.yaml", &config);
    put(dir.path(), ".git/HEAD", "ref: refs/heads/main\n");
    put(dir.path(), "apps/checkout/prod/kustomization.yaml", "images: [");
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("note: environment prod is on branch live"), "{}", ran.out);
    let ran = in_dir(dir.path(), &["check", "--branch", "live"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
}

#[test]
fn reports_for_machines() {
    let dir = infra();
    put(dir.path(), "apps/checkout/prod/kustomization.yaml", "a: 1\na: 2%0A::error::x\n");
    let run = |args: &[&str], actions: bool| -> Ran {
        let mut command = command(args);
        command.current_dir(dir.path());
        if actions {
            command.env("GITHUB_ACTIONS", "true");
        }
        command.output().unwrap().into()
    };
    let json: serde_json::Value = serde_json::from_str(&run(&["check", "-o", "json"], true).out).unwrap();
    assert_eq!((&json["findings"][0]["line"], &json["findings"][0]["rule"]), (&2.into(), &"yaml".into()));
    let sarif: serde_json::Value = serde_json::from_str(&run(&["check", "-o", "sarif"], false).out).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "apps/checkout/prod/kustomization.yaml");
    assert_eq!(place["region"], serde_json::json!({"startLine": 2, "startColumn": 1}));
    let ran = run(&["check"], true);
    let annotation = "::error file=apps/checkout/prod/kustomization.yaml,line=2,col=1,title=gantry yaml::";
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("::")).count(), 1, "{}", ran.out);
    assert!(ran.out.starts_with(annotation), "{}", ran.out);
    assert!(!run(&["check"], false).out.contains("::error"));
}

#[test]
fn a_value_with_no_place_for_what_is_written_is_a_problem_before_the_first_promotion() {
    let dir = infra();
    let files = "\n    files: {path: 'tf/{environment}/main.tf', key: locals.version}\n";
    let config = CONFIG.replace("\n    files: apps/checkout/{environment}/kustomization.yaml\n", files);
    assert_ne!(config, CONFIG);
    for environment in ["dev", "prod"] {
        put(dir.path(), &format!("tf/{environment}/main.tf"), "locals {\n  version = \"1.0.0\"\n}\n");
    }
    put(dir.path(), "gantry.yaml", &config);
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!((ran.code, ran.out.lines().count()), (2, 2), "{}", ran.out);
    assert!(
        ran.out.contains("tf/dev/main.tf:2:") && ran.out.contains("no place for a digest"),
        "{}",
        ran.out
    );
    put(dir.path(), "gantry.yaml", &config.replace("{semver: '*'}", "{semver: '*'}, write: tag"));
    let ran = in_dir(dir.path(), &["check"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
}

#[test]
fn what_can_not_be_read_is_not_said_to_be_of_no_kind() {
    let dir = infra();
    put(
        dir.path(),
        "gantry.yaml",
        &CONFIG.replace("{environment}/kustomization.yaml", "{environment}/values.json"),
    );
    for environment in ["dev", "prod"] {
        put(dir.path(), &format!("apps/checkout/{environment}/values.json"), "{\"image\": [");
    }
    let ran = in_dir(dir.path(), &["check"]);
    assert!(ran.code == 2 && ran.out.contains("not valid") && !ran.out.contains("no kind"), "{}", ran.out);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    put(dir.path(), "apps/checkout/prod/values.json", pointer);
    let ran = in_dir(dir.path(), &["check"]);
    assert!(ran.out.contains("take the file out of LFS"), "{}", ran.out);
}
