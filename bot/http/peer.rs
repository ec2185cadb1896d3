//! From where a request comes, and by which name it asks for this server.
//!
//! Races known: none. Promise: nothing that a client writes changes the address it is counted under, unless a
//! proxy that the settings name has written it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, header},
};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most addresses of `X-Forwarded-For` that are looked at, from the right.
const HOPS: usize = 20;

/// The address at the other end of a request's connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// The address that a request is counted under: the connection's, or where that is a trusted proxy, the last one
/// that no trusted proxy has. All addresses of an IPv6 network of 64 bits are one: its owner has them all.
pub(super) fn client(request: &Request, trusted: &[IpNet]) -> IpAddr {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_canonical());
    // Without a connection, as in a test of the router alone, all are one.
    let peer = peer.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    counted(behind(peer, request.headers(), trusted))
}

fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(',')).map(str::trim).take(HOPS);
    let mut last = peer;
    for hop in hops {
        // What the proxy could not have written ends the chain: left of it anybody may have written.
        let Some(address) = parse(hop) else { return last };
        last = address;
        if !is_trusted(&address) {
            return address;
        }
    }
    last
}

/// An address, with or without port, as proxies write it.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .map(|address: IpAddr| address.to_canonical())
}

fn counted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Whether a request asks for this server by a name of the loopback interface, or by one of `names`.
///
/// A page on the Web can make its own name lead to 127.0.0.1 and so have the browser of somebody on this machine
/// read what is open to everybody here; the browser then says that name in `Host`.
///
/// # Errors
/// The name that it asks for, to be shown.
pub(super) fn asks_for(request: &Request, names: &[String]) -> Result<(), String> {
    let in_uri = request.uri().authority().map(|authority| authority.as_str());
    let mut asked: Vec<&str> = in_uri.into_iter().collect();
    for value in request.headers().get_all(header::HOST) {
        asked.push(value.to_str().unwrap_or("?"));
    }
    if asked.is_empty() {
        return Err(String::new());
    }
    let ours = |host: &str| is_loopback(host) || names.iter().any(|name| name.eq_ignore_ascii_case(host));
    match asked.into_iter().find(|authority| !ours(host(authority))) {
        Some(strange) => Err(strange.chars().filter(|c| c.is_ascii_graphic()).take(80).collect()),
        None => Ok(()),
    }
}

/// The host of `HOST` or `HOST:PORT`, without the dot that may end a name.
fn host(authority: &str) -> &str {
    let end = authority.rfind(']').map_or(0, |end| end + 1);
    let host = match authority[end..].find(':') {
        Some(colon) => &authority[..end + colon],
        None => authority,
    };
    host.strip_suffix('.').unwrap_or(host)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_who_is_behind_them() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let seen = |peer: &str, lines: &[&str]| {
            let headers = lines.iter().map(|line| (FORWARDED_FOR, line.parse().unwrap()));
            behind(peer.parse().unwrap(), &headers.collect(), &trusted).to_string()
        };
        assert_eq!(seen("192.0.2.1", &["203.0.113.9"]), "192.0.2.1", "a stranger's word counts for nothing");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(seen("fd00::1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, what, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(seen("10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let counted = |text: &str| counted(text.parse().unwrap()).to_string();
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(counted("192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn names_of_this_machine_and_of_the_settings() {
        let names = vec!["gantry.example.com".to_owned()];
        let asks = |hosts: &[&str]| {
            let mut request = Request::builder().uri("/");
            for host in hosts {
                request = request.header(header::HOST, *host);
            }
            asks_for(&request.body(axum::body::Body::empty()).unwrap(), &names)
        };
        for good in [
            "localhost",
            "LocalHost:8420",
            "127.0.0.1",
            "127.1.2.3:80",
            "[::1]:8420",
            "gantry.localhost",
            "localhost.",
            "Gantry.Example.com:443",
        ] {
            assert_eq!(asks(&[good]), Ok(()), "{good}");
        }
        for bad in [
            "evil.example.com",
            "localhost.evil.com",
            "127.0.0.1.evil.com:80",
            "192.168.0.1",
            "evil.com:localhost",
            "[::1].evil.com",
            "notlocalhost",
            "localhost:x]",
            "",
        ] {
            assert!(asks(&[bad]).is_err(), "{bad}");
        }
        assert!(asks(&[]).is_err());
        assert!(asks(&["localhost", "evil.com"]).is_err());
    }

    #[test]
    fn a_name_in_the_request_line_counts_too() {
        let request = Request::builder().uri("http://evil.com/").header(header::HOST, "localhost");
        let request = request.body(axum::body::Body::empty()).unwrap();
        assert_eq!(asks_for(&request, &[]), Err("evil.com".to_owned()));
    }
}
