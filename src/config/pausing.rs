//! `[pause]` and `[control]`: who may pause a running recording, and how the running recorder is told.

use super::keys::{Kind, section};
use super::words;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

section! {
    /// Pausing a running recording, for example while a caller reads out a card number. Both sides are
    /// silent meanwhile, and nothing of them is stored. Only the agent's side can pause: what a caller presses
    /// or sends changes nothing. Each recording is paused by itself: after a transfer the next
    /// agent's recording runs.
    pub struct PauseRules {
        /// Keys that the agent presses to pause, such as "*1": two to eight of 0-9, * and #, sent as RTP
        /// events or by INFO, no more than three seconds apart. Empty: no keys pause.
        start_keys: String = String::new(), Kind::Word(&words::KEY_SEQUENCE), OnReload, "\"*1\"";
        /// Keys that the agent presses to go on recording.
        stop_keys: String = String::new(), Kind::Word(&words::KEY_SEQUENCE), OnReload, "\"*2\"";
        /// A header by which the agent's telephone, or the exchange on the agent's side, pauses and resumes: in an
        /// INFO, a re-INVITE or an UPDATE, or as a line in the body of an INFO. Many telephones send an INFO
        /// with "Record: off" and "Record: on". Empty: none.
        header: String = String::new(), Kind::Word(&words::HEADER), OnReload, "\"Record\"";
        /// Values of the header that pause, in upper or lower case.
        start_values: Vec<String> = ["off", "pause"].map(String::from).into(), Kind::Texts, OnReload;
        /// Values of the header that resume.
        stop_values: Vec<String> = ["on", "resume"].map(String::from).into(), Kind::Texts, OnReload;
        /// A paused recording resumes by itself after this long, counted from the last time it
        /// was asked to pause.
        #[serde(with = "crate::config::forms::duration")]
        limit: Duration = Duration::from_secs(300), Kind::Period, OnReload;
        /// Where agents' desktops can pause and resume their own calls over HTTP, on this machine only, such
        /// as "127.0.0.1:9161"; put a proxy with TLS before it. Empty: nowhere.
        #[serde(with = "crate::config::forms::or_nothing")]
        listen: Option<SocketAddr> = None, Kind::Word(&words::METRICS_ADDRESS), OnRestart, "\"127.0.0.1:9161\"";
        /// File of the desktops' tokens, a line for each: the agent's id, a space, and the SHA-256 of
        /// the token in hexadecimal. It is read when the recorder starts.
        tokens: PathBuf = PathBuf::new(), Kind::Text, OnRestart, "\"/etc/nauhuri/pause-tokens\"";
    }
}

section! {
    /// How commands reach the running recorder: `nauhuri calls`, `nauhuri pause`, `nauhuri reload`.
    pub struct Control {
        /// The recorder's local socket. Its folder must exist; the unit of systemd makes /run/nauhuri. Empty: none.
        socket: PathBuf = "/run/nauhuri/control.sock".into(), Kind::Word(&words::SOCKET), OnRestart;
        /// A group whose members may use it as well; the service's user must be one of them. Empty: only
        /// root and the service's user.
        group: String = String::new(), Kind::Word(&words::GROUP), OnRestart, "\"supervisors\"";
    }
}

/// What a recording is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Silence from here on.
    Pause,
    /// The end of it.
    Resume,
}

/// What asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PauseBy {
    /// Keys that the agent pressed.
    Key,
    /// A header in a re-INVITE or UPDATE.
    Header,
    /// An INFO.
    Info,
    /// A command on this machine.
    Command,
    /// The agent's desktop.
    Http,
    /// Time: [`PauseRules::limit`].
    Limit,
}

impl PauseBy {
    /// Those that ask for a pause; the limit only ends one.
    pub const ASKING: [PauseBy; 5] =
        [PauseBy::Key, PauseBy::Header, PauseBy::Info, PauseBy::Command, PauseBy::Http];
    /// All of them, in the order of [`PauseBy::index`].
    pub const ALL: [PauseBy; 6] =
        [PauseBy::Key, PauseBy::Header, PauseBy::Info, PauseBy::Command, PauseBy::Http, PauseBy::Limit];

    /// Place in an array of counters.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// As it stands in the sidecar, and as the label of a metric.
    pub const fn name(self) -> &'static str {
        match self {
            PauseBy::Key => "key",
            PauseBy::Header => "header",
            PauseBy::Info => "info",
            PauseBy::Command => "command",
            PauseBy::Http => "http",
            PauseBy::Limit => "limit",
        }
    }
}

impl std::fmt::Display for PauseBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl PauseRules {
    /// What a value of [`PauseRules::header`] asks for.
    pub fn switch_of(&self, value: &str) -> Option<Switch> {
        let is_in = |words: &[String]| words.iter().any(|word| word.eq_ignore_ascii_case(value.trim()));
        match (is_in(&self.start_values), is_in(&self.stop_values)) {
            (true, _) => Some(Switch::Pause),
            (false, true) => Some(Switch::Resume),
            (false, false) => None,
        }
    }

    /// Everything that makes no sense together: key, what stands there, what may.
    pub(super) fn wrong(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut out = Vec::new();
        let (start, stop) = (&self.start_keys, &self.stop_keys);
        if !start.is_empty() && !stop.is_empty() && (start.ends_with(stop) || stop.ends_with(start)) {
            let allowed = "other keys than those of pause.start_keys, neither of them the end of the other";
            out.push(("pause.stop_keys", format!("{stop:?}"), allowed));
        }
        if start.is_empty() && !stop.is_empty() {
            out.push(("pause.start_keys", "nothing".into(), "the keys that pause, where stop_keys is set"));
        }
        if !self.header.is_empty() && self.start_values.is_empty() {
            out.push(("pause.start_values", "an empty list".into(), "at least one value of pause.header"));
        }
        let is_both = |word: &&String| self.stop_values.iter().any(|other| other.eq_ignore_ascii_case(word));
        if let Some(word) = self.start_values.iter().find(is_both) {
            let allowed = "values that are not in pause.start_values";
            out.push(("pause.stop_values", format!("{word:?}, which is in both lists"), allowed));
        }
        match self.listen {
            Some(addr) if !addr.ip().is_loopback() => out.push((
                "pause.listen",
                format!("\"{addr}\", where tokens would travel in clear"),
                "an address of this machine only, such as \"127.0.0.1:9161\", with a proxy that has TLS before it",
            )),
            Some(_) if self.tokens.as_os_str().is_empty() => {
                let allowed = "the file of the agents' tokens where pause.listen is set";
                out.push(("pause.tokens", "nothing".into(), allowed));
            }
            Some(_) | None => {}
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_any_case() {
        let rules = PauseRules::default();
        assert_eq!(rules.switch_of(" OFF "), Some(Switch::Pause));
        assert_eq!(rules.switch_of("Resume"), Some(Switch::Resume));
        assert_eq!([rules.switch_of(""), rules.switch_of("offline")], [None; 2]);
    }

    #[test]
    fn what_makes_no_sense() {
        let keys = |change: fn(&mut PauseRules)| {
            let mut rules = PauseRules::default();
            change(&mut rules);
            rules.wrong().iter().map(|w| w.0).collect::<Vec<_>>()
        };
        assert_eq!(keys(|_| {}), [""; 0]);
        let set = |r: &mut PauseRules, a: &str, b: &str| (r.start_keys, r.stop_keys) = (a.into(), b.into());
        assert_eq!(keys(|_| {}), [""; 0]);
        for (a, b, is_wrong) in
            [("*1", "*1", true), ("*1", "**1", true), ("*1", "*2", false), ("*1", "", false)]
        {
            let mut rules = PauseRules::default();
            set(&mut rules, a, b);
            assert_eq!(!rules.wrong().is_empty(), is_wrong, "{a} {b}");
        }
        assert_eq!(keys(|r| r.stop_keys = "*2".into()), ["pause.start_keys"]);
        assert_eq!(keys(|r| r.stop_values.push("OFF".into())), ["pause.stop_values"]);
        assert_eq!(keys(|r| r.listen = "127.0.0.1:9161".parse().ok()), ["pause.tokens"]);
        assert_eq!(keys(|r| r.listen = "10.1.0.5:9161".parse().ok()), ["pause.listen"]);
        assert_eq!(
            keys(|r| (r.listen, r.tokens) = ("[::1]:9161".parse().ok(), "/etc/tokens".into())),
            [""; 0]
        );
    }
}
