//! Where the exchange is that a test call goes through: transport, host and port in one text.

use super::forms::as_text;

/// Where the exchange is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeAddress {
    /// Over TCP, not UDP.
    pub is_tcp: bool,
    /// Name or address, an IPv6 address in brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl ExchangeAddress {
    /// Reads `udp:pbx.example:5060`.
    pub fn parse(text: &str) -> Option<ExchangeAddress> {
        let (transport, rest) = text.split_once(':')?;
        let is_tcp = match transport {
            "udp" => false,
            "tcp" => true,
            _ => return None,
        };
        let (host, port) = rest.rsplit_once(':')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let is_host = match bare {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(is_name),
        };
        let port = port.parse().ok().filter(|port| *port > 0)?;
        is_host.then(|| ExchangeAddress { is_tcp, host: host.to_owned(), port })
    }
}

impl std::fmt::Display for ExchangeAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", if self.is_tcp { "tcp" } else { "udp" }, self.host, self.port)
    }
}

as_text!(ExchangeAddress, "an exchange such as \"udp:10.1.0.1:5060\"");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_are_read() {
        let read = |text| ExchangeAddress::parse(text).map(|a| (a.is_tcp, a.host, a.port));
        assert_eq!(read("udp:10.1.0.1:5060"), Some((false, "10.1.0.1".into(), 5060)));
        assert_eq!(read("tcp:pbx.example:5080"), Some((true, "pbx.example".into(), 5080)));
        assert_eq!(read("udp:[2001:db8::1]:5060"), Some((false, "[2001:db8::1]".into(), 5060)));
        for text in ["udp:10.1.0.1:5060", "tcp:pbx.example:5080", "udp:[2001:db8::1]:5060"] {
            assert_eq!(ExchangeAddress::parse(text).unwrap().to_string(), text);
        }
        for wrong in
            ["", "udp:10.1.0.1", "tls:a:1", "udp:a:0", "udp::5060", "udp:a b:1", "udp:[a]:1", "udp:::1:5"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
