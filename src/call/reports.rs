//! Where RTCP goes that is not on the port above its media (RFC 3605).
//!
//! Bounded by the claims, of which each names one address at most.

use super::session::Claim;
use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::net::SocketAddr;

/// RTCP addresses: the media's, and how often it is claimed.
#[derive(Debug, Default)]
pub(super) struct ReportPlaces(HashMap<SocketAddr, (SocketAddr, u32), RandomState>);

impl ReportPlaces {
    /// A claim is made.
    pub fn add(&mut self, claim: &Claim) {
        if let Some(rtcp) = claim.rtcp {
            let entry = self.0.entry(rtcp).or_insert((claim.addr, 0));
            *entry = (claim.addr, entry.1 + 1);
        }
    }

    /// A claim is withdrawn.
    pub fn drop(&mut self, claim: &Claim) {
        let Some(rtcp) = claim.rtcp else { return };
        if let Some(entry) = self.0.get_mut(&rtcp) {
            entry.1 = entry.1.saturating_sub(1);
            if entry.1 == 0 {
                self.0.remove(&rtcp);
            }
        }
    }

    /// The media that reports of this address are about.
    pub fn media(&self, rtcp: SocketAddr) -> SocketAddr {
        match self.0.get(&rtcp) {
            Some((media, _)) => *media,
            None => SocketAddr::new(rtcp.ip(), rtcp.port().saturating_sub(1)),
        }
    }

    /// Nothing is named.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
