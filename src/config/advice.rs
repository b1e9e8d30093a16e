//! What a configuration leaves open though it makes sense: told by `nauhuri check`,
//! and no reason to refuse it.

use super::compiled::{ExtensionRule, NumberForm};
use super::{AgentMatch, Agents, Config, HideDigits};
use std::net::IpAddr;

/// Is there no rule at all that makes somebody an agent?
pub fn has_no_agent_rule(agents: &Agents) -> bool {
    agents.extensions.is_empty() && agents.networks.is_empty() && agents.header.is_empty()
}

/// Who takes part in a session of SIPREC has no address of its own.
const NAMED_AGENTS: &str = "siprec.listen is set, and agents has neither extensions nor header: agents.networks tells nobody \
    apart there, since the participants have no addresses of their own, and none of these calls is recorded";

/// Everything of this kind, each with its key and its remedy.
pub fn advice(config: &Config) -> Vec<String> {
    let mut all = Vec::new();
    if !config.has_source() {
        all.push(
            "none of capture.interface, hep.listen and siprec.listen is set: `nauhuri record` needs one of them".into(),
        );
    }
    tunnels(config, &mut all);
    if config.sip.ports.is_any() {
        all.push(
            "sip.ports = \"any\": anybody who can send to a mirrored machine can invent calls; name the ports of \
             your SIP if you know them"
                .into(),
        );
    }
    all.extend(super::hep_rules::left_open(&config.hep));
    agents(config, &mut all);
    let named = config.service.iter().map(|rule| rule.resolve(&config.service_default));
    for service in named.chain([config.service_default.clone()]) {
        if service.record && service.hide_caller_digits == HideDigits::Last(0) {
            let name = &service.name;
            all.push(format!("service \"{name}\" stores customers' numbers whole: hide_caller_digits = 0"));
        }
    }
    if config.storage.group_read {
        all.push(
            "storage.group_read = true: every member of the service's group can copy recordings without a trace in \
             the audit log; `sudo -u nauhuri nauhuri export` leaves one"
                .into(),
        );
    }
    if let Some(listen) = config.metrics.listen.filter(|at| !is_local(at.ip())) {
        all.push(format!(
            "metrics.listen = \"{listen}\": anybody who can reach that address can read the metrics, without a password"
        ));
    }
    all
}

fn is_local(addr: IpAddr) -> bool {
    addr.to_canonical().is_loopback()
}

fn tunnels(config: &Config, all: &mut Vec<String>) {
    let from_anybody = config.capture.tunnels.iter().filter(|rule| rule.from.is_none());
    for rule in from_anybody {
        let kind = rule.kind_text();
        all.push(format!(
            "capture.tunnels opens \"{kind}\" from anybody: anybody who can send to a mirrored address can invent calls; \
             name your mirror: {{ kind = \"{kind}\", from = \"192.0.2.1\" }}"
        ));
    }
}

fn agents(config: &Config, all: &mut Vec<String>) {
    let own = &config.agents;
    if has_no_agent_rule(own) {
        all.push(
            "[agents] has no rule: `nauhuri record` refuses to start, and `nauhuri replay` takes the called party of \
             every call for the agent; set agents.extensions, agents.networks or agents.header"
                .into(),
        );
        return;
    }
    if !config.siprec.listen.is_empty() && own.extensions.is_empty() && own.header.is_empty() {
        all.push(NAMED_AGENTS.into());
    }
    let is_bound = !own.networks.is_empty() && own.matching == AgentMatch::Within;
    if is_bound || (own.extensions.is_empty() && own.header.is_empty()) {
        return;
    }
    let what = match (own.extensions.is_empty(), own.header.is_empty()) {
        (false, true) => "an agent's number in their own From",
        (true, false) => "a header of that name",
        _ => "an agent's number in their own From, or a header of that name,",
    };
    let remedy = match own.networks.is_empty() {
        true => "set agents.networks to where the agents' telephones are",
        false => "set agents.match = \"within\"",
    };
    all.push(format!("callers who write {what} count as agents and are not recorded: {remedy}"));
    let form = NumberForm::new(&config.numbers);
    for pattern in &own.extensions {
        if matches!(ExtensionRule::parse(pattern, &form), Ok(ExtensionRule::Prefix(_))) {
            all.push(format!(
                "agents.extensions = \"{pattern}\" matches numbers of any length, subscribers' among them: give a \
                 range such as \"2000-2999\", or set agents.networks"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::listen_at::ListenAt;
    use crate::config::{Networks, SipPorts, TunnelRule};

    /// How many pieces of advice hold each of these words after `change`.
    fn told(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        config.capture.interface = vec!["eth1".into()];
        config.agents.extensions = vec!["2000-2999".into()];
        config.agents.networks = Networks::parse(["10.0.0.0/8"]).unwrap();
        change(&mut config);
        advice(&config)
    }

    #[test]
    fn nothing_is_said_of_what_is_closed() {
        assert_eq!(told(|_| {}), [""; 0]);
        assert_eq!(told(|c| c.agents.extensions = vec!["31*".into()]), [""; 0]);
        assert_eq!(told(|c| c.siprec.listen = vec![ListenAt::parse("udp:10.1.0.5:5060").unwrap()]), [""; 0]);
        assert_eq!(told(|c| c.agents.extensions.clear()), [""; 0]);
        assert_eq!(told(|c| c.metrics.listen = "[::1]:9160".parse().ok()), [""; 0]);
        assert_eq!(told(|c| c.metrics.listen = None), [""; 0]);
        let ours = TunnelRule::read("gre", Some("10.9.0.0/16"));
        assert_eq!(told(|c| c.capture.tunnels.extend(ours)), [""; 0]);
    }

    #[test]
    fn each_thing_left_open_is_told_with_its_remedy() {
        type Change = fn(&mut Config);
        let table: &[(&[&str], Change)] = &[
            (&["capture.interface"], |c| c.capture.interface.clear()),
            (&["siprec.listen is set", "extensions nor header"], |c| {
                c.siprec.listen = vec![ListenAt::parse("udp:10.1.0.5:5060").unwrap()];
                c.agents.extensions.clear();
            }),
            (&["[agents] has no rule"], |c| c.agents = Agents::default()),
            (&["their own From count", "set agents.networks"], |c| c.agents.networks = Networks::default()),
            (&["their own From count", "agents.match = \"within\""], |c| c.agents.matching = AgentMatch::Any),
            (&["a header of that name count", "set agents.networks"], |c| {
                c.agents = Agents { header: "X-Agent".into(), ..Agents::default() }
            }),
            (&["\"any\" from anybody", "kind = \"any\""], |c| c.capture.tunnels = vec![TunnelRule::ANY]),
            (&["\"vxlan\" from anybody"], |c| c.capture.tunnels.extend(TunnelRule::read("vxlan", None))),
            (&["service \"general\"", "hide_caller_digits = 0"], |c| {
                c.service_default.hide_caller_digits = HideDigits::Last(0)
            }),
            (&["sip.ports = \"any\"", "name the ports"], |c| c.sip.ports = SipPorts::Any),
            (&["metrics.listen = \"0.0.0.0:9160\""], |c| c.metrics.listen = "0.0.0.0:9160".parse().ok()),
        ];
        for (words, change) in table {
            let told = told(change);
            assert!(told.len() == 1 && words.iter().all(|w| told[0].contains(w)), "{words:?}: {told:?}");
        }
        let prefix = told(|c| {
            c.agents.extensions = vec!["31*".into(), "2000-2999".into()];
            c.agents.networks = Networks::default();
        });
        assert!(prefix.len() == 2 && prefix[1].contains("\"31*\" matches"), "{prefix:?}");
    }
}
