//! Blocks of addresses, as a list of texts names them.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::net::IpAddr;

/// Blocks of addresses: where agents' SIP comes from or goes to, say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads CIDR blocks; a bare address is a block of one, an IPv4-mapped one of its IPv4 address.
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse<'a>(blocks: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let one = |text: &'a str| {
            let text = text.trim();
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(|addr| addr.to_canonical().into()))
                .map_err(|_| text)
        };
        blocks.into_iter().map(one).collect::<Result<_, _>>().map(Networks)
    }

    /// This machine alone.
    pub fn loopback() -> Networks {
        Networks(
            [(IpAddr::from([127, 0, 0, 0]), 8), (IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), 128)]
                .map(|(addr, len)| IpNet::new_assert(addr, len))
                .into(),
        )
    }

    /// Each of them.
    pub fn blocks(&self) -> impl Iterator<Item = IpNet> {
        self.0.iter().copied()
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

/// A list of texts; a block of one is its address.
impl Serialize for Networks {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.iter().map(|net| match net.prefix_len() == net.max_prefix_len() {
            true => net.addr().to_string(),
            false => net.to_string(),
        }))
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Networks, D::Error> {
        let texts = Vec::<String>::deserialize(d)?;
        let read = Networks::parse(texts.iter().map(String::as_str));
        read.map_err(|text| serde::de::Error::custom(format!("`{text}` is not a CIDR block")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written() {
        let read = |json: &str| serde_json::from_str::<Networks>(json);
        let texts = r#"["10.20.0.0/16","192.0.2.7","2001:db8::/32","::1"]"#;
        assert_eq!(serde_json::to_string(&read(texts).unwrap()).unwrap(), texts);
        assert_eq!(read(r#"["127.0.0.0/8", "::1"]"#).unwrap(), Networks::loopback());
        assert!(read("[]").unwrap().is_empty());
        for wrong in [r#"["10.0.0.0/33"]"#, r#"["10.0.0.0/8", ""]"#, r#""10.0.0.0/8""#, "[7]"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let mapped = read(r#"["::ffff:192.0.2.7"]"#).unwrap();
        assert!(mapped.contains("192.0.2.7".parse().unwrap()));
    }
}
