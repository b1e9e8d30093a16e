//! Tests of the parent module: messages as the field sends them.

use super::ExchangeChange::{Agreed, None as Nothing, Offered, Reverted};
use super::MessageStep::{Ack, Request, Response};
use super::Side::{Callee, Caller};
use super::*;

const INVITE: Carrier = Carrier::Invite;

fn sdp(port: u16, direction: &str) -> Arc<Description> {
    Arc::new(crate::sdp::parse(
        format!("v=0\nc=IN IP4 10.0.0.1\nm=audio {port} RTP/AVP 8\na={direction}\n").as_bytes(),
    ))
}

fn port(oa: &OfferAnswer, side: Side) -> Option<u16> {
    oa.agreed(side).and_then(Description::audio).map(|m| m.port)
}

fn ports(oa: &OfferAnswer) -> (Option<u16>, Option<u16>) {
    (port(oa, Caller), port(oa, Callee))
}

/// A dialog after INVITE (CSeq 1), 200 and ACK with ports 1000 and 2000.
fn answered() -> OfferAnswer {
    let mut oa = OfferAnswer::new();
    assert_eq!(oa.handle(Caller, INVITE, 1, Request, Some(&sdp(1000, "sendrecv"))), Offered);
    assert_eq!(oa.latest_audio(Caller).unwrap().port, 1000);
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(100), None), Nothing);
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(200), Some(&sdp(2000, "sendrecv"))), Agreed);
    assert_eq!(oa.handle(Caller, INVITE, 1, Ack, None), Nothing);
    assert_eq!(ports(&oa), (Some(1000), Some(2000)));
    oa
}

#[test]
fn early_offer_with_retransmissions() {
    let mut oa = answered();
    assert_eq!(oa.handle(Caller, INVITE, 1, Request, Some(&sdp(1000, "sendrecv"))), Nothing);
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(200), Some(&sdp(2000, "sendrecv"))), Nothing);
    assert!(oa.established() && !oa.on_hold() && oa.offered(Caller).next().is_none());
}

#[test]
fn late_offer() {
    let mut oa = OfferAnswer::new();
    assert_eq!(oa.handle(Caller, INVITE, 1, Request, None), Nothing);
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(200), Some(&sdp(2000, "sendrecv"))), Offered);
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(200), Some(&sdp(2000, "sendrecv"))), Nothing);
    assert_eq!(oa.current_audio(Callee).unwrap().port, 2000);
    assert_eq!(oa.handle(Caller, INVITE, 1, Ack, Some(&sdp(1000, "sendrecv"))), Agreed);
    assert_eq!(oa.handle(Caller, INVITE, 1, Ack, Some(&sdp(1000, "sendrecv"))), Nothing);
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(200), Some(&sdp(2000, "sendrecv"))), Nothing);
    assert_eq!(ports(&oa), (Some(1000), Some(2000)));
}

#[test]
fn late_offer_answered_in_prack() {
    let mut oa = OfferAnswer::new();
    oa.handle(Caller, INVITE, 1, Request, None);
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(183), Some(&sdp(2000, "sendrecv"))), Offered);
    assert_eq!(oa.handle(Caller, Carrier::Prack, 2, Request, Some(&sdp(1000, "sendrecv"))), Agreed);
    assert_eq!(oa.handle(Callee, Carrier::Prack, 2, Response(200), None), Nothing);
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(200), None), Nothing);
    assert_eq!(ports(&oa), (Some(1000), Some(2000)));
}

#[test]
fn an_update_during_ringing_outlives_the_final_answer() {
    let mut oa = OfferAnswer::new();
    oa.handle(Caller, INVITE, 1, Request, Some(&sdp(1000, "sendrecv")));
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(183), Some(&sdp(2000, "sendrecv"))), Agreed);
    oa.handle(Caller, Carrier::Prack, 2, Request, None);
    oa.handle(Callee, Carrier::Prack, 2, Response(200), None);
    assert_eq!(oa.handle(Caller, Carrier::Update, 3, Request, Some(&sdp(1002, "sendrecv"))), Offered);
    assert_eq!(oa.handle(Callee, Carrier::Update, 3, Response(200), Some(&sdp(2002, "sendrecv"))), Agreed);
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(200), Some(&sdp(2000, "sendrecv"))), Nothing);
    assert_eq!(ports(&oa), (Some(1002), Some(2002)));
}

#[test]
fn a_prack_may_offer() {
    let mut oa = OfferAnswer::new();
    oa.handle(Caller, INVITE, 1, Request, Some(&sdp(1000, "sendrecv")));
    oa.handle(Callee, INVITE, 1, Response(183), Some(&sdp(2000, "sendrecv")));
    assert_eq!(oa.handle(Caller, Carrier::Prack, 2, Request, Some(&sdp(1004, "sendrecv"))), Offered);
    assert_eq!(oa.handle(Callee, Carrier::Prack, 2, Response(200), Some(&sdp(2004, "sendrecv"))), Agreed);
    assert_eq!(ports(&oa), (Some(1004), Some(2004)));
}

#[test]
fn the_final_answer_may_differ_from_early_media() {
    let mut oa = OfferAnswer::new();
    oa.handle(Caller, INVITE, 1, Request, Some(&sdp(1000, "sendrecv")));
    oa.handle(Callee, INVITE, 1, Response(183), Some(&sdp(9000, "sendonly")));
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(200), Some(&sdp(2000, "sendrecv"))), Agreed);
    assert_eq!(ports(&oa), (Some(1000), Some(2000)));
    assert!(!oa.on_hold());
}

#[test]
fn failed_re_offers_restore() {
    let mut oa = answered();
    oa.handle(Callee, INVITE, 7, Request, Some(&sdp(2222, "sendonly")));
    assert_eq!(oa.latest_audio(Callee).unwrap().port, 2222);
    assert_eq!(oa.handle(Caller, INVITE, 7, Response(488), None), Reverted);
    assert_eq!((ports(&oa), oa.latest_audio(Callee).unwrap().port), ((Some(1000), Some(2000)), 2000));
    assert_eq!(oa.handle(Callee, INVITE, 7, Ack, None), Nothing);
    // Answered in a 183, then refused.
    oa.handle(Caller, INVITE, 2, Request, Some(&sdp(1111, "inactive")));
    oa.handle(Callee, INVITE, 2, Response(183), Some(&sdp(2111, "inactive")));
    assert!(oa.holds(Caller));
    assert_eq!(oa.handle(Callee, INVITE, 2, Response(500), None), Reverted);
    assert_eq!(ports(&oa), (Some(1000), Some(2000)));
    assert!(!oa.on_hold());
}

#[test]
fn authentication_retry_and_glare() {
    let mut oa = OfferAnswer::new();
    oa.handle(Caller, INVITE, 1, Request, Some(&sdp(1000, "sendrecv")));
    assert_eq!(oa.handle(Callee, INVITE, 1, Response(407), None), Reverted);
    assert!(oa.current_audio(Caller).is_none());
    oa.handle(Caller, INVITE, 2, Request, Some(&sdp(1000, "sendrecv")));
    oa.handle(Callee, INVITE, 2, Response(200), Some(&sdp(2000, "sendrecv")));
    // Both re-offer at once; both are refused.
    oa.handle(Caller, INVITE, 3, Request, Some(&sdp(1003, "sendrecv")));
    oa.handle(Callee, INVITE, 1, Request, Some(&sdp(2003, "sendrecv")));
    assert_eq!(oa.advertised_audio(Callee).count(), 2);
    assert_eq!(oa.handle(Callee, INVITE, 3, Response(491), None), Reverted);
    assert_eq!(oa.handle(Caller, INVITE, 1, Response(491), None), Reverted);
    assert_eq!((ports(&oa), oa.advertised_audio(Callee).count()), ((Some(1000), Some(2000)), 1));
}

#[test]
fn hold_and_resume() {
    let mut oa = answered();
    let re = |oa: &mut OfferAnswer, side: Side, cseq, offer: &str, answer: &str| {
        oa.handle(side, INVITE, cseq, Request, Some(&sdp(1000, offer)));
        oa.handle(side.other(), INVITE, cseq, Response(200), Some(&sdp(2000, answer)));
        oa.handle(side, INVITE, cseq, Ack, None);
        (oa.holds(Caller), oa.holds(Callee))
    };
    assert_eq!(re(&mut oa, Caller, 2, "sendonly", "recvonly"), (true, false));
    // The held side refreshes, and holds in its turn.
    assert_eq!(re(&mut oa, Callee, 1, "recvonly", "sendonly"), (true, false));
    assert_eq!(re(&mut oa, Callee, 2, "inactive", "inactive"), (true, true));
    assert_eq!(re(&mut oa, Caller, 3, "recvonly", "sendonly"), (false, true));
    assert_eq!(re(&mut oa, Callee, 3, "sendrecv", "sendrecv"), (false, false));
    assert_eq!(re(&mut oa, Caller, 4, "inactive", "inactive"), (true, false));
    assert_eq!(re(&mut oa, Caller, 5, "sendrecv", "sendonly"), (false, true));
    assert_eq!(re(&mut oa, Caller, 6, "sendrecv", "sendrecv"), (false, false));
}

#[test]
fn hold_by_zero_address() {
    let mut oa = answered();
    let zero = Arc::new(crate::sdp::parse(b"v=0\nc=IN IP4 0.0.0.0\nm=audio 1000 RTP/AVP 8\n"));
    oa.handle(Caller, INVITE, 2, Request, Some(&zero));
    oa.handle(Callee, INVITE, 2, Response(200), Some(&sdp(2000, "sendrecv")));
    assert!(oa.holds(Caller) && !oa.holds(Callee));
}

#[test]
fn missed_messages() {
    // Only the response and the ACK were seen.
    let mut oa = OfferAnswer::new();
    oa.handle(Callee, INVITE, 1, Response(200), Some(&sdp(2000, "sendrecv")));
    assert_eq!(oa.handle(Caller, INVITE, 1, Ack, None), Agreed);
    assert_eq!(ports(&oa), (None, Some(2000)));
    // Only the ACK with its answer.
    let mut oa = OfferAnswer::new();
    assert_eq!(oa.handle(Caller, INVITE, 1, Ack, Some(&sdp(1000, "sendrecv"))), Agreed);
    assert_eq!(ports(&oa), (Some(1000), None));
    // A re-offer whose answer was missed gives way to the next one.
    let mut oa = answered();
    oa.handle(Caller, INVITE, 2, Request, Some(&sdp(1002, "sendonly")));
    oa.handle(Caller, INVITE, 3, Request, Some(&sdp(1003, "sendrecv")));
    assert_eq!(oa.handle(Callee, INVITE, 3, Response(200), Some(&sdp(2003, "sendrecv"))), Agreed);
    assert_eq!((ports(&oa), oa.offered(Caller).count()), ((Some(1003), Some(2003)), 0));
    // A success without a description settles what was offered.
    oa.handle(Caller, INVITE, 4, Request, Some(&sdp(1004, "sendrecv")));
    assert_eq!(oa.handle(Callee, INVITE, 4, Response(200), None), Agreed);
    assert_eq!(ports(&oa), (Some(1004), Some(2003)));
    // An UPDATE of which only the response was seen.
    assert_eq!(oa.handle(Callee, Carrier::Update, 5, Response(200), Some(&sdp(2005, "sendrecv"))), Agreed);
    assert_eq!(ports(&oa), (Some(1004), Some(2005)));
}

#[test]
fn pending_offers_are_bounded() {
    let mut oa = answered();
    for cseq in 2..1000 {
        oa.handle(Caller, INVITE, cseq, Request, Some(&sdp(1000, "sendrecv")));
    }
    assert_eq!(oa.offered(Caller).count(), MAX_PENDING);
}
