//! placeholder until merged
use super::pairing::{Claim, Side};
use crate::codec::CodecSpec;
use crate::codec::formats::PayloadMap;
use crate::sdp::{Media, OfferAnswer, Origin};
use smallvec::SmallVec;
use std::net::IpAddr;
pub type Claims = SmallVec<[Claim; 2]>;
pub fn claims(oa: &OfferAnswer, side: Side, _sip: IpAddr, origin: u64) -> Option<Claims> {
    let mut claims: Claims =
        oa.advertised_audio(side).filter_map(Media::endpoint).map(|addr| Claim { addr, origin }).collect();
    claims.dedup();
    let on_hold = oa.current_audio(side).is_some_and(Media::zero_address);
    (!claims.is_empty() || !on_hold).then_some(claims)
}
pub fn origin(oa: &OfferAnswer, side: Side) -> Option<&Origin> {
    let session = oa.agreed(side).or_else(|| oa.offered(side).next());
    session.and_then(|s| s.origin.as_ref())
}
pub fn payload_map(oa: &OfferAnswer, speaker: Side) -> PayloadMap {
    let heard = oa.current_audio(speaker.other());
    let spoken = oa.current_audio(speaker);
    let formats = |m: Option<&Media>| -> SmallVec<[(u8, CodecSpec); 8]> {
        let list = m.map_or(&[][..], |m| &m.formats);
        list.iter().map(|f| (f.payload_type, spec(f))).collect()
    };
    let encrypted = heard.is_some_and(Media::encrypted) || spoken.is_some_and(Media::encrypted);
    let (heard, spoken) = (formats(heard), formats(spoken));
    let preferred = |l: &[(u8, CodecSpec)]| l.iter().map(|(_, s)| s).find(|s| s.codec.is_audio()).cloned();
    let shorter = if spoken.len() < heard.len() && !spoken.is_empty() { &spoken } else { &heard };
    let preferred = preferred(shorter).or_else(|| preferred(&spoken));
    PayloadMap::new(heard.into_iter().chain(spoken), encrypted).prefer(preferred)
}
pub fn told_silent(oa: &OfferAnswer) -> bool {
    oa.on_hold()
}
pub fn is_told(oa: &OfferAnswer) -> bool {
    [Side::Caller, Side::Callee].iter().any(|s| oa.current_audio(*s).is_some())
}
fn spec(f: &crate::sdp::Format) -> CodecSpec {
    let name = (!f.name.is_empty()).then_some(f.name.as_str());
    CodecSpec::from_rtpmap(f.payload_type, name, (f.clock > 0).then_some(f.clock), Some(f.channels))
}
