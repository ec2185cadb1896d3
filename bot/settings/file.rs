//! The settings file, as written by the platform engineer.

use std::path::PathBuf;

use gantry_core::{duration::Span, ids::BranchName};
use serde::Deserialize;

/// `--settings FILE`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where the server listens; `127.0.0.1:8420` when left out.
    pub listen: Option<String>,
    /// The folder of the mirrors and of the SQLite files; `data` beside the settings when left out.
    pub data: Option<PathBuf>,
    /// `sqlite://FILE` or `postgres://...`; a SQLite file in `data` when left out. A password belongs into
    /// the environment: `GANTRY_DATABASE`.
    pub database: Option<String>,
    /// Whether one may read without a token; by default only on a loopback address.
    pub anonymous_read: Option<bool>,
    /// How the API is reached.
    #[serde(default)]
    pub http: HttpEntry,
    /// How often repositories and registries are looked at without a hint; `1m` when left out.
    pub poll: Option<Span>,
    /// In whose name the bot commits.
    #[serde(default)]
    pub bot: Bot,
    /// Whose commits they are and how they are signed, in every repository.
    #[serde(default)]
    pub commits: Commits,
    /// The key that seals Gantry's records, and whose seals are believed.
    #[serde(default)]
    pub seal: SealEntry,
    /// Credentials of Git servers, for the repositories that name none of their own.
    #[serde(default)]
    pub credentials: Vec<HostEntry>,
    /// Who may do what.
    #[serde(default)]
    pub tokens: Vec<TokenEntry>,
    /// The infra repositories.
    pub repositories: Vec<RepositoryEntry>,
    /// The registries that are watched.
    #[serde(default)]
    pub registries: Vec<RegistryEntry>,
    /// A folder whose templates replace the built-in ones.
    pub templates: Option<PathBuf>,
}

/// How the API is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpEntry {
    /// The names under which people read without a token, beside those of the loopback interface.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The addresses or networks of the proxies whose `X-Forwarded-For` says who asks.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// How many connections may be open; `1000` when left out.
    pub connections: Option<u32>,
}

/// In whose name the bot commits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bot {
    /// The name.
    pub name: String,
    /// The e-mail address; it tells the bot's commits from people's.
    pub email: String,
}

impl Default for Bot {
    fn default() -> Self {
        Self { name: "Gantry".to_owned(), email: "gantry@localhost".to_owned() }
    }
}

/// Whose commits they are, and how they are signed. What a repository leaves out is taken from the server's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commits {
    /// Who wrote a promotion; the committer when left out.
    pub author: Option<Bot>,
    /// Who makes the commits; `bot` when left out. The address tells Gantry's commits from people's.
    pub committer: Option<Bot>,
    /// How they are signed; not at all when left out.
    pub sign: Option<Sign>,
}

/// A key that signs: `ssh`, or `gpg` with what belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// The file of an SSH key: a private one without a passphrase, or a public one whose private key an agent has.
    pub ssh: Option<PathBuf>,
    /// The fingerprint, the id or the address of a GPG key.
    pub gpg: Option<String>,
    /// GnuPG's folder; that of Gantry's user when left out.
    pub gpg_home: Option<PathBuf>,
    /// The file with the GPG key's passphrase.
    pub gpg_passphrase_file: Option<PathBuf>,
}

/// The key that seals, and whose seals are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealEntry {
    /// The file of the key; `seal.key` in the data folder when left out. It is made where there is none.
    pub key_file: Option<PathBuf>,
    /// Public keys that are believed besides its own: those of other installations, and old ones.
    #[serde(default)]
    pub trusted: Vec<String>,
}

/// Credentials of one Git server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostEntry {
    /// Its host as it stands in the repositories' URLs, with the port where one stands there.
    pub host: String,
    /// The user's name.
    pub username: Option<String>,
    /// The environment variable that holds the password or token.
    pub password_env: Option<String>,
    /// The file that holds it.
    pub password_file: Option<PathBuf>,
    /// The program that gives name and password, by the protocol of Git's credential helpers.
    pub credential_helper: Option<String>,
}

/// An API token, without the token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEntry {
    /// Who holds it; stands in the audit log and in commits.
    pub name: String,
    /// Their e-mail address: with it they are named as author or co-author of what they asked for.
    pub email: Option<String>,
    /// The SHA-256 of the token, 64 hexadecimal digits.
    pub sha256: String,
    /// What it may do.
    pub role: RoleName,
    /// For `ci`: the images that it may report, with `*` for one part of the path and `**` for the rest.
    #[serde(default)]
    pub images: Vec<String>,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// Report builds.
    Ci,
    /// Promote, approve, reject, and read.
    ReleaseManager,
    /// Read.
    Viewer,
}

/// One infra repository.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryEntry {
    /// Its name in Gantry.
    pub name: String,
    /// `file://`, `http(s)://` or `ssh://`, without a password.
    pub url: String,
    /// The default branch, if the repository's `HEAD` doesn't say it.
    pub branch: Option<BranchName>,
    /// Its identity in seals; host and path of the URL when left out. For a repository that moved, or that is
    /// reached by URLs that differ in more than the scheme and the user.
    pub identity: Option<String>,
    /// For HTTP.
    pub username: Option<String>,
    /// The environment variable that holds the password or token.
    pub password_env: Option<String>,
    /// The file that holds it.
    pub password_file: Option<PathBuf>,
    /// The program that gives name and password, by the protocol of Git's credential helpers.
    pub credential_helper: Option<String>,
    /// The program for `ssh://`, for instance `ssh -i /etc/gantry/key`.
    pub ssh_command: Option<String>,
    /// A private certificate authority, PEM.
    pub ca_file: Option<PathBuf>,
    /// The HTTP proxy, `http://HOST:PORT`, or `none`; that of the environment when left out.
    pub proxy: Option<String>,
    /// Whose commits they are, and how they are signed.
    #[serde(default)]
    pub commits: Commits,
    /// How to push.
    #[serde(default)]
    pub push: Push,
    /// How long one fetch or push may take; `10m` when left out.
    pub timeout: Option<Span>,
    /// How long an HTTP server may say nothing within it; `2m` when left out.
    pub idle_timeout: Option<Span>,
    /// Credentials may go over plain `http://`, as in a closed network.
    #[serde(default)]
    pub plain_http_credentials: bool,
    /// Where its proposals live.
    #[serde(default)]
    pub forge: ForgeEntry,
}

/// How to push.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Push {
    /// By Gantry itself.
    #[default]
    Builtin,
    /// By the `git` program.
    Git,
}

/// Where proposals live.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgeEntry {
    /// Which kind.
    #[serde(default)]
    pub kind: ForgeKind,
}

/// The kinds of forges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForgeKind {
    /// The built-in one.
    #[default]
    Local,
}

/// One registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryEntry {
    /// Its host, with the port where it isn't 443, as it stands in image names.
    pub host: String,
    /// It speaks plain HTTP.
    #[serde(default)]
    pub insecure: bool,
    /// For registries that ask for it.
    pub username: Option<String>,
    /// The environment variable that holds the password or token.
    pub password_env: Option<String>,
    /// The file that holds it.
    pub password_file: Option<PathBuf>,
    /// A private certificate authority, PEM.
    pub ca_file: Option<PathBuf>,
    /// The hosts beside its own whose token services may get its password.
    #[serde(default)]
    pub token_services: Vec<String>,
    /// How often it is asked; the server's `poll` when left out.
    pub poll: Option<Span>,
}
