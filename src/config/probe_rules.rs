//! What the keys of `[probe]` say together.

use super::Config;
use std::time::Duration;

/// Shortest talk: the tones take 3.2 s, and half a second on either side.
const TALK_MIN: Duration = Duration::from_secs(5);
/// Longest talk: what is played is a few seconds.
const TALK_MAX: Duration = Duration::from_secs(300);

/// What several keys say together: key, what was found, what is allowed.
pub(super) fn wrong(config: &Config) -> Vec<(&'static str, String, &'static str)> {
    let own = &config.probe;
    let mut out = Vec::new();
    if own.exchange.is_none() && !own.to.is_empty() {
        out.push(("probe.exchange", "nothing".into(), "the exchange, where probe.to is set"));
    }
    if own.to.is_empty() && own.exchange.is_some() {
        out.push(("probe.to", "nothing".into(), "a number or a SIP URI, where probe.exchange is set"));
    }
    if own.user.is_empty() && !own.password_file.as_os_str().is_empty() {
        out.push(("probe.user", "nothing".into(), "the account's name, where probe.password_file is set"));
    }
    if !(TALK_MIN..=TALK_MAX).contains(&own.talk) {
        out.push(("probe.talk", format!("{:?}", own.talk), "a duration from \"5s\" to \"5m\""));
    }
    let is_known = || config.service.iter().any(|s| s.name == own.service);
    if !own.service.is_empty() && own.service != config.service_default.name && !is_known() {
        let allowed = "the name of a [[service]], or of [service_default], or \"\"";
        out.push(("probe.service", format!("{:?}", own.service), allowed));
    }
    out
}
