//! Credential helpers: real programs, by Git's protocol, before a real `git http-backend` that wants a password.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gantry::git::{CredentialHelper, GitError, PushMethod, RefResult, Remote};

use super::{Own, draft, update};
use crate::support::{
    git_http::{Behaviour, Server},
    git_repository::{Bare, file},
};

const SECRET: &str = "hunter2-is-secret";
/// `bot` and the secret, and `bot` and `the-new-secret`, as a browser would send them.
const BASIC: &str = "Basic Ym90Omh1bnRlcjItaXMtc2VjcmV0";
const NEW_BASIC: &str = "Basic Ym90OnRoZS1uZXctc2VjcmV0";

/// Writes down its arguments and what it is told, answers from the file `answer`, and after an `erase` from the
/// file `next`.
const SCRIPT: &str = "#!/bin/sh
folder=$1; verb=$2
{ echo \"== $#: $verb\"; cat; } >> \"$folder/log\"
case $verb in
  get) cat \"$folder/answer\" ;;
  erase) if [ -e \"$folder/next\" ]; then cp \"$folder/next\" \"$folder/answer\"; fi ;;
esac
";

struct Helper(tempfile::TempDir);

impl Helper {
    fn new(answer: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("a helper");
        fs::write(&script, SCRIPT).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("answer"), answer).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self) -> String {
        format!("'{0}/a helper' '{0}'", self.path().display())
    }

    fn remote(&self, server: &Server) -> Remote {
        with(&server.url("infra.git"), &self.command())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    fn verbs(&self) -> Vec<String> {
        let log = self.log();
        log.lines().filter_map(|line| line.strip_prefix("== 2: ")).map(ToOwned::to_owned).collect()
    }
}

fn with(url: &str, command: &str) -> Remote {
    let mut remote = Remote::new(url).unwrap();
    remote.credential_helper = Some(CredentialHelper::new(command, None).unwrap());
    remote.allow_plain_http = true;
    remote
}

fn serve(bare: &Bare, authorization: &Arc<Mutex<String>>) -> Server {
    let behaviour = Behaviour { rotating: Some(authorization.clone()), ..Behaviour::default() };
    Server::start(bare.path().parent().unwrap().to_owned(), behaviour)
}

fn good() -> String {
    format!("username=bot\npassword={SECRET}\npassword_expiry_utc=99999999999\nsomething=else\n")
}

#[test]
fn it_is_asked_once_and_told_once_and_again_when_the_secret_changes() {
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let bare = Bare::new();
        let mut main = bare.commit("main", "first", &[file("a", "1")]);
        let authorization = Arc::new(Mutex::new(BASIC.to_owned()));
        let server = serve(&bare, &authorization);
        let helper = Helper::new(&good());
        let mut remote = helper.remote(&server);
        remote.push = method;
        let own = Own::of(remote);
        for n in 0..2_u8 {
            own.mirror.fetch().unwrap();
            let id = own.mirror.commit(&draft(&main, "a", &[n])).unwrap();
            let outcome = own.mirror.push(&[update("main", Some(&main), Some(&id))]).unwrap().remove(0);
            assert_eq!(outcome.result, RefResult::Landed, "{method:?}");
            main = id;
        }
        let host = server.address();
        let about = format!("protocol=http\nhost={host}\n");
        let told = format!("{about}username=bot\npassword={SECRET}\npassword_expiry_utc=99999999999\n\n");
        assert_eq!(helper.log(), format!("== 2: get\n{about}\n== 2: store\n{told}"), "{method:?}");

        // The token ran out, and the helper knows a new one once it is told.
        *authorization.lock().unwrap() = NEW_BASIC.to_owned();
        fs::write(helper.path().join("next"), "username=bot\npassword=the-new-secret\n").unwrap();
        let id = own.mirror.commit(&draft(&main, "a", b"new")).unwrap();
        let outcome = own.mirror.push(&[update("main", Some(&main), Some(&id))]).unwrap().remove(0);
        assert_eq!(outcome.result, RefResult::Landed, "{method:?}");
        own.mirror.fetch().unwrap();
        assert_eq!(helper.verbs(), ["get", "store", "erase", "get", "store"], "{method:?}");
        assert!(helper.log().contains(&format!("== 2: erase\n{told}")));
    }
}

#[test]
fn refused_credentials_are_erased_and_not_tried_for_ever() {
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let bare = Bare::new();
        let main = bare.commit("main", "first", &[file("a", "1")]);
        let server = serve(&bare, &Arc::new(Mutex::new(NEW_BASIC.to_owned())));
        let helper = Helper::new(&good());
        let mut remote = helper.remote(&server);
        remote.push = method;
        let own = Own::of(remote);
        let fetch = own.mirror.fetch().unwrap_err();
        let push = own.mirror.push(&[update("x", Some(&main), None)]).unwrap_err();
        for error in [fetch, push] {
            assert!(matches!(error, GitError::Denied { .. }), "{method:?}: {error}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
        assert_eq!(helper.verbs(), ["get", "erase", "get", "erase"], "{method:?}");
    }
}

#[test]
fn the_helper_of_git_itself_serves() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let authorization = Arc::new(Mutex::new(BASIC.to_owned()));
    let server = serve(&bare, &authorization);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    let line = format!("http://bot:{SECRET}@{}\n", server.address().to_string().replace(':', "%3a"));
    fs::write(&file, &line).unwrap();
    let command = format!("git credential-store --file={}", file.display());
    let own = Own::of(with(&server.url("infra.git"), &command));
    assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main);
    assert_eq!(fs::read_to_string(&file).unwrap(), line);
    *authorization.lock().unwrap() = NEW_BASIC.to_owned();
    let error = own.mirror.fetch().unwrap_err();
    assert!(matches!(error, GitError::Helper { .. }), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "", "erased");
}

/// It leaves a process behind that holds the secret in memory, and its own pipes.
#[test]
fn a_helper_that_leaves_a_daemon_behind_does_not_hold_anything_up() {
    use crate::support::git_repository::{git, run};
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let server = serve(&bare, &Arc::new(Mutex::new(BASIC.to_owned())));
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("private");
    let option = format!("--socket={}/socket", inner.display());
    // Without a daemon there is nothing to say, and asking starts none.
    let remote = || with(&server.url("infra.git"), &format!("git credential-cache --timeout=60 {option}"));
    let none = Own::of(remote()).mirror.fetch().unwrap_err();
    assert!(matches!(none, GitError::Helper { .. }), "{none}");
    let known = format!("protocol=http\nhost={}\nusername=bot\npassword={SECRET}\n\n", server.address());
    run(git().args(["credential-cache", "--timeout=60", &option, "store"]), known.as_bytes());
    let begun = Instant::now();
    let fetched = Own::of(remote()).mirror.fetch();
    let erased = git().args(["credential-cache", &option, "exit"]).status().unwrap();
    assert_eq!(fetched.unwrap().require("main").unwrap(), &main);
    assert!(erased.success() && begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_helper_that_fails_is_told_without_its_words() {
    let bare = Bare::new();
    let server = serve(&bare, &Arc::new(Mutex::new(BASIC.to_owned())));
    let helper = Helper::new("");
    let fetch = |command: &str, answer: &str| {
        fs::write(helper.path().join("answer"), answer).unwrap();
        let own = Own::of(with(&server.url("infra.git"), command));
        let error = own.mirror.fetch().unwrap_err();
        let text = format!("{error}");
        assert!(matches!(error, GitError::Helper { .. }) && !error.passes(), "{text}");
        assert!(text.contains("credential_helper") && text.contains("platform engineer"), "{text}");
        assert!(!format!("{text} {error:?}").contains("secret"), "{text}");
        text
    };
    let own = helper.command();
    assert!(fetch(&own, "").contains("gave no password"));
    assert!(fetch(&own, "quit=1\n").contains("gave no password"));
    assert!(fetch(&own, "username=bot\npassword=\n").contains("gave no password"));
    assert!(fetch(&own, "password=secret\n").contains("gave no username"));
    assert!(fetch("/nowhere/helper", "").contains("is not installed"));
    assert!(fetch("sh -c 'echo password=secret; echo secret >&2; exit 3' x", "").contains("exit status: 3"));
    assert!(fetch("sh -c 'yes password=secret' x", "").contains("more than 65536 bytes"));
    assert!(fetch("sh -c 'printf \"\\377\\376\"' x", "").contains("no text"));
    for bad in ["", "  ", "'open", "!f() { :; }"] {
        assert!(CredentialHelper::new(bad, None).is_err(), "{bad}");
    }
    assert!(CredentialHelper::new("x", Some("a\nhost=evil".into())).is_err());
}

/// By the server itself, whose environment holds secrets of its own.
#[test]
fn the_server_takes_it_from_the_settings_and_keeps_its_environment_to_itself() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("gantry.yaml", "version: 1\nenvironments: []\napplications: []\n")]);
    let server = serve(&bare, &Arc::new(Mutex::new(BASIC.to_owned())));
    let helper = Helper::new(&good());
    let script = helper.path().join("a helper");
    fs::write(&script, format!("{SCRIPT}env >> \"$folder/environment\"\n")).unwrap();
    let settings = format!(
        "url: '{}', plain_http_credentials: true, credential_helper: \"{}\"",
        server.url("infra.git"),
        helper.command()
    );
    let environment = [("GANTRY_TOKEN", "a secret"), ("GIT_DIR", "/nowhere")];
    let said = super::proxy::run_once(&settings, &environment);
    assert_eq!(helper.verbs(), ["get", "store"], "{said}");
    assert!(!said.contains(SECRET), "{said}");
    let inherited = fs::read_to_string(helper.path().join("environment")).unwrap();
    assert!(inherited.contains("PATH=") && !inherited.contains("GANTRY_"), "{inherited}");
    assert!(!inherited.contains("GIT_DIR"), "{inherited}");
}

#[test]
fn a_helper_that_hangs_is_given_up() {
    let bare = Bare::new();
    let server = serve(&bare, &Arc::new(Mutex::new(BASIC.to_owned())));
    let helper = Helper::new("");
    let fifo = helper.path().join("never");
    let command = format!("sh -c 'mkfifo \"{0}\" && cat \"{0}\"' x", fifo.display());
    let mut remote = with(&server.url("infra.git"), &command);
    remote.timeout = Duration::from_millis(300);
    let begun = Instant::now();
    let error = Own::of(remote).mirror.fetch().unwrap_err();
    assert!(matches!(error, GitError::Helper { .. }) && error.to_string().contains("no answer"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}
