use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

/// The ports that a rule without one opens.
const WEB: [u16; 2] = [80, 443];

/// One line of an allow-list: a host (`example.com`), all hosts below one (`*.example.com`), or addresses (`10.1.0.0/16`).
///
/// Each may have a port behind a colon, and is for the web's ports without. Other addresses
/// than public ones are open only to the last kind, as far as the [`Reach`](super::Reach) goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    Name(String),
    /// With the dot.
    Below(String),
    Addresses(IpNet),
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError(String);

impl fmt::Display for RuleError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:?} is no rule. Write a host like example.com, *.example.com, or an address like 10.1.0.0/16, each with :port where it is not 80 or 443.",
            self.0
        )
    }
}

impl std::error::Error for RuleError {}

impl Rule {
    /// The addresses it names, where it names no host.
    #[must_use]
    pub fn addresses(&self) -> Option<IpNet> {
        match self.hosts {
            Hosts::Addresses(net) => Some(net),
            Hosts::Name(_) | Hosts::Below(_) => None,
        }
    }

    pub(super) fn allows_name(&self, host: &str, port: u16) -> bool {
        self.allows_port(port)
            && match &self.hosts {
                Hosts::Name(name) => name == host,
                Hosts::Below(end) => host.len() > end.len() && host.ends_with(end.as_str()),
                Hosts::Addresses(_) => false,
            }
    }

    pub(super) fn allows_address(&self, address: IpAddr, port: u16) -> bool {
        self.allows_port(port) && matches!(&self.hosts, Hosts::Addresses(net) if net.contains(&address.to_canonical()))
    }

    fn allows_port(&self, port: u16) -> bool {
        self.port.map_or_else(|| WEB.contains(&port), |only| only == port)
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError(text.to_owned());
        let text = text.trim().to_ascii_lowercase();
        if let Some(net) = net(&text) {
            return Ok(Self { hosts: Hosts::Addresses(net), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?)),
            None => (text.as_str(), None),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let hosts = match (net(bare), host.strip_prefix("*.")) {
            (Some(net), _) => Hosts::Addresses(net),
            (None, Some(end)) if is_name(end) => Hosts::Below(format!(".{end}")),
            (None, None) if is_name(host) => Hosts::Name(host.to_owned()),
            _ => return Err(wrong()),
        };
        Ok(Self { hosts, port })
    }
}

fn net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// A host name of letters, digits and hyphens (RFC 1123), and not an address in an odd notation, which has only digits last.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.split('.').all(label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
        && !last.starts_with("0x")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        text.parse().unwrap()
    }

    #[test]
    fn hosts_match_whole_and_below() {
        assert!(rule("Example.COM").allows_name("example.com", 443));
        assert!(!rule("example.com").allows_name("www.example.com", 443));
        assert!(!rule("example.com").allows_name("badexample.com", 443));
        assert!(rule("*.example.com").allows_name("a.b.example.com", 80));
        assert!(!rule("*.example.com").allows_name("example.com", 80));
        assert!(!rule("*.example.com").allows_name("badexample.com", 80));
    }

    #[test]
    fn ports_are_the_webs_unless_named() {
        assert!(!rule("example.com").allows_name("example.com", 22));
        assert!(rule("example.com:22").allows_name("example.com", 22));
        assert!(!rule("example.com:22").allows_name("example.com", 443));
        assert!(rule("10.0.0.0/8:5432").allows_address("10.3.2.1".parse().unwrap(), 5432));
        assert!(rule("[::1]:8080").allows_address("::1".parse().unwrap(), 8080));
        assert!(rule("127.0.0.1").allows_address("::ffff:127.0.0.1".parse().unwrap(), 80));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for bad in [
            "",
            "*",
            "*.",
            "a b",
            "http://example.com",
            "example.com:0",
            "example.com:99999",
            "-a.com",
            "1.2.3",
            "0x7f.1",
            "exa*mple.com",
        ] {
            assert!(bad.parse::<Rule>().is_err(), "{bad:?}");
        }
    }
}
