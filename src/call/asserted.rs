//! What a message says of the party that sent it: who it is by those who
//! vouch for it, and whether it wants to be known.
//!
//! RFC 3325 (P-Asserted-Identity), Remote-Party-ID (draft, still common), RFC
//! 3323 (Privacy), RFC 4916 (connected identity).

use super::rules::Rules;
use crate::pii::Pii;
use crate::sip::{Message, NameAddr};
use smallvec::SmallVec;

/// Longest user part kept; longer ones are cut.
const MAX_USER: usize = 128;
/// Identities kept of one message; RFC 3325 allows two.
const MAX_IDENTITIES: usize = 4;
/// Values of one header among which a number is sought.
const MAX_VALUES: usize = 16;

/// A party in its own message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asserted {
    /// User parts of P-Asserted-Identity, then of Remote-Party-ID.
    pub users: SmallVec<[Pii<String>; 2]>,
    /// Its telephone number, by the first header of `numbers.caller` that has one,
    /// and which one that was.
    pub number: Option<(usize, Pii<String>)>,
    /// It asked not to be known, by any of the ways there are.
    pub withheld: bool,
    /// Value of the header that carries an agent's id, if one is configured.
    pub header_id: Option<String>,
}

impl Asserted {
    /// Of the INVITE that begins a dialog: From counts among the headers that tell a number.
    pub fn of_invite(msg: &Message<'_>, rules: &Rules) -> Asserted {
        let speaks_of_caller =
            |a: &NameAddr<'_>| !a.param("party").is_some_and(|p| p.eq_ignore_ascii_case(b"called"));
        let anonymous_from = msg.from().is_some_and(|f| is_anonymous(&f));
        Asserted {
            withheld: msg.privacy().hides_identity() || anonymous_from || msg.rpid_withheld(),
            ..Asserted::read(msg, rules, speaks_of_caller, true)
        }
    }

    /// Of a later request, or of a response. What its From or To says is the
    /// dialog's, not news of the sender.
    pub fn of_later(msg: &Message<'_>, rules: &Rules) -> Asserted {
        let anonymous = msg.asserted_identities().any(|a| is_anonymous(&a));
        let withheld =
            msg.privacy().hides_identity() || msg.remote_party_ids().any(|a| a.asks_privacy()) || anonymous;
        Asserted { withheld, ..Asserted::read(msg, rules, |_| true, false) }
    }

    fn read(
        msg: &Message<'_>,
        rules: &Rules,
        of_sender: impl Fn(&NameAddr<'_>) -> bool,
        is_first: bool,
    ) -> Asserted {
        let remote = msg.remote_party_ids().filter(&of_sender);
        let users = msg.asserted_identities().chain(remote).filter_map(|a| user_of(Some(&a)));
        let number = rules.caller_headers.iter().enumerate().find_map(|(rank, name)| {
            let is_from = name.eq_ignore_ascii_case("From");
            if is_from && !is_first {
                return None;
            }
            let values = msg.header_values(name);
            values.take(MAX_VALUES).find_map(|v| {
                let addr = NameAddr::parse(&v);
                let user = user_of(Some(&addr)).filter(|u| of_sender(&addr) && rules.is_number(u));
                user.map(|u| (rank, u))
            })
        });
        Asserted {
            users: users.take(MAX_IDENTITIES).collect(),
            number,
            withheld: false,
            header_id: rules.agent_header.as_deref().and_then(|h| header_id(msg, h)),
        }
    }

    /// Says nothing that was not known without it.
    pub fn is_silent(&self) -> bool {
        self.users.is_empty() && self.number.is_none() && !self.withheld && self.header_id.is_none()
    }

    /// Its telephone number, if it told one.
    pub fn number(&self) -> Option<&Pii<String>> {
        self.number.as_ref().map(|(_, n)| n)
    }

    /// Takes in what the same INVITE says on another hop: a proxy may know more
    /// than the caller said, and hide what it knows.
    pub fn join_hop(&mut self, hop: Asserted) {
        let own = self.number.take();
        let number = own.into_iter().chain(hop.number.clone()).min_by_key(|(rank, _)| *rank);
        self.take_in(hop);
        self.number = number;
    }

    /// Takes in what came later. Who is asserted takes the place of who was; who
    /// once asked not to be known stays unknown.
    pub fn take_in(&mut self, later: Asserted) {
        if !later.users.is_empty() {
            self.users = later.users;
        }
        self.number = later.number.or(self.number.take());
        self.header_id = later.header_id.or(self.header_id.take());
        self.withheld |= later.withheld;
    }
}

/// The id in the agent header, cut to a bounded length.
fn header_id(msg: &Message<'_>, name: &str) -> Option<String> {
    let value = msg.header(name)?;
    let text = String::from_utf8_lossy(&value);
    let text = text.trim();
    (!text.is_empty()).then(|| text.chars().take(MAX_USER).collect())
}

/// By its user or its host.
fn is_anonymous(addr: &NameAddr<'_>) -> bool {
    addr.uri.user().is_some_and(|u| is_anonymous_name(&u))
        || addr.uri.host().trim_ascii_end().eq_ignore_ascii_case(b"anonymous.invalid")
}

/// RFC 3323 §4.1.1.3, and what gateways write in its place.
pub(super) fn is_anonymous_name(user: &str) -> bool {
    let user = user.split(';').next().unwrap_or(user).trim();
    ["anonymous", "restricted", "unavailable"].iter().any(|name| user.eq_ignore_ascii_case(name))
}

/// The user part of an address, cut to a bounded length.
pub(super) fn user_of(addr: Option<&NameAddr<'_>>) -> Option<Pii<String>> {
    addr?.uri.user().map(|u| bounded(&u))
}

/// A user part as it is kept.
pub(super) fn bounded(user: &str) -> Pii<String> {
    Pii::new(user.chars().take(MAX_USER).collect())
}
