//! Whether a configuration makes sense as a whole: every finding, not the first.
//!
//! What one value may be stands in its row (`sections`), and was judged while loading
//! (`load`); here is what several keys say together, and what takes more than a look at
//! one text. Does not look at the machine: whether an interface exists or a folder can be
//! written is found out where it is used, and a BPF expression only libpcap can judge.

use super::advice::has_no_agent_rule;
use super::compiled::{ExtensionRule, NumberForm};
use super::keys::{self, Key};
use super::listen_at::ListenOver;
use super::sections::SECTIONS;
use super::{Config, ListenReason, Service};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use toml::Value;

/// What the configuration is going to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `nauhuri record`: needs a source of calls, and to know who is an agent.
    Capture,
    /// Everything else.
    Other,
}

/// One thing that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// `section.key`, or `service[2].key` for the second `[[service]]`.
    pub key: String,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub allowed: String,
}

/// Everything that makes no sense in `config`, first what one key says.
pub fn check(config: &Config, purpose: Purpose) -> Vec<BadValue> {
    let mut findings = Findings(Vec::new());
    each_key(config, &mut findings);
    capture(config, purpose, &mut findings);
    siprec(config, &mut findings);
    agents(config, purpose, &mut findings);
    services(config, &mut findings);
    service_numbers(config, &mut findings);
    numbers(config, &mut findings);
    storage(config, &mut findings);
    for (key, found, allowed) in config.pause.wrong() {
        findings.add(key, found, allowed);
    }
    for (key, found, allowed) in super::probe_rules::wrong(config) {
        findings.add(key, found, allowed);
    }
    for (key, found, allowed) in super::hep_rules::wrong(&config.hep) {
        findings.add(key, found, allowed);
    }
    for (key, found, allowed) in super::room_rules::wrong(&config.room) {
        findings.add(key, found, allowed);
    }
    findings.0
}

struct Findings(Vec<BadValue>);

impl Findings {
    /// One more, unless something else is wrong with the same key already.
    fn add(&mut self, key: impl Into<String>, found: impl Into<String>, allowed: impl Into<String>) {
        let key = key.into();
        if self.0.iter().all(|other| other.key != key) {
            self.0.push(BadValue { key, found: found.into(), allowed: allowed.into() });
        }
    }

    fn table(&mut self, path: &str, keys: &[Key], table: &Value) {
        for key in keys {
            if let Some(value) = table.get(key.name).filter(|value| !key.kind.accepts(value)) {
                self.add(format!("{path}.{}", key.name), key.kind.found(value), key.kind.allowed());
            }
        }
    }
}

/// Each value by the kind of its key: a configuration that was not loaded is judged as well.
fn each_key(config: &Config, findings: &mut Findings) {
    let written = match toml::Table::try_from(config) {
        Ok(written) => written,
        Err(error) => return findings.add("", error.to_string(), "values that can be written as TOML"),
    };
    for section in SECTIONS {
        match written.get(section.name) {
            Some(Value::Array(tables)) => tables.iter().enumerate().for_each(|(i, table)| {
                findings.table(&format!("{}[{}]", section.name, i + 1), section.keys, table)
            }),
            Some(table) => findings.table(section.name, section.keys, table),
            None => {}
        }
    }
}

fn capture(config: &Config, purpose: Purpose, findings: &mut Findings) {
    let own = &config.capture;
    if !config.has_source() && purpose == Purpose::Capture {
        let allowed = "the interface that sees the calls, such as \"eth1\", or \"any\"; or another source of \
                       calls: hep.listen or siprec.listen";
        findings.add("capture.interface", "nothing", allowed);
    }
    for name in own.interface.iter().filter(|name| name.trim().is_empty()) {
        findings.add("capture.interface", quoted(name), "a name such as \"eth1\"");
    }
}

fn siprec(config: &Config, findings: &mut Findings) {
    let own = &config.siprec;
    let is_secure = own.listen.iter().any(|at| at.transport == ListenOver::Tls);
    let is_whole = !own.tls.cert.as_os_str().is_empty() && !own.tls.key.as_os_str().is_empty();
    if is_secure && !is_whole {
        let allowed = "both cert and key where siprec.listen has an address of \"tls\"";
        findings.add("siprec.tls", "no certificate with its key", allowed);
    }
    if !own.listen.is_empty() && own.from.is_empty() {
        let allowed = "the networks of the recording clients, such as [\"10.1.0.0/24\"]";
        findings.add("siprec.from", "nothing", allowed);
    }
}

fn agents(config: &Config, purpose: Purpose, findings: &mut Findings) {
    let own = &config.agents;
    if purpose == Purpose::Capture && has_no_agent_rule(own) {
        // Every answered call on the wire would be recorded, whoever talks.
        let allowed = "at least one rule of who is an agent: agents.extensions such as [\"2000-2999\"], \
                       agents.networks such as [\"10.20.0.0/16\"], or agents.header";
        findings.add("agents.extensions", "no agent rule", allowed);
    }
    let form = NumberForm::new(&config.numbers);
    for pattern in &own.extensions {
        if let Err(error) = ExtensionRule::parse(pattern, &form) {
            findings.add(
                "agents.extensions",
                format!("{} ({error})", quoted(pattern)),
                "\"2001\", a range with ends of equal length such as \"2000-2999\", or a prefix such as \"31*\"",
            );
        }
    }
    for (id, name) in &own.names {
        if id.trim().is_empty() || name.trim().is_empty() {
            let found = format!("{} = {}", quoted(id), quoted(name));
            findings.add("agents.names", found, "an agent's id and a name, neither empty");
        }
    }
}

fn services(config: &Config, findings: &mut Findings) {
    let base = &config.service_default;
    hearing("service_default", base, findings);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, rule) in config.service.iter().enumerate() {
        let parent = format!("service[{}]", i + 1);
        if let Some(first) = seen.get(rule.name.as_str()) {
            let found = format!("{}, the name of service[{first}] too", quoted(&rule.name));
            findings.add(format!("{parent}.name"), found, "a name of its own");
        }
        seen.entry(&rule.name).or_insert(i + 1);
        hearing(&parent, &rule.resolve(base), findings);
    }
}

/// The notices on health and social services: never for quality.
fn hearing(parent: &str, service: &Service, findings: &mut Findings) {
    let reasons = service.reasons.as_deref();
    if reasons.is_some_and(<[ListenReason]>::is_empty) {
        let allowed = "at least one reason; leave the key out and none is asked for";
        findings.add(format!("{parent}.reasons"), "an empty list", allowed);
    }
    if service.special_category && reasons.is_some_and(|r| r.contains(&ListenReason::Quality)) {
        let allowed = "reasons without \"quality\" where special_category = true";
        findings.add(format!("{parent}.reasons"), "\"quality\"", allowed);
    }
}

/// A number leads to one service only.
fn service_numbers(config: &Config, findings: &mut Findings) {
    let form = NumberForm::new(&config.numbers);
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for (i, rule) in config.service.iter().enumerate() {
        let key = format!("service[{}].numbers", i + 1);
        if rule.numbers.is_empty() {
            findings.add(&key, "nothing", "at least one number such as \"116117\"");
        }
        for number in &rule.numbers {
            let Some(digits) = form.canonical(number) else {
                findings.add(&key, quoted(number), "numbers such as \"116117\" or \"+358 116117\"");
                continue;
            };
            match owners.insert(digits, i) {
                Some(other) if other != i => {
                    let names = (quoted(&rule.name), quoted(&config.service[other].name));
                    let found =
                        format!("{} in service {} and in service {}", quoted(number), names.1, names.0);
                    findings.add(&key, found, "a number in one service only");
                }
                _ => {}
            }
        }
    }
}

fn numbers(config: &Config, findings: &mut Findings) {
    let own = &config.numbers;
    if !own.national_prefix.is_empty() && own.country.is_empty() {
        let allowed = "a country code such as \"358\" where numbers.national_prefix is set";
        findings.add("numbers.country", quoted(&own.country), allowed);
    }
}

fn storage(config: &Config, findings: &mut Findings) {
    let Some(state) = &config.storage.state else { return };
    let (dir, own) = (lexical(&config.storage.dir), lexical(state));
    if state.as_os_str().is_empty() || dir.starts_with(&own) {
        let found = quoted(&state.display().to_string());
        findings.add("storage.state", found, "a folder that is not storage.dir and does not hold it");
    }
}

/// `path` without `.` and `..`, as far as its text tells.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

fn quoted(text: &str) -> String {
    keys::cut(&format!("{text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::exchange_address::ExchangeAddress;
    use crate::config::listen_at::ListenAt;
    use crate::config::{CallDirection, Networks, RetentionBound, ServiceRule, SipPorts, Zone};
    use std::time::Duration;

    /// Keys found wanting after `change`.
    fn keys_after(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        check(&config, Purpose::Other).into_iter().map(|f| f.key).collect()
    }

    fn rule(name: &str, numbers: &[&str]) -> ServiceRule {
        let numbers = numbers.iter().map(|n| n.to_string()).collect();
        ServiceRule { name: name.into(), numbers, ..ServiceRule::default() }
    }

    #[test]
    fn the_defaults_make_sense_and_only_capture_needs_an_interface() {
        assert_eq!(keys_after(|_| {}), [""; 0]);
        let findings = check(&Config::default(), Purpose::Capture);
        let keys: Vec<_> = findings.iter().map(|f| f.key.as_str()).collect();
        assert_eq!(keys, ["capture.interface", "agents.extensions"]);
        for rule in ["extensions", "networks", "header"] {
            let mut config = Config::default();
            match rule {
                "extensions" => config.agents.extensions.push("2001".into()),
                "networks" => config.agents.networks = Networks::parse(["10.0.0.0/8"]).unwrap(),
                _ => config.agents.header = "X-Agent".into(),
            }
            assert_eq!(check(&config, Purpose::Capture).len(), 1, "{rule}");
        }
    }

    #[test]
    fn each_key_on_its_own() {
        type Change = fn(&mut Config);
        let table: &[(&str, Change)] = &[
            ("capture.interface", |c| c.capture.interface = vec![" ".into()]),
            ("capture.buffer_mib", |c| c.capture.buffer_mib = 0),
            ("capture.buffer_mib", |c| c.capture.buffer_mib = 4096),
            ("sip.ports", |c| c.sip.ports = SipPorts::Listed(vec![])),
            ("sip.ports", |c| c.sip.ports = SipPorts::Listed(vec![5060, 0])),
            ("sip.correlation_headers", |c| c.sip.correlation_headers = vec!["Session ID".into()]),
            ("sip.media_timeout", |c| c.sip.media_timeout = Duration::ZERO),
            ("agents.extensions", |c| c.agents.extensions = vec!["*".into()]),
            ("agents.header", |c| c.agents.header = "X Agent".into()),
            ("agents.names", |c| drop(c.agents.names.insert("2001".into(), String::new()))),
            ("service_default.name", |c| c.service_default.name = "a\"b".into()),
            ("service_default.directions", |c| c.service_default.directions.clear()),
            ("service_default.directions", |c| c.service_default.directions.push(CallDirection::Internal)),
            ("service[1].name", |c| c.service = vec![rule("", &["1"])]),
            ("service[1].numbers", |c| c.service = vec![rule("a", &[])]),
            ("service[1].numbers", |c| c.service = vec![rule("a", &["queue"])]),
            ("service[2].name", |c| c.service = vec![rule("a", &["1"]), rule("a", &["2"])]),
            ("numbers.country", |c| c.numbers.country = "+358".into()),
            ("numbers.country", |c| c.numbers.national_prefix = "0".into()),
            ("retention.sweep", |c| c.retention.sweep = Duration::ZERO),
            ("storage.dir", |c| c.storage.dir = "".into()),
            ("storage.state", |c| c.storage.state = Some("/var/lib/nauhuri/./recordings".into())),
            ("storage.state", |c| c.storage.state = Some("/var/lib".into())),
            ("storage.id", |c| c.storage.id = "the first one".into()),
            ("log.keep", |c| c.log.keep = Duration::ZERO),
            ("service_default.reasons", |c| c.service_default.reasons = Some(vec![])),
            ("service_default.reasons", |c| {
                c.service_default.special_category = true;
                c.service_default.reasons = Some(vec![ListenReason::Quality]);
            }),
            ("room.listen", |c| c.room.listen = "0.0.0.0:9170".parse().unwrap()),
            ("room.languages", |c| c.room.languages.clear()),
            ("room.session_idle", |c| c.room.session_idle = Duration::ZERO),
            ("room.exports", |c| c.room.exports = "out".into()),
            ("siprec.tls", |c| c.siprec.listen = vec![ListenAt::parse("tls:10.1.0.5:5061").unwrap()]),
            ("siprec.from", |c| {
                c.siprec.listen = vec![ListenAt::parse("udp:10.1.0.5:5060").unwrap()];
                c.siprec.from = Networks::default();
            }),
            ("siprec.sessions", |c| c.siprec.sessions = 0),
            ("pause.start_keys", |c| c.pause.start_keys = "*".into()),
            ("pause.stop_keys", |c| {
                (c.pause.start_keys, c.pause.stop_keys) = ("*1".into(), "A2".into());
            }),
            ("pause.header", |c| c.pause.header = "X Record".into()),
            ("pause.limit", |c| c.pause.limit = Duration::ZERO),
            ("pause.listen", |c| c.pause.listen = "0.0.0.0:9161".parse().ok()),
            ("probe.exchange", |c| c.probe.to = "9001".into()),
            ("probe.to", |c| c.probe.exchange = ExchangeAddress::parse("udp:pbx.example:5060")),
            ("probe.to", |c| {
                (c.probe.exchange, c.probe.to) =
                    (ExchangeAddress::parse("udp:pbx.example:5060"), "<sip:a@b>".into());
            }),
            ("probe.from", |c| c.probe.from = "probe".into()),
            ("probe.user", |c| c.probe.user = "a\"b".into()),
            ("probe.user", |c| c.probe.password_file = "/etc/nauhuri/probe".into()),
            ("probe.service", |c| c.probe.service = "probe".into()),
            ("probe.talk", |c| c.probe.talk = Duration::from_secs(4)),
            ("probe.wait", |c| c.probe.wait = Duration::ZERO),
            ("control.socket", |c| c.control.socket = "control.sock".into()),
            ("audit.anchor", |c| c.audit.anchor = "anchor".into()),
            ("numbers.caller", |c| c.numbers.caller.clear()),
            ("numbers.national_prefix", |c| {
                c.numbers.country = "358".into();
                c.numbers.national_prefix = "00000".into();
            }),
            ("limits.calls", |c| c.limits.calls = 0),
            ("limits.tcp_buffer", |c| c.limits.tcp_buffer = 1),
            ("limits.workers", |c| c.limits.workers = 100_000),
        ];
        for (key, change) in table {
            assert_eq!(keys_after(change), [*key]);
        }
    }

    #[test]
    fn all_at_once_and_what_is_fine() {
        let all = keys_after(|c| {
            c.sip.ports = SipPorts::Listed(Vec::new());
            c.limits.calls = 0;
            c.numbers.country = "+358".into();
        });
        assert_eq!(all, ["sip.ports", "numbers.country", "limits.calls"]);
        let fine = keys_after(|c| {
            c.storage.state = Some("/var/lib/nauhuri/recordings/state".into());
            c.metrics.listen = "[::1]:9160".parse().ok();
            c.service = vec![rule("päivystys 116117", &["116117", "+358 116117"])];
            c.service_default.retention_bound = RetentionBound::AtMost;
            c.retention.timezone = Zone::named("Europe/Helsinki").unwrap();
        });
        assert_eq!(fine, [""; 0]);
    }

    #[test]
    fn a_number_of_two_services_names_both() {
        let mut config = Config::default();
        config.numbers.country = "358".into();
        config.numbers.national_prefix = "0".into();
        config.service = vec![rule("first", &["+358 9 310 1000"]), rule("second", &["09-3101000"])];
        let findings = check(&config, Purpose::Other);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].key, "service[2].numbers");
        assert_eq!(findings[0].found, "\"09-3101000\" in service \"first\" and in service \"second\"");
    }
}
