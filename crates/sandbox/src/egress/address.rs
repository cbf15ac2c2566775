use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far the rules go that name addresses. A name leads to public addresses alone, unless such a rule opens what it leads to.
///
/// The links' own addresses and what is reserved are never open, nor are the metadata services of clouds, which hand out
/// the credentials of the machine to whoever can connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// To the public internet.
    #[default]
    Public,
    /// And to private networks: RFC 1918, RFC 6598 and RFC 4193.
    Private,
    /// And to the loopback of this side, where its own services listen. For tests, which have their servers there.
    Loopback,
}

impl Reach {
    /// Whether a rule that names the address opens it.
    #[must_use]
    pub fn opens(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address)
            || (self != Self::Public && is_private(address))
            || (self == Self::Loopback && address.is_loopback())
    }
}

/// Whether an address is one of a private network, and no metadata service.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            let shared = a == 100 && (64..=127).contains(&b);
            (address.is_private() || shared) && address != Ipv4Addr::new(100, 100, 100, 200)
        }
        IpAddr::V6(address) => {
            let [a, b, ..] = address.segments();
            address.is_unique_local() && !matches!((a, b), (0xfd00, 0xec2 | 0xc1) | (0xfd20, 0xce))
        }
    }
}

/// Whether an address is one of the public internet: none of the special-purpose blocks of the IANA registries for IPv4
/// and IPv6, among them the metadata services of clouds, and none that stands for an IPv4 address of such a block.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        (0 | 10 | 127, ..)
        | (100, 64..=127, _)
        | (169, 254, _)
        | (172, 16..=31, _)
        | (192, 168, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18..=19, _)
        | (198, 51, 100)
        | (203, 0, 113)
        | (224.., ..) => true,
        // An address that only looks public: the metadata service of one large cloud.
        (168, 63, 129) => address.octets() == [168, 63, 129, 16],
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is given out; within it Teredo, ORCHID, benchmarks, documentation and 6to4 lead elsewhere.
    let given_out = (a & 0xe000) == 0x2000;
    let special = matches!((a, b), (0x2001, 0..=0x1ff | 0xdb8) | (0x2002 | 0x3fff, _));
    given_out && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "168.63.129.16",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "fd00:ec2::254",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn what_a_rule_opens_depends_on_the_reach() {
        let opened_by = |address: &str| {
            let address: IpAddr = address.parse().unwrap();
            [Reach::Public, Reach::Private, Reach::Loopback].map(|reach| reach.opens(address))
        };
        for public in ["1.1.1.1", "2606:4700::1111"] {
            assert_eq!(opened_by(public), [true; 3], "{public}");
        }
        for private in ["10.0.0.7", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12:3456::1", "::ffff:10.0.0.7"] {
            assert_eq!(opened_by(private), [false, true, true], "{private}");
        }
        for loopback in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(opened_by(loopback), [false, false, true], "{loopback}");
        }
        for never in [
            "0.0.0.0",
            "::",
            "169.254.169.254",
            "169.254.170.2",
            "::ffff:169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "fd00:c1::a9fe:a9fe",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::",
            "::127.0.0.1",
            "ff02::1",
        ] {
            assert_eq!(opened_by(never), [false; 3], "{never}");
        }
    }
}
