//! The command line, as a process: its output, its exit codes, and what it asks the server.

mod answers;
mod asks;
mod check;
mod hostile;
mod layouts;
mod set;
mod views;

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Output, Stdio},
};

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The binary, with nothing of this process's environment that could change what it does.
pub(crate) fn command<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

/// Runs it where `dir` is the working folder.
pub(crate) fn in_dir(dir: &Path, args: &[&str]) -> Ran {
    command(args).current_dir(dir).output().unwrap().into()
}

/// Runs it against a server, at a width.
pub(crate) async fn against(host: &str, width: &str, args: &[&str]) -> Ran {
    let mut command = command(args);
    command.env("GANTRY_SERVER", format!("http://{host}")).env("COLUMNS", width);
    tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap()
}

#[test]
fn every_shell_has_completions_and_every_command_an_example() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran: Ran = command(["completions", shell]).output().unwrap().into();
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("promote") && ran.out.len() > 1000, "{shell}");
    }
    let commands = "check set status why history diff plan promote approve reject build completions";
    for name in commands.split(' ') {
        let ran: Ran = command([name, "--help"]).output().unwrap().into();
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains(&format!("  gantry {name}")), "{name}: {}", ran.out);
        assert!(!ran.out.contains("TODO"));
    }
    let version: Ran = command(["--version"]).output().unwrap().into();
    assert_eq!(version.out, format!("gantry {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    for args in [
        &["nonsense"][..],
        &["why", "checkout"],
        &["approve", "x"],
        &["reject", "2"],
        &["reject", "2", "--reason", " "],
        &["status", "--server", "ftp://x"],
        &["status", "--server", "http://u:p@x"],
        &["build", "r.io/a"],
        &["build", "R.io/A:1"],
        &["set", "a", "."],
        &["why", "a/b", "prod"],
    ] {
        let ran: Ran = command(args).output().unwrap().into();
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
        assert!(ran.err.starts_with("error: "), "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child =
        command(["completions", "zsh"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn without_a_server_it_says_where_it_looked_and_how_to_start_one() {
    // Port 1 needs a privilege to listen on, so nobody does.
    let ran: Ran = command(["status", "--server", "http://127.0.0.1:1"]).output().unwrap().into();
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for part in
        ["error: no server can be reached at http://127.0.0.1:1", "hint: ", "gantry demo", "GANTRY_SERVER"]
    {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
}
