//! Who is an agent, and which service a call belongs to: the rules of the
//! configuration, compiled once.

use crate::config::compiled::{ExtensionRule, Networks, NumberForm, truncate_number};
use crate::config::{CallDirection, Config, HideDigits, Service};
use crate::pii::Pii;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// One party of a leg, for the question "is this an agent?".
#[derive(Clone, Debug, Default)]
pub struct Party {
    /// User parts it is known by: the public one (From, To) first, the most
    /// particular (asserted identity, Request-URI nearest to it) last.
    pub users: Vec<Pii<String>>,
    /// Where its SIP comes from or goes to.
    pub addrs: Vec<IpAddr>,
    /// Id given by the agent header, when it marks this party.
    pub header_id: Option<String>,
}

/// A service with its name, ready to be shared.
pub type ServiceRef = Arc<Service>;

/// Rules about parties and services.
#[derive(Clone, Debug)]
pub struct Rules {
    form: NumberForm,
    extensions: Vec<ExtensionRule>,
    networks: Networks,
    has_any: bool,
    names: BTreeMap<String, String>,
    /// Header carrying an agent's id.
    pub agent_header: Option<String>,
    /// Headers whose equal values tie legs together.
    pub correlation_headers: Vec<String>,
    /// Record calls between two agents.
    pub record_internal: bool,
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
        let networks = Networks::parse(a.networks.iter().map(String::as_str)).unwrap_or_default();
        let base = &config.service_default;
        let services =
            config.service.iter().map(|s| (s.numbers.clone(), Arc::new(s.resolve(base)))).collect();
        Rules {
            has_any: !extensions.is_empty() || !networks.is_empty() || !a.header.is_empty(),
            extensions,
            networks,
            names: a.names.clone(),
            agent_header: (!a.header.is_empty()).then(|| a.header.clone()),
            correlation_headers: config.sip.correlation_headers.clone(),
            record_internal: a.record_internal,
            services,
            default_service: Arc::new(base.clone()),
            form,
        }
    }

    /// With no rule at all the called party counts as the agent.
    pub fn has_any(&self) -> bool {
        self.has_any
    }

    /// The agent id of a party, or `None` where it is no agent.
    pub fn agent_id(&self, party: &Party) -> Option<String> {
        if let Some(id) = &party.header_id {
            return Some(id.clone());
        }
        let users = party.users.iter().map(|u| u.expose());
        if let Some(u) =
            users.clone().rev().find(|u| self.extensions.iter().any(|e| e.matches(u, &self.form)))
        {
            return Some(u.clone());
        }
        let inside = party.addrs.iter().any(|a| self.networks.contains(*a));
        inside.then(|| users.clone().next().cloned().unwrap_or_else(|| "unknown".into()))
    }

    /// Display name of an agent.
    pub fn agent_name(&self, id: &str) -> Option<&str> {
        let exact = self.names.get(id);
        let found = exact.or_else(|| self.names.iter().find(|(k, _)| self.form.same(k, id)).map(|(_, v)| v));
        found.map(String::as_str)
    }

    /// The service of a dialled number: the first whose numbers contain it.
    pub fn service(&self, dialled: Option<&Pii<String>>) -> ServiceRef {
        let matched = dialled.and_then(|d| {
            let of = |numbers: &[String]| numbers.iter().any(|n| self.form.same(n, d.expose()));
            self.services.iter().find(|(numbers, _)| of(numbers)).map(|(_, s)| s)
        });
        Arc::clone(matched.unwrap_or(&self.default_service))
    }

    /// Same subscriber, whatever the form of the number.
    pub fn same_number(&self, a: &str, b: &str) -> bool {
        self.form.same(a, b)
    }
}

/// A customer's number as a service allows it to be stored; `None` when hidden whole.
pub fn stored_number(number: &Pii<String>, hide: HideDigits) -> Option<String> {
    truncate_number(number.expose(), hide)
}

/// Whether a service records calls of this direction.
pub fn records(service: &Service, direction: CallDirection) -> bool {
    match direction {
        CallDirection::Inbound | CallDirection::Outbound => service.directions.contains(&direction),
        CallDirection::Internal => true,
    }
}
