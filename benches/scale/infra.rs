//! The infra repositories that are measured on: so many applications in so many environments, with a history.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::git_repository::{git, run};

/// How large a repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) applications: usize,
    pub(crate) environments: usize,
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} x {}", self.applications, self.environments)
    }
}

/// The environments, in the order of the pipeline; those of smaller repositories are the first ones.
pub(crate) const ENVIRONMENTS: [&str; 5] = ["dev", "qa", "prod", "prod-eu", "prod-us"];

/// A gate that does not open: what is to be merged waits behind it until it is taken away.
pub(crate) const SHUT: &str = ", gates: [{soak: 1000h}]";

/// A bare repository in a folder that goes with it.
pub(crate) struct Infra {
    folder: tempfile::TempDir,
    pub(crate) size: Size,
}

/// The name of an application.
pub(crate) fn name(application: usize) -> String {
    format!("app-{application:05}")
}

/// Its image.
pub(crate) fn image(application: usize) -> String {
    format!("registry.example.com/shop/{}", name(application))
}

fn path(application: usize, environment: &str) -> String {
    format!("apps/{}/overlays/{environment}/kustomization.yaml", name(application))
}

fn overlay(application: usize, environment: &str, tag: &str) -> String {
    let (name, image) = (name(application), image(application));
    format!(
        "# {name} in {environment}\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n\
         namespace: {environment}-{name}\nresources:\n  - ../../base\nlabels:\n  - pairs:\n      app: {name}\n\
         images:\n  - name: {image}\n    newTag: {tag} # set by Gantry\n"
    )
}

/// `gantry.yaml` with `gates` for qa.
pub(crate) fn config(size: Size, gates: &str) -> String {
    let mut text = String::from("version: 1\nenvironments:\n  - {name: dev, delivery: commit}\n");
    for (index, name) in ENVIRONMENTS.iter().enumerate().take(size.environments).skip(1) {
        let before = ENVIRONMENTS[index - 1];
        let (merge, gates) = if index == 1 { ("auto", gates) } else { ("manual", SHUT) };
        let _ = writeln!(
            text,
            "  - {{name: {name}, after: [{before}], delivery: pull-request, merge: {merge}{gates}}}"
        );
    }
    text + "applications:\n  - discover: apps/{application}/overlays/{environment}/kustomization.yaml\n    images:\n      \
            - image: registry.example.com/shop/{application}\n        select: {semver: '*'}\n"
}

impl Infra {
    /// Makes a repository with `commits` behind it, of which the last `promotions` are promotions to dev.
    pub(crate) fn make(size: Size, commits: usize, promotions: usize, gates: &str) -> Self {
        let infra = Self { folder: tempfile::tempdir().expect("a folder"), size };
        run(git().args(["init", "--quiet", "--bare", "-b", "main"]).arg(infra.path()), b"");
        for (setting, value) in [("receive.autogc", "false"), ("gc.auto", "0"), ("maintenance.auto", "false")]
        {
            infra.git(&["config", setting, value]);
        }
        let mut stream = String::new();
        let mut at = 1_600_000_000;
        let mut commit = |stream: &mut String, message: &str| {
            at += 60;
            let _ = write!(
                stream,
                "commit refs/heads/main\ncommitter Pat <pat@example.com> {at} +0000\ndata {}\n{message}\n",
                message.len()
            );
        };
        let file = |stream: &mut String, path: &str, text: &str| {
            let _ = write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len());
        };
        commit(&mut stream, "Set up");
        file(&mut stream, "gantry.yaml", &config(size, gates));
        for application in 0..size.applications {
            let base = format!("apps/{}/base/kustomization.yaml", name(application));
            file(&mut stream, &base, "kind: Kustomization\nresources:\n  - deployment.yaml\n");
            for environment in &ENVIRONMENTS[..size.environments] {
                file(
                    &mut stream,
                    &path(application, environment),
                    &overlay(application, environment, "1.0.0"),
                );
            }
        }
        for number in 0..commits.saturating_sub(promotions) {
            commit(&mut stream, "Note");
            file(&mut stream, &format!("notes/{:03}", number % 500), &format!("{number}\n"));
        }
        for number in 0..promotions {
            // 1,999 is a prime: each application comes once before one comes again.
            let application = number * 1_999 % size.applications;
            let tag = format!("1.0.{}", 1 + number / size.applications);
            commit(&mut stream, &format!("promote(dev): {} {tag}", name(application)));
            file(&mut stream, &path(application, "dev"), &overlay(application, "dev", &tag));
        }
        let mut import = git();
        import.arg("--git-dir").arg(infra.path());
        import.args(["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"]);
        run(&mut import, stream.as_bytes());
        // As a server would have it after its maintenance.
        infra.git(&["pack-refs", "--all"]);
        infra
    }

    /// The bare repository.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("infra.git")
    }

    /// A place beside it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `git` in the repository.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        at(&self.path(), arguments)
    }

    /// A person commits another `gantry.yaml`, faster than whoever pushes meanwhile.
    pub(crate) fn configure(&self, gates: &str) {
        let text = config(self.size, gates);
        let stream = format!(
            "commit refs/heads/main\ncommitter Pat <pat@example.com> 1700000000 +0000\ndata 9\nConfigure\n\
             from refs/heads/main^0\nM 100644 inline gantry.yaml\ndata {}\n{text}\n",
            text.len()
        );
        let mut import = git();
        import.arg("--git-dir").arg(self.path()).args(["fast-import", "--quiet"]);
        run(&mut import, stream.as_bytes());
    }
}

/// Runs `git` in a bare repository.
pub(crate) fn at(path: &Path, arguments: &[&str]) -> String {
    run(git().arg("--git-dir").arg(path).args(arguments), b"").trim_end().to_owned()
}
