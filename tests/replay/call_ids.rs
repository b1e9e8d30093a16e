//! What is stored of ids that callers choose: no number in a Call-ID, none for an agent's id.

use crate::common::ladder::{AGENTS, Dialog, Scene, Side};
use crate::common::run::{Run, replay_with};
use crate::kit::{call, identity, nowhere, talk};
use Side::Caller;

/// A call of three seconds.
fn scene(d: &Dialog) -> Scene {
    let mut s = Scene::new();
    call(&mut s, d, 1000.0, 4000.0);
    s
}

/// The runs of a call, told in every way.
fn runs(s: &Scene, config: &str) -> [Run; 2] {
    let (_keep, path) = s.saved();
    [&["--json", "-vv"][..], &["-vvv"]].map(|args| replay_with(config, &[&path], args, &[]))
}

const NUMBER: [&str; 3] = ["401234567", "40-123-45-67", "40.12.34.567"];

#[test]
fn a_call_id_made_of_the_customers_number_is_stored_by_its_hash() {
    for call_id in [
        "+358401234567-1@trunk",
        "0401234567@198.51.100.10",
        "c-40-123-45-67@h",
        "40.12.34.567",
        "x%2B358401234567",
        "%34%30%31%32%33%34%35%36%37@h",
    ] {
        for mut d in [Dialog::new(1), Dialog::outbound(1)] {
            d.call_id = call_id.into();
            let withheld = Dialog { headers: "Privacy: id\r\n".into(), ..d.clone() };
            // Known by an asserted identity only.
            let mut asserted = Dialog::new(1);
            asserted.call_id = call_id.into();
            asserted.from = "<sip:trunk@trunk.example>".into();
            asserted.headers = "P-Asserted-Identity: <tel:+358401234567>\r\n".into();
            for d in [d, withheld, asserted] {
                for run in runs(&scene(&d), AGENTS) {
                    let stored = run.only().text("/sip/call_id");
                    assert!(stored.starts_with("sha256:") && stored.len() == 23, "{call_id}: {stored}");
                    nowhere(&run, &NUMBER);
                    nowhere(&run, &[call_id]);
                }
            }
        }
    }
}

#[test]
fn a_call_id_that_tells_nobody_is_stored_as_received() {
    for call_id in
        ["ladder-1", "123456@198.51.100.10", "a84b4c76e66710@pc33.example", "401-999-234", "2001-116117"]
    {
        let d = Dialog { call_id: call_id.into(), ..Dialog::new(2) };
        assert_eq!(scene(&d).replay(AGENTS).only().text("/sip/call_id"), call_id);
    }
}

#[test]
fn a_number_told_later_leaves_the_call_id_too() {
    for (method, cseq) in [("UPDATE", 7), ("INVITE", 8)] {
        let mut d = Dialog::new(3);
        d.from = "<sip:trunk@trunk.example>".into();
        d.call_id = "call-0401234567".into();
        let mut s = Scene::new();
        d.answered(&mut s, 100.0, 1000.0);
        let header = "P-Asserted-Identity: <sip:+358401234567@trunk.example>\r\n";
        identity(&mut s, &d, 2500.0, method, Caller, cseq, header);
        talk(&mut s, &d, 1000.0, 4000.0);
        d.bye(&mut s, 4000.0, Caller);
        for run in runs(&s, AGENTS) {
            assert!(run.only().text("/sip/call_id").starts_with("sha256:"), "{}", run.only().json);
            nowhere(&run, &NUMBER);
        }
    }
}

#[test]
fn calls_that_are_not_recorded_do_not_tell_the_number_by_their_call_id() {
    // No agent; a service that is not recorded; an answer whose INVITE was not seen; no media.
    let d = Dialog { call_id: "z0401234567".into(), ..Dialog::new(4) };
    let refused = format!("{AGENTS}[service_default]\nrecord = false\n");
    for config in ["[agents]\nextensions = [\"5555\"]\n", &refused] {
        runs(&scene(&d), config).iter().for_each(|run| nowhere(run, &NUMBER));
    }
    let mut s = Scene::new();
    d.status(&mut s, 1000.0, 200);
    runs(&s, AGENTS).iter().for_each(|run| nowhere(run, &NUMBER));
    let mut s = Scene::new();
    d.answered(&mut s, 100.0, 1000.0);
    d.bye(&mut s, 4000.0, Caller);
    runs(&s, AGENTS).iter().for_each(|run| nowhere(run, &NUMBER));
}

#[test]
fn a_customers_number_is_no_agents_id() {
    let networks = "[agents]\nnetworks = [\"192.0.2.0/24\"]\n";
    let customer = "<sip:+358401234567@trunk.example>";
    for (from, headers, to, uri, id) in [
        // A withheld caller whose own number stands in To: a voice mailbox.
        (customer, "Privacy: id\r\n", customer, "sip:2001@192.0.2.20", "2001"),
        (customer, "Privacy: id\r\n", "<sip:0401234567@pbx.example>", "sip:0401234567@192.0.2.20", "null"),
        // Diverted from a subscriber's telephone.
        (customer, "", "<sip:+358509876543@pbx.example>", "sip:2001@192.0.2.20", "2001"),
        (customer, "", "<sip:+358509876543@pbx.example>", "sip:+358509876543@192.0.2.20", "null"),
        // The telephone is registered under a word of its own.
        (customer, "", "<sip:2001@pbx.example>", "sip:k3j4h@192.0.2.20", "2001"),
        // What names nobody.
        (customer, "", "<sip:%20@pbx.example>", "sip:%20@192.0.2.20", "null"),
        (customer, "", "<sip:;x=1@pbx.example>", "sip:;x=1@192.0.2.20", "null"),
        (customer, "", "<sip:anonymous@pbx.example>", "sip:192.0.2.20", "null"),
    ] {
        let mut d = Dialog::new(5);
        (d.from, d.headers) = (from.into(), headers.into());
        (d.to, d.uri) = (to.into(), uri.into());
        for run in runs(&scene(&d), networks) {
            assert_eq!(run.only().text("/agent/id"), id, "{to} {uri}");
            nowhere(&run, &["401234567", "509876543"]);
        }
    }
}

#[test]
fn the_number_of_a_service_is_no_agents_id() {
    let config = "[agents]\nnetworks = [\"192.0.2.0/24\"]\nnames = { \"+35893101001\" = \"A. Virtanen\" }\n\
                  [[service]]\nname = \"116117\"\nnumbers = [\"116117\"]\n";
    for (to, uri, id) in [
        ("<sip:116117@pbx.example>", "sip:116117@192.0.2.20", "null"),
        ("<sip:116117@pbx.example>", "sip:2001@192.0.2.20", "2001"),
        ("<sip:116117@pbx.example>", "sip:+35893101001@192.0.2.20", "+35893101001"),
    ] {
        let d = Dialog { to: to.into(), uri: uri.into(), ..Dialog::new(6) };
        let run = scene(&d).replay(config);
        let r = run.only();
        assert_eq!(
            [r.text("/agent/id"), r.text("/dialled"), r.text("/service")],
            [id, "116117", "116117"],
            "{uri}"
        );
    }
}

#[test]
fn an_agent_on_the_way_out_is_not_called_by_a_customers_number() {
    // The exchange, within the networks, passes a customer's call on to a telephone outside.
    let d = Dialog { from: "<sip:+358509876543@pbx.example>".into(), ..Dialog::outbound(7) };
    for run in runs(&scene(&d), "[agents]\nnetworks = [\"192.0.2.0/24\"]\n") {
        assert_eq!(run.only().text("/agent/id"), "null");
        nowhere(&run, &["401234567", "509876543"]);
    }
}
