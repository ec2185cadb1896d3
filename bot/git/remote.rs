//! Where an infra repository is, and how to get in.
//!
//! Promise: a secret is in a type without `Debug`, is wiped when dropped, and is never part of a URL.

use std::{path::PathBuf, time::Duration};

use zeroize::Zeroizing;

use super::{
    address::{Address, parse, shown},
    error::{GitError, tame},
    helper::CredentialHelper,
    sign::Signing,
};

/// A user name and its secret (a password or a token). No `Debug` on purpose.
#[derive(Clone)]
pub struct Credentials {
    username: String,
    secret: Zeroizing<String>,
}

impl Credentials {
    /// Takes the name and the secret. Forges that know only tokens want a fixed name, for instance
    /// `x-access-token` (GitHub) or `oauth2` (GitLab).
    #[must_use]
    pub fn new(username: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { username: username.into(), secret: Zeroizing::new(secret.into()) }
    }

    /// The name and the secret, for a helper's stdin.
    pub(super) fn parts(&self) -> (&str, &str) {
        (&self.username, &self.secret)
    }

    /// The value of an `Authorization` header by RFC 7617.
    pub(super) fn basic(&self) -> Zeroizing<String> {
        let pair = Zeroizing::new(format!("{}:{}", self.username, self.secret.as_str()));
        Zeroizing::new(format!("Basic {}", base64(pair.as_bytes()).as_str()))
    }
}

/// Standard base64 with padding (RFC 4648), so that no crate is needed for one header.
fn base64(bytes: &[u8]) -> Zeroizing<String> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    for chunk in bytes.chunks(3) {
        let value =
            chunk.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place <= chunk.len() {
                out.push(char::from(DIGITS[(value >> (18 - 6 * place) & 63) as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// The way to a server over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// As the environment says: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in small letters too.
    #[default]
    Environment,
    /// Straight, whatever the environment says.
    Direct,
    /// Through this proxy, but for what `NO_PROXY` names.
    Via(url::Url),
}

/// How commits reach the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PushMethod {
    /// Gantry speaks Git's push protocol itself.
    #[default]
    Builtin,
    /// The `git` program pushes from the mirror; for servers that the built-in way does not work with.
    GitProgram,
}

/// A repository's address and how to use it. Made by [`Remote::new`], then the public fields are set.
#[derive(Clone)]
pub struct Remote {
    pub(super) address: Address,
    /// For `http` and `https`; `None` goes in without a name.
    pub credentials: Option<Credentials>,
    /// The program that gives credentials for `http` and `https`, in the place of `credentials`.
    pub credential_helper: Option<CredentialHelper>,
    /// The program and options to use for `ssh`, split at blanks with shell-like quotes but without a shell,
    /// for instance `ssh -i /keys/deploy`. `None` means `ssh`. Password prompts are switched off.
    pub ssh_command: Option<String>,
    /// Certificates (PEM) to trust for `https`, besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The way to `http` and `https` servers.
    pub proxy: Proxy,
    /// The most that an `http` or `https` server may be silent; its way of saying that it is at work counts.
    pub idle_timeout: Duration,
    /// The most that one fetch or one push may take, whatever the server does.
    pub timeout: Duration,
    /// How commits reach the repository.
    pub push: PushMethod,
    /// How commits are signed; `None` leaves them unsigned.
    pub signing: Option<Signing>,
    /// Allows credentials over `http://`, where anyone on the way can read them. For test servers only.
    pub allow_plain_http: bool,
}

impl Remote {
    /// Parses `http(s)://`, `ssh://`, `[user@]host:path`, `file://` and absolute paths.
    ///
    /// # Errors
    /// [`GitError::Settings`] for anything else, and for a URL that holds a password.
    pub fn new(url: &str) -> Result<Self, GitError> {
        let address = parse(url).map_err(|what| GitError::Settings { url: shown(url), what: what.into() })?;
        Ok(Self {
            address,
            credentials: None,
            credential_helper: None,
            ssh_command: None,
            ca_file: None,
            proxy: Proxy::Environment,
            idle_timeout: Duration::from_secs(120),
            timeout: Duration::from_secs(600),
            push: PushMethod::Builtin,
            signing: None,
            allow_plain_http: false,
        })
    }

    /// The URL for people, logs and errors: no secret can be in it.
    #[must_use]
    pub fn shown(&self) -> String {
        tame(&self.address.to_string(), 300)
    }

    /// The repository's identity: the same for all its URLs: host, port and path of the address.
    #[must_use]
    pub fn identity(&self) -> String {
        tame(&self.address.identity(), 2000)
    }

    /// Checks what the parser could not know: that the fields fit together.
    pub(super) fn check(&self) -> Result<(), GitError> {
        let refuse = |what: &str| Err(GitError::Settings { url: self.shown(), what: what.into() });
        let signs_in = self.credentials.is_some() || self.credential_helper.is_some();
        match &self.address {
            Address::Http(url) if url.scheme() == "http" && signs_in && !self.allow_plain_http => refuse(
                "credentials are not sent over http://, where anyone on the way can read them; use https://, or in a \
                 closed network set `plain_http_credentials: true` on this repository",
            ),
            Address::Http(_) if self.credentials.is_some() && self.credential_helper.is_some() => {
                refuse("give a password or a credential_helper, not both")
            }
            Address::Ssh { .. } | Address::File(_) if signs_in => {
                refuse("a user name and password are for http(s) only; ssh uses a key, see ssh_command")
            }
            _ if self.timeout.is_zero() || self.idle_timeout.is_zero() => {
                refuse("the timeout and the idle_timeout must be more than zero")
            }
            _ => Ok(()),
        }
    }

    /// The words of `ssh_command`, the program first.
    pub(super) fn ssh_words(&self) -> Result<Vec<String>, GitError> {
        let text = self.ssh_command.as_deref().unwrap_or("ssh");
        match words(text) {
            Some(words) if !words.is_empty() => Ok(words),
            _ => Err(GitError::Settings {
                url: self.shown(),
                what: "ssh_command is empty or has an open quote".into(),
            }),
        }
    }
}

/// Splits a command line at blanks; quotes and backslashes as in a shell, nothing is expanded.
/// `None` for an open quote.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => word.push(chars.next()?),
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c if c.is_whitespace() => out.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_do_not_go_over_plain_http() {
        let mut remote = Remote::new("http://git.example.com/x").ok().unwrap();
        remote.credentials = Some(Credentials::new("bot", "s3cret"));
        let text = remote.check().unwrap_err().to_string();
        assert!(
            text.contains("https://") && text.contains("plain_http_credentials") && !text.contains("s3cret"),
            "{text}"
        );
        remote.allow_plain_http = true;
        assert!(remote.check().is_ok());
    }

    #[test]
    fn basic_authentication_is_that_of_the_rfc() {
        assert_eq!(
            Credentials::new("Aladdin", "open sesame").basic().as_str(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()).as_str(), coded);
        }
    }

    #[test]
    fn a_command_is_split_without_a_shell() {
        assert_eq!(words(r#"ssh -i "/a b/k" '-o x' c\ d"#).unwrap(), ["ssh", "-i", "/a b/k", "-o x", "c d"]);
        assert_eq!(words("ssh 'open"), None);
    }
}
