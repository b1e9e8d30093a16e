//! `sip.ports`: where SIP is expected.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What may stand for every port.
pub(super) const ANY: &str = "any";

/// Ports of UDP, TCP and SCTP that carry SIP, at either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SipPorts {
    /// These.
    Listed(Vec<u16>),
    /// All: SIP is known by what it says.
    Any,
}

impl SipPorts {
    /// Those that are listed.
    pub fn listed(&self) -> &[u16] {
        match self {
            SipPorts::Listed(ports) => ports,
            SipPorts::Any => &[],
        }
    }

    /// Whether SIP may be on ports that are not listed.
    pub fn is_any(&self) -> bool {
        matches!(self, SipPorts::Any)
    }
}

impl Serialize for SipPorts {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            SipPorts::Listed(ports) => ports.serialize(s),
            SipPorts::Any => s.serialize_str(ANY),
        }
    }
}

impl<'de> Deserialize<'de> for SipPorts {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<SipPorts, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum WrittenPorts {
            Word(String),
            Listed(Vec<u16>),
        }
        match WrittenPorts::deserialize(d)? {
            WrittenPorts::Listed(ports) => Ok(SipPorts::Listed(ports)),
            WrittenPorts::Word(word) if word == ANY => Ok(SipPorts::Any),
            WrittenPorts::Word(word) => {
                Err(serde::de::Error::custom(format!("`{word}` is not a list of ports")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_or_any() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Keys {
            ports: SipPorts,
        }
        for (text, ports) in
            [("[5060, 5080]", SipPorts::Listed(vec![5060, 5080])), ("\"any\"", SipPorts::Any)]
        {
            let keys: Keys = toml::from_str(&format!("ports = {text}")).unwrap();
            assert_eq!(keys.ports, ports);
            assert_eq!(toml::from_str::<Keys>(&toml::to_string(&keys).unwrap()).unwrap(), keys);
        }
        for wrong in ["\"all\"", "[\"any\"]", "5060", "[70000]"] {
            assert!(toml::from_str::<Keys>(&format!("ports = {wrong}")).is_err(), "{wrong}");
        }
        assert_eq!((SipPorts::Any.listed(), SipPorts::Any.is_any()), (&[][..], true));
    }
}
