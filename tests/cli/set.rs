//! `gantry set` on files.

use std::{fs, path::Path};

use super::in_dir;

const CRLF: &str = "# the shop\r\nimages:\r\n  - name: checkout   # ours\r\n    newName: r.io/shop/checkout\r\n    newTag: \"1.42.0\"";

fn put(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn digest() -> String {
    format!("sha256:{}", "b".repeat(64))
}

#[test]
fn only_the_value_changes() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "dev/kustomization.yaml", CRLF);
    // By its image, then by kustomize's name for it; a folder means its kustomization.
    let ran = in_dir(dir.path(), &["set", "r.io/shop/checkout=1.43.1", "dev"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out, "dev/kustomization.yaml:5: images[0].newTag: 1.42.0 -> 1.43.1\n");
    let now = || fs::read_to_string(dir.path().join("dev/kustomization.yaml")).unwrap();
    assert_eq!(now(), CRLF.replace("1.42.0", "1.43.1"));
    let ran = in_dir(dir.path(), &["set", "checkout:1.44.0", "dev/kustomization.yaml", "dev"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(now(), CRLF.replace("1.42.0", "1.44.0"));
    let ran = in_dir(dir.path(), &["set", "checkout:1.44.0", "dev"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, "nothing to change\n"));
    let ran = in_dir(dir.path(), &["set", &format!("checkout=1.45.0@{}", digest()), "dev"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        now().ends_with(&format!("\r\n    newTag: \"1.45.0\"\r\n    digest: \"{}\"", digest())),
        "{}",
        now()
    );
    // A tag alone takes the digest out.
    in_dir(dir.path(), &["set", "checkout=1.42.0", "dev"]);
    assert_eq!(now(), CRLF);
}

#[test]
fn a_dry_run_shows_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "kustomization.yaml", CRLF);
    let ran = in_dir(dir.path(), &["set", "checkout=r.io/mirror/checkout:2", ".", "--dry-run", "--diff"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("+    newName: r.io/mirror/checkout"), "{}", ran.out);
    let ran = in_dir(dir.path(), &["set", "checkout=2", ".", "--dry-run", "-o", "json"]);
    let data: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&data["written"], &data["files"][0]["edits"][0]["after"]), (&false.into(), &"2".into()));
    assert_eq!(fs::read_to_string(dir.path().join("kustomization.yaml")).unwrap(), CRLF);
}

#[test]
fn one_refusal_and_no_file_is_written() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a/kustomization.yaml", CRLF);
    put(
        dir.path(),
        "b/kustomization.yaml",
        "images:\n- name: checkout\n  newTag: &tag 1\n- name: x\n  newTag: *tag\n",
    );
    put(dir.path(), "c/kustomization.yaml", "images: []\n");
    let ran = in_dir(dir.path(), &["set", "checkout=2", "a", "b", "c"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains("b/kustomization.yaml:3:") && ran.err.contains("c/kustomization.yaml"),
        "{}",
        ran.err
    );
    assert_eq!(fs::read_to_string(dir.path().join("a/kustomization.yaml")).unwrap(), CRLF);
    assert_eq!(fs::read_dir(dir.path().join("a")).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn an_lfs_pointer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    put(dir.path(), "kustomization.yaml", pointer);
    let ran = in_dir(dir.path(), &["set", "checkout=2", "."]);
    assert!(ran.code == 2 && ran.err.contains("kustomization.yaml is a Git LFS pointer"), "{}", ran.err);
    assert_eq!(fs::read_to_string(dir.path().join("kustomization.yaml")).unwrap(), pointer);
}

#[cfg(unix)]
#[test]
fn the_mode_stays_and_symlinks_are_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "kustomization.yaml", CRLF);
    let file = dir.path().join("kustomization.yaml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(in_dir(dir.path(), &["set", "checkout=2", "."]).code, 0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o750);
    fs::create_dir(dir.path().join("l")).unwrap();
    symlink("../kustomization.yaml", dir.path().join("l/kustomization.yaml")).unwrap();
    let ran = in_dir(dir.path(), &["set", "checkout=3", "l"]);
    assert!(ran.code == 2 && ran.err.contains("is a symlink"), "{}", ran.err);
    for path in ["nowhere", "l/x.yaml"] {
        assert_eq!(in_dir(dir.path(), &["set", "checkout=3", path]).code, 2);
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_symlink_within_a_work_tree() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "infra/.git/HEAD", "ref: refs/heads/main\n");
    put(dir.path(), "infra/dev/kustomization.yaml", CRLF);
    put(dir.path(), "infra/deep/down/x", "");
    let link = |to: &str, from: &str| symlink(to, dir.path().join(from)).unwrap();
    link("dev", "infra/link");
    link("../../dev", "infra/deep/down/link");
    link("infra", "above");
    let whole = |path: &str| dir.path().join(path).display().to_string();
    for (from, path) in [
        ("infra", "link/kustomization.yaml"),
        ("infra", "link/"),
        ("infra", "deep/down/link/kustomization.yaml"),
        ("infra", "./deep/../link/../link/kustomization.yaml"),
        ("infra/deep", "../link/kustomization.yaml"),
        ("infra/deep", "down/link/../dev/kustomization.yaml"),
        (".", "infra/link/kustomization.yaml"),
        (".", "above/link/kustomization.yaml"),
        (".", &whole("above/link/kustomization.yaml")),
    ] {
        let ran = in_dir(&dir.path().join(from), &["set", "checkout=3", path]);
        assert!(ran.code == 2 && ran.err.contains("link is a symlink to /"), "{from} {path}: {}", ran.err);
        assert!(ran.err.contains("hint: Name the file by the folder"), "{}", ran.err);
    }
    let now = || fs::read_to_string(dir.path().join("infra/dev/kustomization.yaml")).unwrap();
    assert_eq!(now(), CRLF);
    // A symlink above the work tree is the machine's matter.
    for (tag, path) in [("3", "above/dev".to_owned()), ("4", whole("above/dev/kustomization.yaml"))] {
        let ran = in_dir(dir.path(), &["set", &format!("checkout={tag}"), &path]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(now(), CRLF.replace("1.42.0", tag));
    }
}

#[test]
fn a_submodule_is_written_from_within_alone() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), ".git/HEAD", "ref: refs/heads/main\n");
    put(dir.path(), ".gitmodules", "[submodule \"b\"]\n\turl = x\n\tpath = libs/base\n");
    put(dir.path(), "libs/base/.git", "gitdir: ../../.git/modules/b\n");
    put(dir.path(), "libs/base/dev/kustomization.yaml", CRLF);
    put(dir.path(), "libs/based/kustomization.yaml", CRLF);
    let ran = in_dir(dir.path(), &["set", "checkout=3", "libs/base/dev"]);
    assert!(ran.code == 2 && ran.err.contains("libs/base is a submodule"), "{}", ran.err);
    assert_eq!(fs::read_to_string(dir.path().join("libs/base/dev/kustomization.yaml")).unwrap(), CRLF);
    for (from, path) in [(".", "libs/based"), ("libs/base", "dev"), ("libs/base/dev", "../dev")] {
        let ran = in_dir(&dir.path().join(from), &["set", "checkout=3", path]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
}

#[test]
fn files_of_many_kinds_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path(),
        "values.yaml",
        "web:\n  image:\n    repository: r.io/shop/checkout # ours\n    tag: '1.0'\n",
    );
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  initContainers:\n  - image: r.io/shop/checkout:1.0\n  \
               containers:\n  - {name: a, image: \"r.io/shop/checkout:1.0\"}\n";
    put(dir.path(), "pod.yaml", pod);
    put(dir.path(), "compose.yaml", "services:\n  web:\n    image: r.io/shop/checkout:1.0 # x");
    let files = ["values.yaml", "pod.yaml", "compose.yaml"];
    let ran = in_dir(dir.path(), &[["set", "r.io/shop/checkout=1.1"].as_slice(), &files].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let now = |path: &str| fs::read_to_string(dir.path().join(path)).unwrap();
    assert!(now("values.yaml").ends_with("checkout # ours\n    tag: '1.1'\n"));
    assert_eq!(now("pod.yaml"), pod.replace("1.0", "1.1"));
    assert!(now("compose.yaml").ends_with("checkout:1.1 # x"));
}

#[test]
fn a_key_names_a_value_that_names_no_image() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "versions", "# by hand\napps:\n  checkout: v1447 # now\n  other: v1447\n");
    let set = |more: &[&str]| {
        in_dir(dir.path(), &[["set", "checkout=v1448", "versions"].as_slice(), more].concat())
    };
    let ran = set(&[]);
    assert!(ran.code == 2 && ran.err.contains("--kind"), "{}", ran.err);
    let ran = set(&["--kind", "yaml"]);
    assert!(ran.code == 2 && ran.err.contains("--key"), "{}", ran.err);
    let ran = set(&["--kind", "yam", "--key", "a"]);
    assert!(ran.code == 2 && ran.err.contains("helm-values"), "{}", ran.err);
    let ran = set(&["--kind", "yaml", "--key", "apps.chekout"]);
    assert!(ran.code == 1 && ran.err.contains("nothing stands at `apps.chekout`"), "{}", ran.err);
    let ran = set(&["--kind", "yaml", "--key", "apps.checkout"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "versions:3: apps.checkout: v1447 -> v1448\n"),
        "{}",
        ran.err
    );
    let now = fs::read_to_string(dir.path().join("versions")).unwrap();
    assert_eq!(now, "# by hand\napps:\n  checkout: v1448 # now\n  other: v1447\n");
}

#[test]
fn an_anchor_is_followed_when_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let text = "services:\n  a: {image: &img r.io/shop:1}\n  b: {image: *img}\n";
    put(dir.path(), "compose.yaml", text);
    let ran = in_dir(dir.path(), &["set", "r.io/shop=2", "compose.yaml"]);
    assert!(ran.code == 1 && ran.err.contains("line 3"), "{}", ran.err);
    assert!(ran.err.contains("hint: ") && ran.err.contains("`--follow-anchors`"), "{}", ran.err);
    put(dir.path(), "two.yaml", "services:\n  a: {image: &img r.io/shop:1}\n  b: {build: *img}\n");
    let ran = in_dir(dir.path(), &["set", "r.io/shop=2", "two.yaml"]);
    assert!(ran.code == 1 && !ran.err.contains("follow"), "it would not help: {}", ran.err);
    let ran = in_dir(dir.path(), &["set", "r.io/shop=2", "compose.yaml", "--follow-anchors"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(fs::read_to_string(dir.path().join("compose.yaml")).unwrap(), text.replace(":1", ":2"));
}

#[test]
fn files_that_are_not_yaml_are_edited_at_a_key_or_by_a_pattern() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        ("main.tf", "module.api.image_tag", "module \"api\" {\n  image_tag = \"v1\" # now\n}\n"),
        ("app.toml", "image.ref", "[image]\nref = 'r.io/shop:v1' # now\n"),
        (".env", "TAG", "# by hand\nexport TAG=v1\r\nOTHER=v1"),
        ("a.json", "web.tag", "{\n\t\"web\": {\"tag\": \"v1\"}\n}\n"),
    ];
    for (path, key, text) in files {
        put(dir.path(), path, text);
        let ran = in_dir(dir.path(), &["set", "r.io/shop=v2", path, "--key", key]);
        assert_eq!(ran.code, 0, "{path}: {}", ran.err);
        assert_eq!(fs::read_to_string(dir.path().join(path)).unwrap(), text.replacen("v1", "v2", 1));
    }
    put(dir.path(), "deploy.sh", "docker run r.io/shop:v1 --tag v1\n");
    let set = |key: &str| {
        in_dir(dir.path(), &["set", "r.io/shop=v2", "deploy.sh", "--kind", "regex", "--key", key])
    };
    let ran = set("(?<image>r\\.io/shop:\\S+)");
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "deploy.sh:1: image: r.io/shop:v1 -> r.io/shop:v2\n"),
        "{}",
        ran.err
    );
    for (bad, why) in
        [("(?<tag>v.)", "stands on"), ("(?<x>v1)", "one named group"), ("(?<tag>v9)", "matches nothing")]
    {
        let ran = set(bad);
        assert!(ran.code == 1 && ran.err.contains(why), "{}", ran.err);
    }
}

#[test]
fn what_can_not_be_read_is_told_and_not_called_of_no_kind() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("latin.yaml"), b"a: \xe4\n").unwrap();
    fs::write(at("nul.yaml"), b"a: b\0c\n").unwrap();
    fs::write(at("open.yaml"), "a: [b\n").unwrap();
    fs::write(at("huge.yaml"), "a".repeat(5_000_000)).unwrap();
    for (name, why) in [
        ("latin.yaml", "save it as UTF-8"),
        ("nul.yaml", "control character 0x00"),
        ("open.yaml", "not valid YAML"),
        ("huge.yaml", "split it"),
    ] {
        let ran = in_dir(dir.path(), &["set", "r.io/a=2", name]);
        assert!(ran.code == 1 && ran.err.contains(why), "{name}: {} {}", ran.code, ran.err);
        assert!(!ran.err.contains("no kind"), "{}", ran.err);
    }
    let ran = in_dir(dir.path(), &["set", "r.io/a=2", "none.yaml"]);
    assert!(ran.code == 2 && ran.err.contains("there is no file none.yaml"), "{}", ran.err);
    put(dir.path(), "run.sh", "docker run r.io/a:1\n");
    let ran = in_dir(dir.path(), &["set", "r.io/a=2", "run.sh", "--kind", "regex"]);
    assert!(ran.code == 2 && ran.err.contains("one named group"), "{}", ran.err);
}

#[test]
fn a_tag_whose_image_nothing_names_is_set_under_its_key_alone() {
    let dir = tempfile::tempdir().unwrap();
    let text = "version: '1.0' # {\"$imagepolicy\": \"flux-system:web:tag\"}\n";
    put(dir.path(), "web.yaml", text);
    let set = |more: &[&str]| {
        in_dir(dir.path(), &[["set", "r.io/other=9.9", "web.yaml"].as_slice(), more].concat())
    };
    let ran = set(&[]);
    assert!(ran.code == 1 && ran.err.contains("`key`"), "{}", ran.err);
    assert_eq!(fs::read_to_string(dir.path().join("web.yaml")).unwrap(), text);
    let ran = set(&["--key", "flux-system:web"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(fs::read_to_string(dir.path().join("web.yaml")).unwrap(), text.replace("1.0", "9.9"));
}

/// The first edit of a dry run: its key, line and new value.
fn first_edit(dir: &Path, args: &[&str]) -> (String, serde_json::Value) {
    let ran = in_dir(dir, &[&["set", "r.io/shop=v2", "--dry-run", "-o", "json"], args].concat());
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    let data: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let edit = &data["files"][0]["edits"][0];
    (edit["key"].as_str().unwrap().to_owned(), edit.clone())
}

#[test]
fn the_key_of_an_edit_is_one_that_finds_the_same_value() {
    let dir = tempfile::tempdir().unwrap();
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: r.io/";
    let release = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n    helm:\n      \
                   values: |\n        image:\n          repository: r.io/shop\n          tag: v1\n";
    for (path, text, more, key) in [
        ("kustomization.yaml", "images:\n- name: r.io/shop\n  newTag: v1\n", &[][..], "images[0].newTag"),
        ("v.yaml", "a.b:\n  image: {repository: r.io/shop, tag: v1}\n", &[], "\"a.b\".image.tag"),
        ("pods.yaml", &format!("{pod}x:v1\n---\n{pod}shop:v1\n"), &[], "#2.spec.containers[0].image"),
        ("compose.yaml", "services:\n  web: {image: 'r.io/shop:v1'}\n", &[], "services.web.image"),
        ("app.yaml", release, &[], "spec.source.helm.values"),
        ("a.json", "{\"a\": [{\"tag\": \"v1\"}]}\n", &["--key", "a[0].tag"], "a[0].tag"),
        ("main.tf", "module \"a\" {\n  tag = \"v1\"\n}\n", &["--key", "module.a.tag"], "module.a.tag"),
        ("a.toml", "[a]\ntag = 'v1'\n", &["--key", "a.tag"], "a.tag"),
        (".env", "TAG=v1\n", &["--key", "TAG"], "TAG"),
        (
            "run.sh",
            "docker run r.io/shop:v1\n",
            &["--kind", "regex", "--key", "shop:(?<tag>\\S+)"],
            "shop:(?<tag>\\S+)",
        ),
    ] {
        put(dir.path(), path, text);
        let (found, edit) = first_edit(dir.path(), &[&[path], more].concat());
        assert_eq!(found, key, "{path}");
        let kind: Vec<&str> = more.iter().take_while(|word| **word != "--key").copied().collect();
        let (_, again) = first_edit(dir.path(), &[&[path, "--key", &found], &kind[..]].concat());
        assert_eq!(again, edit, "{path}");
    }
    // A key that is added is there afterwards.
    put(dir.path(), "kustomization.yaml", "# no tag yet\nimages:\n- name: r.io/shop\n");
    let (found, edit) = first_edit(dir.path(), &["kustomization.yaml"]);
    assert_eq!((found.as_str(), &edit["before"]), ("images[0].newTag", &serde_json::Value::Null));
    put(dir.path(), "kustomization.yaml", "# no tag yet\nimages:\n- name: r.io/shop\n  newTag: v1\n");
    assert_eq!(first_edit(dir.path(), &["kustomization.yaml", "--key", &found]).1["line"], edit["line"]);
}
