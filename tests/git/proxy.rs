//! Through a proxy: named in the settings, named by the environment, and not at all.

use std::process::Command;

use gantry::git::{Credentials, GitError, Proxy, PushMethod, RefResult, Remote};

use super::{Own, draft, update};
use crate::support::{
    git_http::{Behaviour, Server},
    git_proxy::ForwardProxy,
    git_repository::{Bare, file},
    git_tls::Tls,
};

fn serve(bare: &Bare) -> Server {
    Server::start(bare.path().parent().unwrap().to_owned(), Behaviour::default())
}

/// A name that only the proxy can know.
const NOWHERE: &str = "http://git.invalid/infra.git";

#[test]
fn plain_requests_go_through_it_by_both_ways_of_pushing() {
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let bare = Bare::new();
        let main = bare.commit("main", "first", &[file("a", "1")]);
        let server = serve(&bare);
        let proxy = ForwardProxy::before(server.address(), false);
        let mut remote = Remote::new(NOWHERE).unwrap();
        remote.proxy = Proxy::Via(proxy.url().parse().unwrap());
        remote.push = method;
        let own = Own::of(remote);
        assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main);
        let id = own.mirror.commit(&draft(&main, "a", b"2")).unwrap();
        let outcome = own.mirror.push(&[update("main", Some(&main), Some(&id))]).unwrap().remove(0);
        assert_eq!(outcome.result, RefResult::Landed, "{method:?}");
        let seen = proxy.seen();
        assert!(seen.iter().all(|line| line.contains("http://git.invalid/infra.git/")), "{seen:?}");
        bare.assert_sound();
    }
}

#[test]
fn https_goes_through_a_tunnel_and_the_proxy_sees_no_credentials() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let server = serve(&bare);
    let Some(tls) = Tls::before(server.address()) else { return };
    let url = tls.url("infra.git");
    let port = url.trim_start_matches("https://localhost:").split('/').next().unwrap().to_owned();
    for method in [PushMethod::Builtin, PushMethod::GitProgram] {
        let proxy = ForwardProxy::before(format!("127.0.0.1:{port}").parse().unwrap(), false);
        let mut remote = Remote::new(&url).unwrap();
        remote.credentials = Some(Credentials::new("bot", "hunter2"));
        remote.ca_file = Some(tls.authority());
        remote.proxy = Proxy::Via(proxy.url().parse().unwrap());
        remote.push = method;
        let own = Own::of(remote);
        assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main);
        let id = own.mirror.commit(&draft(&main, "a", b"2")).unwrap();
        let outcome =
            own.mirror.push(&[update(&format!("by{method:?}"), None, Some(&id))]).unwrap().remove(0);
        assert_eq!(outcome.result, RefResult::Landed, "{method:?}");
        let seen = proxy.seen();
        assert!(
            !seen.is_empty() && seen.iter().all(|l| *l == format!("CONNECT localhost:{port} HTTP/1.1")),
            "{seen:?}"
        );
    }
}

#[test]
fn a_proxy_that_refuses_or_is_not_there_is_told() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let server = serve(&bare);
    let Some(tls) = Tls::before(server.address()) else { return };
    let refusing = ForwardProxy::before(server.address(), true);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (proxy, url) in [
        (refusing.url(), NOWHERE.to_owned()),
        (refusing.url(), tls.url("infra.git")),
        (format!("http://{closed}"), NOWHERE.to_owned()),
    ] {
        let mut remote = Remote::new(&url).unwrap();
        remote.ca_file = Some(tls.authority());
        remote.proxy = Proxy::Via(proxy.parse().unwrap());
        let error = Own::of(remote).mirror.fetch().unwrap_err();
        assert!(matches!(error, GitError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(&format!("through the proxy {proxy}")), "{error}");
    }
}

/// The server's own process, because the environment belongs to a whole process.
pub(super) fn run_once(repository: &str, environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.yaml");
    let text = format!("listen: 127.0.0.1:0\nrepositories: [{{name: shop, {repository}}}]\n");
    std::fs::write(&settings, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
    command.arg("run").arg("--until-idle").arg("--settings").arg(&settings).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("GANTRY_LOG", "warn");
    command.envs(environment.iter().copied());
    let output = command.output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_environment_names_a_proxy_and_its_exceptions() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let server = serve(&bare);
    let proxy = ForwardProxy::before(server.address(), false);
    let nowhere = format!("url: '{NOWHERE}'");
    let said = run_once(&nowhere, &[("HTTP_PROXY", &proxy.url()), ("http_proxy", &proxy.url())]);
    assert!(!proxy.seen().is_empty() && !said.contains("cannot be reached"), "{said}");

    let fresh = ForwardProxy::before(server.address(), false);
    let (url, here) = (fresh.url(), format!("url: '{}'", server.url("infra.git")));
    let both = [("HTTP_PROXY", url.as_str()), ("http_proxy", url.as_str())];
    for (repository, more) in [
        (here.clone(), vec![("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")]),
        (format!("{here}, proxy: none"), vec![]),
        (format!("{here}, proxy: '{url}'"), vec![("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")]),
    ] {
        let environment: Vec<(&str, &str)> = both.iter().copied().chain(more).collect();
        let said = run_once(&repository, &environment);
        assert!(fresh.seen().is_empty() && !said.contains("cannot be reached"), "{repository}: {said}");
    }
}
