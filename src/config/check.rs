//! Whether a configuration makes sense as a whole: every finding, not the first.
//!
//! Types and known keys were judged while loading (`load`). Does not look at the
//! machine: whether an interface exists or a folder can be written is found out
//! where it is used, and a BPF expression only libpcap can judge.

use super::advice::has_no_agent_rule;
use super::compiled::{ExtensionRule, Networks, NumberForm};
use super::keys::{self, BUFFER_BYTES_MIN, BUFFER_MIB_MAX, MEMORY_MIN, WORKERS_MAX};
use super::term::{self, Term};
use super::{CallDirection, Config, Reason, Service};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// What the configuration is going to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `nauhuri record`: needs an interface, and to know who is an agent.
    Capture,
    /// Everything else.
    Other,
}

/// One thing that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `section.key`, or `service[2].key` for the second `[[service]]`.
    pub key: String,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub allowed: String,
}

/// Longest service name: it is a metric label.
const NAME_MAX: usize = 64;

/// Everything that makes no sense in `config`, in the order of the sample file.
pub fn check(config: &Config, purpose: Purpose) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    capture(config, purpose, &mut findings);
    sip(config, &mut findings);
    agents(config, purpose, &mut findings);
    services(config, &mut findings);
    service_numbers(config, &mut findings);
    numbers(config, &mut findings);
    keeping(config, &mut findings);
    limits(config, &mut findings);
    for (key, found, allowed) in super::room_rules::wrong(&config.room) {
        findings.add(key, found, allowed);
    }
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, key: impl Into<String>, found: impl Into<String>, allowed: impl Into<String>) {
        self.0.push(Finding { key: key.into(), found: found.into(), allowed: allowed.into() });
    }

    fn positive(&mut self, key: &str, value: Duration) {
        if value.is_zero() {
            self.add(key, "\"0s\"", "a duration above zero such as \"30s\"");
        }
    }

    fn term(&mut self, key: &str, value: &str) {
        if Term::parse(value).is_err() {
            self.add(key, quoted(value), term::ALLOWED);
        }
    }

    fn at_least(&mut self, key: &str, value: usize, least: usize) {
        if value < least {
            self.add(key, value.to_string(), format!("{least} or more"));
        }
    }
}

fn capture(config: &Config, purpose: Purpose, findings: &mut Findings) {
    let own = &config.capture;
    if own.interface.is_empty() && purpose == Purpose::Capture {
        let allowed = "the interface that sees the calls, such as \"eth1\", or \"any\"";
        findings.add("capture.interface", "nothing", allowed);
    }
    for name in own.interface.iter().filter(|name| name.trim().is_empty()) {
        findings.add("capture.interface", quoted(name), "a name such as \"eth1\"");
    }
    if !(1..=BUFFER_MIB_MAX).contains(&own.buffer_mib) {
        findings.add("capture.buffer_mib", own.buffer_mib.to_string(), format!("1 to {BUFFER_MIB_MAX}"));
    }
}

fn sip(config: &Config, findings: &mut Findings) {
    let own = &config.sip;
    if own.ports.is_empty() || own.ports.contains(&0) {
        let found = format!("{:?}", own.ports);
        findings.add("sip.ports", found, "at least one port, each from 1 to 65535, such as [5060, 5080]");
    }
    for name in own.correlation_headers.iter().filter(|name| !is_token(name)) {
        findings.add("sip.correlation_headers", quoted(name), "header names such as \"Session-ID\"");
    }
    findings.positive("sip.media_timeout", own.media_timeout);
    findings.positive("sip.max_silence", own.max_silence);
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
    for block in &own.networks {
        if Networks::parse([block.as_str()]).is_err() {
            let allowed = "CIDR blocks such as \"10.20.0.0/16\" or \"2001:db8::/32\"";
            findings.add("agents.networks", quoted(block), allowed);
        }
    }
    if !own.header.is_empty() && !is_token(&own.header) {
        findings.add("agents.header", quoted(&own.header), "a header name such as \"X-Agent-Id\", or \"\"");
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
    service_name("service_default.name", &base.name, findings);
    promises("service_default", Some(&base.directions), Some(&base.retention), findings);
    hearing("service_default", base, findings);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, rule) in config.service.iter().enumerate() {
        let parent = format!("service[{}]", i + 1);
        service_name(&format!("{parent}.name"), &rule.name, findings);
        if let Some(first) = seen.get(rule.name.as_str()).filter(|_| !rule.name.is_empty()) {
            let found = format!("{}, the name of service[{first}] too", quoted(&rule.name));
            findings.add(format!("{parent}.name"), found, "a name of its own");
        }
        seen.entry(&rule.name).or_insert(i + 1);
        promises(&parent, rule.directions.as_ref(), rule.retention.as_ref(), findings);
        hearing(&parent, &rule.resolve(base), findings);
    }
}

/// The notices on health and social services: never for quality.
fn hearing(parent: &str, service: &Service, findings: &mut Findings) {
    let reasons = service.reasons.as_deref();
    if reasons.is_some_and(<[Reason]>::is_empty) {
        let allowed = "at least one reason; leave the key out and none is asked for";
        findings.add(format!("{parent}.reasons"), "an empty list", allowed);
    }
    if service.special_category && reasons.is_some_and(|r| r.contains(&Reason::Quality)) {
        let allowed = "reasons without \"quality\" where special_category = true";
        findings.add(format!("{parent}.reasons"), "\"quality\"", allowed);
    }
}

/// Names stand in sidecars, metric labels and on the command line.
fn service_name(key: &str, name: &str, findings: &mut Findings) {
    let safe = |c: char| c.is_alphanumeric() || " _-.+&/()".contains(c);
    let good =
        !name.is_empty() && name.trim() == name && name.chars().count() <= NAME_MAX && name.chars().all(safe);
    if !good {
        let allowed = format!("1 to {NAME_MAX} letters, digits, inner spaces and _ - . + & / ( )");
        findings.add(key, quoted(name), allowed);
    }
}

fn promises(
    parent: &str,
    directions: Option<&Vec<CallDirection>>,
    retention: Option<&String>,
    findings: &mut Findings,
) {
    if let Some(directions) = directions {
        if directions.is_empty() {
            let allowed = "\"inbound\", \"outbound\" or both (record = false keeps nothing)";
            findings.add(format!("{parent}.directions"), "an empty list", allowed);
        }
        if directions.contains(&CallDirection::Internal) {
            let allowed = "\"inbound\" and \"outbound\" (agents.record_internal is for internal calls)";
            findings.add(format!("{parent}.directions"), "\"internal\"", allowed);
        }
    }
    if let Some(term) = retention {
        findings.term(&format!("{parent}.retention"), term);
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
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(&own.country) || own.country.len() > 3 || own.country.starts_with('0') {
        let allowed = "1 to 3 digits of a country code such as \"358\", or \"\"";
        findings.add("numbers.country", quoted(&own.country), allowed);
    }
    if !digits(&own.national_prefix) || own.national_prefix.len() > 4 {
        let allowed = "up to 4 digits such as \"0\", or \"\"";
        findings.add("numbers.national_prefix", quoted(&own.national_prefix), allowed);
    } else if !own.national_prefix.is_empty() && own.country.is_empty() {
        let allowed = "a country code such as \"358\" where numbers.national_prefix is set";
        findings.add("numbers.country", quoted(&own.country), allowed);
    }
    if own.caller.is_empty() || own.caller.iter().any(|name| !is_token(name)) {
        let allowed = "header names such as \"P-Asserted-Identity\" and \"From\", at least one";
        findings.add("numbers.caller", format!("{:?}", own.caller), allowed);
    }
}

fn keeping(config: &Config, findings: &mut Findings) {
    let zone = &config.retention.timezone;
    if jiff::tz::TimeZone::get(zone).is_err() {
        let allowed = "a zone of the tz database (package tzdata) such as \"Europe/Helsinki\" or \"UTC\"";
        findings.add("retention.timezone", quoted(zone), allowed);
    }
    findings.positive("retention.sweep", config.retention.sweep);
    findings.term("retention.hold_review", &config.retention.hold_review);
    findings.term("retention.tombstones", &config.retention.tombstones);
    if config.storage.dir.as_os_str().is_empty() {
        findings.add("storage.dir", "\"\"", "a folder such as \"/var/lib/nauhuri/recordings\"");
    } else if let Some(state) = &config.storage.state {
        let (dir, own) = (lexical(&config.storage.dir), lexical(state));
        if state.as_os_str().is_empty() || dir.starts_with(&own) {
            let found = quoted(&state.display().to_string());
            let allowed = "a folder that is not storage.dir and does not hold it";
            findings.add("storage.state", found, allowed);
        }
    }
    if !config.storage.id.is_empty() && uuid::Uuid::try_parse(&config.storage.id).is_err() {
        let allowed = "the UUID in .nauhuri/store-id of the store that is to be there, or \"\"";
        findings.add("storage.id", quoted(&config.storage.id), allowed);
    }
    findings.term("audit.keep", &config.audit.keep);
    let anchor = &config.audit.anchor;
    if !anchor.as_os_str().is_empty() && !anchor.is_absolute() {
        let found = quoted(&anchor.display().to_string());
        findings.add("audit.anchor", found, "the whole path of a file outside the state folder, or \"\"");
    }
    let listen = &config.metrics.listen;
    if !listen.is_empty() && listen.parse::<std::net::SocketAddr>().is_err() {
        let allowed = "an address with its port such as \"127.0.0.1:9160\" or \"[::1]:9160\", or \"\"";
        findings.add("metrics.listen", quoted(listen), allowed);
    }
    findings.positive("log.keep", config.log.keep);
}

fn limits(config: &Config, findings: &mut Findings) {
    let own = &config.limits;
    findings.at_least("limits.memory", own.memory as usize, MEMORY_MIN as usize);
    findings.at_least("limits.calls", own.calls, 1);
    findings.at_least("limits.recordings", own.recordings, 1);
    findings.at_least("limits.fragments", own.fragments, 1);
    findings.at_least("limits.tcp_streams", own.tcp_streams, 1);
    findings.at_least("limits.tcp_buffer", own.tcp_buffer, BUFFER_BYTES_MIN);
    findings.at_least("limits.queue_bytes", own.queue_bytes, BUFFER_BYTES_MIN);
    if own.workers > WORKERS_MAX {
        findings.add(
            "limits.workers",
            own.workers.to_string(),
            format!("0 (as many as fit the machine) to {WORKERS_MAX}"),
        );
    }
}

/// RFC 3261 section 25.1, `token`.
fn is_token(text: &str) -> bool {
    let extra = b"-.!%*_+`'~";
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
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
    use crate::config::{RetentionBound, ServiceRule};

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
                "networks" => config.agents.networks.push("10.0.0.0/8".into()),
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
            ("sip.ports", |c| c.sip.ports = vec![]),
            ("sip.ports", |c| c.sip.ports = vec![5060, 0]),
            ("sip.correlation_headers", |c| c.sip.correlation_headers = vec!["Session ID".into()]),
            ("sip.media_timeout", |c| c.sip.media_timeout = Duration::ZERO),
            ("agents.extensions", |c| c.agents.extensions = vec!["*".into()]),
            ("agents.networks", |c| c.agents.networks = vec!["10.0.0.0/33".into()]),
            ("agents.header", |c| c.agents.header = "X Agent".into()),
            ("agents.names", |c| drop(c.agents.names.insert("2001".into(), String::new()))),
            ("service_default.name", |c| c.service_default.name = "a\"b".into()),
            ("service_default.directions", |c| c.service_default.directions.clear()),
            ("service_default.directions", |c| c.service_default.directions.push(CallDirection::Internal)),
            ("service_default.retention", |c| c.service_default.retention = "half a year".into()),
            ("service[1].name", |c| c.service = vec![rule("", &["1"])]),
            ("service[1].numbers", |c| c.service = vec![rule("a", &[])]),
            ("service[1].numbers", |c| c.service = vec![rule("a", &["queue"])]),
            ("service[2].name", |c| c.service = vec![rule("a", &["1"]), rule("a", &["2"])]),
            ("numbers.country", |c| c.numbers.country = "+358".into()),
            ("numbers.country", |c| c.numbers.national_prefix = "0".into()),
            ("retention.timezone", |c| c.retention.timezone = "Europe/Helsingfors".into()),
            ("retention.sweep", |c| c.retention.sweep = Duration::ZERO),
            ("retention.hold_review", |c| c.retention.hold_review = "now and then".into()),
            ("retention.tombstones", |c| c.retention.tombstones = "0 days".into()),
            ("storage.dir", |c| c.storage.dir = "".into()),
            ("storage.state", |c| c.storage.state = Some("/var/lib/nauhuri/./recordings".into())),
            ("storage.state", |c| c.storage.state = Some("/var/lib".into())),
            ("storage.id", |c| c.storage.id = "the first one".into()),
            ("metrics.listen", |c| c.metrics.listen = "localhost:9160".into()),
            ("log.keep", |c| c.log.keep = Duration::ZERO),
            ("service_default.reasons", |c| c.service_default.reasons = Some(vec![])),
            ("service_default.reasons", |c| {
                c.service_default.special_category = true;
                c.service_default.reasons = Some(vec![Reason::Quality]);
            }),
            ("room.listen", |c| c.room.listen = "0.0.0.0:9170".into()),
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
            c.sip.ports.clear();
            c.limits.calls = 0;
            c.metrics.listen = "9160".into();
        });
        assert_eq!(all, ["sip.ports", "metrics.listen", "limits.calls"]);
        let fine = keys_after(|c| {
            c.storage.state = Some("/var/lib/nauhuri/recordings/state".into());
            c.metrics.listen = "[::1]:9160".into();
            c.service = vec![rule("päivystys 116117", &["116117", "+358 116117"])];
            c.service_default.retention_bound = RetentionBound::AtMost;
            c.retention.timezone = "Europe/Helsinki".into();
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
