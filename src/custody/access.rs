//! May this person do this to this recording, and if not, why not?
//!
//! One pure function, [`Policy::may`], which every page and every call of the API
//! asks. Denied unless a role of the person, counting from where he is, gives it: the
//! role that lets him find a recording is the one that has to let him act on it. What
//! counts of agents and teams is who was what at the time of the call.

mod directory;

pub use directory::{Assignment, Directory};

use crate::config::listening::{Act, ListenReason, Listening, Role, Scope};
use crate::config::{Config, CopyAccess, Service};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Name of the account.
    pub name: String,
    /// Names of his roles.
    pub roles: Vec<String>,
    /// Which agents he was, and when.
    pub agents: Vec<Assignment>,
    /// Which teams he was in or leads, and when.
    pub teams: Vec<Assignment>,
    /// His office.
    pub office: Option<String>,
    /// Where he is.
    pub address: IpAddr,
}

/// What has to be known of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts<'a> {
    /// Name of its service; `None` where a crash took it.
    pub service: Option<&'a str>,
    /// Id of its agent.
    pub agent: Option<&'a str>,
    /// Time of the call.
    pub answered_at: Timestamp,
    /// When it falls due.
    pub until: Option<Timestamp>,
    /// A hold keeps it.
    pub held: bool,
    /// Closed to listening and export.
    pub restricted: bool,
    /// Its files are not there.
    pub missing: bool,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// See that it is there, and its metadata.
    Find,
    /// Hear it. `approved`: a request of his for it is approved and has not run out.
    Hear {
        /// The reason given.
        reason: Option<ListenReason>,
        /// See above.
        approved: bool,
    },
    /// Ask to hear it or to hand out a copy, for a reason.
    Ask(ListenReason),
    /// Do something to it. `approved`: as above; a copy of a special category needs it.
    Do {
        /// What.
        act: Act,
        /// See above.
        approved: bool,
    },
    /// Take a copy out by way of the browser.
    Download,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It is not his to know that it is there.
    NotFound,
    /// No role of his gives it.
    NoRight,
    /// It is closed to listening and export.
    Restricted,
    /// A hold keeps it.
    Held,
    /// Its term is over (`retention.access`).
    PastTerm,
    /// A reason has to be given.
    ReasonMissing,
    /// Not for this reason.
    ReasonRefused,
    /// Somebody else has to approve it first.
    RequestMissing,
    /// Its files are not there.
    Missing,
}

/// What a service asks of whoever listens.
#[derive(Clone, Debug)]
struct Terms {
    listening: Listening,
    reasons: Option<Vec<ListenReason>>,
    special: bool,
    office: String,
}

impl Terms {
    fn of(service: &Service) -> Terms {
        let usual = if service.special_category { Listening::OnRequest } else { Listening::Standing };
        Terms {
            listening: service.listening.unwrap_or(usual),
            reasons: service.reasons.clone(),
            special: service.special_category,
            office: service.office.clone(),
        }
    }

    /// What holds for a service that the configuration does not know any more.
    fn strict() -> Terms {
        Terms { listening: Listening::OnRequest, reasons: None, special: true, office: String::new() }
    }

    fn allows(&self, reason: ListenReason) -> bool {
        !(self.special && reason == ListenReason::Quality)
            && self.reasons.as_ref().is_none_or(|reasons| reasons.contains(&reason))
    }

    /// What is not to be heard for the quality of the service is not for training either, anonymised or not.
    fn trains(&self) -> bool {
        !self.special && self.allows(ListenReason::Training)
    }

    fn asks_for_a_reason(&self) -> bool {
        self.special || self.reasons.is_some()
    }
}

/// Everything the configuration says of who may what.
#[derive(Clone, Debug)]
pub struct Policy {
    roles: BTreeMap<String, Role>,
    services: BTreeMap<String, Terms>,
    strict: Terms,
    until_due: bool,
}

/// Where the recordings lie that somebody may find; exact is only [`Policy::may`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere.
    All,
    /// With one of these agents, or of one of these services.
    Some {
        /// Ids of agents.
        agents: BTreeSet<String>,
        /// Names of services.
        services: BTreeSet<String>,
    },
}

impl Policy {
    /// What a checked configuration says.
    pub fn new(config: &Config) -> Policy {
        let mut roles: BTreeMap<String, Role> = crate::config::listening::ROLES
            .iter()
            .map(|name| (name.to_string(), Role::builtin(name)))
            .collect();
        roles.extend(config.room.roles.iter().map(|(name, role)| (name.clone(), role.clone())));
        let base = &config.service_default;
        let mut services = BTreeMap::from([(base.name.clone(), Terms::of(base))]);
        for own in &config.service {
            let service = own.resolve(base);
            services.insert(service.name.clone(), Terms::of(&service));
        }
        let until_due = config.retention.access == CopyAccess::UntilDue;
        Policy { roles, services, strict: Terms::strict(), until_due }
    }

    /// Names of all roles that can be given.
    pub fn role_names(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }

    /// A role as it counts.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(name)
    }

    /// Whether a role of `person`, counting from where he is, gives `act` at all.
    pub fn gives(&self, person: &Person, act: Act) -> bool {
        self.counting(person).any(|role| role.act.contains(&act))
    }

    /// May `person` do `deed` to the recording of `facts`, at `now`?
    ///
    /// # Errors
    /// Why not. [`Denied::NotFound`] comes before every other reason.
    pub fn may(
        &self,
        person: &Person,
        directory: &Directory,
        deed: Deed,
        facts: &Facts<'_>,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let terms = self.terms(facts.service);
        let covers = |scope| covers(scope, person, directory, facts, &terms.office);
        let rules: Vec<&Role> =
            self.counting(person).filter(|role| covers(role.find) || covers(role.hear)).collect();
        if rules.is_empty() {
            return Err(Denied::NotFound);
        }
        let hearing: Vec<&Role> = rules.iter().copied().filter(|role| covers(role.hear)).collect();
        let gives = |act| rules.iter().any(|role| role.act.contains(&act));
        match deed {
            Deed::Find => Ok(()),
            Deed::Hear { reason, approved } => {
                if hearing.is_empty() {
                    return Err(Denied::NoRight);
                }
                self.is_open(facts, now)?;
                hear(&hearing, terms, reason, approved)
            }
            Deed::Ask(reason) => {
                if hearing.is_empty() && !gives(Act::Export) {
                    return Err(Denied::NoRight);
                }
                self.is_open(facts, now)?;
                if terms.allows(reason) { Ok(()) } else { Err(Denied::ReasonRefused) }
            }
            Deed::Do { act, approved } => {
                if !gives(act) {
                    return Err(Denied::NoRight);
                }
                match act {
                    Act::Export => {
                        self.is_open(facts, now)?;
                        if terms.special && !approved { Err(Denied::RequestMissing) } else { Ok(()) }
                    }
                    Act::Erase if facts.held => Err(Denied::Held),
                    Act::Training => {
                        self.is_open(facts, now)?;
                        if terms.trains() { Ok(()) } else { Err(Denied::ReasonRefused) }
                    }
                    _ => Ok(()),
                }
            }
            Deed::Download if rules.iter().any(|role| role.download) => Ok(()),
            Deed::Download => Err(Denied::NoRight),
        }
    }

    /// May training copies be made of the recordings of a service?
    pub fn trains(&self, service: Option<&str>) -> bool {
        self.terms(service).trains()
    }

    /// May `person` hear the training copies of a service?
    ///
    /// They are anonymised, so whose call it was does not count; a service that allows no training
    /// any more lets nobody hear those it has.
    ///
    /// # Errors
    /// [`Denied::NotFound`].
    pub fn may_hear_training(&self, person: &Person, service: Option<&str>) -> Result<(), Denied> {
        let terms = self.terms(service);
        let is_office = !terms.office.is_empty() && person.office.as_deref() == Some(&terms.office);
        let gives = |role: &Role| match role.training {
            Scope::All => true,
            Scope::Office => is_office,
            Scope::None | Scope::Own | Scope::Team => false,
        };
        let may = terms.trains() && self.counting(person).any(gives);
        if may { Ok(()) } else { Err(Denied::NotFound) }
    }

    /// Whether a role of `person`, counting from where he is, lets him hear any training copies.
    pub fn hears_training(&self, person: &Person) -> bool {
        self.counting(person).any(|role| role.training != Scope::None)
    }

    fn terms(&self, service: Option<&str>) -> &Terms {
        service.and_then(|name| self.services.get(name)).unwrap_or(&self.strict)
    }

    /// Where to look for what `person` may find.
    pub fn reach(&self, person: &Person, directory: &Directory) -> Reach {
        let (mut agents, mut services) = (BTreeSet::new(), BTreeSet::new());
        for role in self.counting(person) {
            for scope in [role.find, role.hear] {
                match scope {
                    Scope::None => {}
                    Scope::All => return Reach::All,
                    Scope::Own | Scope::Team => {
                        agents.extend(person.agents.iter().map(|agent| agent.what.clone()));
                        let teams = person.teams.iter().filter(|_| scope == Scope::Team);
                        let members = teams.flat_map(|team| directory.members(&team.what));
                        agents.extend(members.map(|member| member.what.clone()));
                    }
                    Scope::Office => {
                        let Some(office) = person.office.as_deref().filter(|o| !o.is_empty()) else {
                            continue;
                        };
                        let own = self.services.iter().filter(|(_, terms)| terms.office == office);
                        services.extend(own.map(|(name, _)| name.clone()));
                    }
                }
            }
        }
        Reach::Some { agents, services }
    }

    /// Whether `person` may find all recordings of some service, and so count its calls.
    pub fn counts(&self, person: &Person, directory: &Directory) -> bool {
        match self.reach(person, directory) {
            Reach::All => true,
            Reach::Some { services, .. } => !services.is_empty(),
        }
    }

    /// Reasons that a service allows; empty where it asks for none.
    pub fn reasons(&self, service: Option<&str>) -> Vec<ListenReason> {
        let terms = self.terms(service);
        ListenReason::ALL.into_iter().filter(|reason| terms.allows(*reason)).collect()
    }

    /// Whether whoever hears a recording of the service has to say why.
    pub fn asks_for_a_reason(&self, service: Option<&str>) -> bool {
        self.terms(service).asks_for_a_reason()
    }

    /// Whether hearing one takes an approved request, unless a role says otherwise.
    pub fn is_on_request(&self, service: Option<&str>) -> bool {
        self.terms(service).listening == Listening::OnRequest
    }

    /// The roles of a person that count from where he is.
    fn counting<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = &'a Role> {
        let from_here = |role: &&Role| role.networks.is_empty() || role.networks.contains(person.address);
        person.roles.iter().filter_map(|name| self.roles.get(name)).filter(from_here)
    }

    fn is_open(&self, facts: &Facts<'_>, now: Timestamp) -> Result<(), Denied> {
        if facts.restricted {
            return Err(Denied::Restricted);
        }
        if facts.missing {
            return Err(Denied::Missing);
        }
        let due = !facts.held && facts.until.is_some_and(|until| until <= now);
        if self.until_due && due { Err(Denied::PastTerm) } else { Ok(()) }
    }
}

/// Whether somebody whose roles let him hear a recording may do so now.
fn hear(
    hearing: &[&Role],
    terms: &Terms,
    reason: Option<ListenReason>,
    approved: bool,
) -> Result<(), Denied> {
    if reason.is_some_and(|reason| !terms.allows(reason)) {
        return Err(Denied::ReasonRefused);
    }
    // Whoever let him in has seen a reason.
    if approved {
        return Ok(());
    }
    let stands = |role: &&Role| role.listening.unwrap_or(terms.listening) == Listening::Standing;
    if !hearing.iter().any(stands) {
        return Err(Denied::RequestMissing);
    }
    match reason {
        None if terms.asks_for_a_reason() => Err(Denied::ReasonMissing),
        _ => Ok(()),
    }
}

/// Whether the recording of `facts` lies in `scope` of `person`.
fn covers(scope: Scope, person: &Person, directory: &Directory, facts: &Facts<'_>, office: &str) -> bool {
    let own = |agent| person.agents.iter().any(|held| held.what == agent && held.at(facts.answered_at));
    match scope {
        Scope::None => false,
        Scope::All => true,
        Scope::Own => facts.agent.is_some_and(own),
        Scope::Team => facts.agent.is_some_and(|agent| {
            let team = |team: &Assignment| {
                team.at(facts.answered_at) && directory.was_in(&team.what, agent, facts.answered_at)
            };
            own(agent) || person.teams.iter().any(team)
        }),
        Scope::Office => !office.is_empty() && person.office.as_deref() == Some(office),
    }
}

#[cfg(test)]
mod tests;
