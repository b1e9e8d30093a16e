//! Where the recorder receives what is sent to it: transport, address and port in one text.

use super::forms::as_text;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

/// What is received over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenOver {
    /// UDP: one message in each datagram.
    Udp,
    /// TCP: one after the other.
    Tcp,
    /// TLS over TCP.
    Tls,
}

impl ListenOver {
    /// As the configuration has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ListenOver::Udp => "udp",
            ListenOver::Tcp => "tcp",
            ListenOver::Tls => "tls",
        }
    }
}

/// One entry of a list such as `hep.listen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAt {
    /// Over what.
    pub transport: ListenOver,
    /// Where.
    pub addr: SocketAddr,
}

impl ListenAt {
    /// Reads `udp:127.0.0.1:9060`.
    pub fn parse(text: &str) -> Option<ListenAt> {
        let (transport, addr) = text.split_once(':')?;
        let all = [ListenOver::Udp, ListenOver::Tcp, ListenOver::Tls];
        let transport = all.into_iter().find(|t| t.as_str() == transport)?;
        Some(ListenAt { transport, addr: addr.parse().ok()? })
    }
}

impl std::fmt::Display for ListenAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.transport.as_str(), self.addr)
    }
}

as_text!(ListenAt, "an address such as \"udp:127.0.0.1:9060\"");

/// Ports for media: at least four, so that one call fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// Those of a configuration that says nothing.
    pub const USUAL: PortRange = PortRange { first: 20_000, last: 29_999 };

    /// Reads `20000-29999`.
    pub fn parse(text: &str) -> Option<PortRange> {
        let (first, last) = text.split_once('-')?;
        let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first >= 1024 && last >= first.saturating_add(3)).then_some(PortRange { first, last })
    }

    /// Each of them.
    pub fn ports(self) -> RangeInclusive<u16> {
        self.first..=self.last
    }
}

impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

as_text!(PortRange, "a range of at least four ports above 1023");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = |text| ListenAt::parse(text).map(|a| (a.transport.as_str(), a.addr.to_string()));
        assert_eq!(read("udp:127.0.0.1:9060"), Some(("udp", "127.0.0.1:9060".into())));
        assert_eq!(read("tls:[::]:9061"), Some(("tls", "[::]:9061".into())));
        for wrong in ["127.0.0.1:9060", "udp:9060", "sctp:127.0.0.1:9060", "udp:localhost:9060", "", "udp"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_read_is_written() {
        for text in [r#""udp:127.0.0.1:9060""#, r#""tls:[::]:9061""#] {
            let at: ListenAt = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&at).unwrap(), text);
        }
        let range: PortRange = serde_json::from_str("\"1024 - 2047\"").unwrap();
        assert_eq!(serde_json::to_string(&range).unwrap(), "\"1024-2047\"");
        for wrong in ["\"udp:9060\"", "\"\"", "9060"] {
            assert!(serde_json::from_str::<ListenAt>(wrong).is_err(), "{wrong}");
            assert!(serde_json::from_str::<PortRange>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranges_of_ports() {
        let read = |text| PortRange::parse(text).map(PortRange::ports);
        assert_eq!(read("20000-29999"), Some(20_000..=29_999));
        assert_eq!(read(" 1024 - 65535 "), Some(1024..=65_535));
        for wrong in ["", "20000", "20000-20002", "30000-20000", "80-2000", "20000-70000", "a-b"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
