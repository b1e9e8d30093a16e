//! Every kind of call that the field was found to send, each a function that
//! writes one to a stage and says what must come of it.

use super::stage::Stage;
use super::want::Expected;

mod clocks;
mod forks;
mod keys;
mod legs;
mod lines;
mod numbers;
mod paths;
mod plain;
mod silence;
mod who;

/// One kind.
pub struct Kind {
    /// What `NAUHURI_KIND` calls it.
    pub name: &'static str,
    /// How often it comes in a day, against the others.
    pub weight: u32,
    /// Writes one.
    pub make: fn(&mut Stage) -> Expected,
}

const fn kind(name: &'static str, weight: u32, make: fn(&mut Stage) -> Expected) -> Kind {
    Kind { name, weight, make }
}

/// All of them.
pub const KINDS: &[Kind] = &[
    // What there always was.
    kind("plain", 100, plain::plain),
    kind("short", 20, plain::short),
    kind("refused", 20, plain::refused),
    kind("no_agent", 20, plain::no_agent),
    kind("internal", 20, plain::internal),
    kind("service", 15, plain::service),
    kind("challenged", 15, plain::challenged),
    kind("late_invite", 10, plain::invite_unseen),
    kind("stray", 10, plain::stray),
    kind("noise", 10, plain::noise),
    // Who talks.
    kind("asserted", 20, who::asserted),
    kind("named_later", 20, who::named_later),
    kind("withheld_later", 15, who::withheld_later),
    kind("fetched", 15, who::fetched),
    kind("click_to_dial", 15, who::click_to_dial),
    kind("pickup", 15, who::pickup),
    kind("blind_transfer", 15, who::blind_transfer),
    kind("attended_transfer", 15, who::attended_transfer),
    kind("answered_by", 15, who::answered_by),
    kind("trunk_identity", 15, who::trunk_identity),
    kind("refer_by_customer", 10, who::refer_by_customer),
    // Which branch, which media line.
    kind("forks_one_hop", 20, forks::one_hop),
    kind("forks_two_answers", 15, forks::two_answers),
    kind("two_lines", 20, lines::two_lines),
    kind("video_first", 10, lines::video_first),
    kind("keys_in_plain", 15, lines::keys_in_plain),
    kind("keys_refused", 15, lines::keys_refused),
    kind("type_changes", 15, lines::type_changes),
    kind("redundant", 10, lines::redundant),
    // Where media comes from.
    kind("nat_one", 20, paths::nat_one),
    kind("nat_both", 20, paths::nat_both),
    kind("ice", 20, paths::ice),
    kind("vlan", 20, paths::vlan),
    kind("symmetric", 15, paths::symmetric),
    kind("moved", 15, paths::moved),
    kind("way_back", 15, paths::way_back),
    kind("one_server", 15, paths::one_server),
    kind("reused", 15, paths::reused),
    kind("unmatched", 10, paths::unmatched),
    kind("cut", 10, paths::cut),
    kind("super_packets", 10, paths::super_packets),
    // Silence.
    kind("suppressed", 20, silence::suppressed),
    kind("long_mute", 4, silence::long_mute),
    kind("fax", 4, silence::fax),
    kind("one_way", 15, silence::one_way),
    kind("no_media", 10, silence::no_media),
    kind("port_zero", 6, silence::port_zero),
    kind("long_hold", 6, silence::long_hold),
    kind("held", 15, silence::held),
    kind("dead_then_alive", 3, silence::dead_then_alive),
    kind("no_bye", 3, silence::no_bye),
    kind("quiet_then_bye", 3, silence::quiet_then_bye),
    kind("keep_alives", 15, silence::keep_alives),
    kind("comfort_noise", 15, silence::comfort_noise),
    // Clocks.
    kind("wrong_clock", 20, clocks::wrong_clock),
    kind("stamps_frozen", 10, clocks::stamps_frozen),
    kind("restart", 15, clocks::restart),
    kind("looped", 15, clocks::looped),
    kind("skew", 2, clocks::skew),
    kind("new_ssrc", 6, clocks::new_ssrc),
    kind("faster", 15, clocks::faster),
    // Keys.
    kind("events", 15, keys::events),
    kind("event_stamps_move", 15, keys::event_stamps_move),
    kind("info", 15, keys::info),
    kind("info_and_event", 15, keys::info_and_event),
    // Numbers.
    kind("withheld", 20, numbers::withheld),
    kind("withheld_diverted", 15, numbers::withheld_diverted),
    kind("diverted", 15, numbers::diverted),
    kind("strangers_diversion", 15, numbers::strangers_diversion),
    // Several legs of one conversation.
    kind("correlated", 15, legs::correlated),
    kind("two_ids", 15, legs::two_ids),
    kind("masked", 15, legs::masked),
    kind("two_hops", 20, legs::two_hops),
    kind("two_hops_pause", 10, legs::two_hops_pause),
    kind("near_hop_keys", 10, legs::near_hop_keys),
    kind("transcoded", 10, legs::transcoded),
];
