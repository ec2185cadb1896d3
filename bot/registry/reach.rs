//! Where a registry may lead Gantry to, and with what.
//!
//! A redirect and a token service are places that a registry names, so that whoever answers for it could have
//! Gantry ask the metadata service of a cloud or a database behind the firewall, or hand the password over. So:
//! - credentials go to the registry's own host, to the token services of the table below, and to those of the
//!   settings, nowhere else;
//! - a place that the registry names is on the public network, unless the registry itself is where that place is:
//!   at the same address, or in a private network with it.
//!
//! Addresses are checked as they are connected to, by [`Guarded`], which gives the connector no others: a name that
//! leads elsewhere a moment later is no way around it. Behind an HTTP proxy the proxy looks names up, and what it
//! may reach is its settings' matter; addresses that stand in the URL itself are checked all the same.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Registries whose token service is on another host, and that host. Each as its challenge (`WWW-Authenticate`) names
/// it; of Docker Hub and GitLab it is documented: docs.docker.com/reference/api/registry/auth and
/// docs.gitlab.com/administration/packages/container_registry (`/jwt/auth`).
const TOKEN_SERVICES: &[(&str, &str)] = &[
    ("registry-1.docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
    ("docker.elastic.co", "docker-auth.elastic.co"),
    ("registry.digitalocean.com", "api.digitalocean.com"),
    ("registry.suse.com", "scc.suse.com"),
    ("registry.rancher.com", "scc.suse.com"),
];

/// Whether a registry's credentials may go to a token service. `base` is the registry, `allowed` is what the settings
/// add: hosts, with the port where one stands in the service's URL.
pub(super) fn may_have_credentials(base: &Url, service: &Url, allowed: &[String]) -> bool {
    let (Some(own), Some(host)) = (base.host_str(), service.host_str()) else { return false };
    let with_port = address(service);
    own.eq_ignore_ascii_case(host)
        || (service.port().is_none() && TOKEN_SERVICES.contains(&(own, host)))
        || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(&with_port))
}

/// Host and port of a URL, as the settings name a token service.
pub(super) fn address(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What kind of network an address is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    /// The Internet.
    Public,
    /// A network of an organisation, a cluster or a provider.
    Private,
    /// This machine, its link, and addresses with a meaning of their own.
    Near,
}

fn network(address: IpAddr) -> Network {
    match address.to_canonical() {
        IpAddr::V4(address) => network_v4(address),
        IpAddr::V6(address) => network_v6(address),
    }
}

fn network_v4(address: Ipv4Addr) -> Network {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmarks = a == 198 && (18..20).contains(&b);
    if address.is_private() || shared || benchmarks {
        return Network::Private;
    }
    let protocol = a == 192 && b == 0 && c == 0;
    let near = address.is_loopback() || address.is_link_local() || address.is_documentation() || protocol;
    // 0/8 is this machine for many systems; 224/4 and all behind it belong to nobody whom one could ask.
    if near || a == 0 || a >= 224 { Network::Near } else { Network::Public }
}

fn network_v6(address: Ipv6Addr) -> Network {
    // What is carried through IPv6 is judged by what it leads to: NAT64 (64:ff9b::/96 and its local form) and 6to4.
    let segments = address.segments();
    let [.., high, low] = segments;
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    if segments[..2] == [0x64, 0xff9b] {
        return network_v4(Ipv4Addr::new(a, b, c, d));
    }
    if segments[0] == 0x2002 {
        let ([a, b], [c, d]) = (segments[1].to_be_bytes(), segments[2].to_be_bytes());
        return network_v4(Ipv4Addr::new(a, b, c, d));
    }
    if address.is_unique_local() || segments[0] & 0xffc0 == 0xfec0 {
        return Network::Private;
    }
    // All that is in use publicly begins with 001; what is left of it is documentation and Teredo.
    let unused = segments[..2] == [0x2001, 0xdb8] || segments[..2] == [0x2001, 0];
    if segments[0] & 0xe000 == 0x2000 && !unused { Network::Public } else { Network::Near }
}

/// Where the registry was when it last answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Home(Arc<Mutex<Option<IpAddr>>>);

impl Home {
    pub(super) fn is_at(&self, address: Option<SocketAddr>) {
        let address = address.map(|address| address.ip().to_canonical());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    /// Whether a place that the registry names may be at this address.
    fn leads_to(&self, to: IpAddr) -> bool {
        let to = to.to_canonical();
        let home = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match network(to) {
            Network::Public => true,
            Network::Private => home.is_some_and(|home| network(home) == Network::Private || home == to),
            Network::Near => home == Some(to),
        }
    }

    /// Whether the address in a URL, where it is one, may be gone to. Names are looked at when they are resolved.
    ///
    /// # Errors
    /// The address.
    pub(super) fn check(&self, url: &Url) -> Result<(), IpAddr> {
        let address: IpAddr = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if self.leads_to(address) { Ok(()) } else { Err(address) }
    }
}

/// Looks names up.
#[async_trait]
pub trait Names: Send + Sync {
    /// The addresses of a name.
    ///
    /// # Errors
    /// The system's.
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Looks names up as the system does.
pub(super) struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// A name leads only to addresses that may not be gone to.
#[derive(Debug)]
pub(super) struct Elsewhere(pub(super) IpAddr);

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Elsewhere {}

/// Gives the connector the addresses of a name.
pub(super) struct Guarded {
    pub(super) names: Arc<dyn Names>,
    /// Only those that this registry may lead to; all of them, where the name is of the settings.
    pub(super) within: Option<Home>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, within) = (Arc::clone(&self.names), self.within.clone());
        Box::pin(async move {
            let found = names.look_up(name.as_str()).await?;
            let first = found.first().copied();
            let may = |address: &IpAddr| within.as_ref().is_none_or(|home| home.leads_to(*address));
            let left: Vec<SocketAddr> =
                found.into_iter().filter(may).map(|address| SocketAddr::new(address, 0)).collect();
            match (left.is_empty(), first) {
                (true, Some(refused)) => Err(Elsewhere(refused).into()),
                (true, None) => Err(io::Error::from(io::ErrorKind::NotFound).into()),
                (false, _) => Ok(Box::new(left.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_by_network() {
        for (text, wanted) in [
            ("8.8.8.8", Network::Public),
            ("2606:4700::1", Network::Public),
            ("100.63.255.255", Network::Public),
            ("10.0.0.1", Network::Private),
            ("172.31.0.1", Network::Private),
            ("172.32.0.1", Network::Public),
            ("192.168.1.1", Network::Private),
            ("100.64.0.1", Network::Private),
            ("fd00::1", Network::Private),
            ("fec0::1", Network::Private),
            ("::ffff:10.0.0.1", Network::Private),
            ("64:ff9b::a00:1", Network::Private),
            ("2002:a00:1::", Network::Private),
            ("127.0.0.1", Network::Near),
            ("127.255.255.254", Network::Near),
            ("0.0.0.0", Network::Near),
            ("0.1.2.3", Network::Near),
            ("169.254.169.254", Network::Near),
            ("::ffff:169.254.169.254", Network::Near),
            ("64:ff9b::a9fe:a9fe", Network::Near),
            ("2002:7f00:1::", Network::Near),
            ("224.0.0.1", Network::Near),
            ("255.255.255.255", Network::Near),
            ("192.0.2.1", Network::Near),
            ("::1", Network::Near),
            ("::", Network::Near),
            ("::7f00:1", Network::Near),
            ("fe80::1", Network::Near),
            ("ff02::1", Network::Near),
            ("2001:db8::1", Network::Near),
        ] {
            assert_eq!(network(text.parse().unwrap()), wanted, "{text}");
        }
    }

    #[test]
    fn only_where_the_registry_is_itself() {
        let leads = |home: Option<&str>, to: &str| {
            let known = Home::default();
            known.is_at(home.map(|home| SocketAddr::new(home.parse().unwrap(), 443)));
            known.leads_to(to.parse().unwrap())
        };
        for home in [None, Some("1.1.1.1"), Some("10.0.0.5"), Some("127.0.0.1"), Some("169.254.1.1")] {
            assert!(leads(home, "8.8.8.8"), "{home:?}");
            assert!(!leads(home, "169.254.169.254"), "{home:?}");
            assert!(!leads(home, "127.0.0.2"), "{home:?}");
            assert_eq!(leads(home, "127.0.0.1"), home == Some("127.0.0.1"), "{home:?}");
            assert_eq!(leads(home, "::ffff:127.0.0.1"), home == Some("127.0.0.1"), "{home:?}");
            assert_eq!(leads(home, "192.168.0.9"), home == Some("10.0.0.5"), "{home:?}");
        }
    }

    #[test]
    fn odd_forms_of_addresses_in_urls_are_addresses() {
        let home = Home::default();
        for bad in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/latest/meta-data",
        ] {
            assert!(home.check(&bad.parse().unwrap()).is_err(), "{bad}");
        }
        assert!(home.check(&"https://8.8.8.8/".parse().unwrap()).is_ok());
    }

    #[test]
    fn credentials_go_to_known_places() {
        let may = |base: &str, service: &str| {
            let allowed = ["auth.example.com".to_owned(), "[fd00::1]:8443".to_owned()];
            may_have_credentials(&base.parse().unwrap(), &service.parse().unwrap(), &allowed)
        };
        for (base, service) in [
            ("https://r.example.com/", "https://r.example.com/token"),
            ("https://r.example.com/", "https://R.example.com:8443/token"),
            ("https://r.example.com/", "https://AUTH.example.com/token"),
            ("https://r.example.com/", "https://[fd00::1]:8443/token"),
            ("https://registry-1.docker.io/", "https://auth.docker.io/token"),
            ("https://registry.gitlab.com/", "https://gitlab.com/jwt/auth"),
        ] {
            assert!(may(base, service), "{base} {service}");
        }
        for (base, service) in [
            ("https://r.example.com/", "https://evil.example.net/token"),
            ("https://r.example.com/", "https://example.com/token"),
            ("https://r.example.com/", "https://r.example.com.evil.net/token"),
            ("https://r.example.com/", "https://auth.example.com:8443/token"),
            ("https://r.example.com/", "https://auth.docker.io/token"),
            ("https://registry-1.docker.io/", "https://auth.docker.io:8443/token"),
            ("https://registry-1.docker.io/", "https://auth.docker.io.evil.net/token"),
            ("https://auth.docker.io/", "https://registry-1.docker.io/token"),
        ] {
            assert!(!may(base, service), "{base} {service}");
        }
    }
}
