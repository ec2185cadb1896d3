//! A bare repository made with the `git` program: what a team's server holds.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use gantry_core::ids::CommitId;

/// A bare repository in a folder that goes with it. It checks what it is sent, as forges do.
pub(crate) struct Bare {
    folder: tempfile::TempDir,
    /// Each commit is a second later than the one before.
    clock: AtomicU64,
}

/// The `git` program without anything of the machine's configuration.
pub(crate) fn git() -> Command {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("LC_ALL", "C");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "Pat").env(format!("GIT_{who}_EMAIL"), "pat@example.com");
    }
    git
}

/// Runs a command to its end and gives its output; a failure is the test's.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("piped").write_all(input).expect("it reads its input");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// A file of a commit: path, mode, bytes; no bytes deletes it.
pub(crate) type Entry<'a> = (&'a str, &'a str, Option<&'a [u8]>);

/// A plain file of a commit.
pub(crate) fn file<'a>(path: &'a str, text: &'a str) -> Entry<'a> {
    (path, "100644", Some(text.as_bytes()))
}

impl Bare {
    /// An empty repository whose default branch will be `main`.
    pub(crate) fn new() -> Self {
        let bare =
            Self { folder: tempfile::tempdir().expect("a folder"), clock: AtomicU64::new(1_700_000_000) };
        run(git().args(["init", "--quiet", "--bare", "-b", "main"]).arg(bare.path()), b"");
        for setting in ["receive.fsckObjects", "http.receivepack", "uploadpack.allowFilter"] {
            bare.git(&["config", setting, "true"]);
        }
        bare
    }

    /// The repository.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("infra.git")
    }

    /// Runs `git` in the repository.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        run(git().arg("--git-dir").arg(self.path()).args(arguments), b"").trim_end().to_owned()
    }

    /// A person's commit on `branch`, which comes to be where it is not there.
    pub(crate) fn commit(&self, branch: &str, subject: &str, files: &[Entry<'_>]) -> CommitId {
        let at = self.clock.fetch_add(1, Ordering::SeqCst);
        self.commit_as(branch, "Pat", at.try_into().expect("a time"), subject, files)
    }

    /// A commit of somebody at a time of its own, in seconds.
    pub(crate) fn commit_as(
        &self,
        branch: &str,
        who: &str,
        at: i64,
        subject: &str,
        files: &[Entry<'_>],
    ) -> CommitId {
        let email = who.to_lowercase();
        let mut stream = format!(
            "commit refs/heads/{branch}\ncommitter {who} <{email}@example.com> {at} +0000\ndata {}\n{subject}\n",
            subject.len()
        )
        .into_bytes();
        if self.head(branch).is_some() {
            stream.extend_from_slice(format!("from refs/heads/{branch}^0\n").as_bytes());
        }
        for (path, mode, bytes) in files {
            match bytes {
                Some(bytes) if *mode == "160000" => {
                    let id = std::str::from_utf8(bytes).expect("a commit id");
                    stream.extend_from_slice(format!("M {mode} {id} {path}\n").as_bytes());
                }
                Some(bytes) => {
                    stream.extend_from_slice(
                        format!("M {mode} inline {path}\ndata {}\n", bytes.len()).as_bytes(),
                    );
                    stream.extend_from_slice(bytes);
                    stream.push(b'\n');
                }
                None => stream.extend_from_slice(format!("D {path}\n").as_bytes()),
            }
        }
        run(git().arg("--git-dir").arg(self.path()).args(["fast-import", "--quiet", "--force"]), &stream);
        self.head(branch).expect("the branch is there now")
    }

    /// The head of a branch.
    pub(crate) fn head(&self, branch: &str) -> Option<CommitId> {
        let name = format!("refs/heads/{branch}");
        let line = self.git(&["for-each-ref", "--format=%(refname) %(objectname)", &name]);
        let (found, id) =
            line.lines().filter_map(|line| line.split_once(' ')).find(|(found, _)| *found == name)?;
        assert_eq!(found, name);
        Some(id.parse().expect("a commit id"))
    }

    /// The bytes of a file at a revision.
    pub(crate) fn show(&self, revision: &str, path: &str) -> Vec<u8> {
        let mut command = git();
        command.arg("--git-dir").arg(self.path()).args(["cat-file", "blob", &format!("{revision}:{path}")]);
        let output = command.output().expect("git runs");
        assert!(output.status.success(), "{path} at {revision}");
        output.stdout
    }

    /// A hook of the server.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let hooks = self.path().join("hooks");
        std::fs::create_dir_all(&hooks).expect("a folder");
        let path = hooks.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    }

    /// Nothing in the repository is wrong, by Git's own strict check.
    pub(crate) fn assert_sound(&self) {
        assert_sound(&self.path());
    }
}

/// Nothing in a repository is wrong, by Git's own strict check.
pub(crate) fn assert_sound(path: &Path) {
    let output =
        git().arg("--git-dir").arg(path).args(["fsck", "--full", "--strict"]).output().expect("git runs");
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let bad: Vec<&str> =
        said.lines().filter(|l| !l.starts_with("dangling") && !l.contains("notice:")).collect();
    assert!(output.status.success() && bad.is_empty(), "{said}");
}
