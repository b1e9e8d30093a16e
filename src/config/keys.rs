//! Every key of the configuration, once, with the kind of value it holds.
//!
//! The configuration crate turns `"5060"` into 5060 without a word, which hides
//! mistakes in a file; so each value is judged here, as written, before the
//! layers are merged. Text from the environment and `--set` has no types and is
//! read by the same kinds. That this list equals [`Config`](super::Config) is a
//! test, so neither can grow alone.

use super::{TunnelKind, TunnelRule, forms, listening};
use toml::Value;

/// What a key may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number from the first to the second.
    Count(i64, i64),
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// A string or a list of them.
    OneOrTexts,
    /// A kind of tunnel, `{ kind = "gre", from = "10.9.0.0/16" }`, or a list of both.
    Tunnels,
    /// A list of port numbers.
    Ports,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of `inbound` and `outbound`.
    Directions,
    /// `"30s"`.
    Duration,
    /// `"5 GiB"`.
    Size,
    /// A number of digits or `"all"`.
    HideDigits,
    /// `{ "2001" = "M. Virtanen" }`.
    Names,
    /// The list of `[[service]]`.
    Services,
    /// A list of these words.
    ListOf(&'static [&'static str]),
    /// A table of these keys.
    Keys(&'static [Key]),
    /// Tables of these keys, each under a name.
    Each(&'static [Key]),
}

/// One key: its name and what it holds.
pub type Key = (&'static str, Kind);

/// Words of `directions`.
const DIRECTIONS: &[&str] = &["inbound", "outbound"];
/// Words of `retention_bound`.
const BOUNDS: &[&str] = &["keep", "at_most"];
/// Words of `agents.match`.
const MATCHES: &[&str] = &["within", "any"];
/// Words of `retention.clock`.
const CLOCKS: &[&str] = &["synchronised", "any"];
/// Words of `retention.access`.
const ACCESS: &[&str] = &["until_deleted", "until_due"];
/// Words of `storage.encoding`.
const ENCODINGS: &[&str] = &["pcm_s16le", "g711"];
/// Largest ring libpcap takes, MiB: its size is an `int` of bytes.
pub const BUFFER_MIB_MAX: u32 = 2047;
/// Smallest TCP buffer and media queue, bytes: one SIP message as large as UDP would carry, a block of each channel.
pub const BUFFER_BYTES_MIN: usize = 64 * 1024;
/// More threads than any machine has use for.
pub const WORKERS_MAX: usize = 1024;
/// Least memory with which anything can be followed, bytes.
pub const MEMORY_MIN: u64 = 64 << 20;
/// A bound that must leave room for one.
const SOME: Kind = Kind::Count(1, i64::MAX);
/// A buffer.
const BYTES: Kind = Kind::Count(BUFFER_BYTES_MIN as i64, i64::MAX);

/// Keys of `room.tls`.
const TLS_KEYS: &[Key] = &[("cert", Kind::Text), ("key", Kind::Text)];
/// Keys of `[room.oidc]`.
const OIDC_KEYS: &[Key] = &[
    ("issuer", Kind::Text),
    ("client_id", Kind::Text),
    ("client_secret_file", Kind::Text),
    ("roles", Kind::Names),
];
/// Keys of `[room.roles.NAME]`.
const ROLE_KEYS: &[Key] = &[
    ("find", Kind::OneOf(listening::SCOPES)),
    ("hear", Kind::OneOf(listening::SCOPES)),
    ("act", Kind::ListOf(listening::ACTS)),
    ("download", Kind::Bool),
    ("networks", Kind::Texts),
    ("listening", Kind::OneOf(&["", "standing", "on_request"])),
];

/// All keys outside `[[service]]`, as `section.key`, in the order of the sample file.
pub const KEYS: &[Key] = &[
    ("capture.interface", Kind::OneOrTexts),
    ("capture.filter", Kind::Text),
    ("capture.buffer_mib", Kind::Count(1, BUFFER_MIB_MAX as i64)),
    ("capture.tunnels", Kind::Tunnels),
    ("capture.promiscuous", Kind::Bool),
    ("sip.ports", Kind::Ports),
    ("sip.correlation_headers", Kind::Texts),
    ("sip.media_timeout", Kind::Duration),
    ("sip.max_silence", Kind::Duration),
    ("agents.extensions", Kind::Texts),
    ("agents.networks", Kind::Texts),
    ("agents.header", Kind::Text),
    ("agents.record_internal", Kind::Bool),
    ("agents.match", Kind::OneOf(MATCHES)),
    ("agents.names", Kind::Names),
    ("service", Kind::Services),
    ("service_default.name", Kind::Text),
    ("service_default.record", Kind::Bool),
    ("service_default.directions", Kind::Directions),
    ("service_default.retention", Kind::Text),
    ("service_default.retention_bound", Kind::OneOf(BOUNDS)),
    ("service_default.hide_caller_digits", Kind::HideDigits),
    ("service_default.listening", Kind::OneOf(listening::LISTENING)),
    ("service_default.reasons", Kind::ListOf(listening::REASONS)),
    ("service_default.special_category", Kind::Bool),
    ("service_default.office", Kind::Text),
    ("numbers.country", Kind::Text),
    ("numbers.national_prefix", Kind::Text),
    ("numbers.caller", Kind::Texts),
    ("retention.timezone", Kind::Text),
    ("retention.sweep", Kind::Duration),
    ("retention.guard", Kind::Count(0, 1_000_000)),
    ("retention.clock", Kind::OneOf(CLOCKS)),
    ("retention.access", Kind::OneOf(ACCESS)),
    ("retention.hold_review", Kind::Text),
    ("retention.release_grace", Kind::Duration),
    ("retention.tombstones", Kind::Text),
    ("storage.dir", Kind::Text),
    ("storage.state", Kind::Text),
    ("storage.id", Kind::Text),
    ("storage.encoding", Kind::OneOf(ENCODINGS)),
    ("storage.min_free", Kind::Size),
    ("storage.group_read", Kind::Bool),
    ("audit.keep", Kind::Text),
    ("audit.anchor", Kind::Text),
    ("metrics.listen", Kind::Text),
    ("log.keep", Kind::Duration),
    ("limits.memory", Kind::Size),
    ("limits.calls", SOME),
    ("limits.recordings", SOME),
    ("limits.fragments", SOME),
    ("limits.tcp_streams", SOME),
    ("limits.tcp_buffer", BYTES),
    ("limits.queue_bytes", BYTES),
    ("limits.workers", Kind::Count(0, WORKERS_MAX as i64)),
    ("room.listen", Kind::Text),
    ("room.tls", Kind::Keys(TLS_KEYS)),
    ("room.trusted_proxies", Kind::Texts),
    ("room.session_idle", Kind::Duration),
    ("room.session_max", Kind::Duration),
    ("room.undertaking", Kind::Text),
    ("room.languages", Kind::ListOf(listening::LANGUAGES)),
    ("room.exports", Kind::Text),
    ("room.oidc", Kind::Keys(OIDC_KEYS)),
    ("room.roles", Kind::Each(ROLE_KEYS)),
];

/// Keys of one `[[service]]`.
pub const SERVICE_KEYS: &[Key] = &[
    ("name", Kind::Text),
    ("numbers", Kind::Texts),
    ("record", Kind::Bool),
    ("directions", Kind::Directions),
    ("retention", Kind::Text),
    ("retention_bound", Kind::OneOf(BOUNDS)),
    ("hide_caller_digits", Kind::HideDigits),
    ("listening", Kind::OneOf(listening::LISTENING)),
    ("reasons", Kind::ListOf(listening::REASONS)),
    ("special_category", Kind::Bool),
    ("office", Kind::Text),
];

/// Keys whose value `nauhuri check` must not print. None today: a key that holds a password goes here.
pub const SECRETS: &[&str] = &[];

/// Longest piece of a value that a message repeats, characters.
const FOUND_MAX: usize = 80;

impl Kind {
    /// What may stand there, in words.
    pub fn allowed(self) -> String {
        match self {
            Kind::Bool => "true or false".into(),
            Kind::Count(least, i64::MAX) => format!("a whole number, {least} or more"),
            Kind::Count(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Text => "text in quotes".into(),
            Kind::Texts => "a list of texts such as [\"a\", \"b\"]".into(),
            Kind::OneOrTexts => "text such as \"eth1\", or a list such as [\"eth1\", \"eth2\"]".into(),
            Kind::Tunnels => {
                let kinds = TunnelKind::ALL.map(|kind| format!("\"{}\"", kind.as_str())).join(", ");
                format!(
                    "a list of {kinds} or \"any\", each alone or as {{ kind = \"gre\", from = \"10.9.0.0/16\" }}"
                )
            }
            Kind::Ports => "a list of port numbers from 1 to 65535 such as [5060, 5080]".into(),
            Kind::OneOf(words) => words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(" or "),
            Kind::Directions => "a list of \"inbound\" and \"outbound\"".into(),
            Kind::Duration => "a duration with its unit such as \"30s\" or \"1h 30m\"".into(),
            Kind::Size => "a size such as \"5 GiB\", \"100 MiB\" or \"0\"".into(),
            Kind::HideDigits => "a number of digits from 0 to 255, or \"all\"".into(),
            Kind::Names => "texts by agent id such as { \"2001\" = \"M. Virtanen\" }".into(),
            Kind::Services => "[[service]] tables".into(),
            Kind::ListOf(words) => format!("a list of {}", quoted(words)),
            Kind::Keys(keys) => format!("a table of {}", names(keys)),
            Kind::Each(keys) => format!("a table for each name, of {}", names(keys)),
        }
    }

    /// Whether `value`, as written, is of this kind. [`Kind::Services`] only looks at the outside.
    pub fn accepts(self, value: &Value) -> bool {
        let all = |good: &dyn Fn(&Value) -> bool| value.as_array().is_some_and(|a| a.iter().all(good));
        match self {
            Kind::Bool => value.is_bool(),
            Kind::Count(least, most) => value.as_integer().is_some_and(|n| (least..=most).contains(&n)),
            Kind::Text => value.is_str(),
            Kind::Texts => all(&Value::is_str),
            Kind::OneOrTexts => value.is_str() || all(&Value::is_str),
            Kind::Tunnels => is_tunnel(value) || all(&is_tunnel),
            Kind::Ports => all(&|v| v.as_integer().is_some_and(|n| (1..=65535).contains(&n))),
            Kind::OneOf(words) => value.as_str().is_some_and(|s| words.contains(&s)),
            Kind::Directions => all(&|v| v.as_str().is_some_and(|s| DIRECTIONS.contains(&s))),
            Kind::Duration => value.as_str().is_some_and(|s| humantime::parse_duration(s).is_ok()),
            Kind::Size => value.as_str().is_some_and(|s| forms::bytes::parse(s).is_some()),
            Kind::HideDigits => match value {
                Value::Integer(n) => (0..=255).contains(n),
                Value::String(s) => s == "all",
                _ => false,
            },
            Kind::Names => value.as_table().is_some_and(|t| t.values().all(Value::is_str)),
            Kind::Services => value.as_array().is_some_and(|a| a.iter().all(Value::is_table)),
            Kind::ListOf(words) => all(&|v| v.as_str().is_some_and(|s| words.contains(&s))),
            Kind::Keys(keys) => value.as_table().is_some_and(|t| holds(t, keys)),
            Kind::Each(keys) => value
                .as_table()
                .is_some_and(|t| t.values().all(|v| v.as_table().is_some_and(|t| holds(t, keys)))),
        }
    }

    /// Reads text that has no type of its own, from the environment or `--set`.
    ///
    /// Lists are `a,b` or TOML. Text that cannot be of this kind comes back as a
    /// string, which [`Kind::accepts`] then refuses.
    pub fn read_text(self, text: &str) -> Value {
        let plain = || Value::String(text.to_owned());
        match self {
            Kind::Bool | Kind::Count(..) | Kind::Names | Kind::Services | Kind::Keys(_) | Kind::Each(_) => {
                toml_value(text).unwrap_or_else(plain)
            }
            Kind::HideDigits if text != "all" => toml_value(text).unwrap_or_else(plain),
            Kind::Tunnels if text.trim_start().starts_with('{') => toml_value(text).unwrap_or_else(plain),
            Kind::Texts | Kind::OneOrTexts | Kind::Directions | Kind::Tunnels | Kind::ListOf(_) => {
                list(text, |item| Value::String(item.to_owned())).unwrap_or_else(plain)
            }
            Kind::Ports => list(text, |item| {
                item.parse().map(Value::Integer).unwrap_or_else(|_| Value::String(item.to_owned()))
            })
            .unwrap_or_else(plain),
            Kind::Text | Kind::OneOf(_) | Kind::Duration | Kind::Size | Kind::HideDigits => {
                toml_value(text).filter(Value::is_str).unwrap_or_else(plain)
            }
        }
    }
}

/// Whether a table holds only `keys`, each as it should be.
fn holds(table: &toml::Table, keys: &[Key]) -> bool {
    let good =
        |(key, value): (&String, &Value)| keys.iter().any(|(name, kind)| name == key && kind.accepts(value));
    table.iter().all(good)
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ")
}

fn names(keys: &[Key]) -> String {
    keys.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// One entry of `capture.tunnels`.
fn is_tunnel(value: &Value) -> bool {
    match value {
        Value::String(kind) => TunnelRule::read(kind, None).is_some(),
        Value::Table(table) => {
            let text = |key: &str| table.get(key).map(Value::as_str);
            let known = table.keys().all(|key| matches!(key.as_str(), "kind" | "from"));
            match (text("kind"), text("from")) {
                (Some(Some(kind)), None) => known && TunnelRule::read(kind, None).is_some(),
                (Some(Some(kind)), Some(Some(from))) => known && TunnelRule::read(kind, Some(from)).is_some(),
                _ => false,
            }
        }
        _ => false,
    }
}

/// `text` as one TOML value.
fn toml_value(text: &str) -> Option<Value> {
    // One value only: a line break would let further keys in.
    if text.contains(['\n', '\r']) {
        return None;
    }
    let mut table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    table.remove("value")
}

/// `a,b`, or TOML when it opens with a bracket; empty text is an empty list.
fn list(text: &str, item: impl Fn(&str) -> Value) -> Option<Value> {
    let text = text.trim();
    if text.starts_with('[') {
        return toml_value(text);
    }
    let items = text.split(',').map(str::trim).filter(|_| !text.is_empty()).map(item);
    Some(Value::Array(items.collect()))
}

/// The kind of `section.key`.
pub fn kind(path: &str) -> Option<Kind> {
    KEYS.iter().find(|(name, _)| *name == path).map(|(_, kind)| *kind)
}

/// Names of the sections, `service` included.
pub fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    KEYS.iter().filter_map(move |(name, _)| {
        let section = name.split_once('.').map_or(*name, |(section, _)| section);
        (section != last).then(|| {
            last = section;
            section
        })
    })
}

/// The valid key nearest to `path`, which is none: a slip of the pen in the
/// same section before the same name in another.
pub fn nearest(path: &str) -> &'static str {
    let (section, leaf) = path.split_once('.').unwrap_or(("", path));
    let distance = |name: &str| {
        let (of, key) = name.split_once('.').unwrap_or(("", name));
        let elsewhere = if of == section { 0 } else { 3 };
        strsim::damerau_levenshtein(key, &leaf.to_lowercase()) + elsewhere
    };
    KEYS.iter().map(|(name, _)| *name).min_by_key(|name| distance(name)).unwrap_or("")
}

/// Whether the last words of two keys have more in common than not: one is a slip of the other.
pub fn is_like(path: &str, name: &str) -> bool {
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_lowercase();
    let (a, b) = (last(path), last(name));
    2 * strsim::damerau_levenshtein(&a, &b) <= a.chars().count().max(b.chars().count())
}

/// The word of `words` nearest to `word`, with how far it is.
pub fn nearest_of<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    let word = word.to_lowercase();
    words.map(|w| (strsim::damerau_levenshtein(w, &word), w)).min_by_key(|(d, _)| *d)
}

/// A value as a message repeats it: on one line and cut.
pub fn found(value: &Value) -> String {
    let text = match value {
        Value::Table(_) => "a table".to_owned(),
        other => other.to_string().replace(['\n', '\r'], " "),
    };
    cut(&text)
}

/// `text`, no longer than a message should be.
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(FOUND_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ServiceRule};
    use std::collections::BTreeSet;

    fn paths(table: &toml::Table) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for (section, value) in table {
            match value {
                Value::Table(keys) => out.extend(keys.keys().map(|k| format!("{section}.{k}"))),
                _ => {
                    out.insert(section.clone());
                }
            }
        }
        out
    }

    #[test]
    fn the_list_is_the_configuration() {
        let mut config = Config::default();
        config.storage.state = Some("/var/lib/nauhuri/state".into());
        config.service_default.listening = Some(crate::config::Listening::Standing);
        config.service_default.reasons = Some(crate::config::Reason::ALL.to_vec());
        let table = toml::Table::try_from(&config).unwrap();
        assert_eq!(paths(&table), KEYS.iter().map(|(k, _)| k.to_string()).collect());
        for (path, kind) in KEYS {
            let value =
                path.split('.').try_fold(&Value::Table(table.clone()), |v, k| v.get(k)).cloned().unwrap();
            assert!(kind.accepts(&value), "{path} refuses its default {value}");
        }
    }

    #[test]
    fn the_list_is_a_service() {
        let base = Config::default().service_default;
        let rule = ServiceRule {
            name: "x".into(),
            numbers: vec!["1".into()],
            record: Some(base.record),
            directions: Some(base.directions),
            retention: Some(base.retention),
            retention_bound: Some(base.retention_bound),
            hide_caller_digits: Some(base.hide_caller_digits),
            listening: Some(crate::config::Listening::OnRequest),
            reasons: Some(crate::config::Reason::ALL.to_vec()),
            special_category: Some(base.special_category),
            office: Some(base.office),
        };
        let table = toml::Table::try_from(&rule).unwrap();
        let names: Vec<_> = table.keys().map(String::as_str).collect();
        let mut listed: Vec<_> = SERVICE_KEYS.iter().map(|(k, _)| *k).collect();
        listed.sort_unstable();
        let mut written = names.clone();
        written.sort_unstable();
        assert_eq!(written, listed);
        assert!(SERVICE_KEYS.iter().all(|(k, kind)| kind.accepts(&table[*k])));
    }

    #[test]
    fn text_becomes_what_the_key_holds() {
        let ports = Kind::Ports.read_text("5060, 5080");
        assert_eq!(ports, Kind::Ports.read_text("[5060,5080]"));
        assert!(Kind::Ports.accepts(&ports));
        assert!(!Kind::Ports.accepts(&Kind::Ports.read_text("5060,sip")));
        assert!(!Kind::Ports.accepts(&Kind::Ports.read_text("0")));
        assert!(Kind::Bool.accepts(&Kind::Bool.read_text("false")));
        assert!(!Kind::Bool.accepts(&Kind::Bool.read_text("\"false\"")));
        assert_eq!(Kind::Texts.read_text(""), Value::Array(vec![]));
        assert_eq!(Kind::Text.read_text("5 years"), Value::String("5 years".into()));
        assert_eq!(Kind::Text.read_text("358"), Value::String("358".into()));
        assert_eq!(Kind::HideDigits.read_text("4"), Value::Integer(4));
        assert!(!Kind::Count(0, 9).accepts(&Kind::Count(0, 9).read_text("1\nother = 2")));
    }

    #[test]
    fn the_nearest_name() {
        assert_eq!(nearest("sip.port"), "sip.ports");
        assert_eq!(nearest("capture.media_timeout"), "sip.media_timeout");
        assert_eq!(nearest("ports"), "sip.ports");
        assert_eq!(nearest("storage.min-free"), "storage.min_free");
        assert!(is_like("tape.media_timout", "sip.media_timeout") && is_like("prots", "sip.ports"));
        assert!(!is_like("foo.bar", nearest("foo.bar")) && !is_like("x.y", nearest("x.y")));
    }
}
