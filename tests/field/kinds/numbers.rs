//! What is stored of numbers: withheld ones nowhere, strangers' truncated.

use crate::field::stage::{DUTY, Stage};
use crate::field::want::{Expected, Number};

/// How a caller withholds his number: From, and more headers.
fn withholds(s: &mut Stage, number: &str) -> (String, String) {
    let asserted = format!("P-Asserted-Identity: <sip:{number}@trunk.example>\r\n");
    let plain = format!("<sip:{number}@trunk.example>");
    match s.rng.below(7) {
        0 => ("\"Anonymous\" <sip:anonymous@anonymous.invalid>".into(), asserted),
        1 => ("<sip:Restricted@trunk.example>".into(), asserted),
        2 => (format!("<sip:{number}@anonymous.invalid>"), String::new()),
        3 => (plain, "Privacy: id;critical\r\n".into()),
        4 => (plain, format!("Privacy: header; USER\r\n{asserted}")),
        5 => (plain, format!("Remote-Party-ID: <sip:{number}@x>;party=calling;privacy=full\r\n")),
        _ => ("<sip:unavailable@trunk.example>".into(), String::new()),
    }
}

/// A withheld caller to the agent.
pub fn withheld(s: &mut Stage) -> Expected {
    let mut c = s.call_of(true, 1200.0);
    let (from, headers) = withholds(s, &c.number.clone());
    (c.d.from, c.d.headers) = (from, headers);
    s.whole(&mut c);
    let mut w = c.wanted(&s.agent(0));
    w.number = Number::Withheld;
    Expected::one(w).secret(&c.number)
}

/// The withheld number stands in Diversion and History-Info as well.
pub fn withheld_diverted(s: &mut Stage) -> Expected {
    let mut c = s.call_of(true, 1200.0);
    let number = c.number.clone();
    let (from, mut headers) = withholds(s, &number);
    headers += &match s.rng.below(3) {
        0 => format!("Diversion: <sip:{number}@trunk.example>;reason=unconditional\r\n"),
        1 => format!("Diversion: <tel:{number}>\r\nHistory-Info: <sip:{number}@x>;index=1\r\n"),
        _ => format!("History-Info: <sip:{number}@x?Reason=SIP%3Bcause%3D302>;index=1\r\n"),
    };
    (c.d.from, c.d.headers) = (from, headers);
    s.whole(&mut c);
    let mut w = c.wanted(&s.agent(0));
    w.number = Number::Withheld;
    w.dialled = None;
    Expected::one(w).secret(&number)
}

/// A service's number was dialled; the first diversion tells, or the history.
pub fn diverted(s: &mut Stage) -> Expected {
    let mut c = s.call_of(true, 1200.0);
    let other = s.agent(7);
    c.d.headers = match s.rng.below(4) {
        0 => format!("Diversion: <sip:{DUTY}@pbx.example>;reason=unconditional\r\n"),
        1 => format!("Diversion: <sip:{other}@pbx>;reason=no-answer\r\nDiversion: <sip:{DUTY}@pbx>\r\n"),
        2 => format!("History-Info: <sip:{DUTY}@pbx.example>;index=1, <sip:{other}@pbx>;index=1.1\r\n"),
        _ => format!("Diversion: <tel:+358-{DUTY};x=y>\r\n"),
    };
    let last = c.d.headers.contains("tel:");
    s.whole(&mut c);
    let mut w = c.wanted(&s.agent(0));
    w.dialled = if last { None } else { Some(DUTY.into()) };
    Expected::one(w).secret(&c.number)
}

/// A private subscriber diverts to the agent: neither service nor agent, so not whole.
pub fn strangers_diversion(s: &mut Stage) -> Expected {
    let mut c = s.call_of(true, 1200.0);
    let private = format!("+35850{:07}", s.rng.below(10_000_000));
    c.d.headers = format!("Diversion: <sip:{private}@trunk.example>;reason=unconditional\r\n");
    s.whole(&mut c);
    let mut w = c.wanted(&s.agent(0));
    // The To user is an agent's: of the candidates he comes before a stranger.
    w.dialled = Some(s.agent(0));
    Expected::one(w).secret(&c.number).secret(&private)
}
