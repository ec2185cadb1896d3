//! Where an infra repository is, and how to get in.
//!
//! Promises: a secret is in a type without `Debug`, is wiped when dropped, and is never part of a URL: a
//! URL with a password is refused with a text that says where the password belongs, and does not repeat it.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use zeroize::Zeroizing;

use super::error::{GitError, tame};

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
    /// The program and options to use for `ssh`, split at blanks with shell-like quotes but without a shell,
    /// for instance `ssh -i /keys/deploy`. `None` means `ssh`. Password prompts are switched off.
    pub ssh_command: Option<String>,
    /// Certificates (PEM) to trust for `https`, besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The most that one fetch or one push may take, whatever the server does.
    pub timeout: Duration,
    /// How commits reach the repository.
    pub push: PushMethod,
    /// Allows credentials over `http://`, where anyone on the way can read them. For test servers only.
    pub allow_plain_http: bool,
}

/// The parsed URL: one variant per way of getting there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// `http` or `https`, without user name and without trailing slash.
    Http(url::Url),
    /// `ssh://[user@]host[:port]/path` or `[user@]host:path`.
    Ssh { destination: String, port: Option<u16>, path: String },
    /// A bare repository on this machine.
    File(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => f.write_str(url.as_str().trim_end_matches('/')),
            Self::Ssh { destination, port: Some(port), path } => {
                write!(f, "ssh://{destination}:{port}/{}", path.trim_start_matches('/'))
            }
            Self::Ssh { destination, port: None, path } => write!(f, "{destination}:{path}"),
            Self::File(path) => write!(f, "file://{}", path.display()),
        }
    }
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
            ssh_command: None,
            ca_file: None,
            timeout: Duration::from_secs(600),
            push: PushMethod::Builtin,
            allow_plain_http: false,
        })
    }

    /// The URL for people, logs and errors: no secret can be in it.
    #[must_use]
    pub fn shown(&self) -> String {
        tame(&self.address.to_string(), 300)
    }

    /// Checks what the parser could not know: that the fields fit together.
    pub(super) fn check(&self) -> Result<(), GitError> {
        let refuse = |what: &str| Err(GitError::Settings { url: self.shown(), what: what.into() });
        match &self.address {
            Address::Http(url)
                if url.scheme() == "http" && self.credentials.is_some() && !self.allow_plain_http =>
            {
                refuse(
                    "credentials are not sent over http://, where anyone on the way can read them; use https://",
                )
            }
            Address::Ssh { .. } | Address::File(_) if self.credentials.is_some() => {
                refuse("a user name and password are for http(s) only; ssh uses a key, see ssh_command")
            }
            _ if self.timeout.is_zero() => refuse("the timeout must be more than zero"),
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

/// What may be shown of a URL that did not parse: everything up to a password.
fn shown(url: &str) -> String {
    let hidden = match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    };
    tame(&hidden, 300)
}

fn parse(url: &str) -> Result<Address, &'static str> {
    const FORMS: &str = "write it as https://…, ssh://…, user@host:path, file:///… or an absolute path";
    if url.is_empty() || url.len() > 2000 || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("the URL is empty, over 2,000 characters long, or has blanks in it");
    }
    if Path::new(url).is_absolute() {
        return Ok(Address::File(url.into()));
    }
    let Some((scheme, _)) = url.split_once("://") else {
        let Some((destination, path)) = url.split_once(':') else { return Err(FORMS) };
        return ssh(destination, None, path);
    };
    let mut parsed = url::Url::parse(url).map_err(|_| FORMS)?;
    if parsed.password().is_some() {
        return Err(
            "the URL holds a password; put it under the repository's credentials, from a file or the \
                    environment",
        );
    }
    match scheme {
        "http" | "https" => {
            if !parsed.username().is_empty() {
                return Err("the URL holds a user name; put it under the repository's credentials");
            }
            if parsed.query().is_some() || parsed.fragment().is_some() || parsed.host_str().is_none() {
                return Err("the URL has no host, or has a '?' or '#' part");
            }
            let path = parsed.path().trim_end_matches('/').to_owned();
            parsed.set_path(&path);
            Ok(Address::Http(parsed))
        }
        "ssh" => {
            let host = parsed.host_str().ok_or(FORMS)?;
            let destination = match parsed.username() {
                "" => host.to_owned(),
                user => format!("{user}@{host}"),
            };
            // `ssh://host/~user/x` is meant relative to that home, as in Git.
            let path = parsed.path();
            ssh(&destination, parsed.port(), if path.starts_with("/~") { &path[1..] } else { path })
        }
        "file" => {
            let path = parsed.to_file_path().map_err(|()| "a file:// URL must hold an absolute path")?;
            Ok(Address::File(path))
        }
        _ => Err(FORMS),
    }
}

/// A destination or path that begins with a dash would be read as an option by `ssh`.
fn ssh(destination: &str, port: Option<u16>, path: &str) -> Result<Address, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '[' | ']' | ':');
    let host = destination.rsplit_once('@').map_or(destination, |(_, host)| host);
    if destination.starts_with('-')
        || host.is_empty()
        || host.starts_with('-')
        || !destination.chars().all(plain)
    {
        return Err("the host or user name of the ssh URL is not a plain name");
    }
    if path.is_empty() || path == "/" || path.starts_with('-') {
        return Err("the ssh URL has no path, or one that begins with '-'");
    }
    Ok(Address::Ssh { destination: destination.to_owned(), port, path: path.to_owned() })
}

/// Splits a command line at blanks; quotes and backslashes as in a shell, nothing is expanded.
/// `None` for an open quote.
fn words(text: &str) -> Option<Vec<String>> {
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
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        for url in ["https://bot:s3cret@git.example.com/x", "ssh://bot:s3cret@h/x", "https://b:s3cret@[bad/x"]
        {
            let text = Remote::new(url).err().unwrap().to_string();
            assert!(!text.contains("s3cret"), "{text}");
        }
        assert!(
            Remote::new("https://s3cret@git.example.com/x")
                .err()
                .unwrap()
                .to_string()
                .contains("credentials")
        );
    }

    #[test]
    fn addresses_are_told_apart() {
        for (url, shown) in [
            ("https://git.example.com/shop/infra.git/", "https://git.example.com/shop/infra.git"),
            ("ssh://git@h.example:2222/a/b", "ssh://git@h.example:2222/a/b"),
            ("git@h.example:a/b.git", "git@h.example:a/b.git"),
            ("file:///srv/a%20b.git", "file:///srv/a b.git"),
            ("/srv/a.git", "file:///srv/a.git"),
        ] {
            assert_eq!(Remote::new(url).ok().unwrap().shown(), shown, "{url}");
        }
        for bad in [
            "",
            "ftp://x/y",
            "relative/path",
            "-oProxyCommand=x:y",
            "ssh://-oX/y",
            "h:-x",
            "https:///x?y",
            "a b:c",
        ] {
            assert!(Remote::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn credentials_do_not_go_over_plain_http() {
        let mut remote = Remote::new("http://git.example.com/x").ok().unwrap();
        remote.credentials = Some(Credentials::new("bot", "s3cret"));
        let text = remote.check().unwrap_err().to_string();
        assert!(text.contains("https://") && !text.contains("s3cret"), "{text}");
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
