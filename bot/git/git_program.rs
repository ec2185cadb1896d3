//! Pushing with the `git` program, for servers that the built-in way does not work with.
//!
//! The program pushes from the mirror, with no configuration and no hook of the host. Credentials go in
//! through its environment, which only this user can read, and never through its arguments.

use std::{
    collections::HashMap,
    io::Read,
    process::{Command, Stdio},
};

use gix_transport::Protocol;

use super::{
    address::Address,
    connect::{Deadline, Failure, Fate},
    error::{GitError, tame},
    mirror::Mirror,
    process,
    push::{Change, Told},
    remote::{Proxy, Remote},
};

/// Branches per run of the program, far below what the system allows for arguments.
const BATCH: usize = 1000;
/// The most bytes of what the program writes.
const MAX_OUTPUT: u64 = 16 << 20;

impl Mirror {
    /// Runs `git push` and tells what it says of each branch.
    pub(super) fn push_by_program(
        &self,
        changes: &[Change<'_>],
        deadline: Deadline,
    ) -> Result<Vec<Told>, GitError> {
        let mut told = Vec::with_capacity(changes.len());
        for batch in changes.chunks(BATCH) {
            told.extend(self.push_signed_in(batch, deadline)?);
        }
        Ok(told)
    }

    /// Pushes, and once more where the credentials are refused that a helper gave.
    fn push_signed_in(&self, batch: &[Change<'_>], deadline: Deadline) -> Result<Vec<Told>, GitError> {
        let wallet = &self.client.wallet;
        let mut result = self.push_batch(batch, deadline);
        let denied = |result: &Result<_, GitError>| matches!(result, Err(GitError::Denied { .. }));
        if denied(&result) && wallet.refused(deadline) {
            result = self.push_batch(batch, deadline);
            if denied(&result) {
                wallet.refused(deadline);
            }
        }
        if result.is_ok() {
            wallet.accepted(deadline);
        }
        result
    }

    fn push_batch(&self, batch: &[Change<'_>], deadline: Deadline) -> Result<Vec<Told>, GitError> {
        let mut command = self.push_command(batch, deadline)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let (mut child, watch) = process::start(command, deadline, &self.url())?;
        let stdout = child.stdout.take();
        let watch = watch.over(child);
        let mut output = Vec::new();
        if let Some(stdout) = stdout {
            // What is cut off here is missing below, and a branch without a word is read again.
            let _ = stdout.take(MAX_OUTPUT).read_to_end(&mut output);
        }
        let outcome = watch.wait();
        let said = tame(&outcome.said, 1000);
        let output = String::from_utf8_lossy(&output);
        let mut words = porcelain(&output);
        if words.is_empty() && !outcome.status.is_some_and(|status| status.success()) {
            let fate = Fate::default();
            outcome.note(&fate);
            if matches!(fate.failure(), Some(Failure::Denied(_) | Failure::Missing(_))) {
                return Err(fate.error(self.url(), deadline, &said));
            }
        }
        let silent = if outcome.timed_out {
            "git push was stopped at the time limit"
        } else {
            "git push said nothing"
        };
        Ok(batch
            .iter()
            .map(|change| match words.remove(change.branch) {
                Some(Ok(())) => Told::Landed,
                Some(Err(why)) => Told::No(tame(&format!("{why} {said}"), 1000)),
                None => Told::Nothing(tame(&format!("{silent} of it: {said}"), 1000)),
            })
            .collect())
    }

    fn push_command(&self, batch: &[Change<'_>], deadline: Deadline) -> Result<Command, GitError> {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(&self.folder);
        command.args(["push", "--porcelain", "--no-verify", "--no-signed", "--no-progress"]);
        for change in batch {
            let old = change.old.map(|id| id.to_string()).unwrap_or_default();
            command.arg(format!("--force-with-lease=refs/heads/{}:{old}", change.branch));
        }
        command.arg(address(&self.remote));
        for change in batch {
            let new = change.new.map(|id| id.to_string()).unwrap_or_default();
            command.arg(format!("{new}:refs/heads/{}", change.branch));
        }
        self.surround(&mut command, deadline)?;
        Ok(command)
    }

    /// An environment in which the host's Git has no say.
    fn surround(&self, command: &mut Command, deadline: Deadline) -> Result<(), GitError> {
        process::clean(command, Protocol::V1);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        let mut settings: Vec<(String, String)> = vec![
            ("core.hooksPath".into(), "/dev/null".into()),
            ("credential.helper".into(), String::new()),
            ("push.recurseSubmodules".into(), "no".into()),
            ("http.followRedirects".into(), "false".into()),
        ];
        if let Address::Http(url) = &self.remote.address {
            if let Some(credentials) = self.client.wallet.credentials(deadline)? {
                let header = format!("Authorization: {}", credentials.basic().as_str());
                settings.push((format!("http.{url}.extraHeader"), header));
            }
            match &self.remote.proxy {
                Proxy::Environment => {}
                Proxy::Direct => settings.push(("http.proxy".into(), String::new())),
                Proxy::Via(proxy) => settings.push(("http.proxy".into(), proxy.to_string())),
            }
            // Under one byte a second for this long is silence.
            let seconds = self.remote.idle_timeout.as_secs().max(1);
            settings.push(("http.lowSpeedLimit".into(), "1".into()));
            settings.push(("http.lowSpeedTime".into(), seconds.to_string()));
        }
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (place, (key, value)) in settings.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{place}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{place}"), value);
        }
        if let Some(path) = &self.remote.ca_file {
            command.env("GIT_SSL_CAINFO", path);
        }
        if let Address::Ssh { .. } = &self.remote.address {
            let words = self.remote.ssh_words()?;
            let quoted: Vec<String> =
                words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
            let options = "-o BatchMode=yes -o StrictHostKeyChecking=yes";
            command.env("GIT_SSH_COMMAND", format!("{} {options}", quoted.join(" ")));
        }
        Ok(())
    }
}

fn address(remote: &Remote) -> String {
    match &remote.address {
        Address::File(path) => path.display().to_string(),
        address @ (Address::Http(_) | Address::Ssh { .. }) => address.to_string(),
    }
}

/// Reads lines of `--porcelain`: a flag, `from:to`, and a summary, with tabs between. `!` is a refusal.
fn porcelain(output: &str) -> HashMap<&str, Result<(), String>> {
    let mut words = HashMap::new();
    for line in output.lines() {
        let mut parts = line.splitn(3, '\t');
        let (Some(flag), Some(refs), Some(summary)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let Some(branch) = refs.rsplit_once(':').and_then(|(_, to)| to.strip_prefix("refs/heads/")) else {
            continue;
        };
        words.insert(branch, if flag == "!" { Err(summary.to_owned()) } else { Ok(()) });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Credentials;

    #[test]
    fn the_secret_is_in_no_argument() {
        let folder = tempfile::tempdir().unwrap();
        let mut remote = Remote::new("https://git.example.com/infra").ok().unwrap();
        remote.credentials = Some(Credentials::new("bot", "hunter2"));
        let mirror = Mirror::open(remote, &folder.path().join("mirror")).ok().unwrap();
        let deadline = Deadline::after(std::time::Duration::from_secs(60));
        let command =
            mirror.push_command(&[Change { branch: "main", old: None, new: None }], deadline).unwrap();
        let arguments: Vec<_> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
        assert_eq!(arguments.last().unwrap(), ":refs/heads/main");
        assert!(arguments.contains(&"https://git.example.com/infra".to_owned()), "{arguments:?}");
        let coded = mirror.remote.credentials.as_ref().unwrap().basic();
        let secrets = ["hunter2", coded.trim_start_matches("Basic ")];
        assert!(!secrets.iter().any(|secret| arguments.iter().any(|argument| argument.contains(secret))));
        let environment: Vec<_> = command.get_envs().filter_map(|(_, value)| value).collect();
        assert!(environment.iter().any(|value| value.to_string_lossy().contains(secrets[1])));
    }

    #[test]
    fn porcelain_lines_are_read() {
        let output =
            "To /x\n \tabc:refs/heads/main\tabc..def\n!\tabc:refs/heads/qa\t[rejected] (stale info)\nDone\n";
        let words = porcelain(output);
        assert_eq!(words["main"], Ok(()));
        assert_eq!(words["qa"], Err("[rejected] (stale info)".into()));
        assert_eq!(words.len(), 2);
    }
}
