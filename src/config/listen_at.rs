//! Where the recorder receives what is sent to it: transport, address and port in one text.

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

/// `20000-29999`: at least four ports, so that one call fits.
pub fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first >= 1024 && last >= first.saturating_add(3)).then_some(first..=last)
}

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
    fn ranges_of_ports() {
        assert_eq!(port_range("20000-29999"), Some(20_000..=29_999));
        assert_eq!(port_range(" 1024 - 65535 "), Some(1024..=65_535));
        for wrong in ["", "20000", "20000-20002", "30000-20000", "80-2000", "20000-70000", "a-b"] {
            assert_eq!(port_range(wrong), None, "{wrong}");
        }
    }
}
