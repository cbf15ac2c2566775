use std::net::IpAddr;

/// Which addresses may be reached besides public ones over https.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Repositories on this machine's disk (`file:///…`).
    pub file: bool,
    /// This machine itself, also over plain http.
    pub loopback: bool,
    /// Addresses of private networks.
    pub private: bool,
}

impl Reach {
    pub(crate) fn allows(self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        if ip.is_loopback() {
            return self.loopback;
        }
        let (never, private) = match ip {
            IpAddr::V4(ip) => (
                ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast() || ip.octets()[0] == 0,
                // Link-local holds the metadata services of clouds; 100.64/10 is shared space (RFC 6598).
                ip.is_private() || ip.is_link_local() || (ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64),
            ),
            IpAddr::V6(ip) => (
                ip.is_unspecified() || ip.is_multicast(),
                ip.is_unique_local() || ip.is_unicast_link_local() || ip.segments()[..2] == [0x64, 0xff9b],
            ),
        };
        !never && (self.private || !private)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_inner_networks_are_out_of_reach() {
        let closed = Reach::default();
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!closed.allows(inner.parse().unwrap()), "{inner}");
        }
        assert!(closed.allows("140.82.121.4".parse().unwrap()));
        assert!(closed.allows("2606:50c0::1".parse().unwrap()));
        assert!(Reach { private: true, ..closed }.allows("10.1.2.3".parse().unwrap()));
        assert!(!Reach { private: true, ..closed }.allows("0.0.0.0".parse().unwrap()));
    }
}
