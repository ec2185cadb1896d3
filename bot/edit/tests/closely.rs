//! Places that are named more closely than by their image: nothing else may change.

#![allow(clippy::unwrap_used)]

use gantry_edit::{Change, Kind, Reason, Target, read, set};

fn after(target: &Target<'_>, text: &str, change: Change<'_>) -> Result<String, String> {
    let edited = set(target, text.as_bytes(), &[change]).map_err(|refusal| refusal.to_string())?;
    Ok(String::from_utf8(edited.bytes).unwrap())
}

fn tag<'a>(image: &'a str, tag: &'a str) -> Change<'a> {
    Change { tag: Some(tag), ..Change::of(image) }
}

const TRACKS: &str = "\
images:
- name: app-a
  newName: r.example.com/app
  newTag: tag-a # one
- name: app-b
  newName: r.example.com/app
  newTag: tag-b # two
";

#[test]
fn the_name_of_an_entry_means_that_entry() {
    let target = Target::of(Kind::Kustomization);
    let change = Change { entry: Some("app-a"), ..tag("r.example.com/app", "tag-c") };
    assert_eq!(after(&target, TRACKS, change).unwrap(), TRACKS.replace("tag-a", "tag-c"));
    let both = [change, Change { entry: Some("app-b"), ..tag("r.example.com/app", "tag-d") }];
    let edited = set(&target, TRACKS.as_bytes(), &both).unwrap();
    let wanted = TRACKS.replace("tag-a", "tag-c").replace("tag-b", "tag-d");
    assert_eq!(String::from_utf8(edited.bytes).unwrap(), wanted);
    for (entry, image) in [("app-c", "r.example.com/app"), ("app-a", "r.example.com/other")] {
        let change = Change { entry: Some(entry), ..tag(image, "tag-c") };
        assert!(after(&target, TRACKS, change).is_err(), "{entry} {image}");
    }
    let all = after(&target, TRACKS, tag("r.example.com/app", "x")).unwrap();
    assert_eq!(all, TRACKS.replace("tag-a", "x").replace("tag-b", "x"), "the image means all of its entries");
}

#[test]
fn a_git_repository_alone_is_changed_where_that_is_said() {
    let text = "\
resources:
- https://git.example.com/org/build/config/default?ref=0000000
images:
- name: git.example.com/org/build
  newTag: '0000000'
";
    let target = Target::of(Kind::Kustomization);
    let change =
        Change { what: Some(gantry_edit::What::Revision), ..tag("git.example.com/org/build", "1111111") };
    assert_eq!(after(&target, text, change).unwrap(), text.replace("?ref=0000000", "?ref=1111111"));
    let both = set(&target, text.as_bytes(), &[change, tag("git.example.com/org/build", "2222222")]).unwrap();
    let wanted = text.replace("?ref=0000000", "?ref=1111111").replace("'0000000'", "'2222222'");
    assert_eq!(String::from_utf8(both.bytes).unwrap(), wanted);
}

const SET: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
spec:
  generators:
  - list:
      elements:
      - { cluster: eu, tag: 1.2.3 }
      - { cluster: us, tag: 1.2.2 } # later
  - matrix:
      generators:
      - list:
          elements:
          - app: web
            image: r.example.com/web:1.0.0
          - app: api
            image: r.example.com/api
            tag: 2.0.0
  template:
    spec:
      source:
        repoURL: https://git.example.com/org/deploy
        targetRevision: main
        kustomize:
          images: ['r.example.com/shop:{{ .tag }}']
";

#[test]
fn an_element_of_a_list_is_told_by_a_key_of_its_own() {
    let image = Some("r.example.com/shop");
    for (key, old, new) in [
        ("spec.generators[0].list.elements[cluster=eu].tag", "1.2.3", "1.3.0"),
        ("spec.generators[0].list.elements[\"cluster\"=\"us\"].tag", "1.2.2", "1.3.0"),
    ] {
        for kind in [Kind::Manifest, Kind::Yaml] {
            let target = Target { key: Some(key), image, ..Target::of(kind) };
            let text = after(&target, SET, tag("r.example.com/shop", new)).unwrap();
            assert_eq!(text, SET.replace(old, new), "{key} {kind}");
        }
    }
    let json = "{\"list\": [{\"at\": \"a.b\", \"tag\": \"1\"}, {\"at\": \"c\", \"tag\": \"2\"}]}";
    let target = Target { key: Some("list[at=a.b].tag"), image, ..Target::of(Kind::Json) };
    assert_eq!(after(&target, json, tag("r.example.com/shop", "9")).unwrap(), json.replace("\"1\"", "\"9\""));
    let toml = "[[env]]\nname = \"eu\"\ntag = \"1\"\n[[env]]\nname = \"us\"\ntag = \"2\"\n";
    let target = Target { key: Some("env[name=us].tag"), image, ..Target::of(Kind::Toml) };
    assert_eq!(after(&target, toml, tag("r.example.com/shop", "9")).unwrap(), toml.replace("\"2\"", "\"9\""));
}

#[test]
fn an_element_that_is_not_one_is_refused() {
    let twice = "list:\n- {at: a, tag: '1'}\n- {at: a, tag: '2'}\n";
    let of = |key| Target { key: Some(key), image: Some("a/b"), ..Target::of(Kind::Yaml) };
    let refusal = |key| read(&of(key), twice.as_bytes()).unwrap_err().reason;
    assert!(matches!(refusal("list[at=a].tag"), Reason::SeveralValues { lines, .. } if lines == [2, 3]));
    assert!(matches!(refusal("list[at=b].tag"), Reason::NoSuchKey { .. }));
    for bad in
        ["list[=a].tag", "list[at=a", "list[at=\"a].tag", "list[at=a=b].tag", "list[].tag", "list[at].tag"]
    {
        assert!(matches!(refusal(bad), Reason::BadKey { .. }), "{bad}");
    }
    for good in ["a[b=c].d", "a[\"x y\"=\"z]\"][0]", "[name=web]", "a[b=1.2.3]", "a[b=\"\"]"] {
        let key: gantry_edit::Key = good.parse().unwrap();
        assert_eq!(key.to_string(), good);
    }
}

#[test]
fn elements_of_generators_are_references() {
    let references = read(&Target::of(Kind::Manifest), SET.as_bytes()).unwrap();
    let found: Vec<(&str, &str)> = references
        .iter()
        .filter_map(|found| Some((found.image.as_str(), found.tag.as_ref()?.value.as_str())))
        .collect();
    assert_eq!(
        found,
        [
            ("", "1.2.3"),
            ("", "1.2.2"),
            ("r.example.com/web", "1.0.0"),
            ("r.example.com/api", "2.0.0"),
            ("git.example.com/org/deploy", "main"),
            ("r.example.com/shop", "{{ .tag }}"),
        ]
    );
    let target = Target::of(Kind::Manifest);
    let text = after(&target, SET, tag("r.example.com/web", "1.1.0")).unwrap();
    assert_eq!(text, SET.replace("web:1.0.0", "web:1.1.0"));
    let text = after(&target, SET, tag("r.example.com/api", "2.1.0")).unwrap();
    assert_eq!(text, SET.replace("tag: 2.0.0", "tag: 2.1.0"));
}

#[test]
fn a_key_is_added_where_its_mapping_stands() {
    let of = |key| Target {
        key: Some(key),
        image: Some("group/app"),
        create: true,
        ..Target::of(Kind::HelmValues)
    };
    for (key, text, wanted) in [
        (
            "main_app.version",
            "main_app:\n  replicas: 2 # few\n  env:\n    A: b\nother: 1\n",
            "main_app:\n  replicas: 2 # few\n  version: v2\n  env:\n    A: b\nother: 1\n",
        ),
        (
            "main_app.version",
            "main_app: { image: \"group/app\" }\r\n",
            "main_app: { image: \"group/app\", version: \"v2\" }\r\n",
        ),
        ("version", "a: 1", "a: 1\nversion: v2"),
        ("main_app.version", "main_app:\n  version: v1\n", "main_app:\n  version: v2\n"),
        ("l[n=x].version", "l:\n- n: y\n- n: x\n- n: z\n", "l:\n- n: y\n- n: x\n  version: v2\n- n: z\n"),
    ] {
        let found = read(&of(key), text.as_bytes()).unwrap();
        assert!(found.len() == 1 && found[0].blocked.is_none(), "{text}: {found:?}");
        assert_eq!(after(&of(key), text, tag("group/app", "v2")).as_deref(), Ok(wanted), "{text}");
        let again = after(&of(key), wanted, tag("group/app", "v1")).unwrap();
        assert_eq!(again, wanted.replace("v2", "v1"), "the second time it is there");
    }
    for text in
        ["other: 1\n", "main_app:\n", "main_app: {}\n", "main_app: 1\n", "main_app:\n  a:\n    b: 1\n"]
    {
        assert!(after(&of("main_app.version"), text, tag("group/app", "v2")).is_err(), "{text}");
    }
    let without = Target { create: false, ..of("main_app.version") };
    let refusal = read(&without, b"main_app: {a: 1}\n").unwrap_err();
    assert!(matches!(refusal.reason, Reason::NoSuchKey { .. }));
}
