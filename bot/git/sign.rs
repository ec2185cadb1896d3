//! Signing commits with an SSH or a GPG key.
//!
//! Promises: where the settings ask for a signature, no commit is made without one, so none can be pushed;
//! only names of keys and files go to the programs, the keys themselves are theirs to read; nothing is asked
//! on a terminal; a program that hangs is given up.
//!
//! The signature stands in the commit's `gpgsig` header, over the commit's bytes without that header
//! (`gitformat-signature(5)`). A signature may hold its time or chance, so signed commits of the same draft
//! need not have the same id.

use std::{path::PathBuf, process::Command, time::Duration};

use gix::objs::WriteTo;
use gix_transport::Protocol;
use zeroize::Zeroizing;

use super::{
    capture,
    connect::Deadline,
    error::{GitError, tame},
    process,
    remote::Remote,
};

/// The most bytes of a signature: 64 KiB. Those of large RSA keys have some two.
const MAX_SIGNATURE: u64 = 64 << 10;
/// How long one signature may take, where the settings do not say.
const TIMEOUT: Duration = Duration::from_secs(30);

/// With which key commits are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningKey {
    /// A private key for `ssh-keygen`, without a passphrase; or a public one whose private key an agent has.
    Ssh(PathBuf),
    /// A key of GnuPG.
    Gpg {
        /// Its fingerprint, its id or its e-mail address.
        key: String,
        /// GnuPG's folder; `None` is that of the user.
        home: Option<PathBuf>,
        /// The file with the key's passphrase, for a key that has one and no agent that knows it.
        passphrase_file: Option<PathBuf>,
    },
}

/// How commits are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// With which key.
    pub key: SigningKey,
    /// The most that one signature may take.
    pub timeout: Duration,
}

impl Signing {
    /// Signs with this key.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self { key, timeout: TIMEOUT }
    }

    fn command(&self) -> Command {
        let mut command = match &self.key {
            SigningKey::Ssh(path) => {
                let mut command = Command::new("ssh-keygen");
                command.args(["-Y", "sign", "-n", "git", "-f"]).arg(path);
                command
            }
            SigningKey::Gpg { key, home, passphrase_file } => {
                let mut command = Command::new("gpg");
                command.args(["--batch", "--no-tty", "--quiet"]);
                if let Some(home) = home {
                    command.arg("--homedir").arg(home);
                }
                match passphrase_file {
                    Some(file) => {
                        command.args(["--pinentry-mode", "loopback", "--passphrase-file"]).arg(file)
                    }
                    // Nobody is there to answer.
                    None => command.args(["--pinentry-mode", "error"]),
                };
                command.args(["--detach-sign", "--armor", "--local-user", key]);
                command
            }
        };
        process::clean(&mut command, Protocol::V1);
        command
    }

    /// The armoured signature of `bytes`, without its last line end.
    fn sign(&self, bytes: Vec<u8>) -> Result<String, String> {
        let begins = match &self.key {
            SigningKey::Ssh(_) => "-----BEGIN SSH SIGNATURE-----",
            SigningKey::Gpg { .. } => "-----BEGIN PGP SIGNATURE-----",
        };
        let deadline = Deadline::after(self.timeout);
        let captured = capture::run(self.command(), Zeroizing::new(bytes), MAX_SIGNATURE, deadline)?;
        let outcome = captured.outcome;
        let said = tame(&outcome.said, 400);
        if outcome.timed_out {
            return Err(format!("it gave no signature within {} s: {said}", self.timeout.as_secs_f64()));
        }
        if !outcome.status.is_some_and(|status| status.success()) {
            return Err(said);
        }
        let text = std::str::from_utf8(&captured.bytes).unwrap_or_default().replace('\r', "");
        let text = text.trim_end();
        if !text.starts_with(begins) || text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(format!("it wrote something else than a signature: {said}"));
        }
        Ok(text.to_owned())
    }
}

impl Remote {
    /// Makes a signature for nothing, so that a key that cannot sign is told at the start.
    pub(super) fn check_signing(&self) -> Result<(), GitError> {
        self.signing.as_ref().map_or(Ok(()), |signing| self.signature(signing, b"trial\n".to_vec()).map(drop))
    }

    /// Puts the signature into a commit, where commits are signed.
    pub(super) fn sign(&self, commit: &mut gix::objs::Commit) -> Result<(), GitError> {
        let Some(signing) = &self.signing else { return Ok(()) };
        let mut bytes = Vec::new();
        commit.write_to(&mut bytes).map_err(|error| self.unsigned(signing, error.to_string()))?;
        let signature = self.signature(signing, bytes)?;
        commit.extra_headers.push(("gpgsig".into(), signature.into()));
        Ok(())
    }

    fn signature(&self, signing: &Signing, bytes: Vec<u8>) -> Result<String, GitError> {
        signing.sign(bytes).map_err(|why| self.unsigned(signing, why))
    }

    fn unsigned(&self, signing: &Signing, why: String) -> GitError {
        let key = match &signing.key {
            SigningKey::Ssh(path) => format!("ssh: {}", path.display()),
            SigningKey::Gpg { key, .. } => format!("gpg: {key}"),
        };
        let why = if why.is_empty() { "the program does not say why".to_owned() } else { why };
        GitError::Unsigned { url: self.shown(), key: tame(&key, 300), why }
    }
}
