//! Where the recorder receives what is sent to it: transport, address and port in one text.

use std::net::SocketAddr;

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
}
