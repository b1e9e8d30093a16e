//! Services: what each promises of its recordings, and the forms those promises have.

use super::keys::{self, Key, Kind, Section};
use super::listening::{ListenReason, Listening};
use super::takes_effect::TakesEffect;
use super::term::Term;
use super::{forms, words};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;

/// `[service_default]`, and every key of a `[[service]]`, which may leave any of them out:
/// the name, then keys that have a default, then keys without.
macro_rules! services {
    (
        $(#[doc = $name_doc:literal])*
        name: $name_default:expr, $name_kind:expr, $name_takes:ident, $name_example:literal;
        $(
            $(#[doc = $doc:literal])*
            $field:ident: $type:ty = $default:expr, $kind:expr, $takes:ident $(, $example:literal)?;
        )*
        [without a default]
        $(
            $(#[doc = $free_doc:literal])*
            $free:ident: $free_type:ty, $free_kind:expr, $free_takes:ident, $free_example:literal;
        )*
    ) => {
        /// The rule for calls to a number that no service lists, and the defaults of all services.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Service {
            $(#[doc = $name_doc])*
            pub name: String,
            $($(#[doc = $doc])* pub $field: $type,)*
            $(
                $(#[doc = $free_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $free: Option<$free_type>,
            )*
        }

        impl Default for Service {
            fn default() -> Self {
                Service { name: $name_default.into(), $($field: $default,)* $($free: None,)* }
            }
        }

        impl Service {
            const NAME: Key = Key {
                name: "name",
                kind: $name_kind,
                takes: TakesEffect::$name_takes,
                about: &[$($name_doc),*],
                default: || keys::default_of::<Service>("name"),
                example: Some($name_example),
            };
        }

        impl Section for Service {
            const ABOUT: &'static [&'static str] = &[" The rule for calls to a number that no service lists, and the defaults of all services."];
            const KEYS: &'static [Key] = &[
                Service::NAME,
                $(Key {
                    name: stringify!($field),
                    kind: $kind,
                    takes: TakesEffect::$takes,
                    about: &[$($doc),*],
                    default: || keys::default_of::<Service>(stringify!($field)),
                    example: keys::example!($($example)?),
                },)*
                $(Key {
                    name: stringify!($free),
                    kind: $free_kind,
                    takes: TakesEffect::$free_takes,
                    about: &[$($free_doc),*],
                    default: || None,
                    example: Some($free_example),
                },)*
            ];
        }

        /// One `[[service]]` as written: what is not set comes from `[service_default]`.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct ServiceRule {
            /// Name of the service.
            pub name: String,
            /// Dialled numbers, compared by digits.
            pub numbers: Vec<String>,
            $(
                #[doc = concat!("See [`Service::", stringify!($field), "`].")]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
            $(
                #[doc = concat!("See [`Service::", stringify!($free), "`].")]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $free: Option<$free_type>,
            )*
        }

        impl ServiceRule {
            /// The service with everything filled in from `base`.
            pub fn resolve(&self, base: &Service) -> Service {
                Service {
                    name: self.name.clone(),
                    $($field: self.$field.clone().unwrap_or_else(|| base.$field.clone()),)*
                    $($free: self.$free.clone().or_else(|| base.$free.clone()),)*
                }
            }
        }
    };
}

services! {
    /// Name in the sidecars and metrics.
    name: "general", Kind::Word(&words::SERVICE_NAME), OnReload, "\"116117\"";
    /// false: calls are followed and counted, not recorded.
    record: bool = true, Kind::Bool, OnReload;
    /// "inbound": calls that agents answer. "outbound": calls that agents make.
    directions: Vec<CallDirection> = vec![CallDirection::Inbound, CallDirection::Outbound], Kind::Directions, OnReload;
    /// How long a recording is kept: N days, weeks, months or years of the calendar.
    retention: Term = Term::Months(6), Kind::Word(&words::TERM), OnReload, "\"5 years\"";
    /// "keep": deleted after the anniversary day has ended ("kept six months");
    /// "at_most": before it begins ("at most six months").
    retention_bound: RetentionBound = RetentionBound::Keep, Kind::OneOf(&["keep", "at_most"]), OnReload;
    /// How many of the last digits of the customer's number are hidden for good.
    /// 0 keeps the whole number, "all" keeps none of it.
    hide_caller_digits: HideDigits = HideDigits::Last(4), Kind::HideDigits, OnReload;
    /// Whether running recordings may be paused: see the section pause.
    pause: bool = true, Kind::Bool, OnReload;
    /// Key tones in the sound itself are silenced on both sides, and so is what is heard at the time of key
    /// presses that are sent as RTP events. Which keys they were cannot be heard from the recording then.
    silence_tones: bool = false, Kind::Bool, OnReload;
    /// How long a caller has to be answered, or to hear early media, before the agent answers: as long
    /// as the announcement that calls are recorded lasts. A recording for which it was shorter gets an
    /// event, `list --flag no-announcement` finds it, and a metric counts it. Empty: not checked.
    announcement_min: AnnouncementMin = AnnouncementMin::default(), Kind::Word(&words::LENGTH), OnReload, "\"8s\"";
    /// Health or social services (listening room): no listening for quality, and a second
    /// person has to approve each copy.
    special_category: bool = false, Kind::Bool, Elsewhere;
    /// The office whose service it is (listening room); empty for none.
    office: String = String::new(), Kind::Text, Elsewhere, "\"emergency care\"";

    [without a default]
    /// Listening room: with "on_request", a recording can be heard only after somebody else
    /// has approved a request. Without the key it is "standing", or "on_request" for a special
    /// category.
    listening: Listening, Kind::OneOf(Listening::WORDS), Elsewhere, "\"on_request\"";
    /// The reasons for listening that are allowed (listening room). If this is set, everybody
    /// has to give one.
    reasons: Vec<ListenReason>, Kind::ListOf(ListenReason::WORDS), Elsewhere, "[\"verify\", \"complaint\", \"authority\", \"dsar\"]";
}

impl Section for ServiceRule {
    const ABOUT: &'static [&'static str] = &[
        " A service is chosen by the number the caller dialled. The first match wins, and",
        " numbers are compared by their digits. A key that a service does not set comes from",
        " [service_default], where each key is explained. Each service looks like this:",
    ];
    const KEYS: &'static [Key] = &RULE_KEYS;
}

/// Those of a service, and its numbers after the name.
const RULE_KEYS: [Key; Service::KEYS.len() + 1] = {
    let numbers = Key {
        name: "numbers",
        kind: Kind::Texts,
        takes: TakesEffect::OnReload,
        about: &[" Dialled numbers of the service."],
        default: || None,
        example: Some("[\"116117\", \"+358 116117\"]"),
    };
    let mut keys = [numbers; Service::KEYS.len() + 1];
    keys[0] = Service::KEYS[0];
    let mut i = 1;
    while i < Service::KEYS.len() {
        keys[i + 1] = Service::KEYS[i];
        i += 1;
    }
    keys
};

/// Who called whom, as a rule names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum CallDirection {
    /// The agent was called.
    Inbound,
    /// The agent called.
    Outbound,
    /// Both are agents.
    // Allowed by `agents.record_internal`, not by `directions`.
    Internal,
}

impl CallDirection {
    /// As it stands in the sidecar and in lists.
    pub const fn name(self) -> &'static str {
        match self {
            CallDirection::Inbound => "inbound",
            CallDirection::Outbound => "outbound",
            CallDirection::Internal => "internal",
        }
    }
}

/// `keep`: deleted after the anniversary day ends; `at_most`: before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionBound {
    /// Until the midnight after the anniversary.
    Keep,
    /// Until the midnight before the anniversary.
    AtMost,
}

/// `announcement_min`: a length of time, or `""`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnnouncementMin(pub Option<Duration>);

impl Serialize for AnnouncementMin {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0.map(forms::duration::text).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for AnnouncementMin {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text.is_empty() {
            return Ok(AnnouncementMin(None));
        }
        let least = forms::duration::parse(&text).filter(|d| !d.is_zero());
        least
            .map(|d| AnnouncementMin(Some(d)))
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a duration such as \"8s\"")))
    }
}

/// `hide_caller_digits`: a count of last digits, or `"all"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HideDigits {
    /// The last N digits; 0 keeps the number whole.
    Last(u8),
    /// The whole number.
    All,
}

impl Serialize for HideDigits {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            HideDigits::Last(n) => s.serialize_u8(*n),
            HideDigits::All => s.serialize_str("all"),
        }
    }
}

impl<'de> Deserialize<'de> for HideDigits {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Count(u8),
            Word(String),
        }
        match Raw::deserialize(d) {
            Ok(Raw::Count(n)) => Ok(HideDigits::Last(n)),
            Ok(Raw::Word(w)) if w == "all" => Ok(HideDigits::All),
            _ => Err(serde::de::Error::custom("expected a number of digits (0 to 255) or \"all\"")),
        }
    }
}
