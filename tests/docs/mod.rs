//! What the documents say of names, flags, keys and examples is what the code does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gantry::settings::Settings;

use super::cli::{Ran, command};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Compares a document with what it should be, and leaves that to be copied where it differs.
fn same(path: &str, wanted: &str) {
    if fs::read_to_string(root().join(path)).ok().as_deref() != Some(wanted) {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join(path.replace('/', "-"));
        fs::write(&new, wanted).unwrap();
        panic!("{path} is out of date; copy {} over it", new.display());
    }
}

/// The code blocks of a kind.
fn blocks<'a>(document: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    document.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn each_command_is_documented_by_its_own_help() {
    let document = read("docs/cli.md");
    let (intro, _) = document.split_once("## `gantry demo`").unwrap();
    let help = |arguments: &[&str]| Ran::from(command(arguments).output().unwrap()).out;
    let list = help(&["--help"]);
    let commands: Vec<&str> = list
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(commands.len(), 16);
    let mut wanted = intro.to_owned();
    for name in commands {
        // A line of blanks would be stripped by many editors.
        let text: Vec<String> =
            help(&[name, "--help"]).trim_end().lines().map(|line| line.trim_end().to_owned()).collect();
        wanted.push_str(&format!("## `gantry {name}`\n\n```text\n{}\n```\n\n", text.join("\n")));
    }
    same("docs/cli.md", &format!("{}\n", wanted.trim_end()));
}

#[test]
fn every_file_that_the_page_on_the_shape_names_exists() {
    let page = read("bot/ARCHITECTURE.md");
    // What stands between backquotes: files, and folders with a `/` at their ends.
    let named = page.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = named.filter(|word| word.ends_with(".rs") || word.ends_with('/')).collect();
    assert!(paths.len() > 30, "{paths:?}");
    for path in paths {
        assert!([root().join("bot"), root()].iter().any(|folder| folder.join(path).exists()), "{path}");
    }
}

#[test]
fn the_schema_is_published_as_it_is_generated() {
    let schema = serde_json::to_string_pretty(&gantry_core::config::schema()).unwrap();
    same("docs/schema/v1.json", &format!("{schema}\n"));
}

#[test]
fn every_example_is_sound() {
    let mut pipelines = 0;
    for document in ["README.md", "docs/config.md"] {
        for block in blocks(&read(document), "yaml").into_iter().filter(|block| block.starts_with("version:"))
        {
            if block.contains("\nrejections:") {
                assert_eq!(gantry::rejections::read(block.as_bytes()).map(|list| list.len()), Ok(1));
                continue;
            }
            let parsed = gantry_core::config::parse(block.as_bytes(), document);
            assert!(parsed.is_ok(), "{document}: {:?}", parsed.err());
            pipelines += 1;
        }
    }
    assert_eq!(pipelines, 2);
    let readme = read("README.md");
    let settings = blocks(&readme, "yaml").into_iter().find(|block| block.starts_with("listen:")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.yaml");
    fs::write(&file, settings.replace("...", &"0".repeat(64))).unwrap();
    let loaded = Settings::load(&file, &|name| name.ends_with("TOKEN").then(|| "a secret".to_owned()));
    assert!(loaded.is_ok(), "{}", loaded.err().unwrap());
}

#[test]
fn every_setting_and_every_template_is_documented() {
    let settings = read("docs/settings.md");
    for line in read("bot/settings/file.rs").lines().filter_map(|line| line.trim().strip_prefix("pub ")) {
        let Some((key, _)) = line.split_once(':').filter(|(key, _)| !key.contains(' ')) else { continue };
        let forms = [format!("`{key}`"), format!("`{key}."), format!(".{key}`")];
        assert!(forms.iter().any(|form| settings.contains(form)), "{key}");
    }
    let templates = read("docs/templates.md");
    for folder in ["templates", "templates/page"] {
        for entry in
            fs::read_dir(root().join(folder)).unwrap().filter(|e| e.as_ref().unwrap().path().is_file())
        {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root().join("templates")).unwrap().display().to_string();
            assert!(templates.contains(&format!("`{name}`")), "{name}");
        }
    }
}

#[test]
fn the_awkward_files_of_the_reference_repository_are_awkward_still() {
    let bytes = |environment: &str| {
        fs::read(root().join(format!("environments/apps/payments/overlays/{environment}/kustomization.yaml")))
            .unwrap()
    };
    let ends = |bytes: &[u8]| {
        let all = bytes.iter().filter(|byte| **byte == b'\n').count();
        (bytes.windows(2).filter(|pair| *pair == b"\r\n").count(), all, bytes.last() == Some(&b'\n'))
    };
    let (crlf, all, last) = ends(&bytes("dev"));
    assert!(crlf == all && all > 10 && last);
    let (crlf, all, last) = ends(&bytes("qa"));
    assert!(crlf == 0 && all > 10 && last);
    let (crlf, all, last) = ends(&bytes("prod"));
    assert!(crlf == all && all > 10 && !last);
}

#[test]
fn the_reference_repository_is_sound_and_edited_to_the_byte() {
    let ran = Ran::from(command(["check".into(), root().join("environments")]).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let folder = tempfile::tempdir().unwrap();
    for environment in ["dev", "qa", "prod"] {
        let from =
            root().join(format!("environments/apps/payments/overlays/{environment}/kustomization.yaml"));
        let to = folder.path().join("kustomization.yaml");
        fs::copy(&from, &to).unwrap();
        let digest = format!("sha256:{}", "5".repeat(64));
        let change = format!("registry.example.com/shop/payments=1.1.0@{digest}");
        let ran = Ran::from(command(["set", &change]).arg(&to).output().unwrap());
        assert_eq!(ran.code, 0, "{environment}: {}", ran.err);
        let (old, new) = (fs::read_to_string(&from).unwrap(), fs::read_to_string(&to).unwrap());
        let at = old.find("digest: ").unwrap() + "digest: ".len();
        let held = old[at..].trim_start_matches('\'').chars().take(71).collect::<String>();
        // The block scalar in prod looks like an entry and holds another tag.
        assert_eq!(new, old.replace(&held, &digest).replace("1.0.0", "1.1.0"), "{environment}");
    }
}
