//! The demo's infra repository: the reference repository of `environments/`, as a bare repository with one
//! commit. Made with the `git` program, which a `file://` repository needs anyway.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use include_dir::{Dir, include_dir};
use jiff::Timestamp;

use super::DemoError;

static REFERENCE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/environments");

/// Makes a bare repository at `path`, whose first commit is dated `at`.
pub(super) fn create(path: &Path, at: Timestamp) -> Result<(), DemoError> {
    run(git().args(["init", "--quiet", "--bare", "--initial-branch=main"]).arg(path), &[])?;
    let mut stream = Vec::new();
    let who = format!("Platform Team <platform@example.com> {} +0000", at.as_second());
    let message = "Set up the shop's environments\n";
    let header =
        format!("commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata {}\n{message}", message.len());
    stream.extend_from_slice(header.as_bytes());
    files(&REFERENCE, &mut |path, bytes| {
        stream.extend_from_slice(format!("M 100644 inline {path}\ndata {}\n", bytes.len()).as_bytes());
        stream.extend_from_slice(bytes);
        stream.push(b'\n');
    });
    run(git().arg("--git-dir").arg(path).args(["fast-import", "--quiet"]), &stream)
}

fn files(dir: &Dir<'_>, each: &mut dyn FnMut(&str, &[u8])) {
    for file in dir.files() {
        if let Some(path) = file.path().to_str() {
            each(path, file.contents());
        }
    }
    for dir in dir.dirs() {
        files(dir, each);
    }
}

/// The `git` program, with nothing of the host's configuration.
fn git() -> Command {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env_remove("GIT_DIR");
    git
}

fn run(command: &mut Command, input: &[u8]) -> Result<(), DemoError> {
    let fail = |what: String| DemoError::Git { what };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| fail(format!("git can't be started: {error}; install git")))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).map_err(|error| fail(error.to_string()))?;
    }
    let output = child.wait_with_output().map_err(|error| fail(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(fail(String::from_utf8_lossy(&output.stderr).chars().take(500).collect()))
}
