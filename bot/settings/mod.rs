//! The server's own settings: a YAML file, with overrides from the environment.
//!
//! Their owner is the platform engineer. Secrets never stand in the file: it names an environment variable or
//! another file (promise 9). Everything is checked before anything starts, and all mistakes are told at once
//! (promise 10).

mod file;
mod repository;
pub mod secret;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use gantry_core::{config::ConfigError, duration::Span};

pub use self::file::{
    Bot, Commits, File, ForgeEntry, ForgeKind, HostEntry, Push, RegistryEntry, RepositoryEntry, RoleName,
    SealEntry, Sign, TokenEntry,
};
pub use self::repository::{Proxy, Repository};
use self::secret::Secret;
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
    /// It doesn't read as settings.
    #[error("{}", lines(.0))]
    Wrong(Vec<ConfigError>),
    /// It reads well and makes no sense.
    #[error("{path}: {}", .problems.join(&format!("\n{}: ", .path.display())))]
    Senseless {
        /// The file.
        path: PathBuf,
        /// One for each mistake: key, what is wrong, what to write.
        problems: Vec<String>,
    },
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
        let name = path.display().to_string();
        let file: File = gantry_core::config::read_as(&bytes, &name).map_err(SettingsError::Wrong)?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        Self::check(file, &folder, variables)
            .map_err(|problems| SettingsError::Senseless { path: path.to_owned(), problems })
    }

    /// Checks settings. Relative paths are relative to `folder`.
    ///
    /// # Errors
    /// Every mistake: key, what is wrong, what to write.
    pub fn check(file: File, folder: &Path, variables: Variables<'_>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let listen =
            variables("GANTRY_LISTEN").or(file.listen).unwrap_or_else(|| "127.0.0.1:8420".to_owned());
        let listen: SocketAddr = listen.parse().unwrap_or_else(|_| {
            problems
                .push(format!("listen: {listen:?} is no address; write IP:PORT, for instance 0.0.0.0:8420"));
            SocketAddr::from(([127, 0, 0, 1], 8420))
        });
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
        let mut names: Vec<&str> = file.tokens.iter().map(|token| token.name.as_str()).collect();
        names.sort_unstable();
        for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
            problems.push(format!(
                "tokens: two are named {:?}; the audit log could not tell them apart",
                pair[0]
            ));
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
            if token.email.as_deref().is_some_and(|email| !is_address(email)) {
                problems.push(format!("tokens[{index}].email: write an address, NAME@HOST, or leave it out"));
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
            let password = secret(&mut problems, &key, &entry.password_env, &entry.password_file);
            entry.ca_file = entry.ca_file.map(|path| folder.join(path));
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
        let file = gantry_core::config::read_as(text.as_bytes(), "s.yaml").map_err(|e| lines(&e))?;
        let get = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Settings::check(file, Path::new("/etc/gantry"), &get).map_err(|problems| problems.join("\n"))
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
