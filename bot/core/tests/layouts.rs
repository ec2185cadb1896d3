//! Layouts of real repositories, from `gantry.yaml` and paths to files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so and stops")]

use std::{collections::BTreeMap, fmt::Write as _, time::Instant};

use gantry_core::{
    config::{ConfigError, Parsed, parse, pipeline::Pipeline},
    ids::BranchName,
};

const ENVIRONMENTS: &str = "version: 1
environments:
  - { name: dev, as: [development], delivery: commit }
  - { name: stg, as: [staging], delivery: pull-request, after: [dev] }
  - { name: prod, as: [production, prd], delivery: pull-request, after: [stg] }
applications:
";

fn parsed(applications: &str) -> Result<Parsed, Vec<ConfigError>> {
    parse(format!("{ENVIRONMENTS}{applications}").as_bytes(), "gantry.yaml")
}

fn main() -> BranchName {
    "main".parse().unwrap()
}

fn tree(paths: &[&str]) -> BTreeMap<BranchName, Vec<String>> {
    BTreeMap::from([(main(), paths.iter().map(ToString::to_string).collect())])
}

fn pipeline(applications: &str, paths: &[&str]) -> Pipeline {
    let parsed = parsed(applications).unwrap_or_else(|errors| panic!("{}", errors[0]));
    parsed.pipeline(&main(), &tree(paths)).unwrap_or_else(|errors| panic!("{}", errors[0]))
}

fn error(applications: &str, paths: &[&str]) -> String {
    let errors = match parsed(applications) {
        Ok(parsed) => parsed.pipeline(&main(), &tree(paths)).unwrap_err(),
        Err(errors) => errors,
    };
    errors.iter().map(|error| format!("{error} {}\n", error.hint.as_deref().unwrap_or_default())).collect()
}

/// `application: environment=file,file environment=…`, one line each; a key behind its file.
fn files(pipeline: &Pipeline) -> String {
    let mut text = String::new();
    for application in pipeline.applications.values() {
        let _ = write!(text, "{}:", application.name);
        for (environment, files) in &application.files {
            let file = |file: &gantry_core::config::pipeline::FileEntry| {
                file.key.as_ref().map_or(file.path.clone(), |key| format!("{}#{key}", file.path))
            };
            let paths: Vec<String> = files.iter().map(file).collect();
            let _ = write!(text, " {environment}={}", paths.join(","));
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_first_pattern_that_matches_an_environment_wins() {
    let rule = "  - discover:
      - components/{application}/{environment}/base/kustomization.yaml
      - components/{application}/{environment}/kustomization.yaml
    images: [{ image: 'r.io/{application}', select: { newest: true } }]
";
    let found = pipeline(
        rule,
        &[
            "components/build/development/kustomization.yaml",
            "components/build/production/base/kustomization.yaml",
            "components/build/staging/base/kustomization.yaml",
            "components/build/staging/kustomization.yaml",
            "components/release/development/kustomization.yaml",
            "components/release/production/kustomization.yaml",
            "components/release/staging/kustomization.yaml",
        ],
    );
    assert_eq!(
        files(&found),
        "build: dev=components/build/development/kustomization.yaml \
         prod=components/build/production/base/kustomization.yaml \
         stg=components/build/staging/base/kustomization.yaml\n\
         release: dev=components/release/development/kustomization.yaml \
         prod=components/release/production/kustomization.yaml \
         stg=components/release/staging/kustomization.yaml\n"
    );
}

#[test]
fn files_may_differ_by_environment() {
    let rule = "  - name: build
    images: [{ image: r.io/build, select: { newest: true } }]
    files:
      dev: components/build/{environment}/kustomization.yaml
      stg: { path: releases.yaml, kind: yaml, key: '{environment}.build.tag' }
      prod: ['a/{environment}.yaml', 'b/*/k.yaml']
";
    let found = pipeline(
        rule,
        &["a/prd.yaml", "b/eu/k.yaml", "b/us/k.yaml", "components/build/development/kustomization.yaml"],
    );
    assert_eq!(
        files(&found),
        "build: dev=components/build/development/kustomization.yaml prod=a/prd.yaml,b/eu/k.yaml,b/us/k.yaml \
         stg=releases.yaml#stg.build.tag\n"
    );
    let none = pipeline(rule, &[]);
    assert_eq!(
        files(&none),
        "build: dev=components/build/dev/kustomization.yaml prod=a/prod.yaml,b/*/k.yaml \
         stg=releases.yaml#stg.build.tag\n",
        "what stands nowhere is told where the place is read"
    );
    for (from, to, part) in [
        ("      dev:", "      dve:", "files.dve: environment `dve` is not defined did you mean `dev`?"),
        ("'b/*/k.yaml'", "'b/**x/k.yaml'", "`**` beside other characters"),
        ("'b/*/k.yaml'", "'{team}/k.yaml'", "`{team}` can only be used with `discover`"),
        ("{ path: releases.yaml, kind", "{ path: releases.yaml, create: key, kind: toml, x", "unknown key"),
        ("kind: yaml", "kind: toml, create: key", "`create` needs a `key` of a YAML file"),
    ] {
        let error = error(&rule.replacen(from, to, 1), &[]);
        assert!(error.contains(part), "{to}: {error}");
    }
}

#[test]
fn every_match_of_a_pattern_belongs_to_the_place() {
    let rule = "  - discover: components/{application}/{environment}/*/kustomization.yaml
    images: [{ image: 'r.io/{application}', select: { newest: true } }]
";
    let found = pipeline(
        rule,
        &[
            "components/policy/development/kustomization.yaml",
            "components/policy/development/one/kustomization.yaml",
            "components/policy/production/eu-01/kustomization.yaml",
            "components/policy/production/eu-01/deep/kustomization.yaml",
            "components/policy/production/us-03/kustomization.yaml",
        ],
    );
    assert_eq!(
        files(&found),
        "policy: dev=components/policy/development/one/kustomization.yaml \
         prod=components/policy/production/eu-01/kustomization.yaml,components/policy/production/us-03/kustomization.yaml\n"
    );
    assert!(
        found.applications.values().flat_map(|app| app.files.values()).flatten().all(|file| file.by_pattern)
    );
}

#[test]
fn names_of_the_path_make_names_images_and_paths() {
    let rule = "  - discover:
      - { path: 'apps/{team}/{application}/{application}.yaml', environments: [prod] }
      - apps/{team}/{application}/{environment}.yaml
    name: '{team}-{application}'
    images: [{ image: 'r.io/{team}/api', select: { newest: true } }]
    config: ['apps/{team}/{application}/conf-{environment}/']
    refs: [{ url: 'https://git.example.com/{team}/{application}', follows: 'r.io/{team}/api' }]
";
    let found = pipeline(
        rule,
        &[
            "apps/blue/shop/dev.yaml",
            "apps/blue/shop/shop.yaml",
            "apps/red/shop/conf-staging/a",
            "apps/red/shop/dev.yaml",
            "apps/red/shop/other.yaml",
            "apps/red/shop/shop.yaml",
            "apps/red/shop/stg.yaml",
        ],
    );
    assert_eq!(
        files(&found),
        "blue-shop: dev=apps/blue/shop/dev.yaml prod=apps/blue/shop/shop.yaml\n\
         red-shop: dev=apps/red/shop/dev.yaml prod=apps/red/shop/shop.yaml stg=apps/red/shop/stg.yaml\n"
    );
    let red = &found.applications[&"red-shop".parse().unwrap()];
    assert_eq!(red.images[0].image.as_str(), "r.io/red/api");
    assert_eq!(red.refs[0].url, "https://git.example.com/red/shop");
    let config = |name: &str| &red.config.as_ref().unwrap().entries[&name.parse().unwrap()][0].path;
    assert_eq!(
        (config("stg").as_str(), config("prod").as_str()),
        ("apps/red/shop/conf-staging/", "apps/red/shop/conf-prod/")
    );
    for (from, to, part) in [
        ("    name: '{team}-{application}'\n", "", "`shop` is found with"),
        ("    name: '{team}-{application}'\n", "    name: shop\n", "exclude each other"),
        (
            "'{team}-{application}'",
            "'{tema}-{application}'",
            "unknown placeholder `tema` known are `{application}`, `{team}`",
        ),
        (
            "apps/{team}/{application}/{environment}",
            "apps/{squad}/{application}/{environment}",
            "`{team}` is missing",
        ),
        (", environments: [prod]", "", "are on the same branch"),
        ("follows: 'r.io/{team}/api'", "follows: r.io/x", "is no image of this application"),
        ("git.example.com/{team}", "me:secret@git.example.com/{team}", "the URL holds credentials"),
    ] {
        let error =
            error(&rule.replacen(from, to, 1), &["apps/blue/shop/dev.yaml", "apps/red/shop/dev.yaml"]);
        assert!(error.contains(part), "{to}: {error}");
    }
}

#[test]
fn two_names_of_an_environment_are_not_confused() {
    let text = format!(
        "{ENVIRONMENTS}  - {{ name: a, files: 'a/{{environment}}', images: [{{ image: r.io/a, select: {{ newest: true }} }}] }}\n"
    );
    for (from, to, part) in [
        ("as: [staging]", "as: [prd]", "`prd` means environment prod too"),
        ("as: [staging]", "as: [dev]", "`dev` means environment dev too"),
        ("as: [staging]", "as: [stg]", "`stg` is told already"),
        ("as: [staging]", "as: [a/b]", "not a valid environment name"),
    ] {
        let errors = parse(text.replacen(from, to, 1).as_bytes(), "f").unwrap_err();
        assert!(errors.iter().any(|error| error.to_string().contains(part)), "{to}: {errors:?}");
    }
}

#[test]
fn images_are_found_in_files() {
    let rule = "  - discover: '{team}/{application}/{environment}.yaml'
    images:
      - { image: 'r.io/{team}/{application}', select: { semver: '*' } }
      - { match: 'r.io/{team}/*', select: { newest: true }, write: tag }
";
    let parsed = parsed(rule).unwrap();
    let trees = tree(&["red/shop/dev.yaml", "red/shop/prod.yaml"]);
    let mut asked = Vec::new();
    let mut images_in = |branch: &BranchName, file: &gantry_core::config::pipeline::FileEntry| {
        asked.push(format!("{branch} {}", file.path));
        let all = ["r.io/red/b", "r.io/red/shop", "r.io/blue/x", "r.io/red/a/deep", "r.io/red/a", "NONE"];
        all.map(str::to_owned).to_vec()
    };
    let (found, _) = parsed.expand(&main(), &trees, &mut images_in).unwrap();
    assert_eq!(asked, ["main red/shop/dev.yaml", "main red/shop/prod.yaml"]);
    let shop = &found.applications[&"shop".parse().unwrap()];
    let images: Vec<_> = shop.images.iter().map(|image| (image.image.as_str(), image.together)).collect();
    assert_eq!(images, [("r.io/red/shop", None), ("r.io/red/a", Some(1)), ("r.io/red/b", Some(1))]);
    let many = (0..101).map(|number| format!("r.io/red/i{number}")).collect::<Vec<_>>();
    let errors = parsed.expand(&main(), &trees, &mut |_, _| many.clone()).unwrap_err();
    assert!(errors[0].to_string().contains("more than 100 images"), "{}", errors[0]);
    for (from, to, part) in [
        ("match: 'r.io/{team}/*'", "match: r.io/x", "a pattern without `*`"),
        ("match: 'r.io/{team}/*'", "match: 'r.io/{environment}/*'", "can't be in an image"),
        ("match: 'r.io/{team}/*'", "match: 'r.io/*', image: r.io/x", "exclude each other"),
        ("match: 'r.io/{team}/*', ", "", "`image` is missing"),
        ("match: 'r.io/{team}/*'", "match: 'r.io/*', entry: x", "`entry` has no meaning"),
    ] {
        let error = error(&rule.replacen(from, to, 1), &[]);
        assert!(error.contains(part), "{to}: {error}");
    }
}

#[test]
fn an_image_may_be_told_by_its_entry() {
    let image = |entry: &str| format!("{{ image: r.io/app, {entry}select: {{ newest: true }} }}");
    let (a, b, none) = (image("entry: app-a, "), image("entry: app-b, "), image(""));
    let one = |images: &str| format!("  - {{ name: one, files: 'k/{{environment}}', images: [{images}] }}\n");
    let two = |images: &str| {
        format!("{}  - {{ name: two, files: 'k/{{environment}}', images: [{images}] }}\n", one(&a))
    };
    pipeline(&one(&format!("{a}, {b}")), &[]);
    pipeline(&two(&b), &[]);
    for (text, part) in [
        (one(&format!("{a}, {a}")), "stands twice"),
        (one(&format!("{a}, {none}")), "stands twice"),
        (two(&a), "both claim image r.io/app"),
        (two(&none), "both claim image r.io/app"),
    ] {
        assert!(error(&text, &[]).contains(part), "{text}");
    }
}

#[test]
fn one_git_reference_follows_one_application() {
    let rule = |name: &str| {
        format!(
            "  - {{ name: {name}, files: 'k/{{environment}}', images: [{{ image: r.io/{name}, select: {{ newest: true }} }}], refs: [{{ url: 'https://g.io/a/b', follows: r.io/{name} }}] }}\n"
        )
    };
    let error = error(&format!("{}{}", rule("one"), rule("two")), &[]);
    assert!(error.contains("both claim the Git references to `https://g.io/a/b`"), "{error}");
}

/// Trees of 50,000 files. The bound only catches what is quadratic.
#[test]
fn large_trees_are_gone_through_once() {
    let mut paths = Vec::new();
    for application in 0..2_000 {
        for environment in ["development", "staging", "prd"] {
            for cluster in 0..8 {
                paths.push(format!(
                    "c/t{}/app-{application}/{environment}/eu-{cluster}/k.yaml",
                    application % 20
                ));
            }
        }
    }
    let trees = BTreeMap::from([(main(), paths)]);
    let images = "images: [{ image: 'r.io/{team}/{application}', select: { newest: true } }]";
    for rule in [
        format!("  - {{ discover: 'c/{{team}}/{{application}}/{{environment}}/*/k.yaml', {images} }}\n"),
        format!("  - {{ discover: '**/{{team}}/{{application}}/{{environment}}/**/k.yaml', {images} }}\n"),
        format!(
            "  - {{ discover: 'c/{{team}}/{{application}}/{{environment}}/eu-0/k.yaml', files: 'c/{{team}}/{{application}}/{{environment}}/*/k.yaml', {images} }}\n"
        ),
    ] {
        let parsed = parsed(&rule).unwrap();
        let start = Instant::now();
        let found = parsed.pipeline(&main(), &trees).unwrap();
        let time = start.elapsed();
        let files: usize = found.applications.values().flat_map(|app| app.files.values()).map(Vec::len).sum();
        assert_eq!((found.applications.len(), files), (2_000, 48_000), "{rule}");
        assert!(time.as_secs() < 60, "{rule} took {time:?}");
    }
    // Thousands of patterns that each look at everything are refused.
    let rules: String = (0..3_000)
        .map(|number| format!("  - {{ name: a{number}, files: '**/{{environment}}/x{number}*', images: [{{ image: r.io/a, select: {{ newest: true }} }}] }}\n"))
        .collect();
    let start = Instant::now();
    let errors = parsed(&rules).unwrap().pipeline(&main(), &trees).unwrap_err();
    assert!(errors[0].to_string().contains("look at too many files together"), "{}", errors[0]);
    assert!(start.elapsed().as_secs() < 120);
}
