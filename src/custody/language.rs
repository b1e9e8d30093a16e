//! The languages in which the people recorded are written to, and how each writes a date.

use crate::time::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// In which language a person is written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum LetterLanguage {
    /// Finnish.
    Fi,
    /// Swedish.
    Sv,
    /// English.
    #[default]
    En,
}

impl LetterLanguage {
    /// All of them.
    pub const ALL: [LetterLanguage; 3] = [LetterLanguage::Fi, LetterLanguage::Sv, LetterLanguage::En];

    /// Its code.
    pub const fn name(self) -> &'static str {
        match self {
            LetterLanguage::Fi => "fi",
            LetterLanguage::Sv => "sv",
            LetterLanguage::En => "en",
        }
    }

    /// From its code.
    pub fn from_name(name: &str) -> Option<LetterLanguage> {
        LetterLanguage::ALL.into_iter().find(|language| language.name() == name)
    }

    /// A day.
    pub fn day(self, day: Date) -> String {
        let form = if self == LetterLanguage::En { "%-d %B %Y" } else { "%-d.%-m.%Y" };
        day.strftime(form).to_string()
    }

    /// Day and time, on the wall of the office.
    pub fn instant(self, at: Timestamp, zone: &TimeZone) -> String {
        let form = match self {
            LetterLanguage::Fi => "%-d.%-m.%Y klo %-H.%M.%S",
            LetterLanguage::Sv => "%-d.%-m.%Y kl. %-H.%M.%S",
            LetterLanguage::En => "%-d %B %Y %H:%M:%S",
        };
        at.to_jiff().to_zoned_datetime(zone.clone()).strftime(form).to_string()
    }
}
