//! Repository URLs: `http(s)`, `ssh` in both forms, and folders of this machine.
//!
//! A URL with a password is refused with a text that says where the password belongs and does not repeat it.
//! What `ssh` could take for an option is refused too.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::error::tame;

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

impl Address {
    /// The same for all URLs of one repository, whatever the way there: host and path, without scheme, user and
    /// `.git`; of a folder of this machine the path.
    pub(super) fn identity(&self) -> String {
        let path = |path: &str| {
            let path = path.trim_matches('/');
            path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/').to_owned()
        };
        match self {
            Self::Http(url) => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                format!("{}{port}/{}", url.host_str().unwrap_or_default().to_lowercase(), path(url.path()))
            }
            Self::Ssh { destination, port, path: at } => {
                let host = destination.rsplit_once('@').map_or(destination.as_str(), |(_, host)| host);
                let port = port.filter(|port| *port != 22).map(|port| format!(":{port}")).unwrap_or_default();
                format!("{}{port}/{}", host.to_lowercase(), path(at))
            }
            Self::File(folder) => folder.display().to_string(),
        }
    }
}

/// What may be shown of a URL that did not parse: everything up to a password.
pub(super) fn shown(url: &str) -> String {
    let hidden = match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    };
    tame(&hidden, 300)
}

pub(super) fn parse(url: &str) -> Result<Address, &'static str> {
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

#[cfg(test)]
mod tests {
    use crate::git::Remote;

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
    fn the_identity_is_the_same_for_all_urls_of_a_repository() {
        for url in [
            "https://git.example.com/shop/infra.git",
            "https://GIT.example.com:443/shop/infra/",
            "ssh://git@git.example.com:22/shop/infra.git",
            "git@git.example.com:shop/infra.git",
            "git.example.com:/shop/infra",
        ] {
            assert_eq!(Remote::new(url).ok().unwrap().identity(), "git.example.com/shop/infra", "{url}");
        }
        let other = |url: &str| Remote::new(url).ok().unwrap().identity();
        assert_eq!(other("ssh://git@h.example:2222/a"), "h.example:2222/a");
        assert_eq!(other("http://h.example:3000/a.git"), "h.example:3000/a");
        assert_eq!(other("file:///srv/a%20b.git"), "/srv/a b.git");
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
}
