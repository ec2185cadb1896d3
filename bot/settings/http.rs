//! Where the server listens, and how its API is reached.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::{Variables, file::HttpEntry};

/// How the API is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// The names under which people read without a token, beside those of the loopback interface.
    pub hosts: Vec<String>,
    /// The proxies whose `X-Forwarded-For` says who asks.
    pub trusted_proxies: Vec<IpNet>,
    /// How many connections may be open.
    pub connections: usize,
}

/// Where the server listens.
pub(super) fn listen(
    file: Option<String>,
    variables: Variables<'_>,
    problems: &mut Vec<String>,
) -> SocketAddr {
    const USUAL: &str = "127.0.0.1:8420";
    let variable = variables("GANTRY_LISTEN");
    let from = if variable.is_some() { " in the environment variable GANTRY_LISTEN" } else { "" };
    let text = variable.or(file).unwrap_or_else(|| USUAL.to_owned());
    text.parse().unwrap_or_else(|_| {
        problems
            .push(format!("listen: {text:?}{from} is no address; write IP:PORT, for instance 0.0.0.0:8420"));
        SocketAddr::from(([127, 0, 0, 1], 8420))
    })
}

/// How the API is reached.
pub(super) fn check(entry: HttpEntry, problems: &mut Vec<String>) -> Http {
    for (at, host) in entry.hosts.iter().enumerate() {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || !host.chars().all(plain) {
            problems.push(format!(
                "http.hosts[{at}]: {host:?} is no name; write it without scheme and port, for instance \
                 gantry.example.com"
            ));
        }
    }
    let mut trusted_proxies = Vec::new();
    for (at, text) in entry.trusted_proxies.iter().enumerate() {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        match text.parse().or(address) {
            Ok(network) => trusted_proxies.push(network),
            Err(_) => problems.push(format!(
                "http.trusted_proxies[{at}]: {text:?} is no address; write an address or a network, for instance \
                 10.0.0.0/8"
            )),
        }
    }
    let connections = entry.connections.unwrap_or(1000);
    if !(10..=100_000).contains(&connections) {
        problems.push("http.connections: write a number from 10 to 100000".to_owned());
    }
    Http { hosts: entry.hosts, trusted_proxies, connections: connections as usize }
}
