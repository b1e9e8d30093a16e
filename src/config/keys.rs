//! What a key of the configuration is: one row, from which everything else comes.
//!
//! `section!` makes of its rows the struct of a section, its default and its list of
//! [`Key`]s; `config!` puts the sections together. The first text of a row is the
//! documentation of the field, the comment in the sample file and the reference.
//!
//! What a value may be is its [`Kind`]. The configuration crate turns `"5060"` into 5060
//! without a word, which hides mistakes in a file; so each value is judged here, as
//! written, before the layers are merged. Text from the environment and `--set` has no
//! types and is read by the same kinds.

use super::sip_ports::ANY as ANY_PORT;
use super::takes_effect::TakesEffect;
use super::{TunnelKind, TunnelRule, forms};
use serde::Serialize;
use toml::Value;

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number from the first to the second.
    Count(i64, i64),
    /// A string.
    Text,
    /// A string of this form.
    Word(&'static Form),
    /// A list of strings.
    Texts,
    /// A list of strings of this form.
    Words(&'static Form),
    /// A string or a list of them.
    OneOrTexts,
    /// A kind of tunnel, `{ kind = "gre", from = "10.9.0.0/16" }`, or a list of both.
    Tunnels,
    /// A list of port numbers, not empty, or `"any"`.
    Ports,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of these words.
    ListOf(&'static [&'static str]),
    /// A list of `inbound` and `outbound`, not empty.
    Directions,
    /// `"30s"`, which may be `"0s"`.
    Duration,
    /// `"30s"`, above zero.
    Period,
    /// `"5 GiB"`, at least so many bytes.
    Size(u64),
    /// A number of digits or `"all"`.
    HideDigits,
    /// `{ "2001" = "M. Virtanen" }`.
    Names,
    /// A list of tables of these keys: `[[service]]`.
    Services(&'static [Key]),
    /// A table of these keys.
    Keys(&'static [Key]),
    /// Tables of these keys, each under a name.
    Each(&'static [Key]),
}

/// What a text may look like.
#[derive(Debug)]
pub struct Form {
    /// What may stand there, in words.
    pub allowed: &'static str,
    /// Whether a text that is not empty is of this form.
    pub accepts: fn(&str) -> bool,
    /// Whether there may be nothing: `""`, or a list without entries.
    pub may_be_empty: bool,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name within its section.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// When a change of it takes effect.
    pub takes: TakesEffect,
    /// What it means, line by line.
    pub about: &'static [&'static str],
    /// Its default; `None` where it has none.
    pub default: fn() -> Option<Value>,
    /// A value to show where the default shows nothing: TOML, or for [`Kind::Each`] a name.
    pub example: Option<&'static str>,
}

/// What has keys: a section, or a table within one.
pub trait Section {
    /// What it is about, line by line.
    const ABOUT: &'static [&'static str];
    /// Its keys, in the order of the sample file.
    const KEYS: &'static [Key];
    /// `[[name]]`, any number of times, and not `[name]`.
    const IS_LIST: bool = false;
}

impl<T: Section> Section for Vec<T> {
    const ABOUT: &'static [&'static str] = T::ABOUT;
    const KEYS: &'static [Key] = T::KEYS;
    const IS_LIST: bool = true;
}

/// A section by its name.
#[derive(Debug)]
pub struct Named {
    /// `[name]`
    pub name: &'static str,
    /// See [`Section::ABOUT`].
    pub about: &'static [&'static str],
    /// See [`Section::KEYS`].
    pub keys: &'static [Key],
    /// See [`Section::IS_LIST`].
    pub is_list: bool,
}

/// The default of a key, as a file would have it.
pub fn default_of<T: Default + Serialize>(key: &str) -> Option<Value> {
    Value::try_from(T::default()).ok()?.get(key).cloned()
}

/// The struct of a section from its rows:
/// `/// meaning` `field as "name": Type = default, kind, when a change takes effect, example;`
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $section:ident {
            $(
                $(#[doc = $doc:literal])*
                $(#[serde($($serde:tt)*)])*
                $field:ident $(as $written:literal)? : $type:ty = $default:expr, $kind:expr, $takes:ident
                    $(, $example:literal)?;
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $section {
            $(
                $(#[doc = $doc])*
                $(#[serde(rename = $written)])?
                $(#[serde($($serde)*)])*
                pub $field: $type,
            )*
        }

        impl Default for $section {
            fn default() -> Self {
                $section { $($field: $default),* }
            }
        }

        impl $crate::config::keys::Section for $section {
            const ABOUT: &'static [&'static str] = &[$($about),*];
            const KEYS: &'static [$crate::config::keys::Key] = &[$(
                $crate::config::keys::Key {
                    name: $crate::config::keys::name!($field $($written)?),
                    kind: $kind,
                    takes: $crate::config::takes_effect::TakesEffect::$takes,
                    about: &[$($doc),*],
                    default: || {
                        let name = $crate::config::keys::name!($field $($written)?);
                        $crate::config::keys::default_of::<$section>(name)
                    },
                    example: $crate::config::keys::example!($($example)?),
                },
            )*];
        }
    };
}

/// The configuration from its sections.
macro_rules! config {
    ($($section:ident: $type:ty,)*) => {
        /// The whole configuration. Unknown keys are errors.
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $(
                #[doc = concat!("`[", stringify!($section), "]`")]
                pub $section: $type,
            )*
        }

        /// All sections, in the order of the sample file.
        pub const SECTIONS: &[$crate::config::keys::Named] = &[$(
            $crate::config::keys::Named {
                name: stringify!($section),
                about: <$type as $crate::config::keys::Section>::ABOUT,
                keys: <$type as $crate::config::keys::Section>::KEYS,
                is_list: <$type as $crate::config::keys::Section>::IS_LIST,
            },
        )*];
    };
}

macro_rules! name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $written:literal) => {
        $written
    };
}

macro_rules! example {
    () => {
        None
    };
    ($example:literal) => {
        Some($example)
    };
}

pub(crate) use {config, example, name, section};

/// Keys whose value `nauhuri check` must not print. None today: a key that holds a password goes here.
pub const SECRETS: &[&str] = &[];

/// Longest piece of a value that a message repeats, characters.
const FOUND_MAX: usize = 80;

/// Words of `directions`.
const DIRECTIONS: &[&str] = &["inbound", "outbound"];

impl Kind {
    /// What may stand there, in words.
    pub fn allowed(self) -> String {
        match self {
            Kind::Bool => "true or false".into(),
            Kind::Count(least, i64::MAX) => format!("a whole number, {least} or more"),
            Kind::Count(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Text => "text in quotes".into(),
            Kind::Word(form) | Kind::Words(form) => form.allowed.into(),
            Kind::Texts => "a list of texts such as [\"a\", \"b\"]".into(),
            Kind::OneOrTexts => "text such as \"eth1\", or a list such as [\"eth1\", \"eth2\"]".into(),
            Kind::Tunnels => {
                let kinds = TunnelKind::ALL.map(|kind| format!("\"{}\"", kind.as_str())).join(", ");
                format!(
                    "a list of {kinds} or \"any\", each alone or as {{ kind = \"gre\", from = \"10.9.0.0/16\" }}"
                )
            }
            Kind::Ports => "a list of port numbers from 1 to 65535 such as [5060, 5080], or \"any\"".into(),
            Kind::OneOf(words) => words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(" or "),
            Kind::Directions => {
                "a list of \"inbound\" and \"outbound\", at least one (record = false keeps nothing, \
                 agents.record_internal is for internal calls)"
                    .into()
            }
            Kind::Duration => "a duration with its unit such as \"30s\" or \"1h 30m\"".into(),
            Kind::Period => "a duration above zero with its unit such as \"30s\" or \"1h 30m\"".into(),
            Kind::Size(least @ 1..) => format!("a size of at least \"{}\"", forms::bytes::text(least)),
            Kind::Size(_) => "a size such as \"5 GiB\", \"100 MiB\" or \"0\"".into(),
            Kind::HideDigits => "a number of digits from 0 to 255, or \"all\"".into(),
            Kind::Names => "texts by agent id such as { \"2001\" = \"M. Virtanen\" }".into(),
            Kind::Services(_) => "[[service]] tables".into(),
            Kind::ListOf(words) => format!("a list of {}", quoted(words)),
            Kind::Keys(keys) => format!("a table of {}", names(keys)),
            Kind::Each(keys) => format!("a table for each name, of {}", names(keys)),
        }
    }

    /// Whether `value`, as written, is of this kind. [`Kind::Services`] only looks at the outside.
    pub fn accepts(self, value: &Value) -> bool {
        let all = |good: &dyn Fn(&Value) -> bool| value.as_array().is_some_and(|a| a.iter().all(good));
        let some =
            |good: &dyn Fn(&Value) -> bool| all(good) && value.as_array().is_some_and(|a| !a.is_empty());
        match self {
            Kind::Bool => value.is_bool(),
            Kind::Count(least, most) => value.as_integer().is_some_and(|n| (least..=most).contains(&n)),
            Kind::Text => value.is_str(),
            Kind::Word(form) => value.as_str().is_some_and(|s| form.fits(s)),
            Kind::Texts => all(&Value::is_str),
            Kind::Words(form) => {
                let is_empty = value.as_array().is_some_and(Vec::is_empty);
                (form.may_be_empty || !is_empty) && all(&|v| v.as_str().is_some_and(form.accepts))
            }
            Kind::OneOrTexts => value.is_str() || all(&Value::is_str),
            Kind::Tunnels => is_tunnel(value) || all(&is_tunnel),
            Kind::Ports => {
                value.as_str() == Some(ANY_PORT)
                    || some(&|v| v.as_integer().is_some_and(|n| (1..=65535).contains(&n)))
            }
            Kind::OneOf(words) => value.as_str().is_some_and(|s| words.contains(&s)),
            Kind::Directions => some(&|v| v.as_str().is_some_and(|s| DIRECTIONS.contains(&s))),
            Kind::Duration => value.as_str().and_then(forms::duration::parse).is_some(),
            Kind::Period => value.as_str().and_then(forms::duration::parse).is_some_and(|d| !d.is_zero()),
            Kind::Size(least) => {
                value.as_str().and_then(forms::bytes::parse).is_some_and(|bytes| bytes >= least)
            }
            Kind::HideDigits => match value {
                Value::Integer(n) => (0..=255).contains(n),
                Value::String(s) => s == "all",
                _ => false,
            },
            Kind::Names => value.as_table().is_some_and(|t| t.values().all(Value::is_str)),
            Kind::Services(_) => value.as_array().is_some_and(|a| a.iter().all(Value::is_table)),
            Kind::ListOf(words) => all(&|v| v.as_str().is_some_and(|s| words.contains(&s))),
            Kind::Keys(keys) => value.as_table().is_some_and(|t| holds(t, keys)),
            Kind::Each(keys) => value
                .as_table()
                .is_some_and(|t| t.values().all(|v| v.as_table().is_some_and(|t| holds(t, keys)))),
        }
    }

    /// What of `value` is not of this kind, as a message repeats it: the first wrong entry of a
    /// list of words, else the whole.
    pub fn found(self, value: &Value) -> String {
        let wrong = match (self, value) {
            (Kind::Words(form), Value::Array(items)) if items.iter().all(Value::is_str) => {
                items.iter().find(|v| v.as_str().is_some_and(|s| !(form.accepts)(s)))
            }
            _ => None,
        };
        found(wrong.unwrap_or(value))
    }

    /// Reads text that has no type of its own, from the environment or `--set`.
    ///
    /// Lists are `a,b` or TOML. Text that cannot be of this kind comes back as a
    /// string, which [`Kind::accepts`] then refuses.
    pub fn read_text(self, text: &str) -> Value {
        let plain = || Value::String(text.to_owned());
        match self {
            Kind::Bool
            | Kind::Count(..)
            | Kind::Names
            | Kind::Services(_)
            | Kind::Keys(_)
            | Kind::Each(_) => toml_value(text).unwrap_or_else(plain),
            Kind::HideDigits if text != "all" => toml_value(text).unwrap_or_else(plain),
            Kind::Tunnels if text.trim_start().starts_with('{') => toml_value(text).unwrap_or_else(plain),
            Kind::Texts
            | Kind::Words(_)
            | Kind::OneOrTexts
            | Kind::Directions
            | Kind::Tunnels
            | Kind::ListOf(_) => list(text, |item| Value::String(item.to_owned())).unwrap_or_else(plain),
            Kind::Ports if text.trim() == ANY_PORT => plain(),
            Kind::Ports => list(text, |item| {
                item.parse().map(Value::Integer).unwrap_or_else(|_| Value::String(item.to_owned()))
            })
            .unwrap_or_else(plain),
            Kind::Text
            | Kind::Word(_)
            | Kind::OneOf(_)
            | Kind::Duration
            | Kind::Period
            | Kind::Size(_)
            | Kind::HideDigits => toml_value(text).filter(Value::is_str).unwrap_or_else(plain),
        }
    }
}

impl Form {
    fn fits(&self, text: &str) -> bool {
        if text.is_empty() { self.may_be_empty } else { (self.accepts)(text) }
    }
}

/// Whether a table holds only `keys`, each as it should be.
fn holds(table: &toml::Table, keys: &[Key]) -> bool {
    let good =
        |(name, value): (&String, &Value)| keys.iter().any(|k| k.name == name && k.kind.accepts(value));
    table.iter().all(good)
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ")
}

/// Their names, as a message lists them.
pub fn names(keys: &[Key]) -> String {
    keys.iter().map(|key| key.name).collect::<Vec<_>>().join(", ")
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
}
