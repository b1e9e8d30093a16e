//! The load generator itself: order, counts and content of what it writes. Nothing here runs the recorder.

#[allow(dead_code, reason = "the generator serves benches and an example; this test needs a part of it")]
#[path = "../benches/common/generate.rs"]
mod generate;

use generate::{BODY_AT, Codec, Generator, PAYLOAD, Party, Plan};

#[test]
fn frames_come_in_time_order_and_none_is_missing() {
    for plan in [
        Plan { calls: 40, seconds: 2, ..Plan::default() }.all_at_once(),
        Plan { calls: 40, seconds: 2, codec: Codec::G722, ..Plan::default() }.staggered(3),
        Plan { calls: 3, seconds: 0, ..Plan::default() },
    ] {
        let (mut generator, mut frame, mut last, mut count) = (Generator::new(plan), Vec::new(), 0, 0);
        while let Some(at) = generator.next_frame(&mut frame) {
            assert!(at >= last, "frame {count} goes back in time");
            (last, count) = (at, count + 1);
        }
        assert_eq!(count, u64::from(plan.calls) * (6 + 2 * plan.packets()));
    }
}

#[test]
fn payload_can_be_told_from_outside() {
    let plan = Plan { calls: 1, seconds: 1, ..Plan::default() };
    let (mut generator, mut frame, mut seen) = (Generator::new(plan), Vec::new(), 0);
    while generator.next_frame(&mut frame).is_some() {
        if frame.len() != BODY_AT + 12 + PAYLOAD {
            continue;
        }
        let (party, n) = ([Party::Customer, Party::Agent][seen % 2], seen as u64 / 2);
        let mut wanted = [0u8; PAYLOAD];
        generate::payload(0, party, n, &mut wanted);
        assert_eq!(frame[BODY_AT + 12..], wanted);
        assert_eq!(frame[BODY_AT + 8..BODY_AT + 12], generate::ssrc(0, party).to_be_bytes());
        seen += 1;
    }
    assert_eq!(seen as u64, 2 * plan.packets());
}
