//! Who of a communication session is the caller, who is called, and what is told of either.
//!
//! The metadata says who takes part, not who called whom. In this order it is known by: a vendor's word
//! on a participant (`callingParty`, `role`), a vendor's word on the direction together with who is an
//! agent by the rules, and the order of the participants: the caller is named first. A side keeps its
//! participant as long as he is there.

use super::part::{CallParty, uri};
use super::picture::{Participant, Scene};
use super::rs_metadata::Extension;
use crate::call::rules::{Rules, subscriber_tail};
use crate::pii::Pii;
use crate::sdp::Side;

/// Longest value of a header passed on.
const MAX_VALUE: usize = 256;
/// Headers passed on of one side.
const MAX_HEADERS: usize = 16;

/// Headers of the client's own INVITE that tell of the call it is about.
const OF_CALL: [&str; 3] = ["Diversion", "History-Info", "Privacy"];
/// Headers that extension data may hold of a participant's own message.
const OF_PARTY: [&str; 2] = ["P-Asserted-Identity", "Remote-Party-ID"];

/// Who talks with whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cast {
    /// Caller and called.
    pub sides: [CallParty; 2],
    /// On each media line, whose voices are heard.
    pub voices: Vec<[bool; 2]>,
    /// Somebody else is heard as well, or both on one line: what is recorded does not tell them apart.
    pub is_blurred: bool,
}

/// What the rules of the configuration say here.
#[derive(Clone, Debug)]
pub struct Casting {
    rules: Rules,
    /// Names of extension data and headers that hold the number that was dialled.
    dialled: Vec<String>,
}

impl Casting {
    /// Under a checked configuration.
    pub fn new(rules: Rules, dialled: &[String]) -> Casting {
        Casting { rules, dialled: dialled.to_vec() }
    }

    /// Who is who in `scene`; `before` keeps its sides where it can. `told` are headers of the client's
    /// INVITE.
    pub fn cast(&self, scene: &Scene, before: Option<&Cast>, told: &[(String, Pii<String>)]) -> Cast {
        let order = self.order(scene, before);
        let side = |s: Side| order[s as usize].and_then(|i| scene.members.get(i));
        let mut sides = [Side::Caller, Side::Callee].map(|s| match side(s) {
            Some(m) => CallParty { id: m.id.clone(), user: m.user.clone(), headers: self.own_headers(m, s) },
            None => CallParty::default(),
        });
        self.call_headers(scene, told, &mut sides);
        let heard = |voices: &Vec<usize>| order.map(|who| who.is_some_and(|i| voices.contains(&i)));
        let voices: Vec<[bool; 2]> = scene.voices.iter().map(heard).collect();
        let is_other = |voices: &Vec<usize>| voices.iter().any(|i| !order.contains(&Some(*i)));
        let is_blurred = voices.contains(&[true, true]) || scene.voices.iter().any(is_other);
        Cast { sides, voices, is_blurred }
    }

    /// Places of caller and called among the members.
    fn order(&self, scene: &Scene, before: Option<&Cast>) -> [Option<usize>; 2] {
        // Some clients give everybody a new id in every document.
        let place = |role: &CallParty| {
            let by_user = || scene.members.iter().position(|m| m.user.is_some() && m.user == role.user);
            scene.members.iter().position(|m| m.id == role.id).or_else(by_user)
        };
        let mut order: [Option<usize>; 2] = [None, None];
        if let Some(before) = before {
            order = [0, 1].map(|s: usize| place(&before.sides[s]));
            if order[0] == order[1] {
                order[1] = None;
            }
        }
        let is_heard = |i: &usize| scene.voices.iter().any(|v| v.contains(i));
        let all = 0..scene.members.len();
        // Who is heard goes before who only listens.
        let ranked: Vec<usize> = all
            .clone()
            .filter(is_heard)
            .chain(all.filter(|i| !is_heard(i)))
            .take(scene.members.len())
            .collect();
        if order == [None, None] {
            let mut two: Vec<usize> = ranked.iter().copied().take(2).collect();
            two.sort_unstable();
            return self.by_word([two.first().copied(), two.get(1).copied()], scene);
        }
        for s in [0, 1] {
            if order[s].is_none() {
                order[s] = ranked.iter().copied().find(|i| order[1 - s] != Some(*i));
            }
        }
        order
    }

    /// The two, turned round where a word of the client's says so.
    fn by_word(&self, order: [Option<usize>; 2], scene: &Scene) -> [Option<usize>; 2] {
        let [a, b] = order;
        let member = |i: Option<usize>| i.and_then(|i| scene.members.get(i));
        let turned = [b, a];
        for (i, m) in [(0, member(a)), (1, member(b))] {
            match m.and_then(is_calling) {
                Some(calls) if calls == (i == 0) => return order,
                Some(_) => return turned,
                None => {}
            }
        }
        let agents = [a, b].map(|i| member(i).is_some_and(|m| self.is_agent(m)));
        match (direction(scene), agents) {
            (Some(Way::In), [true, false]) | (Some(Way::Out), [false, true]) => turned,
            _ => order,
        }
    }

    fn is_agent(&self, m: &Participant) -> bool {
        let by_header = || {
            let name = self.rules.agent_header.as_deref();
            name.is_some_and(|n| m.extensions.iter().any(|e| e.name.eq_ignore_ascii_case(n)))
        };
        m.user.as_ref().is_some_and(|u| self.rules.is_extension(u)) || by_header()
    }

    /// Headers out of a participant's extension data.
    fn own_headers(&self, m: &Participant, side: Side) -> Vec<(String, Pii<String>)> {
        let names = OF_CALL.iter().chain(&OF_PARTY).map(|n| (*n).to_owned());
        let names = names.chain(self.rules.caller_headers.iter().cloned());
        let names: Vec<String> = names.chain(self.rules.agent_header.clone()).collect();
        let is_told = |e: &&Extension| {
            let is_known = names.iter().any(|n| n.eq_ignore_ascii_case(&e.name));
            // From and To are written of the address; where the call came by is the caller's to say.
            let is_history = OF_CALL[..2].iter().any(|n| n.eq_ignore_ascii_case(&e.name));
            is_known && !e.name.eq_ignore_ascii_case("From") && (side == Side::Caller || !is_history)
        };
        let told = m.extensions.iter().filter(is_told).take(MAX_HEADERS);
        told.map(|e| (e.name.clone(), clean(&e.value))).collect()
    }

    /// Headers that are of the call, or of one of its sides without saying of which.
    fn call_headers(&self, scene: &Scene, told: &[(String, Pii<String>)], sides: &mut [CallParty; 2]) {
        let of_scene = scene.extensions.iter().chain(scene.members.iter().flat_map(|m| &m.extensions));
        let of_scene: Vec<(String, Pii<String>)> =
            of_scene.map(|e| (e.name.clone(), e.value.clone())).collect();
        let all = of_scene.iter().chain(told);
        let dialled = |name: &str| self.dialled.iter().any(|d| d.eq_ignore_ascii_case(name));
        let mut add = |side: Side, name: &str, value: Pii<String>| {
            let headers = &mut sides[side as usize].headers;
            let is_there = headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
            if !is_there && headers.len() < MAX_HEADERS {
                headers.push((name.to_owned(), value));
            }
        };
        if let Some((_, number)) = all.clone().find(|(name, _)| dialled(name)) {
            let uri = uri(Some(&Pii::new(number_in(number.as_str()))));
            add(Side::Caller, "History-Info", Pii::new(format!("<{uri}>;index=1")));
        }
        if let Some(id) = scene.sip_session_id.as_deref().filter(|id| is_session_id(id)) {
            add(Side::Caller, "Session-ID", clean(&Pii::new(id.to_owned())));
        }
        let is_of_call = |name: &str| {
            let correlation = self.rules.correlation_headers.iter();
            OF_CALL.iter().any(|n| n.eq_ignore_ascii_case(name))
                || correlation.filter(|n| *n != "Session-ID").any(|n| n.eq_ignore_ascii_case(name))
        };
        let own = scene.extensions.iter().map(|e| (&e.name, &e.value));
        let own: Vec<(&String, &Pii<String>)> = own.chain(told.iter().map(|(n, v)| (n, v))).collect();
        for (name, value) in own.iter().filter(|(name, _)| is_of_call(name)) {
            add(Side::Caller, name, clean(value));
        }
        let Some(header) = self.rules.agent_header.as_deref() else { return };
        let named = own.iter().find(|(name, _)| name.eq_ignore_ascii_case(header));
        if let Some((_, id)) =
            named.filter(|_| !has_header(&sides[0], header) && !has_header(&sides[1], header))
        {
            let side = self.side_of(id.as_str(), scene, sides);
            sides[side as usize].headers.push((header.to_owned(), clean(id)));
        }
    }

    /// Whose an agent's id is that stands beside the participants: his who is called so, the agent's by
    /// the rules, else his who was called.
    fn side_of(&self, id: &str, scene: &Scene, sides: &[CallParty; 2]) -> Side {
        let is_called =
            |r: &CallParty| r.user.as_ref().is_some_and(|u| self.rules.same_number(u.as_str(), id));
        let is_agent = |r: &CallParty| r.user.as_ref().is_some_and(|u| self.rules.is_extension(u));
        let by = |is: &dyn Fn(&CallParty) -> bool| match (is(&sides[0]), is(&sides[1])) {
            (true, false) => Some(Side::Caller),
            (false, true) => Some(Side::Callee),
            _ => None,
        };
        let by_direction = || (direction(scene) == Some(Way::Out)).then_some(Side::Caller);
        by(&is_called).or_else(|| by(&is_agent)).or_else(by_direction).unwrap_or(Side::Callee)
    }
}

/// Are two roles one party: the same participant under the same number?
pub fn is_same(a: &CallParty, b: &CallParty) -> bool {
    match (&a.user, &b.user) {
        (Some(x), Some(y)) if x != y => {
            let tail = |n: &Pii<String>| subscriber_tail(n.as_str());
            tail(x).is_some() && tail(x) == tail(y)
        }
        (Some(_), Some(_)) => true,
        // What was not known before, or is left out now, is no news.
        _ => a.id == b.id,
    }
}

fn has_header(role: &CallParty, name: &str) -> bool {
    role.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
}

/// Which way a call goes, seen from the client's side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// A vendor's word on the direction.
fn direction(scene: &Scene) -> Option<Way> {
    let all = scene.extensions.iter().chain(scene.members.iter().flat_map(|m| &m.extensions));
    let mut said = all.filter(|e| matches!(&*plain(&e.name), "direction" | "calldirection"));
    said.find_map(|e| match &*plain(e.value.as_str()) {
        "inbound" | "incoming" | "in" | "terminating" | "ingress" => Some(Way::In),
        "outbound" | "outgoing" | "out" | "originating" | "egress" => Some(Way::Out),
        _ => None,
    })
}

/// A vendor's word on who a participant is in the call.
fn is_calling(m: &Participant) -> Option<bool> {
    m.extensions.iter().find_map(|e| match (&*plain(&e.name), &*plain(e.value.as_str())) {
        ("callingparty" | "callerorig" | "iscaller", "true" | "1" | "yes") => Some(true),
        ("callingparty" | "callerorig" | "iscaller", "false" | "0" | "no") => Some(false),
        ("role" | "participantrole", "caller" | "calling" | "originator") => Some(true),
        ("role" | "participantrole", "callee" | "called" | "terminator") => Some(false),
        _ => None,
    })
}

/// Letters and digits, in lower case.
fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A number that may stand in an address, or in brackets.
fn number_in(text: &str) -> String {
    let addr = crate::sip::NameAddr::parse(text.as_bytes());
    addr.uri.user().map_or_else(|| text.trim().to_owned(), |u| u.into_owned())
}

/// RFC 7989 §5: 32 hexadecimal digits, perhaps with those of the other side.
fn is_session_id(text: &str) -> bool {
    let own = text.split(';').next().unwrap_or_default().trim();
    own.len() == 32 && own.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A value that stays on its line.
fn clean(value: &Pii<String>) -> Pii<String> {
    let text = value.as_str().chars().take(MAX_VALUE).map(|c| if c.is_control() { ' ' } else { c });
    Pii::new(text.collect::<String>().trim().to_owned())
}
