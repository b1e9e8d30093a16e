//! How a call is asked for: by whom, to whom, by which way; and every request of ours in its words.

use super::digest::SipAccount;
use crate::sip::SipWriter;
use std::net::SocketAddr;
use std::time::Duration;

/// Methods that are understood from the other side.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO";

/// A call that is to be placed.
#[derive(Debug)]
pub struct CallPlan {
    /// Whom to call: a SIP URI.
    pub to: String,
    /// Who calls: a SIP URI.
    pub from: String,
    /// The account at the exchange, where it wants one.
    pub account: Option<SipAccount>,
    /// Our address for SIP.
    pub local: SocketAddr,
    /// Our address for sound.
    pub media: SocketAddr,
    /// Over TCP, not UDP.
    pub is_tcp: bool,
    /// How long it may ring.
    pub ring: Duration,
    /// 32 octets that nobody else knows, for tags and branches.
    pub seed: [u8; 32],
}

/// What the requests of one dialog have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PlacedDialog {
    /// `To`, with the other side's tag once there is one.
    pub to: String,
    /// Request-URI.
    pub target: String,
    /// `Route`, in order (RFC 3261 §12.1.2).
    pub routes: Vec<String>,
    /// Where requests go; [`None`]: to the exchange, as the INVITE did.
    pub next_hop: Option<SocketAddr>,
}

/// What tells one request from the next.
pub(super) struct RequestMark<'a> {
    pub branch: &'a str,
    pub cseq: u32,
    pub method: &'a str,
}

impl CallPlan {
    /// The start of a request: everything but what is its own.
    pub(super) fn request(
        &self,
        (call_id, tag): (&str, &str),
        dialog: &PlacedDialog,
        mark: &RequestMark<'_>,
    ) -> SipWriter {
        let via = format!(
            "SIP/2.0/{} {};rport;branch={}",
            if self.is_tcp { "TCP" } else { "UDP" },
            self.local,
            mark.branch
        );
        let mut w = SipWriter::request(mark.method, &dialog.target).header("Via", &via);
        for route in &dialog.routes {
            w = w.header("Route", route);
        }
        w.header("From", &format!("<{}>;tag={tag}", self.from))
            .header("To", &dialog.to)
            .header("Call-ID", call_id)
            .header("CSeq", &format!("{} {}", mark.cseq, mark.method))
    }

    /// `Contact`: where we are reached.
    pub(super) fn contact(&self) -> String {
        let user = self.from.split_once(':').map_or("", |(_, rest)| rest);
        let user = user.split_once('@').map_or("nauhuri", |(user, _)| user);
        let transport = if self.is_tcp { ";transport=tcp" } else { "" };
        format!("<sip:{user}@{}{transport}>", self.local)
    }
}
