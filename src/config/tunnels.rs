//! `capture.tunnels`: which packets within packets are opened, and from whom.
//!
//! Anybody who reaches a mirrored address can send a tunnel packet that says it
//! carries a call between others. So a wrapper counts only where the
//! configuration names its kind and, better, who sends it.

use super::forms;
use ipnet::IpNet;
use serde::{Deserialize, Serialize, Serializer};
use std::net::IpAddr;

/// Kinds of wrappers that packets of strangers may come in. Tags and labels of
/// a link (VLAN, MPLS, PPPoE) are none: a router puts them on, not a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TunnelKind {
    /// GRE (RFC 2784, 2890, 2637) with IP, Ethernet, MPLS or PPP in it.
    Gre,
    /// ERSPAN I, II and III in GRE.
    Erspan,
    /// VXLAN, RFC 7348.
    Vxlan,
    /// Geneve, RFC 8926.
    Geneve,
    /// GTP-U, 3GPP TS 29.281.
    GtpU,
    /// IP (RFC 2003, 4213, 2473), Ethernet (RFC 3378) or MPLS (RFC 4023) straight in IP.
    Ipip,
    /// TaZmen Sniffer Protocol.
    Tzsp,
    /// HEP, versions 1 to 3: what capture agents send to another machine.
    Hep,
}

impl TunnelKind {
    /// Every kind, in the order of [`TunnelKind::index`].
    pub const ALL: [TunnelKind; 8] = [
        TunnelKind::Gre,
        TunnelKind::Erspan,
        TunnelKind::Vxlan,
        TunnelKind::Geneve,
        TunnelKind::GtpU,
        TunnelKind::Ipip,
        TunnelKind::Tzsp,
        TunnelKind::Hep,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// As the configuration and the metrics call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            TunnelKind::Gre => "gre",
            TunnelKind::Erspan => "erspan",
            TunnelKind::Vxlan => "vxlan",
            TunnelKind::Geneve => "geneve",
            TunnelKind::GtpU => "gtp-u",
            TunnelKind::Ipip => "ipip",
            TunnelKind::Tzsp => "tzsp",
            TunnelKind::Hep => "hep",
        }
    }

    /// Place in an array of counters.
    pub const fn index(self) -> usize {
        self as usize
    }

    fn named(text: &str) -> Option<TunnelKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What `kind` may say for every kind at once.
const ANY: &str = "any";

/// One entry of `capture.tunnels`: `"vxlan"`, or `{ kind = "gre", from = "10.9.0.0/16" }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TunnelRule {
    /// Which kind; `None` for `"any"`.
    pub kind: Option<TunnelKind>,
    /// Which senders of the wrapper; `None`: whoever.
    pub from: Option<IpNet>,
}

impl TunnelRule {
    /// Every kind from everybody: for captures that somebody chose to read.
    pub const ANY: TunnelRule = TunnelRule { kind: None, from: None };

    /// Reads an entry by its two texts; `None` if one of them means nothing.
    pub fn read(kind: &str, from: Option<&str>) -> Option<TunnelRule> {
        let kind = match kind {
            ANY => None,
            text => Some(TunnelKind::named(text)?),
        };
        let from = match from {
            None => None,
            Some(text) => Some(block(text)?),
        };
        Some(TunnelRule { kind, from })
    }

    /// Its kind as the configuration calls it.
    pub fn kind_text(&self) -> &'static str {
        self.kind.map_or(ANY, TunnelKind::as_str)
    }
}

/// A CIDR block, or an address alone.
fn block(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(|addr| addr.to_canonical().into()))
}

impl Serialize for TunnelRule {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct From {
            kind: &'static str,
            from: IpNet,
        }
        match self.from {
            None => s.serialize_str(self.kind_text()),
            Some(from) => From { kind: self.kind_text(), from }.serialize(s),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenTunnel {
    Kind(String),
    From(WrittenFrom),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFrom {
    kind: String,
    from: Option<String>,
}

impl TryFrom<WrittenTunnel> for TunnelRule {
    type Error = String;

    fn try_from(written: WrittenTunnel) -> Result<TunnelRule, String> {
        let (kind, from) = match &written {
            WrittenTunnel::Kind(kind) => (kind, None),
            WrittenTunnel::From(w) => (&w.kind, w.from.as_deref()),
        };
        TunnelRule::read(kind, from)
            .ok_or_else(|| format!("`{kind}` is not a tunnel, or its `from` is not a CIDR block"))
    }
}

/// Accepts one entry or a list of them.
pub fn rules<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<TunnelRule>, D::Error> {
    let written: Vec<WrittenTunnel> = forms::one_or_many(d)?;
    written.into_iter().map(|w| TunnelRule::try_from(w).map_err(serde::de::Error::custom)).collect()
}

/// Whether `kind` from `sender` is opened.
pub fn is_opened(rules: &[TunnelRule], kind: TunnelKind, sender: IpAddr) -> bool {
    let sender = sender.to_canonical();
    rules.iter().any(|rule| {
        rule.kind.is_none_or(|k| k == kind) && rule.from.is_none_or(|block| block.contains(&sender))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_and_written_alike() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Keys {
            #[serde(deserialize_with = "rules")]
            tunnels: Vec<TunnelRule>,
        }
        let text = "tunnels = [\"vxlan\", { kind = \"gre\", from = \"10.9.0.0/16\" }, \"any\"]";
        let keys: Keys = toml::from_str(text).expect("reads");
        assert_eq!(keys.tunnels[0], TunnelRule { kind: Some(TunnelKind::Vxlan), from: None });
        assert_eq!(keys.tunnels[1].from.map(|f| f.to_string()).as_deref(), Some("10.9.0.0/16"));
        assert_eq!(keys.tunnels[2], TunnelRule::ANY);
        let again = toml::to_string(&keys).expect("writes");
        assert_eq!(toml::from_str::<Keys>(&again).expect("reads"), keys);
        for one in ["tunnels = \"any\"", "tunnels = { kind = \"any\" }", "tunnels = [\"any\"]"] {
            assert_eq!(toml::from_str::<Keys>(one).expect("reads").tunnels, [TunnelRule::ANY], "{one}");
        }
        for wrong in
            ["[\"vlan\"]", "[{ kind = \"gre\", from = \"10.9.0.0/33\" }]", "[{ from = \"::1\" }]", "[7]"]
        {
            assert!(toml::from_str::<Keys>(&format!("tunnels = {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn kind_and_sender_have_to_be_named() {
        let addr = |text: &str| text.parse::<IpAddr>().expect("an address");
        let from = |kind, text: &str| TunnelRule::read(kind, Some(text)).expect("a rule");
        let rules = [from("gre", "10.9.0.0/16"), from("any", "2001:db8::/32"), from("tzsp", "192.0.2.7")];
        for (kind, sender, opened) in [
            (TunnelKind::Gre, "10.9.3.4", true),
            (TunnelKind::Gre, "::ffff:10.9.3.4", true),
            (TunnelKind::Gre, "10.8.3.4", false),
            (TunnelKind::Vxlan, "10.9.3.4", false),
            (TunnelKind::Vxlan, "2001:db8::1", true),
            (TunnelKind::Tzsp, "192.0.2.7", true),
            (TunnelKind::Tzsp, "192.0.2.8", false),
        ] {
            assert_eq!(is_opened(&rules, kind, addr(sender)), opened, "{kind:?} {sender}");
        }
        assert!(!is_opened(&[], TunnelKind::Gre, addr("10.9.3.4")));
        assert!(is_opened(&[TunnelRule::ANY], TunnelKind::Ipip, addr("10.9.3.4")));
    }
}
