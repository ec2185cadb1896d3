//! Signed commits, made with the real `ssh-keygen` and `gpg` and judged by `git verify-commit`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use gantry::git::{GitError, Mirror, RefResult, Remote, Signing, SigningKey};
use gantry_core::ids::CommitId;

use super::{Own, draft, remote, update};
use crate::support::git_repository::{Bare, file, git, run};

/// An SSH key without a passphrase.
fn ssh_key(folder: &Path, name: &str, passphrase: &str) -> PathBuf {
    let path = folder.join(name);
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", passphrase, "-f"]).arg(&path), b"");
    path
}

fn signing(bare: &Bare, key: SigningKey) -> Remote {
    let mut remote = remote(bare);
    remote.signing = Some(Signing::new(key));
    remote
}

/// Whether Git finds the signature of a commit good.
fn verified(bare: &Bare, commit: &CommitId, configure: impl Fn(&mut Command)) -> (bool, String) {
    let mut command = git();
    configure(&mut command);
    let output = command.arg("--git-dir").arg(bare.path()).args(["verify-commit", commit.as_str()]).output();
    let output = output.expect("git runs");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Three commits in one push, of which each is signed: one alone, and two on each other.
fn push_signed(own: &Own, bare: &Bare) -> Vec<CommitId> {
    let main = own.mirror.fetch().unwrap().require("main").unwrap().clone();
    let one = own.mirror.commit(&draft(&main, "a", b"2")).unwrap();
    let mut drafting = own.mirror.drafting();
    let mut odd = draft(&one, "b", b"1");
    odd.message = "subject\n\nbody with é\n\n-----BEGIN SSH SIGNATURE-----\n\nGantry-Environment: dev".into();
    let two = drafting.commit(&odd).unwrap();
    let three = drafting.commit(&draft(&two, "c", b"1")).unwrap();
    drafting.keep().unwrap();
    let outcome = own.mirror.push(&[update("main", Some(&main), Some(&three))]).unwrap().remove(0);
    assert_eq!(outcome.result, RefResult::Landed);
    bare.assert_sound();
    assert_eq!(
        own.mirror.log(&three, None, 9).unwrap()[1].message.lines().last(),
        Some("Gantry-Environment: dev")
    );
    vec![one, two, three]
}

#[test]
fn commits_are_signed_with_an_ssh_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = ssh_key(folder.path(), "a key", "");
    let stranger = ssh_key(folder.path(), "stranger", "");
    let bare = Bare::new();
    let unsigned = bare.commit("main", "first", &[file("a", "1")]);
    let own = Own::of(signing(&bare, SigningKey::Ssh(key.clone())));
    let signed = push_signed(&own, &bare);
    let allowed = |key: &Path| {
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        let path = key.with_extension("allowed");
        fs::write(&path, format!("gantry@example.com {public}")).unwrap();
        path
    };
    let by = |allowed: PathBuf| {
        move |command: &mut Command| {
            command.args(["-c", "gpg.format=ssh", "-c"]);
            command.arg(format!("gpg.ssh.allowedSignersFile={}", allowed.display()));
        }
    };
    for commit in &signed {
        let (good, said) = verified(&bare, commit, by(allowed(&key)));
        assert!(good && said.contains("Good \"git\" signature for gantry@example.com"), "{said}");
        assert!(!verified(&bare, commit, by(allowed(&stranger))).0, "another key's signature");
    }
    assert!(!verified(&bare, &unsigned, by(allowed(&key))).0);
}

/// A folder of GnuPG's with one key, whose agent ends with it.
struct Keyring(tempfile::TempDir);

impl Keyring {
    fn new(passphrase: &str) -> Option<Self> {
        if Command::new("gpg").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("skipped: the gpg program is not installed");
            return None;
        }
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("private");
        let keyring = Self(folder);
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(keyring.0.path());
        command.args(["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase]);
        command.args(["--quick-generate-key", "Gantry <gantry@example.com>", "ed25519", "sign", "never"]);
        run(&mut command, b"");
        Some(keyring)
    }

    fn kill_agent(&self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.0.path()).args(["--kill", "all"]).status();
    }

    fn key(&self, passphrase_file: Option<PathBuf>) -> SigningKey {
        let (key, home) = ("gantry@example.com".to_owned(), Some(self.0.path().to_owned()));
        SigningKey::Gpg { key, home, passphrase_file }
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        self.kill_agent();
    }
}

#[test]
fn commits_are_signed_with_a_gpg_key() {
    let Some(keyring) = Keyring::new("") else { return };
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let own = Own::of(signing(&bare, keyring.key(None)));
    for commit in push_signed(&own, &bare) {
        let home = |command: &mut Command| {
            command.env("GNUPGHOME", keyring.0.path());
        };
        let (good, said) = verified(&bare, &commit, home);
        assert!(good && said.contains("Good signature from \"Gantry <gantry@example.com>\""), "{said}");
    }
}

#[test]
fn a_gpg_key_with_a_passphrase_needs_its_file() {
    let Some(keyring) = Keyring::new("open sesame") else { return };
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let folder = tempfile::tempdir().unwrap();
    let passphrase = folder.path().join("passphrase");
    for (text, good) in [("wrong", false), ("open sesame", true)] {
        keyring.kill_agent();
        fs::write(&passphrase, text).unwrap();
        let remote = signing(&bare, keyring.key(Some(passphrase.clone())));
        let opened = Mirror::open(remote, &folder.path().join("mirror"));
        assert_eq!(opened.is_ok(), good, "{:?}", opened.err());
    }
    keyring.kill_agent();
    let error = Mirror::open(signing(&bare, keyring.key(None)), &folder.path().join("mirror")).err().unwrap();
    assert!(matches!(error, GitError::Unsigned { .. }), "{error}");
}

#[test]
fn a_key_that_cannot_sign_is_told_at_the_start_and_nothing_goes_out_unsigned() {
    let folder = tempfile::tempdir().unwrap();
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let locked = ssh_key(folder.path(), "locked", "a passphrase");
    let garbage = folder.path().join("garbage");
    fs::write(&garbage, "no key at all").unwrap();
    for key in [folder.path().join("none"), locked, garbage] {
        let error = Mirror::open(signing(&bare, SigningKey::Ssh(key.clone())), &folder.path().join("m"));
        let error = error.err().unwrap();
        let text = error.to_string();
        assert!(matches!(error, GitError::Unsigned { .. }) && !error.passes(), "{text}");
        for part in [key.to_str().unwrap(), "commits.sign", "platform engineer", "nothing is pushed"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    // A key that goes while the server runs.
    let key = ssh_key(folder.path(), "key", "");
    let own = Own::of(signing(&bare, SigningKey::Ssh(key.clone())));
    own.mirror.fetch().unwrap();
    fs::remove_file(&key).unwrap();
    fs::remove_file(key.with_extension("pub")).unwrap();
    assert!(matches!(own.mirror.commit(&draft(&main, "a", b"2")), Err(GitError::Unsigned { .. })));
}

#[test]
fn a_signer_that_hangs_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let bare = Bare::new();
    // Nobody ever writes into it.
    let key = folder.path().join("fifo");
    run(Command::new("mkfifo").args(["-m", "600"]).arg(&key), b"");
    let mut remote = signing(&bare, SigningKey::Ssh(key));
    remote.signing.as_mut().unwrap().timeout = Duration::from_millis(300);
    let begun = Instant::now();
    let error = Mirror::open(remote, &folder.path().join("m")).err().unwrap();
    assert!(error.to_string().contains("no signature within 0.3 s"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}
