//! The rules of the configuration about parties and services, compiled once.

use crate::codec::key_sequence::PauseKeys;
use crate::config::compiled::{ExtensionRule, NumberForm, truncate_number};
use crate::config::{AgentMatch, Config, HideDigits, Networks, PauseRules, Service};
use crate::pii::Pii;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A service with its name, ready to be shared.
pub type ServiceRef = Arc<Service>;

/// Rules about parties and services.
#[derive(Clone, Debug)]
pub struct Rules {
    form: NumberForm,
    extensions: Vec<ExtensionRule>,
    networks: Networks,
    has_any: bool,
    /// Only a party within the networks can be an agent.
    is_bound: bool,
    names: BTreeMap<String, String>,
    /// Header carrying an agent's id.
    pub agent_header: Option<String>,
    /// Headers whose equal values tie legs together.
    pub correlation_headers: Vec<String>,
    /// Headers that tell a caller's number, the most trusted first.
    pub caller_headers: Vec<String>,
    /// Record calls between two agents.
    pub record_internal: bool,
    /// By what a header asks for a pause.
    pub pause: PauseRules,
    /// By what keys an agent does, if by any.
    pub pause_keys: Option<PauseKeys>,
    services: Vec<(Vec<String>, ServiceRef)>,
    default_service: ServiceRef,
}

impl Rules {
    /// Compiles a checked configuration; a pattern that does not parse is left
    /// out (`config::check` refuses it before it comes here).
    pub fn new(config: &Config) -> Rules {
        let form = NumberForm::new(&config.numbers);
        let a = &config.agents;
        let extensions: Vec<_> =
            a.extensions.iter().filter_map(|p| ExtensionRule::parse(p, &form).ok()).collect();
        let networks = a.networks.clone();
        let base = &config.service_default;
        let services =
            config.service.iter().map(|s| (s.numbers.clone(), Arc::new(s.resolve(base)))).collect();
        Rules {
            has_any: !extensions.is_empty() || !networks.is_empty() || !a.header.is_empty(),
            is_bound: !networks.is_empty() && a.matching == AgentMatch::Within,
            extensions,
            networks,
            names: a.names.clone(),
            agent_header: (!a.header.is_empty()).then(|| a.header.clone()),
            correlation_headers: config.sip.correlation_headers.clone(),
            caller_headers: config.numbers.caller.clone(),
            record_internal: a.record_internal,
            pause: config.pause.clone(),
            pause_keys: PauseKeys::new(&config.pause),
            services,
            default_service: Arc::new(base.clone()),
            form,
        }
    }

    /// With no rule at all the called party counts as the agent.
    pub fn has_any(&self) -> bool {
        self.has_any
    }

    /// The header by which an agent's side asks for a pause, if there is one.
    pub fn pause_header(&self) -> Option<&str> {
        Some(self.pause.header.as_str()).filter(|name| !name.is_empty())
    }

    /// Agents are told by their extensions, so that an identity can contradict.
    pub fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// Is this user part an agent's extension?
    pub fn is_extension(&self, user: &Pii<String>) -> bool {
        let key = self.form.key(user.expose());
        self.extensions.iter().any(|e| e.matches_key(&key))
    }

    /// Is this address in the agents' networks?
    pub fn is_agents_network(&self, addr: IpAddr) -> bool {
        self.networks.contains(addr)
    }

    /// Does a number or a header count only within the agents' networks?
    pub fn is_bound(&self) -> bool {
        self.is_bound
    }

    /// Does this user part read as a telephone number?
    pub fn is_number(&self, user: &Pii<String>) -> bool {
        self.form.canonical(user.expose()).is_some()
    }

    /// The service that has this number, if one has.
    pub fn service_of(&self, dialled: &Pii<String>) -> Option<&ServiceRef> {
        let of = |numbers: &[String]| numbers.iter().any(|n| self.form.same(n, dialled.expose()));
        self.services.iter().find(|(numbers, _)| of(numbers)).map(|(_, s)| s)
    }

    /// Display name of an agent.
    pub fn agent_name(&self, id: &str) -> Option<&str> {
        let exact = self.names.get(id);
        let found = exact.or_else(|| self.names.iter().find(|(k, _)| self.form.same(k, id)).map(|(_, v)| v));
        found.map(String::as_str)
    }

    /// The service of a dialled number: the first whose numbers contain it, else the default.
    pub fn service(&self, dialled: Option<&Pii<String>>) -> ServiceRef {
        Arc::clone(dialled.and_then(|d| self.service_of(d)).unwrap_or(&self.default_service))
    }

    /// Same subscriber, whatever the form of the number.
    pub fn same_number(&self, a: &str, b: &str) -> bool {
        self.form.same(a, b)
    }
}

/// Digits at the end that make two numbers one, whatever stands before them; with fewer a
/// number is an exchange's own.
pub(super) const SUBSCRIBER_DIGITS: usize = 7;

/// The end of a subscriber's number, which all its forms share.
pub fn subscriber_tail(number: &str) -> Option<String> {
    let number = number.split(';').next().unwrap_or(number);
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    digits.len().checked_sub(SUBSCRIBER_DIGITS).map(|from| digits[from..].to_string())
}

/// A customer's number as a service allows it to be stored; `None` when hidden whole.
pub fn stored_number(number: &Pii<String>, hide: HideDigits) -> Option<Pii<String>> {
    truncate_number(number.expose(), hide).map(Pii::new)
}
