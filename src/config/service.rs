//! Services: what each promises of its recordings, and the forms those promises have.

use super::listening::{Listening, Reason};
use super::term::Term;
use serde::{Deserialize, Serialize};

/// What a service promises. `[service_default]`, and every key of a `[[service]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Service {
    /// Name, as it stands in sidecars and metric labels.
    pub name: String,
    /// `false`: followed and counted, not recorded.
    pub record: bool,
    /// Directions that are recorded: `inbound`, `outbound`.
    pub directions: Vec<CallDirection>,
    /// How long a recording is kept.
    pub retention: Term,
    /// Which edge of the anniversary day counts.
    pub retention_bound: RetentionBound,
    /// How much of the customer's number is hidden.
    pub hide_caller_digits: HideDigits,
    /// Whether who may hear it has to be let in for each recording; `None`: `on_request`
    /// for a special category, else `standing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listening: Option<Listening>,
    /// Why it may be listened to, one of which is then asked for; `None`: none is asked
    /// for where rights stand, and a request may name any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<Reason>>,
    /// Health or social services: never for quality, a copy takes four eyes.
    pub special_category: bool,
    /// The office whose service it is; empty: none.
    pub office: String,
}

/// One `[[service]]` as written: what is not set comes from `[service_default]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceRule {
    /// Name of the service.
    pub name: String,
    /// Dialled numbers, compared by digits.
    pub numbers: Vec<String>,
    /// See [`Service::record`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<bool>,
    /// See [`Service::directions`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directions: Option<Vec<CallDirection>>,
    /// See [`Service::retention`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Term>,
    /// See [`Service::retention_bound`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_bound: Option<RetentionBound>,
    /// See [`Service::hide_caller_digits`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hide_caller_digits: Option<HideDigits>,
    /// See [`Service::listening`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listening: Option<Listening>,
    /// See [`Service::reasons`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<Reason>>,
    /// See [`Service::special_category`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub special_category: Option<bool>,
    /// See [`Service::office`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub office: Option<String>,
}

impl ServiceRule {
    /// The service with everything filled in from `base`.
    pub fn resolve(&self, base: &Service) -> Service {
        Service {
            name: self.name.clone(),
            record: self.record.unwrap_or(base.record),
            directions: self.directions.clone().unwrap_or_else(|| base.directions.clone()),
            retention: self.retention.unwrap_or(base.retention),
            retention_bound: self.retention_bound.unwrap_or(base.retention_bound),
            hide_caller_digits: self.hide_caller_digits.unwrap_or(base.hide_caller_digits),
            listening: self.listening.or(base.listening),
            reasons: self.reasons.clone().or_else(|| base.reasons.clone()),
            special_category: self.special_category.unwrap_or(base.special_category),
            office: self.office.clone().unwrap_or_else(|| base.office.clone()),
        }
    }
}

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

/// `hide_caller_digits`: a count of last digits, or `"all"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HideDigits {
    /// The last N digits; 0 keeps the number whole.
    Last(u8),
    /// The whole number.
    All,
}

impl Default for Service {
    fn default() -> Self {
        Service {
            name: "general".into(),
            record: true,
            directions: vec![CallDirection::Inbound, CallDirection::Outbound],
            retention: Term::Months(6),
            retention_bound: RetentionBound::Keep,
            hide_caller_digits: HideDigits::Last(4),
            listening: None,
            reasons: None,
            special_category: false,
            office: String::new(),
        }
    }
}
