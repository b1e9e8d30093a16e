//! From one hop's offer and answer to what follows for media: where each side
//! may be reached, what its payload types mean, whether anything is to be heard.
//!
//! RFC 3264, RFC 8839 (ICE candidates). Pure: nothing of legs, recordings or
//! time is known here.

use super::pairing::{Claim, MAX_CLAIMS, Rank, Side};
use crate::codec::formats::PayloadMap;
use crate::codec::{CodecSpec, PayloadRole};
use crate::rtp::srtp::{SrtpKey, SrtpSuite};
use crate::sdp::{Format, Media, OfferAnswer, Origin};
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Keys of one side on one hop at most.
const MAX_KEYS: usize = 16;

/// What a side of one hop claims.
pub type Claims = SmallVec<[Claim; 2]>;

/// Where `side` may be reached for audio: as agreed, as offered and not yet
/// answered, by its ICE candidates, and where a NAT would show it when its SIP
/// came from `sip`. `origin` is what [`origin`] tells, as a number.
///
/// One more than there is room for shows the pairing that some are left out.
///
/// `None` when what is claimed stands: hold by address zero keeps the place, as
/// the party may still send from it.
pub fn claims(oa: &OfferAnswer, side: Side, sip: IpAddr, origin: u64) -> Option<Claims> {
    let mut out = Claims::new();
    let mut add = |addr: SocketAddr, rank: Rank, rtcp: Option<SocketAddr>| {
        if out.len() <= MAX_CLAIMS && out.iter().all(|c| c.addr != addr) {
            out.push(Claim { addr, origin, rank, rtcp });
        }
    };
    // What is believed most comes first: an address keeps its first rank.
    for m in oa.advertised_audio(side) {
        if let Some(at) = m.endpoint() {
            add(at, Rank::Claimed, m.rtcp_endpoint());
        }
    }
    for m in oa.advertised_audio(side).filter(|m| !m.rejected()) {
        m.candidates.iter().for_each(|at| add(*at, Rank::Candidate, None));
    }
    for m in oa.advertised_audio(side).filter(|m| !m.rejected() && is_hidden(m, sip)) {
        add(SocketAddr::new(sip, m.port), Rank::Image, None);
    }
    let on_hold = oa.current_audio(side).is_some_and(Media::zero_address);
    (!out.is_empty() || !on_hold).then_some(out)
}

/// What two legs share when they pass one description on.
pub fn origin(oa: &OfferAnswer, side: Side) -> Option<&Origin> {
    let session = oa.agreed(side).or_else(|| oa.offered(side).next());
    session.and_then(|s| s.origin.as_ref())
}

/// What `speaker`'s payload types mean: the numbers are the receiver's (RFC
/// 3264 §5.1), the sender's own where the receiver names none.
pub fn payload_map(oa: &OfferAnswer, speaker: Side) -> PayloadMap {
    let formats = |side: Side| -> SmallVec<[(u8, CodecSpec); 8]> {
        let list = oa.current_audio(side).map_or(&[][..], |m| &m.formats);
        list.iter().map(|f| (f.payload_type, codec_of(f))).collect()
    };
    let (heard, spoken) = (formats(speaker.other()), formats(speaker));
    let preferred = |l: &[(u8, CodecSpec)]| l.iter().map(|(_, s)| s).find(|s| s.is_sound()).cloned();
    let preferred = preferred(used(&heard, &spoken)).or_else(|| preferred(&spoken));
    PayloadMap::new(heard.into_iter().chain(spoken), oa.encrypted())
        .prefer(preferred)
        .hint(oa.mentions_keys())
}

/// What `speaker`'s packets may be sealed with. Its own description has the keys (RFC 4568
/// §6.1); which of its lines is used an answer may say, and each packet does.
pub fn keys(oa: &OfferAnswer, speaker: Side) -> Vec<Arc<SrtpKey>> {
    let lines = oa.advertised_audio(speaker).flat_map(|m| &m.crypto_lines);
    let keys = lines.flat_map(|line| {
        let suite = SrtpSuite::named(&line.suite);
        // Some announce an identifier and send none.
        let named = line.keys.iter().flat_map(|k| [(k, &*k.mki), (k, &[])]);
        named.filter_map(move |(k, mki)| SrtpKey::new(suite?, &k.key_salt, mki))
    });
    let mut known: Vec<Arc<SrtpKey>> = Vec::new();
    for key in keys.take(2 * MAX_KEYS) {
        if known.len() < MAX_KEYS && known.iter().all(|k| **k != key) {
            known.push(Arc::new(key));
        }
    }
    known
}

/// Has anything been agreed that makes no sense to whoever listens: sealed with keys that
/// nobody told, or in encodings that the recorder does not know?
pub fn is_unreadable(oa: &OfferAnswer) -> bool {
    let sides = [Side::Caller, Side::Callee];
    if oa.encrypted() && sides.iter().any(|s| keys(oa, *s).is_empty()) {
        return true;
    }
    let [caller, callee] = sides.map(|s| oa.current_audio(s).map_or(&[][..], |m| &m.formats));
    let agreed = used(caller, callee).iter().map(codec_of);
    let mut sounds = agreed.filter(|spec| spec.def.role == PayloadRole::Sound).peekable();
    sounds.peek().is_some() && sounds.all(|spec| spec.is_unreadable_by(None))
}

/// Of what both sides list that which is used: the answer does, and it is the shorter of the two.
fn used<'a, T>(one: &'a [T], other: &'a [T]) -> &'a [T] {
    let is_other = one.is_empty() || (other.len() < one.len() && !other.is_empty());
    if is_other { other } else { one }
}

/// Has signalling announced that there is nothing to be heard: the audio is
/// switched off (port 0), inactive, given up for a fax, or on hold?
pub fn told_silent(oa: &OfferAnswer) -> bool {
    oa.on_hold() || oa.audio_off()
}

/// Has any description been seen, with audio or without?
pub fn is_told(oa: &OfferAnswer) -> bool {
    [Side::Caller, Side::Callee].iter().any(|s| oa.agreed(*s).or(oa.offered(*s).next()).is_some())
}

/// Has audio been described?
pub fn has_audio(oa: &OfferAnswer) -> bool {
    [Side::Caller, Side::Callee].iter().any(|s| oa.current_audio(*s).is_some())
}

/// Does a NAT or a name stand between the described address and the network
/// that its SIP was seen on?
fn is_hidden(m: &Media, sip: IpAddr) -> bool {
    match m.addr {
        None => true,
        Some(addr) => addr != sip && !m.zero_address() && is_private(addr),
    }
}

/// RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6.
fn is_private(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            a.is_private() || a.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(a) => {
            let first = a.segments()[0];
            first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
        }
    }
}

/// What a format of a description means.
pub fn codec_of(f: &Format) -> CodecSpec {
    let name = (!f.name.is_empty()).then_some(f.name.as_str());
    CodecSpec::from_rtpmap(f.payload_type, name, (f.clock > 0).then_some(f.clock), Some(f.channels))
        .with_fmtp(f.fmtp.as_deref())
}
