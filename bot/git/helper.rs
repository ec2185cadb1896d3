//! Credential helpers: programs that give a user's name and password, by Git's own protocol
//! (`gitcredentials(7)`, `git-credential(1)`).
//!
//! Promises: the program is started without a shell; what it is told and what it says never stands in an
//! argument, an error or a log; time and output are bounded.

use std::{process::Command, time::Duration};

use gix_transport::Protocol;
use zeroize::Zeroizing;

use super::{
    capture,
    connect::Deadline,
    process,
    remote::{Credentials, words},
};

/// The most bytes of an answer: 64 KiB. Tokens have at most some four.
const MAX_ANSWER: u64 = 64 << 10;
/// How long one call may take, also where the deadline of the fetch or push is later.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What a helper may say beside name and password and wants to hear again when they are stored or erased.
const KEPT: [&str; 2] = ["password_expiry_utc", "oauth_refresh_token"];

/// A program that gives credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialHelper {
    words: Vec<String>,
    username: Option<String>,
}

/// What a helper gave.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) credentials: Credentials,
    /// Lines that it gets back.
    kept: Zeroizing<String>,
}

impl CredentialHelper {
    /// Takes a program with its options, split at blanks with shell-like quotes but without a shell, for
    /// instance `git credential-store --file=/etc/gantry/credentials`, and the name to ask for, if one is known.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(command: &str, username: Option<String>) -> Result<Self, &'static str> {
        let words = words(command).filter(|words| !words.is_empty());
        let words = words.ok_or("the credential_helper is empty or has an open quote")?;
        if words[0].starts_with('!') {
            return Err("the credential_helper begins with '!'; there is no shell, name a program");
        }
        if username.as_ref().is_some_and(|name| name.chars().any(char::is_control)) {
            return Err("the username holds a control character");
        }
        Ok(Self { words, username })
    }

    /// Asks for credentials for a server.
    ///
    /// # Errors
    /// Why there are none, without anything that the program said.
    pub(super) fn get(&self, url: &url::Url, deadline: Deadline) -> Result<Given, String> {
        let mut asked = about(url, self.username.as_ref().map_or(0, String::len));
        if let Some(name) = &self.username {
            asked.push_str(&format!("username={name}\n"));
        }
        let answer = self.run("get", asked, deadline)?;
        let answer = std::str::from_utf8(&answer).map_err(|_| "gave something that is no text".to_owned())?;
        let mut username = self.username.clone();
        let mut password = None;
        // Neither grows: that would leave a copy behind that nobody wipes.
        let mut kept = Zeroizing::new(String::with_capacity(answer.len() + 1));
        for (key, value) in answer.lines().filter_map(|line| line.split_once('=')) {
            match key {
                "username" => username = Some(value.to_owned()),
                "password" => password = Some(Zeroizing::new(value.to_owned())),
                key if KEPT.contains(&key) => {
                    [key, "=", value, "\n"].iter().for_each(|part| kept.push_str(part));
                }
                _ => {}
            }
        }
        match (username, password) {
            (Some(username), Some(password)) if !password.is_empty() => {
                Ok(Given { credentials: Credentials::new(username, password.as_str()), kept })
            }
            (None, Some(_)) => Err("gave no username, and the settings have none".to_owned()),
            (_, Some(_) | None) => Err("gave no password".to_owned()),
        }
    }

    /// Tells it that credentials were good (`store`) or refused (`erase`). As with Git, a helper that cannot
    /// take it is no reason to stop.
    pub(super) fn tell(&self, verb: &'static str, url: &url::Url, given: &Given, deadline: Deadline) {
        let (name, secret) = given.credentials.parts();
        let mut told = about(url, name.len() + secret.len() + given.kept.len());
        for (key, value) in [("username=", name), ("password=", secret)] {
            told.push_str(key);
            told.push_str(value);
            told.push('\n');
        }
        told.push_str(&given.kept);
        if let Err(why) = self.run(verb, told, deadline) {
            tracing::debug!(verb, why, "the credential_helper");
        }
    }

    fn run(
        &self,
        verb: &str,
        mut told: Zeroizing<String>,
        deadline: Deadline,
    ) -> Result<Zeroizing<Vec<u8>>, String> {
        told.push('\n');
        let allowed = deadline.left().unwrap_or_default().min(TIMEOUT);
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).arg(verb);
        process::clean(&mut command, Protocol::V1);
        let input = Zeroizing::new(told.as_bytes().to_vec());
        let captured = capture::run(command, input, MAX_ANSWER, Deadline::after(allowed));
        let captured = captured.map_err(|why| format!("cannot be used: {why}"))?;
        if captured.outcome.timed_out {
            return Err(format!("gave no answer within {} s", allowed.as_secs_f64()));
        }
        match captured.outcome.status {
            Some(status) if status.success() => Ok(captured.bytes),
            // Neither its options nor what it said are shown: nobody knows whether a secret is in them.
            Some(status) => Err(format!(
                "{} ended with {status}; run it with `{verb}` as Gantry's user to see what it says",
                self.words[0]
            )),
            None => Err("ended in a way that the system does not tell".to_owned()),
        }
    }
}

/// What every call begins with, with room for so many bytes more. The URL was parsed, so no part of it can break
/// a line.
fn about(url: &url::Url, more: usize) -> Zeroizing<String> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let begin = format!("protocol={}\nhost={host}{port}\n", url.scheme());
    // The names of the keys and the line ends are the rest.
    let mut text = Zeroizing::new(String::with_capacity(begin.len() + more + 64));
    text.push_str(&begin);
    text
}
