//! Where calls may go. Names are resolved here and the checked addresses are the ones connected to: a check before
//! the call would be resolved a second time by the connection, and the second answer can be another one.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;
use url::{Host, Url};

use crate::CallError;

/// Which addresses customers may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SsrfPolicy {
    /// Public addresses by https on port 443 only: for a service that strangers use.
    PublicOnly,
    /// Also this machine and private networks, any port, http as well: for an installation whose users own the network.
    /// Link-local addresses stay shut, as cloud machines keep their credentials there.
    SelfHosted,
}

/// What an address is reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Public,
    /// This machine or a private network.
    Private,
    /// Never the address of a provider.
    Never,
}

impl SsrfPolicy {
    /// Checks what the address itself says; names are checked again when they are resolved.
    pub(crate) fn check(self, url: &Url) -> Result<(), CallError> {
        let blocked = |reason: &str| {
            let host = url.host_str().unwrap_or_default().to_owned();
            Err(CallError::Blocked { host, reason: reason.to_owned() })
        };
        if self == Self::PublicOnly && url.scheme() != "https" {
            return blocked("the address must begin with https://");
        }
        if self == Self::PublicOnly && url.port_or_known_default() != Some(443) {
            return blocked("the port must be 443");
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return Ok(()),
            None => return blocked("the address names no host"),
        };
        if self.allows(address) { Ok(()) } else { blocked(REASON) }
    }

    fn allows(self, address: IpAddr) -> bool {
        match reach(address) {
            Reach::Public => true,
            Reach::Private => self == Self::SelfHosted,
            Reach::Never => false,
        }
    }
}

const REASON: &str = "it is not a public address";

fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

/// By the IANA registry of special-purpose IPv4 addresses.
fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, ..) | (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Reach::Private,
        // This network, link-local, protocol assignments, documentation, 6to4 relays, benchmarks, multicast and above.
        (0, ..)
        | (169, 254, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113)
        | (224.., ..) => Reach::Never,
        _ => Reach::Public,
    }
}

/// By the IANA registry of special-purpose IPv6 addresses.
fn reach_v6(address: Ipv6Addr) -> Reach {
    if let Some(inner) = address.to_ipv4_mapped() {
        return reach_v4(inner);
    }
    if address.is_loopback() {
        return Reach::Private;
    }
    let segments = address.segments();
    match segments {
        [0xfc00..=0xfdff, ..] => Reach::Private,
        // 6to4, Teredo, documentation; they would carry an inner address past this check.
        [0x2002 | 0x3fff, ..] | [0x2001, 0 | 0xdb8, ..] => Reach::Never,
        // Other protocol assignments under 2001::/23.
        [0x2001, 0..=0x1ff, ..] => Reach::Never,
        [0x2000..=0x3fff, ..] => Reach::Public,
        // NAT64, link-local, multicast, discard and everything not given out.
        _ => Reach::Never,
    }
}

/// The resolver of guarded connections.
#[derive(Clone, Debug)]
pub(crate) struct Resolver(pub(crate) Option<SsrfPolicy>);

/// The name leads nowhere that calls may go.
#[derive(Debug, thiserror::Error)]
#[error("{REASON}")]
pub(crate) struct NotAllowed;

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let policy = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            allowed(policy, found)
        })
    }
}

fn allowed(policy: Option<SsrfPolicy>, found: Vec<SocketAddr>) -> Result<vec::IntoIter<SocketAddr>, io::Error> {
    let Some(policy) = policy else { return Ok(found.into_iter()) };
    let allowed: Vec<_> = found.into_iter().filter(|address| policy.allows(address.ip())).collect();
    if allowed.is_empty() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, NotAllowed));
    }
    Ok(allowed.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(policy: SsrfPolicy, url: &str) -> bool {
        policy.check(&Url::parse(url).unwrap()).is_err()
    }

    #[test]
    fn a_public_service_reaches_public_https_only() {
        let refused = |url| refused(SsrfPolicy::PublicOnly, url);
        assert!(!refused("https://api.openai.com/v1"));
        assert!(!refused("https://8.8.8.8/v1"));
        assert!(!refused("https://[2606:4700::1]/v1"));
        for url in [
            "http://api.openai.com/v1",
            "https://api.openai.com:8443/v1",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://017700000001/",
            "https://10.1.2.3/",
            "https://172.31.0.1/",
            "https://192.168.0.1/",
            "https://100.64.0.1/",
            "https://169.254.169.254/",
            "https://0.0.0.0/",
            "https://198.18.0.1/",
            "https://192.0.2.1/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2002:a00:1::]/",
            "https://[2001:0:a00:1::]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[fec0::1]/",
            "https://[ff02::1]/",
            "https://[2001:db8::1]/",
        ] {
            assert!(refused(url), "{url}");
        }
    }

    #[test]
    fn a_self_hosted_one_reaches_its_own_network_but_no_metadata() {
        let refused = |url| refused(SsrfPolicy::SelfHosted, url);
        for url in ["http://127.0.0.1:11434/v1", "http://10.0.0.5:8000", "http://[::1]:8000", "http://[fd00::1]"] {
            assert!(!refused(url), "{url}");
        }
        for url in
            ["http://169.254.169.254/", "http://[fe80::1]/", "http://[::ffff:169.254.169.254]/", "http://0.0.0.0/"]
        {
            assert!(refused(url), "{url}");
        }
    }

    #[test]
    fn names_keep_only_their_allowed_addresses() {
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let both = vec![address("10.0.0.1"), address("8.8.8.8")];
        let left: Vec<_> = allowed(Some(SsrfPolicy::PublicOnly), both).unwrap().collect();
        assert_eq!(left, [address("8.8.8.8")]);
        let error = allowed(Some(SsrfPolicy::PublicOnly), vec![address("127.0.0.1")]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
