//! What a payload type means on one side of a call (RFC 3551 §6, RFC 8866 `rtpmap`).

use super::CodecSpec;
use smallvec::SmallVec;
use std::sync::Arc;

/// Payload types of one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct PayloadMap {
    named: SmallVec<[(u8, Arc<CodecSpec>); 4]>,
    /// The payload is encrypted with a key that is not known: it must not be decoded into noise.
    pub encrypted: bool,
    /// Keys were spoken of: what looks encrypted is.
    pub hinted: bool,
    preferred: Option<Arc<CodecSpec>>,
    /// Static assignments used without being named.
    unnamed: SmallVec<[(u8, Arc<CodecSpec>); 2]>,
}

impl PayloadMap {
    /// From the formats of a description, preferred first.
    ///
    /// Where a type is named twice the first meaning holds.
    pub fn new(formats: impl IntoIterator<Item = (u8, CodecSpec)>, encrypted: bool) -> Self {
        let mut named: SmallVec<[(u8, Arc<CodecSpec>); 4]> = SmallVec::new();
        for (pt, spec) in formats.into_iter().take(64) {
            if named.iter().all(|(known, _)| *known != pt) {
                named.push((pt, Arc::new(spec)));
            }
        }
        let preferred = named.iter().map(|(_, s)| s).find(|s| s.codec.is_audio()).cloned();
        let unnamed = [0u8, 8, 9, 13, 18, 3, 4, 10, 11]
            .into_iter()
            .map(|pt| (pt, Arc::new(CodecSpec::from_rtpmap(pt, None, None, None))))
            .collect();
        PayloadMap { named, encrypted, hinted: encrypted, unnamed, preferred }
    }

    /// What `payload_type` means; static types hold without being named.
    pub fn get(&self, payload_type: u8) -> Option<&CodecSpec> {
        self.spec(payload_type).map(|s| &**s)
    }

    /// The same, to be kept.
    pub fn spec(&self, payload_type: u8) -> Option<&Arc<CodecSpec>> {
        let all = self.named.iter().chain(&self.unnamed);
        all.into_iter().find(|(pt, _)| *pt == payload_type).map(|(_, s)| s)
    }

    /// The codec expected before any packet is heard: the first of the answer.
    pub fn preferred(&self) -> Option<&CodecSpec> {
        self.preferred.as_deref()
    }

    /// States the codec expected before any packet is heard.
    pub fn prefer(mut self, spec: Option<CodecSpec>) -> Self {
        if let Some(s) = spec {
            self.preferred = Some(Arc::new(s));
        }
        self
    }

    /// States whether keys were spoken of.
    pub fn hint(mut self, hinted: bool) -> Self {
        self.hinted |= hinted;
        self
    }

    /// After a re-offer: the new meanings win, the old ones stay for packets under way.
    pub fn update(&mut self, newer: &PayloadMap) {
        self.encrypted = newer.encrypted;
        // Once spoken of, they may be used whatever is said later.
        self.hinted |= newer.hinted;
        self.preferred = newer.preferred.clone();
        let old: SmallVec<[_; 4]> =
            self.named.drain(..).filter(|(pt, _)| newer.named.iter().all(|(n, _)| n != pt)).collect();
        self.named.extend(newer.named.iter().cloned());
        self.named.extend(old);
        self.named.truncate(64);
    }
}

impl Default for PayloadMap {
    fn default() -> Self {
        PayloadMap::new([], false)
    }
}
