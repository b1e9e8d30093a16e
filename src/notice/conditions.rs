//! What a configuration keeps, as the rows of the table ask for it.

use super::fill::{Blank, Fill, Filling};
use super::forms_of_words::Services;
use crate::config::listening::{Act, Role, Scope};
use crate::config::{CallDirection, Config, ListenReason, Service};
use crate::custody::access::Policy;

/// A checked configuration, looked at for what it promises.
#[derive(Debug)]
pub struct Conditions<'a> {
    /// All of it.
    pub(super) config: &'a Config,
    /// Every service with everything filled in; the last is the one for all other numbers.
    services: Vec<Service>,
    /// Who may do what: what the listening room itself asks.
    policy: Policy,
}

impl<'a> Conditions<'a> {
    /// Of a checked configuration.
    pub(super) fn new(config: &'a Config) -> Self {
        let base = &config.service_default;
        let named = config.service.iter().map(|rule| rule.resolve(base));
        Conditions { config, services: named.chain([base.clone()]).collect(), policy: Policy::new(config) }
    }

    /// Whether any call is recorded.
    pub(super) fn records(&self) -> bool {
        self.any(|_| true)
    }

    /// Whether a recorded service is so.
    pub(super) fn any(&self, is_so: impl Fn(&Service) -> bool) -> bool {
        self.services.iter().any(|service| service.record && is_so(service))
    }

    /// The service of all numbers that no other lists.
    pub(super) fn others(&self) -> &Service {
        &self.config.service_default
    }

    /// Whether a service has other rules than the calls to all other numbers.
    pub(super) fn differ(&self) -> bool {
        let base = &self.config.service_default;
        let alike = |service: &Service| Service {
            name: base.name.clone(),
            office: base.office.clone(),
            ..service.clone()
        };
        self.services.iter().any(|service| alike(service) != *base)
    }

    /// Recorded services by what `of` says of each; those of which it says nothing are left out.
    pub(super) fn grouped<T: PartialEq>(&self, of: impl Fn(&Service) -> Option<T>) -> Vec<(Fill, T)> {
        self.groups(|service| if service.record { of(service) } else { None })
    }

    /// The services of which it is true, if there are any.
    pub(super) fn services(&self, is_so: impl Fn(&Service) -> bool) -> Vec<Filling> {
        self.grouped(|service| is_so(service).then_some(()))
            .into_iter()
            .map(|(s, ())| vec![("services", s)])
            .collect()
    }

    /// The services that are not recorded.
    pub(super) fn excluded(&self) -> Vec<Filling> {
        let groups = self.groups(|service| (!service.record).then_some(()));
        groups.into_iter().map(|(services, ())| vec![("services", services)]).collect()
    }

    fn groups<T: PartialEq>(&self, of: impl Fn(&Service) -> Option<T>) -> Vec<(Fill, T)> {
        let recorded = self.services.iter().filter(|service| service.record).count();
        let mut groups: Vec<(Services, usize, T)> = Vec::new();
        for (i, service) in self.services.iter().enumerate() {
            let Some(value) = of(service) else { continue };
            let at = groups.iter().position(|(.., known)| *known == value).unwrap_or_else(|| {
                groups.push((Services::default(), 0, value));
                groups.len() - 1
            });
            let (services, count, _) = &mut groups[at];
            *count += usize::from(service.record);
            match i + 1 == self.services.len() {
                true => services.others = true,
                false => services.names.push(service.name.clone()),
            }
        }
        let each = groups.into_iter().map(|(mut services, count, value)| {
            services.is_all = count > 0 && count == recorded;
            (Fill::Services(services), value)
        });
        each.collect()
    }

    /// Roles that are configured and of which it is true, by name.
    pub(super) fn roles(&self, is_so: impl Fn(&Role) -> bool) -> Vec<Filling> {
        let roles = self.config.room.roles.iter().filter(|(_, role)| is_so(role));
        roles.map(|(name, _)| vec![("role", Fill::Role(name.clone()))]).collect()
    }

    /// Names of the roles that let somebody hear recordings.
    pub(super) fn hearers(&self) -> Vec<String> {
        let hearing = self.config.room.roles.iter().filter(|(_, role)| role.hear != Scope::None);
        hearing.map(|(name, _)| name.clone()).collect()
    }

    /// Whether anybody has access to recordings by the listening room.
    pub(super) fn has_room(&self) -> bool {
        self.config.room.roles.values().any(|role| role.find != Scope::None || role.hear != Scope::None)
    }

    /// Whether a running recording of the service can be paused.
    pub(super) fn pauses(&self, service: &Service) -> bool {
        let pause = &self.config.pause;
        let by_agent = !pause.start_keys.is_empty() || !pause.header.is_empty() || pause.listen.is_some();
        service.pause && (by_agent || !self.config.control.socket.as_os_str().is_empty())
    }

    /// Whether calls reach the recorder by SIPREC, whose client decides when recording starts.
    pub(super) fn has_sessions(&self) -> bool {
        !self.config.siprec.listen.is_empty()
    }

    /// Whether training copies are made or heard of the service.
    pub(super) fn trains(&self, service: &Service) -> bool {
        let gives = |role: &Role| role.training != Scope::None || role.act.contains(&Act::Training);
        self.config.room.roles.values().any(gives) && self.policy.trains(Some(&service.name))
    }

    /// For what its recordings may be heard, if that is limited.
    pub(super) fn reasons(&self, service: &Service) -> Option<Vec<ListenReason>> {
        let name = Some(service.name.as_str());
        self.policy.asks_for_a_reason(name).then(|| self.policy.reasons(name))
    }

    /// Whether hearing them takes an approved request.
    pub(super) fn is_on_request(&self, service: &Service) -> bool {
        self.policy.is_on_request(Some(&service.name))
    }
}

/// Once, if it is so.
pub(super) fn once(is_so: bool, filling: Filling) -> Vec<Filling> {
    if is_so { vec![filling] } else { Vec::new() }
}

/// Once and always.
pub(super) fn always() -> Vec<Filling> {
    vec![Vec::new()]
}

/// A text of the configuration, or the place for it.
pub(super) fn text_or(text: &str, blank: Blank) -> Fill {
    if text.trim().is_empty() { Fill::Blank(blank) } else { Fill::Text(text.trim().to_owned()) }
}

/// Whether calls of this direction are recorded.
pub(super) fn goes(service: &Service, direction: CallDirection) -> bool {
    service.directions.contains(&direction)
}
