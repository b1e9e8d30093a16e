//! The languages of pages and letters, and how each writes a date.

use crate::time::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// In which language somebody is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Finnish.
    Fi,
    /// Swedish.
    Sv,
    /// English.
    #[default]
    En,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 3] = [Language::Fi, Language::Sv, Language::En];
    /// Their codes, in the same order.
    pub const CODES: &[&str] = &[Language::Fi.code(), Language::Sv.code(), Language::En.code()];

    /// Its code (ISO 639-1), as it stands in the configuration and in `lang`.
    pub const fn code(self) -> &'static str {
        match self {
            Language::Fi => "fi",
            Language::Sv => "sv",
            Language::En => "en",
        }
    }

    /// From its code.
    pub fn from_code(code: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|language| language.code() == code)
    }

    /// Its own name for itself.
    pub const fn own_name(self) -> &'static str {
        match self {
            Language::Fi => "Suomi",
            Language::Sv => "Svenska",
            Language::En => "English",
        }
    }

    /// A day.
    pub fn day(self, day: Date) -> String {
        let form = if self == Language::En { "%-d %B %Y" } else { "%-d.%-m.%Y" };
        day.strftime(form).to_string()
    }

    /// Day and time, on the wall of the office.
    pub fn instant(self, at: Timestamp, zone: &TimeZone) -> String {
        let form = match self {
            Language::Fi => "%-d.%-m.%Y klo %-H.%M.%S",
            Language::Sv => "%-d.%-m.%Y kl. %-H.%M.%S",
            Language::En => "%-d %B %Y %H:%M:%S",
        };
        at.on_the_wall(zone, form)
    }
}
