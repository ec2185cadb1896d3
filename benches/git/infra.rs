//! The infra repository that is measured on: 5,000 applications, each with a base and three overlays.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::git_repository::{git, run};

/// How many applications the repository has; each has four files.
pub(crate) const APPLICATIONS: usize = 5_000;

/// A bare repository that each round gets a fresh copy of.
pub(crate) struct Infra {
    folder: tempfile::TempDir,
}

/// The overlay that updates write to.
pub(crate) fn overlay(application: usize) -> String {
    format!("apps/app-{application:05}/overlays/dev/kustomization.yaml")
}

/// The image of an application.
pub(crate) fn image(application: usize) -> String {
    format!("registry.example.com/team-{}/app-{application:05}", application % 50)
}

/// The bytes of an overlay, some 530 of them, with this tag.
pub(crate) fn kustomization(application: usize, environment: &str, tag: &str) -> String {
    let team = application % 50;
    let image = image(application);
    format!(
        "# app-{application:05} in {environment}, owned by team-{team}
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {environment}-app-{application:05}
resources:
  - ../../base
labels:
  - pairs:
      app: app-{application:05}
      environment: {environment}
patches:
  - path: replicas.yaml
    target:
      kind: Deployment
images:
  # the application's own image
  - name: {image}
    newTag: {tag}  # set by Gantry
  - name: registry.example.com/shared/sidecar
    newTag: \"3.4.5\"
generatorOptions:
  disableNameSuffixHash: true
"
    )
}

/// The tag that every overlay has at first.
pub(crate) const FIRST: &str = "1.0.0";

impl Infra {
    /// Makes the repository, with Git's own settings but two: `fsck` has it check every object that it is sent,
    /// as some forges do; and it starts no maintenance, which would fall on one measurement by chance.
    pub(crate) fn make(fsck: bool) -> Self {
        let infra = Self { folder: tempfile::tempdir().expect("a folder") };
        let path = infra.folder.path().join("first.git");
        run(git().args(["init", "--quiet", "--bare", "-b", "main"]).arg(&path), b"");
        for (setting, value) in [
            ("receive.fsckObjects", if fsck { "true" } else { "false" }),
            ("http.receivepack", "true"),
            ("receive.autogc", "false"),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
        ] {
            run(git().arg("--git-dir").arg(&path).args(["config", setting, value]), b"");
        }
        let mut stream = String::from(
            "commit refs/heads/main\ncommitter Pat <pat@example.com> 1700000000 +0000\ndata 5\nfirst\n",
        );
        let mut add = |path: &str, text: &str| {
            stream.push_str(&format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len()));
        };
        let base = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  \
                    - deployment.yaml\n  - service.yaml\n";
        for application in 0..APPLICATIONS {
            add(&format!("apps/app-{application:05}/base/kustomization.yaml"), base);
            for environment in ["dev", "qa", "prod"] {
                let path = format!("apps/app-{application:05}/overlays/{environment}/kustomization.yaml");
                add(&path, &kustomization(application, environment, FIRST));
            }
        }
        run(
            git().arg("--git-dir").arg(&path).args([
                "-c",
                "fastimport.unpackLimit=0",
                "fast-import",
                "--quiet",
            ]),
            stream.as_bytes(),
        );
        infra
    }

    /// A fresh copy, so that no round pays for what another left.
    pub(crate) fn copy(&self) -> Copy {
        let folder = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let path = folder.path().join("infra.git");
        run(Command::new("cp").arg("-r").arg(self.folder.path().join("first.git")).arg(&path), b"");
        Copy { folder }
    }

    /// The folder that all copies are below.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("it is there")
    }
}

/// One round's server side, and room for its client side.
pub(crate) struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    /// The bare repository.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("it is there").join("infra.git")
    }

    /// A place beside it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its path below the folder of all copies, as a server tells it in a URL.
    pub(crate) fn name(&self, root: &Path) -> String {
        self.path().strip_prefix(root).expect("below the root").to_string_lossy().into_owned()
    }

    /// Runs `git` in the repository.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        run(git().arg("--git-dir").arg(self.path()).args(arguments), b"").trim_end().to_owned()
    }
}
