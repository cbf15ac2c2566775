use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use app::request::{ClientAddr, RequestId};
use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use uuid::Uuid;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED: &str = "x-forwarded-for";

/// The machine at the other end of the connection itself, proxies or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// Gives the request its client address and its id, and the answer the id.
///
/// A client never chooses the id: it would name other people's log lines.
pub(super) async fn identify(State(trusted): State<Arc<[IpNet]>>, mut request: Request, next: Next) -> Response {
    // Without a connection (a request made in a test) the peer is nobody in particular and has no rights of this machine.
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
    let id = Uuid::now_v7();
    let client = client(peer, request.headers(), &trusted);
    let extensions = request.extensions_mut();
    extensions.insert(Peer(peer));
    extensions.insert(ClientAddr(client));
    extensions.insert(RequestId(id));
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The client's address: the nearest one that is not a trusted proxy, counted from the right, where each proxy
/// appends whom it spoke to. What stands further left was written by the client and proves nothing.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    if !is_trusted(peer) {
        return peer;
    }
    let mut nearest = peer;
    let lines = headers.get_all(FORWARDED).iter().filter_map(|line| line.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    for hop in hops.into_iter().rev() {
        // An entry that is no address ends what can be believed: the last proxy is the best known.
        let Some(address) = parse(hop) else { return nearest };
        nearest = address;
        if !is_trusted(address) {
            return address;
        }
    }
    nearest
}

/// Addresses come bare, with a port, and in brackets.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse::<IpAddr>().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

/// What one client holds: an IPv4 address, or the first 64 bits of an IPv6 one, which providers hand out whole.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED, line.parse().expect("header"));
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().expect("network")).collect();
        client(peer.parse::<IpAddr>().expect("peer").to_canonical(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_address_is_the_nearest_that_is_not_a_trusted_proxy() {
        let proxies = ["10.0.0.0/8", "fd00::/8"];
        let table: [(&str, &[&str], &[&str], &str); 11] = [
            ("203.0.113.9", &[], &[], "203.0.113.9"),
            // An untrusted peer may write what it likes.
            ("203.0.113.9", &["127.0.0.1"], &proxies, "203.0.113.9"),
            ("10.0.0.1", &["127.0.0.1"], &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], &proxies, "198.51.100.7"),
            // The client wrote the first entry itself.
            ("10.0.0.1", &["127.0.0.1, 198.51.100.7"], &proxies, "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7, 10.2.0.1, 10.3.0.1"], &proxies, "198.51.100.7"),
            ("10.0.0.1", &["1.2.3.4", "198.51.100.7, 10.2.0.1"], &proxies, "198.51.100.7"),
            ("::ffff:10.0.0.1", &["::ffff:198.51.100.7"], &proxies, "198.51.100.7"),
            ("fd00::1", &["[2001:db8::5]:4711"], &proxies, "2001:db8::5"),
            ("10.0.0.1", &["198.51.100.7, unknown"], &proxies, "10.0.0.1"),
            ("10.0.0.1", &["10.2.0.1"], &proxies, "10.2.0.1"),
        ];
        for (peer, forwarded, trusted, expected) in table {
            assert_eq!(seen(peer, forwarded, trusted), expected, "{peer} {forwarded:?} {trusted:?}");
        }
    }

    #[test]
    fn ipv6_clients_are_their_network() {
        let of = |text: &str| network_of(text.parse().expect("address")).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:198.51.100.7"), "198.51.100.7");
    }
}
