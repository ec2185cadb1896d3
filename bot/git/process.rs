//! Git over a child process: `ssh`, or the `git` program for a repository on this machine.
//!
//! Promises: no shell; no `GIT_*` or `GANTRY_*` variable of the host reaches the child; nothing is asked on a terminal;
//! the child and what it started are killed at the deadline, and always waited for, by a thread of its own;
//! what it says on stderr is read to the end but only its first 8 KiB are kept.

use std::{
    io::{self, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use gix_transport::{
    Protocol, Service,
    client::git::{ConnectMode, blocking_io::Connection},
};

use super::{
    address::Address,
    connect::{Deadline, Failure, Fate},
    error::GitError,
    remote::Remote,
};

/// The most bytes of stderr that are kept for an error.
const MAX_SAID: u64 = 8 << 10;
/// How often a child is looked at, and how soon at first: most end as soon as they close their stderr.
const LOOK: Duration = Duration::from_millis(50);
const FIRST_LOOK: Duration = Duration::from_millis(1);
/// How long the stderr of a child that has ended is waited for, which a helper of its own may hold open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Starts the program for `service` and makes a transport of its pipes.
pub(super) fn transport(
    remote: &Remote,
    service: Service,
    version: Protocol,
    deadline: Deadline,
    fate: &Fate,
) -> Result<(Connection<BufReader<ChildStdout>, ChildStdin>, Watch), GitError> {
    let (mut command, path) = command(remote, service, version, fate)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let (mut child, watch) = start(command, deadline, &remote.shown())?;
    let closed = || GitError::Protocol { url: remote.shown(), why: "the program has no pipes".into() };
    let stdout = child.stdout.take().ok_or_else(closed)?;
    let stdin = child.stdin.take().ok_or_else(closed)?;
    let watch = watch.over(child);
    let read = BufReader::with_capacity(64 << 10, stdout);
    let connection =
        Connection::new(read, stdin, version, path, None::<(String, _)>, ConnectMode::Process, false);
    Ok((connection, watch))
}

fn command(
    remote: &Remote,
    service: Service,
    version: Protocol,
    fate: &Fate,
) -> Result<(Command, String), GitError> {
    match &remote.address {
        Address::Ssh { destination, port, path } => {
            let mut words = remote.ssh_words()?.into_iter();
            let program = words.next().unwrap_or_else(|| "ssh".into());
            let mut command = Command::new(&program);
            command.args(words);
            if program.rsplit('/').next() == Some("ssh") {
                // What the settings' own words say comes first and wins; the machine's configuration does not.
                command.args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]);
                command.args(["-o", "ConnectTimeout=20"]);
                // A network that went silent is told after a minute, not at the end of the deadline.
                command.args(["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"]);
                if version == Protocol::V2 {
                    command.args(["-o", "SendEnv=GIT_PROTOCOL"]);
                }
            }
            if let Some(port) = port {
                command.arg("-p").arg(port.to_string());
            }
            // The remote end has a shell: the path is one quoted word for it.
            let quoted = path.replace('\'', r"'\''").replace('!', r"'\!'");
            command.arg(destination).arg(format!("{} '{quoted}'", service.as_str()));
            clean(&mut command, version);
            Ok((command, path.clone()))
        }
        Address::File(path) => {
            if !path.is_dir() {
                let why = "there is no such folder";
                fate.note(Failure::Missing(why.into()));
                return Err(GitError::Missing { url: remote.shown(), why: why.into() });
            }
            let mut command = Command::new("git");
            command.arg(service.as_str().trim_start_matches("git-")).arg(path);
            clean(&mut command, version);
            Ok((command, path.display().to_string()))
        }
        Address::Http(_) => {
            Err(GitError::Protocol { url: remote.shown(), why: "HTTP needs no program".into() })
        }
    }
}

/// Takes the host's Git and Gantry's own variables, which may hold secrets, out of the environment, and
/// switches every question off.
pub(super) fn clean(command: &mut Command, version: Protocol) {
    for (name, _) in std::env::vars_os() {
        let own = name.to_string_lossy();
        if own.starts_with("GIT_") || own.starts_with("GANTRY_") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("SSH_ASKPASS_REQUIRE", "never");
    if version == Protocol::V2 {
        command.env("GIT_PROTOCOL", "version=2");
    }
}

/// Starts a child in a process group of its own, with its stderr captured.
pub(super) fn start(mut command: Command, deadline: Deadline, url: &str) -> Result<(Child, Start), GitError> {
    spawn(&mut command, deadline).map_err(|what| GitError::Settings { url: url.to_owned(), what })
}

/// The same, with the reason alone where it does not start.
pub(super) fn spawn(command: &mut Command, deadline: Deadline) -> Result<(Child, Start), String> {
    let child = command.stderr(Stdio::piped()).process_group(0).spawn();
    let child = child.map_err(|error| {
        let program = command.get_program().to_string_lossy();
        match error.kind() {
            io::ErrorKind::NotFound => format!("it needs the program {program}, which is not installed"),
            _ => format!("the program {program} cannot be started: {error}"),
        }
    })?;
    Ok((child, Start { deadline }))
}

/// A started child that is not watched yet: its other pipes can still be taken.
pub(super) struct Start {
    deadline: Deadline,
}

impl Start {
    /// Watches the child from now on.
    pub(super) fn over(self, mut child: Child) -> Watch {
        let (heard, listen) = channel();
        let (told, outcome) = channel();
        let stderr = child.stderr.take();
        thread::spawn(move || {
            let said = stderr.map(keep_first).unwrap_or_default();
            // The watcher may have given up: then nobody wants to know.
            let _ = heard.send(said);
        });
        let deadline = self.deadline;
        thread::spawn(move || watch(child, deadline, &listen, &told));
        Watch { outcome }
    }
}

/// Reads to the end, so that the child never blocks, and keeps the beginning.
fn keep_first(mut stderr: impl Read) -> String {
    let mut said = Vec::new();
    let kept = stderr.by_ref().take(MAX_SAID).read_to_end(&mut said);
    if kept.is_ok() {
        // The rest is not wanted, and neither is an error in it.
        let _ = io::copy(&mut stderr, &mut io::sink());
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn watch(mut child: Child, deadline: Deadline, listen: &Receiver<String>, told: &Sender<Outcome>) {
    let mut said = None;
    let mut pause = FIRST_LOOK;
    let (status, timed_out) = loop {
        let Some(left) = deadline.left() else {
            kill(&mut child);
            break (child.wait().ok(), true);
        };
        // Both are watched: a child may close its stderr and live on, and may leave a helper that holds it.
        match said {
            None => match listen.recv_timeout(LOOK.min(left)) {
                Ok(text) => said = Some(text),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => said = Some(String::new()),
            },
            Some(_) => {
                thread::sleep(pause.min(left));
                pause = LOOK.min(pause * 2);
            }
        }
        match child.try_wait() {
            Ok(Some(status)) => {
                if said.is_none() {
                    said = listen.recv_timeout(LAST_WORDS.min(left)).ok();
                }
                break (Some(status), false);
            }
            Ok(None) => {}
            Err(_) => break (None, false),
        }
    };
    // Nobody asks after a conversation that went well.
    let _ = told.send(Outcome { status, said: said.unwrap_or_default(), timed_out });
}

/// Kills the child's whole group, because `ssh` and `git` start helpers that would keep the pipes open.
fn kill(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let killed = group.map(|group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL));
    if !matches!(killed, Some(Ok(()))) {
        let _ = child.kill();
    }
}

/// How a child ended.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// `None` where the system did not say.
    pub(super) status: Option<ExitStatus>,
    /// The beginning of its stderr.
    pub(super) said: String,
    /// It was killed at the deadline.
    pub(super) timed_out: bool,
}

/// Tells how the child ended.
pub(super) struct Watch {
    outcome: Receiver<Outcome>,
}

impl Watch {
    /// Waits for the end, at most until the deadline. The child's pipes must be closed.
    pub(super) fn wait(self) -> Outcome {
        self.outcome.recv().unwrap_or_default()
    }
}

impl Outcome {
    /// Notes what this end means for the conversation.
    pub(super) fn note(&self, fate: &Fate) {
        if self.timed_out {
            return fate.note(Failure::TimedOut);
        }
        let said = self.said.trim().to_owned();
        let status = self.status;
        // There is no code for this: only the words of ssh and git tell a refused key from a wrong path.
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if has(&[
            "Permission denied",
            "Host key verification failed",
            "Too many authentication failures",
            "Authentication failed",
            "could not read Username",
            "returned error: 403",
        ]) {
            fate.note(Failure::Denied(said));
        } else if status.and_then(|s| s.code()) == Some(255) {
            fate.note(Failure::Unreachable(said));
        } else if has(&[
            "does not appear to be a git repository",
            "not found",
            "does not exist",
            "dubious ownership",
        ]) {
            fate.note(Failure::Missing(said));
        } else if status.is_some_and(|s| !s.success()) && !said.is_empty() {
            fate.note(Failure::Protocol(said));
        }
    }
}
