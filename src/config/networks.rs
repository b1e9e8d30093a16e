//! Blocks of addresses, as a list of texts names them.

use std::net::IpAddr;

/// Blocks of addresses: where agents' SIP comes from or goes to, say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<ipnet::IpNet>);

impl Networks {
    /// Reads CIDR blocks; a bare address is a block of one.
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse<'a>(blocks: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let one = |text: &'a str| {
            let text = text.trim();
            text.parse::<ipnet::IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(ipnet::IpNet::from))
                .map_err(|_| text)
        };
        blocks.into_iter().map(one).collect::<Result<_, _>>().map(Networks)
    }

    /// Whether `addr` lies in one of them; IPv4-mapped IPv6 counts as IPv4.
    pub fn contains(&self, addr: IpAddr) -> bool {
        let addr = addr.to_canonical();
        self.0.iter().any(|net| net.contains(&addr))
    }

    /// No networks at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
