//! A real `sshd` on a loopback port, with keys of its own, where OpenSSH is installed.

use std::{
    net::TcpListener,
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Stdio},
};

use super::git_repository::run;

const SSHD: &str = "/usr/sbin/sshd";

/// A running server with a key that it lets in and one that it does not.
pub(crate) struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
}

impl Sshd {
    /// Starts a server; `None`, with a line that says why, where there is no OpenSSH or no right to run it.
    pub(crate) fn start() -> Option<Self> {
        let installed = Path::new(SSHD).exists() && Command::new("ssh").arg("-V").output().is_ok();
        if !installed || !rustix::process::geteuid().is_root() {
            println!("skipped: OpenSSH's sshd is not installed, or the test does not run as root");
            return None;
        }
        let _ = std::fs::create_dir_all("/run/sshd");
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for key in ["host", "good", "bad"] {
            run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path(key)), b"");
        }
        std::fs::copy(path("good.pub"), path("authorized")).expect("copied");
        let search = std::env::var("PATH").unwrap_or_default();
        let config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin yes\nAcceptEnv GIT_PROTOCOL\nSetEnv PATH={search}\n",
            path("host").display(),
            path("authorized").display()
        );
        std::fs::write(path("config"), config).expect("written");
        // A machine whose own configuration trusts everybody.
        std::fs::write(path("careless"), "StrictHostKeyChecking no\n").expect("written");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let config = path("config");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                let Ok(second) = stream.try_clone() else { break };
                let child = Command::new(SSHD)
                    .args(["-i", "-f"])
                    .arg(&config)
                    .stdin(Stdio::from(OwnedFd::from(stream)))
                    .stdout(Stdio::from(OwnedFd::from(second)))
                    .stderr(Stdio::null())
                    .spawn();
                if let Ok(mut child) = child {
                    std::thread::spawn(move || child.wait());
                }
            }
        });
        Some(Self { folder, port })
    }

    /// The URL of a repository.
    pub(crate) fn url(&self, repository: &Path) -> String {
        format!("ssh://root@127.0.0.1:{}{}", self.port, repository.display())
    }

    /// A command that signs in with one of the keys, `good` or `bad`, whatever the server's own key is.
    pub(crate) fn command(&self, key: &str) -> String {
        format!("{} -o StrictHostKeyChecking=no -o LogLevel=ERROR", self.strict(key, "known hosts"))
    }

    /// A command that says nothing of the server's key but where known ones stand; the machine's configuration
    /// would take any.
    pub(crate) fn strict(&self, key: &str, known: &str) -> String {
        let [careless, key, known] = ["careless", key, known].map(|name| self.folder.path().join(name));
        format!(
            "ssh -F {} -i {} -o IdentitiesOnly=yes -o 'UserKnownHostsFile=\"{}\"'",
            careless.display(),
            key.display(),
            known.display()
        )
    }

    /// Writes the server's key, or another one, down as known, and gives the file's name.
    pub(crate) fn known(&self, key: &str) -> String {
        let public = std::fs::read_to_string(self.folder.path().join(format!("{key}.pub"))).expect("a key");
        let name = format!("known {key}");
        let line = format!("[127.0.0.1]:{} {public}", self.port);
        std::fs::write(self.folder.path().join(&name), line).expect("written");
        name
    }
}
