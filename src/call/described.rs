//! A session description on its way from one side of a dialog to the other.

use super::pairing::Side;
use crate::sdp::{Carrier, Description, MessageStep};
use crate::wire::link::Vlan;
use std::sync::Arc;

/// A description as a message carries it, or that it carries none.
#[derive(Clone, Debug)]
pub struct SeenDescription {
    /// Who sent it.
    pub sender: Side,
    /// CSeq of the transaction that carries it.
    pub cseq: u32,
    /// What there is of it.
    pub session: Option<Arc<Description>>,
    /// Which kind of transaction that is.
    pub carrier: Carrier,
    /// Which step of it.
    pub step: MessageStep,
    /// The hop it was seen on, if it was on one that is known.
    pub hop: Option<usize>,
    /// The VLANs it was seen on.
    pub vlan: Vlan,
}

impl SeenDescription {
    /// Does this transaction carry it?
    pub fn is_of(&self, carrier: Carrier, requester: Side, cseq: u32) -> bool {
        (self.carrier, self.sender, self.cseq) == (carrier, requester, cseq)
    }
}
