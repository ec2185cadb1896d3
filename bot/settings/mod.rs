//! The server's own settings: a YAML file, with overrides from the environment.
//!
//! Their owner is the platform engineer. Secrets never stand in the file: it names an environment variable or
//! another file (promise 9). Everything is checked before anything starts, and all mistakes are told at once
//! (promise 10).

mod file;
mod http;
pub mod pattern;
mod repository;
pub mod secret;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use gantry_core::{
    config::{ConfigError, Document},
    duration::Span,
};

pub use self::file::{
    Bot, Commits, File, ForgeEntry, ForgeKind, HostEntry, HttpEntry, Push, RegistryEntry, RepositoryEntry,
    RoleName, SealEntry, Sign, TokenEntry,
};
pub use self::http::Http;
pub use self::repository::{Proxy, Repository};
use self::{pattern::ImagePattern, secret::Secret};
use crate::seal::PublicKey;

/// Checked settings.
pub struct Settings {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The folder of the mirrors and SQLite files.
    pub data: PathBuf,
    /// The database's URL; it may hold a password, so it is a secret.
    pub database: Secret,
    /// Whether one may read without a token.
    pub anonymous_read: bool,
    /// How the API is reached.
    pub http: Http,
    /// How often everything is looked at without a hint.
    pub poll: Span,
    /// The file of the key that seals.
    pub seal_key: PathBuf,
    /// Public keys that are believed besides it.
    pub trusted: Vec<PublicKey>,
    /// Who may do what.
    pub tokens: Vec<TokenEntry>,
    /// The infra repositories.
    pub repositories: Vec<Repository>,
    /// The registries.
    pub registries: Vec<Registry>,
    /// A folder of templates.
    pub templates: Option<PathBuf>,
}

/// A registry with its password.
pub struct Registry {
    /// As written.
    pub entry: RegistryEntry,
    /// The password.
    pub password: Option<Secret>,
}

/// The settings can't be used; every mistake is named.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read.
    #[error("{path}: {error}; `--settings` must name a readable file")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// There are mistakes in it.
    #[error("{}", lines(.0))]
    Wrong(Vec<ConfigError>),
}

fn lines(errors: &[ConfigError]) -> String {
    let line = |error: &ConfigError| match &error.hint {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    };
    errors.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Where a setting's override comes from: the environment in production, a map in tests.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The largest settings file.
const LARGEST: u64 = 1 << 20;

impl Settings {
    /// Reads and checks a settings file.
    ///
    /// # Errors
    /// Every mistake in it, with file, line, column and key where it has one.
    pub fn load(path: &Path, variables: Variables<'_>) -> Result<Self, SettingsError> {
        let bytes = read_bounded(path, LARGEST)
            .map_err(|error| SettingsError::Unreadable { path: path.to_owned(), error })?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        Self::of(&bytes, &path.display().to_string(), &folder, variables)
    }

    /// Reads and checks settings. `name` is the file's name in errors; relative paths are relative to `folder`.
    ///
    /// # Errors
    /// Every mistake, those of form and those of meaning alike.
    pub fn of(
        bytes: &[u8],
        name: &str,
        folder: &Path,
        variables: Variables<'_>,
    ) -> Result<Self, SettingsError> {
        let (file, mut document) = Document::read::<File>(bytes, name);
        let settings = file.map(|file| Self::check(file, folder, variables));
        let settings = match settings {
            Some(Ok(settings)) => Some(settings),
            Some(Err(problems)) => {
                for problem in problems {
                    // Each begins with its key, whose place the document knows.
                    let (key, message) = problem.split_once(": ").unwrap_or(("", &problem));
                    document.mistake(key, message);
                }
                None
            }
            None => None,
        };
        let errors = document.errors();
        match settings {
            Some(settings) if errors.is_empty() => Ok(settings),
            _ => Err(SettingsError::Wrong(errors)),
        }
    }

    /// Checks settings. Relative paths are relative to `folder`.
    ///
    /// # Errors
    /// Every mistake: key, a colon and a blank, what is wrong and what to write.
    pub fn check(file: File, folder: &Path, variables: Variables<'_>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let listen = http::listen(file.listen, variables, &mut problems);
        let http = http::check(file.http, &mut problems);
        let data = variables("GANTRY_DATA").map(PathBuf::from).or(file.data).unwrap_or_else(|| "data".into());
        let data = folder.join(data);
        let default = || format!("sqlite://{}", data.join("gantry.db").display());
        let database = variables("GANTRY_DATABASE").or(file.database).unwrap_or_else(default);
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| database.starts_with(scheme)) {
            problems.push("database: write sqlite://FILE or postgres://USER@HOST/NAME".to_owned());
        }
        let poll = file.poll.unwrap_or(Span::seconds(60));
        if poll < Span::seconds(1) {
            problems.push("poll: at least 1s".to_owned());
        }
        for (index, token) in file.tokens.iter().enumerate() {
            if file.tokens[..index].iter().any(|other| other.name == token.name) {
                problems.push(format!(
                    "tokens[{index}].name: another token is named {:?} too; the audit log could not tell them apart",
                    token.name
                ));
            }
        }
        if file.repositories.is_empty() {
            problems.push("repositories: at least one infra repository is needed".to_owned());
        }
        let secret = |problems: &mut Vec<String>, key: &str, env: &Option<String>, path: &Option<PathBuf>| {
            password(key, env.as_deref(), path.as_ref().map(|path| folder.join(path)), variables)
                .unwrap_or_else(|problem| {
                    problems.push(problem);
                    None
                })
        };
        for (index, token) in file.tokens.iter().enumerate() {
            let key = format!("tokens[{index}]");
            if token.sha256.len() != 64 || !token.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
                problems.push(format!(
                    "{key}.sha256: write the 64 digits that `printf %s TOKEN | sha256sum` prints"
                ));
            }
            for (at, image) in token.images.iter().enumerate() {
                if let Err(error) = image.parse::<ImagePattern>() {
                    problems.push(format!("{key}.images[{at}]: {error}"));
                }
            }
            if token.email.as_deref().is_some_and(|email| !is_address(email)) {
                problems.push(format!("{key}.email: write an address, NAME@HOST, or leave it out"));
            }
        }
        let seal_key = match &file.seal.key_file {
            Some(path) => folder.join(path),
            None => data.join("seal.key"),
        };
        let mut trusted = Vec::new();
        for (index, key) in file.seal.trusted.iter().enumerate() {
            match key.parse() {
                Ok(key) => trusted.push(key),
                Err(error) => problems.push(format!("seal.trusted[{index}]: {error}")),
            }
        }
        let server = repository::Server {
            folder,
            variables,
            bot: &file.bot,
            commits: &file.commits,
            hosts: &file.credentials,
        };
        server.check(&mut problems);
        let mut repositories: Vec<Repository> = Vec::new();
        for (index, entry) in file.repositories.into_iter().enumerate() {
            let key = format!("repositories[{index}]");
            if !is_name(&entry.name) {
                problems.push(format!("{key}.name: 1 to 60 letters, digits, '-', '_' or '.'"));
            }
            if let Some(identity) = &entry.identity
                && (identity.trim().is_empty()
                    || identity.len() > 2000
                    || identity.chars().any(char::is_control))
            {
                problems.push(format!(
                    "{key}.identity: write host and path, for instance git.example.com/shop/infra"
                ));
            }
            if repositories.iter().any(|other| other.entry.name == entry.name) {
                problems.push(format!("{key}.name: another repository is named {:?} too", entry.name));
            }
            repositories.push(server.repository(&key, entry, &mut problems));
        }
        let mut registries: Vec<Registry> = Vec::new();
        for (index, mut entry) in file.registries.into_iter().enumerate() {
            let key = format!("registries[{index}]");
            if registries.iter().any(|other| other.entry.host == entry.host) {
                problems.push(format!("{key}.host: {:?} stands there twice", entry.host));
            }
            if entry.poll.is_some_and(|poll| poll < Span::seconds(1)) {
                problems.push(format!("{key}.poll: at least 1s"));
            }
            let password = secret(&mut problems, &key, &entry.password_env, &entry.password_file);
            if !is_host(&entry.host) {
                problems.push(format!(
                    "{key}.host: write HOST or HOST:PORT as it stands in image names, for instance registry.example.com"
                ));
            }
            for (at, host) in entry.token_services.iter().enumerate().filter(|(_, host)| !is_host(host)) {
                problems.push(format!(
                    "{key}.token_services[{at}]: {host:?} is no host; write HOST or HOST:PORT, for instance \
                     auth.example.com"
                ));
            }
            entry.ca_file = entry.ca_file.map(|path| folder.join(path));
            if let Some(path) = &entry.ca_file {
                problems.extend(ca_problem(&key, path));
            }
            registries.push(Registry { entry, password });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            listen,
            data,
            database: Secret::new(database),
            anonymous_read: file.anonymous_read.unwrap_or(listen.ip().is_loopback()),
            http,
            poll,
            seal_key,
            trusted,
            tokens: file.tokens,
            repositories,
            registries,
            templates: file.templates.map(|path| folder.join(path)),
        })
    }
}

/// `HOST` or `HOST:PORT`.
fn is_host(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !text.is_empty()
        && text.chars().all(plain)
        && url::Url::parse(&format!("https://{text}/")).is_ok_and(|url| url.host_str().is_some())
}

/// What is wrong with a file of certificates, as far as it can be seen without reading certificates.
fn ca_problem(key: &str, path: &Path) -> Option<String> {
    let error = read_bounded(path, 4 << 20).err()?;
    Some(format!("{key}.ca_file: {}: {error}", path.display()))
}

/// A name that becomes a file's name in the data folder.
fn is_name(text: &str) -> bool {
    (1..=60).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// An e-mail address, as far as a commit is concerned.
fn is_address(text: &str) -> bool {
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>' | '"');
    text.len() <= 200
        && text.chars().all(plain)
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

fn password(
    key: &str,
    env: Option<&str>,
    file: Option<PathBuf>,
    variables: Variables<'_>,
) -> Result<Option<Secret>, String> {
    match (env, file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(format!("{key}: give password_env or password_file, not both")),
        (Some(name), None) => match variables(name).filter(|text| !text.is_empty()) {
            Some(text) => Ok(Some(Secret::new(text))),
            None => Err(format!("{key}.password_env: the environment variable {name} is not set")),
        },
        (None, Some(path)) => match read_bounded(&path, 64 << 10).map(String::from_utf8) {
            Ok(Ok(text)) => Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))),
            Ok(Err(_)) => Err(format!("{key}.password_file: {} is not UTF-8", path.display())),
            Err(error) => Err(format!("{key}.password_file: {}: {error}", path.display())),
        },
    }
}

fn read_bounded(path: &Path, largest: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(largest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        return Err(std::io::Error::other(format!("larger than {largest} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let get = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Settings::of(text.as_bytes(), "s.yaml", Path::new("/etc/gantry"), &get)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_smallest_settings_are_one_repository() {
        let settings =
            check("repositories:\n  - {name: infra, url: 'file:///srv/infra.git'}\n", &[]).ok().unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8420");
        assert!(settings.anonymous_read, "on loopback");
        assert_eq!(settings.database.expose(), "sqlite:///etc/gantry/data/gantry.db");
    }

    #[test]
    fn the_environment_goes_first_and_opens_nothing() {
        let text = "listen: 127.0.0.1:1\nrepositories: [{name: a, url: 'file:///a'}]";
        let settings = check(text, &[("GANTRY_LISTEN", "0.0.0.0:80")]).ok().unwrap();
        assert_eq!(settings.listen.to_string(), "0.0.0.0:80");
        assert!(!settings.anonymous_read);
    }

    #[test]
    fn every_mistake_is_told_with_its_key() {
        let text = "listen: here\npoll: 0s\nrepositories:\n  - {name: a/b, url: x, password_env: NOT_SET}\n  - {name: c, url: x}\n  - {name: c, url: x}\n";
        let error = check(text, &[]).err().unwrap();
        for part in ["listen:", "poll:", "repositories[0].name", "NOT_SET is not set", "repositories[2].name"]
        {
            assert!(error.contains(part), "{part} in {error}");
        }
    }

    #[test]
    fn mistakes_of_form_and_of_meaning_are_told_at_once_each_with_line_and_key() {
        let text = "listen: here
pol: 10s
anonymous_read: perhaps
http: {hosts: ['https://x'], trusted_proxies: [10.0.0.0/99], connections: 3}
tokens:
  - {name: ci, sha256: abc, role: ci, images: ['a/**/b']}
  - {name: rita, role: boss, sha256: 1}
  - {name: ci, sha256: abc, role: viewer}
repositories:
  - {name: a, url: 'htps://git.example.com/a', poll: 1m}
  - {url: 'https://git.example.com/b'}
  - {name: c, url: 'http://git.example.com/c', password_env: P}
registries:
  - {host: 'https://r.example.com', ca_file: /nowhere/ca.pem, token_services: ['https://a']}
";
        let error = check(text, &[("P", "hunter2")]).err().unwrap();
        for part in [
            "s.yaml:1:9: listen: \"here\" is no address",
            "s.yaml:2:1: pol: unknown key",
            "s.yaml:3:17: anonymous_read: expected true or false",
            "s.yaml:4:16: http.hosts[0]: ",
            "s.yaml:4:48: http.trusted_proxies[0]: ",
            "s.yaml:4:75: http.connections: ",
            "s.yaml:6:24: tokens[0].sha256: ",
            "s.yaml:6:48: tokens[0].images[0]: ",
            "s.yaml:7:24: tokens[1].role: unknown value `boss`",
            "s.yaml:8:12: tokens[2].name: ",
            "s.yaml:10:20: repositories[0].url: write https://",
            "s.yaml:10:48: repositories[0].poll: unknown key",
            "s.yaml:11:5: repositories[1]: `name` is missing",
            "repositories[2].plain_http_credentials: credentials are not sent over http://",
            "s.yaml:14:12: registries[0].host: ",
            "s.yaml:14:46: registries[0].ca_file: ",
            "s.yaml:14:80: registries[0].token_services[0]: ",
        ] {
            assert!(error.contains(part), "{part} in\n{error}");
        }
        assert_eq!(error.lines().count(), 18, "nothing is told that is not wrong:\n{error}");
        assert!(!error.contains("hunter2"));
    }

    #[test]
    fn unknown_keys_name_line_and_the_likely_one() {
        let error = check("lisen: 1\nrepositories: []\n", &[]).err().unwrap();
        assert!(error.contains("s.yaml:1:1") && error.contains("listen"), "{error}");
    }

    #[test]
    fn a_password_is_read_from_the_environment_only_by_name() {
        let text = "repositories: [{name: a, url: 'https://h/a', username: bot, password_env: P}]";
        let settings = check(text, &[("P", "hunter2")]).ok().unwrap();
        assert_eq!(settings.repositories[0].password.as_ref().unwrap().expose(), "hunter2");
    }
}
