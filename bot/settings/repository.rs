//! One infra repository's settings with what the server's settings add to them: credentials of its host,
//! whose commits they are, how they are signed.
//!
//! Promise: a mistake takes nothing away silently. Two ways to the same secret, half a signing key, a host
//! that stands there twice: each is refused, never guessed at.

use std::path::Path;

use super::{
    Variables, ca_problem,
    file::{Bot, Commits, HostEntry, RepositoryEntry, Sign},
    is_address, password,
    secret::Secret,
};

/// How an infra repository is reached over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// As the environment says: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`.
    Environment,
    /// Without one, whatever the environment says.
    None,
    /// Through this one, but for the hosts of `NO_PROXY`.
    Via(url::Url),
}

/// An infra repository with everything that belongs to it.
pub struct Repository {
    /// As written; files are named from the settings' folder.
    pub entry: RepositoryEntry,
    /// The user's name, of the repository or of its host.
    pub username: Option<String>,
    /// The password, of the repository or of its host.
    pub password: Option<Secret>,
    /// The credential helper, of the repository or of its host.
    pub credential_helper: Option<String>,
    /// The proxy.
    pub proxy: Proxy,
    /// Who writes promotions.
    pub author: Bot,
    /// Who makes the commits.
    pub committer: Bot,
    /// How they are signed: with `ssh` or with `gpg`, never both.
    pub sign: Option<Sign>,
}

/// What all repositories share.
pub(super) struct Server<'a> {
    pub(super) folder: &'a Path,
    pub(super) variables: Variables<'a>,
    pub(super) bot: &'a Bot,
    pub(super) commits: &'a Commits,
    pub(super) hosts: &'a [HostEntry],
}

/// The ways to credentials, of a repository or of a host.
struct Ways<'a> {
    username: &'a Option<String>,
    env: &'a Option<String>,
    file: &'a Option<std::path::PathBuf>,
    helper: &'a Option<String>,
}

impl Ways<'_> {
    fn any(&self) -> bool {
        self.username.is_some() || self.env.is_some() || self.file.is_some() || self.helper.is_some()
    }
}

impl Server<'_> {
    /// Checks what is the server's alone, used or not.
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        identity("bot", Some(self.bot), problems);
        self.commits("commits", self.commits, problems);
        for (index, entry) in self.hosts.iter().enumerate() {
            let key = format!("credentials[{index}]");
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
            if entry.host.is_empty() || !entry.host.chars().all(plain) {
                problems.push(format!("{key}.host: write HOST or HOST:PORT, for instance git.example.com"));
            }
            if self.hosts[..index].iter().any(|other| other.host.eq_ignore_ascii_case(&entry.host)) {
                problems.push(format!("{key}.host: {:?} stands there twice", entry.host));
            }
            let ways = of_host(entry);
            if ways.env.is_none() && ways.file.is_none() && ways.helper.is_none() {
                problems.push(format!("{key}: give password_env, password_file or credential_helper"));
            }
            self.credentials(&key, &ways, problems);
        }
    }

    /// One repository.
    pub(super) fn repository(
        &self,
        key: &str,
        mut entry: RepositoryEntry,
        problems: &mut Vec<String>,
    ) -> Repository {
        entry.ca_file = entry.ca_file.map(|path| self.folder.join(path));
        self.commits(&format!("{key}.commits"), &entry.commits, problems);
        let own = Ways {
            username: &entry.username,
            env: &entry.password_env,
            file: &entry.password_file,
            helper: &entry.credential_helper,
        };
        let (username, password) = if own.any() {
            (entry.username.clone(), self.credentials(key, &own, problems))
        } else {
            match self.host_of(&entry.url) {
                // What is wrong with it was told already.
                Some(host) => (host.username.clone(), self.credentials("", &of_host(host), &mut Vec::new())),
                None => (None, None),
            }
        };
        let credential_helper = match (own.any(), self.host_of(&entry.url)) {
            (false, Some(host)) => host.credential_helper.clone(),
            _ => entry.credential_helper.clone(),
        };
        if let Some(wrong) = url_problem(&entry.url) {
            problems.push(format!("{key}.url: {wrong}"));
        }
        let signs_in = password.is_some() || credential_helper.is_some();
        if signs_in && !entry.plain_http_credentials && entry.url.starts_with("http://") {
            problems.push(format!(
                "{key}.plain_http_credentials: credentials are not sent over http://, where anyone on the way can read \
                 them; use https:// in {key}.url, or in a closed network write {key}.plain_http_credentials: true"
            ));
        }
        if let Some(path) = &entry.ca_file {
            problems.extend(ca_problem(key, path));
        }
        let pick = |own: &Option<Bot>, server: &Option<Bot>| own.clone().or_else(|| server.clone());
        let committer =
            pick(&entry.commits.committer, &self.commits.committer).unwrap_or_else(|| self.bot.clone());
        let author = pick(&entry.commits.author, &self.commits.author).unwrap_or_else(|| committer.clone());
        let sign = entry.commits.sign.as_ref().or(self.commits.sign.as_ref());
        Repository {
            username,
            password,
            credential_helper,
            proxy: proxy(key, entry.proxy.as_deref(), problems),
            author,
            committer,
            sign: sign.map(|sign| self.placed(sign)),
            entry,
        }
    }

    /// The entry of the host in a repository's URL, where the URL goes over HTTP.
    fn host_of(&self, url: &str) -> Option<&HostEntry> {
        let url = url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let host = url.host_str()?;
        let with_port = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        self.hosts.iter().find(|entry| entry.host.eq_ignore_ascii_case(&with_port))
    }

    fn credentials(&self, key: &str, ways: &Ways<'_>, problems: &mut Vec<String>) -> Option<Secret> {
        if ways.helper.is_some() && (ways.env.is_some() || ways.file.is_some()) {
            problems.push(format!("{key}: give a password or a credential_helper, not both"));
        }
        if ways.helper.as_ref().is_some_and(|helper| helper.trim().is_empty() || helper.starts_with('!')) {
            problems.push(format!(
                "{key}.credential_helper: write a program with its options, for instance `git credential-store`; \
                 there is no shell"
            ));
        }
        if ways.username.as_ref().is_some_and(|name| name.chars().any(char::is_control)) {
            problems.push(format!("{key}.username: it holds a control character"));
        }
        let file = ways.file.as_ref().map(|path| self.folder.join(path));
        password(key, ways.env.as_deref(), file, self.variables).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        })
    }

    fn commits(&self, key: &str, commits: &Commits, problems: &mut Vec<String>) {
        identity(&format!("{key}.author"), commits.author.as_ref(), problems);
        identity(&format!("{key}.committer"), commits.committer.as_ref(), problems);
        let Some(sign) = &commits.sign else { return };
        if sign.ssh.is_some() == sign.gpg.is_some() {
            problems.push(format!("{key}.sign: give ssh, the file of a key, or gpg, the name of one"));
        }
        if sign.gpg.is_none() && (sign.gpg_home.is_some() || sign.gpg_passphrase_file.is_some()) {
            problems.push(format!("{key}.sign: gpg_home and gpg_passphrase_file belong to gpg"));
        }
        let odd = |name: &String| {
            name.trim().is_empty() || name.starts_with('-') || name.chars().any(char::is_control)
        };
        if sign.gpg.as_ref().is_some_and(odd) {
            problems.push(format!("{key}.sign.gpg: write a key's fingerprint, id or address"));
        }
    }

    fn placed(&self, sign: &Sign) -> Sign {
        let Sign { ssh, gpg, gpg_home, gpg_passphrase_file } = sign.clone();
        let place = |path: Option<std::path::PathBuf>| path.map(|path| self.folder.join(path));
        Sign {
            ssh: place(ssh),
            gpg,
            gpg_home: place(gpg_home),
            gpg_passphrase_file: place(gpg_passphrase_file),
        }
    }
}

fn of_host(entry: &HostEntry) -> Ways<'_> {
    Ways {
        username: &entry.username,
        env: &entry.password_env,
        file: &entry.password_file,
        helper: &entry.credential_helper,
    }
}

/// What is wrong with a repository's URL, as far as it can be said without knowing Git. The URL is not repeated: it
/// may hold a password.
fn url_problem(url: &str) -> Option<&'static str> {
    const FORMS: &str = "write https://…, ssh://…, user@host:path, file:///… or an absolute path";
    if Path::new(url).is_absolute() {
        return None;
    }
    let Some((scheme, _)) = url.split_once("://") else {
        let ssh = url.split_once(':').is_some_and(|(host, path)| !host.is_empty() && !path.is_empty());
        return (!ssh).then_some(FORMS);
    };
    match url::Url::parse(url) {
        Ok(url) if url.password().is_some() => {
            Some("it holds a password; name it by password_env, password_file or credential_helper")
        }
        Ok(_) if matches!(scheme, "http" | "https" | "ssh" | "file") => None,
        Ok(_) | Err(_) => Some(FORMS),
    }
}

fn identity(key: &str, who: Option<&Bot>, problems: &mut Vec<String>) {
    let Some(who) = who else { return };
    let bad = |c: char| c.is_control() || matches!(c, '<' | '>');
    if who.name.trim().is_empty() || who.name.len() > 200 || who.name.contains(bad) {
        problems.push(format!("{key}.name: write a name without '<' and '>', at most 200 bytes"));
    }
    if !is_address(&who.email) {
        problems.push(format!("{key}.email: write an address, NAME@HOST"));
    }
}

fn proxy(key: &str, text: Option<&str>, problems: &mut Vec<String>) -> Proxy {
    let Some(text) = text else { return Proxy::Environment };
    if text == "none" {
        return Proxy::None;
    }
    match url::Url::parse(text) {
        // The URL is not repeated: it may hold a password.
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            problems.push(format!(
                "{key}.proxy: it holds a user's name or password; leave `proxy` out and put it into the \
                 environment variable HTTPS_PROXY"
            ));
            Proxy::Environment
        }
        Ok(url)
            if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() && url.path() == "/" =>
        {
            Proxy::Via(url)
        }
        Ok(_) | Err(_) => {
            problems.push(format!("{key}.proxy: write http://HOST:PORT, or none"));
            Proxy::Environment
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::Settings;

    fn check(text: &str) -> Result<Settings, String> {
        let get = |name: &str| (name == "P").then(|| "hunter2".to_owned());
        Settings::of(text.as_bytes(), "s.yaml", Path::new("/etc/gantry"), &get)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_host_serves_the_repositories_that_name_nothing_themselves() {
        let text = "credentials:
  - {host: Git.example.com, username: bot, password_env: P}
  - {host: 'git.example.com:8443', credential_helper: helper --x}
repositories:
  - {name: a, url: 'https://git.example.com/a'}
  - {name: b, url: 'https://git.example.com/b', credential_helper: own}
  - {name: c, url: 'https://git.example.com:8443/c'}
  - {name: d, url: 'https://other.example.com/git.example.com'}
  - {name: e, url: 'ssh://git.example.com/e'}
";
        let settings = check(text).ok().unwrap();
        let found: Vec<_> = settings
            .repositories
            .iter()
            .map(|r| (r.username.as_deref(), r.password.is_some(), r.credential_helper.as_deref()))
            .collect();
        let wanted = [
            (Some("bot"), true, None),
            (None, false, Some("own")),
            (None, false, Some("helper --x")),
            (None, false, None),
            (None, false, None),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn commits_of_a_repository_replace_those_of_the_server_key_by_key() {
        let text = "bot: {name: Bot, email: bot@x.example}
commits:
  author: {name: All, email: all@x.example}
  sign: {gpg: ABCD, gpg_home: gnupg}
repositories:
  - {name: a, url: 'file:///a'}
  - {name: b, url: 'file:///b', proxy: none, commits: {committer: {name: B, email: b@x.example}, sign: {ssh: key}}}
";
        let settings = check(text).ok().unwrap();
        let [a, b] = settings.repositories.as_slice() else { panic!("two") };
        assert_eq!((a.author.name.as_str(), a.committer.name.as_str()), ("All", "Bot"));
        assert_eq!((b.author.name.as_str(), b.committer.name.as_str()), ("All", "B"));
        let (a_sign, b_sign) = (a.sign.clone().unwrap(), b.sign.clone().unwrap());
        assert_eq!(a_sign.gpg_home.as_deref(), Some(Path::new("/etc/gantry/gnupg")));
        assert_eq!((b_sign.ssh.as_deref(), b_sign.gpg), (Some(Path::new("/etc/gantry/key")), None));
        assert_eq!((&a.proxy, &b.proxy), (&Proxy::Environment, &Proxy::None));
    }

    #[test]
    fn every_mistake_is_told_and_no_secret_repeated() {
        let text = "credentials:
  - {host: 'https://h/', password_env: P}
  - {host: h, password_env: P, credential_helper: x}
  - {host: H, username: bot}
  - {host: i, password_env: NOT_SET}
commits: {sign: {gpg_home: x}, author: {name: 'a<b', email: a@b}}
tokens: [{name: rita, email: 'rita', sha256: '', role: viewer}]
repositories:
  - {name: a, url: 'https://h/a', proxy: 'http://u:s3cret@p:1', credential_helper: '!x', commits: {sign: {gpg: -x}}}
  - {name: b, url: 'https://h/b', proxy: 'p:1'}
";
        let error = check(text).err().unwrap();
        for part in [
            "credentials[0].host: write",
            "credentials[1]: give a password or a credential_helper",
            "credentials[2].host: \"H\" stands there twice",
            "credentials[2]: give password_env",
            "NOT_SET is not set",
            "commits.sign: give ssh",
            "commits.sign: gpg_home",
            "commits.author.name",
            "tokens[0].email",
            "repositories[0].proxy: it holds",
            "repositories[0].credential_helper",
            "repositories[0].commits.sign.gpg",
            "repositories[1].proxy: write",
        ] {
            assert!(error.contains(part), "{part} in\n{error}");
        }
        assert!(!error.contains("s3cret"), "{error}");
    }
}
