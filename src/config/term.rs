//! `N days|weeks|months|years`: how long something is kept, on the calendar.
//!
//! Only the form and its bounds. What day a term ends on is `store::calendar`'s.

use jiff::Span;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Longest term, in years: everything stays far from the ends of the calendar.
const MAX_YEARS: u32 = 100;

/// What may stand where a term is expected.
pub const ALLOWED: &str = "N days, weeks, months or years such as \"6 months\", from 1 day to 100 years";

/// A length of calendar time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// Calendar days.
    Days(u32),
    /// Seven calendar days each.
    Weeks(u32),
    /// Calendar months: half a year is six of them, not 182 days.
    Months(u32),
    /// Calendar years.
    Years(u32),
}

/// A term that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermError {
    /// Not a count and a unit.
    #[error("`{0}` is not a term such as \"6 months\": a count of days, weeks, months or years")]
    Shape(String),
    /// Zero, or beyond a hundred years.
    #[error("`{0}` is out of range: at least 1 day, at most {MAX_YEARS} years")]
    Range(String),
}

impl Term {
    /// `6 months`, `5 years`, `180 days`, `2 weeks`, `1 day`.
    ///
    /// # Errors
    /// [`TermError`]
    pub fn parse(text: &str) -> Result<Term, TermError> {
        let shape = || TermError::Shape(text.to_owned());
        let mut words = text.split_whitespace();
        let (count, unit) = words.next().zip(words.next()).ok_or_else(shape)?;
        if words.next().is_some() || !count.bytes().all(|b| b.is_ascii_digit()) {
            return Err(shape());
        }
        let (make, a_year): (fn(u32) -> Term, u32) = match unit {
            "day" | "days" => (Term::Days, 366),
            "week" | "weeks" => (Term::Weeks, 53),
            "month" | "months" => (Term::Months, 12),
            "year" | "years" => (Term::Years, 1),
            _ => return Err(shape()),
        };
        match count.parse() {
            Ok(n) if n > 0 && n <= MAX_YEARS * a_year => Ok(make(n)),
            // Only digits stand there, so what fails to parse is too large.
            _ => Err(TermError::Range(text.to_owned())),
        }
    }

    /// To be added to a local date, or taken from one.
    pub fn span(self) -> Span {
        match self {
            Term::Days(n) => Span::new().days(n),
            Term::Weeks(n) => Span::new().weeks(n),
            Term::Months(n) => Span::new().months(n),
            Term::Years(n) => Span::new().years(n),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, unit) = match *self {
            Term::Days(n) => (n, "day"),
            Term::Weeks(n) => (n, "week"),
            Term::Months(n) => (n, "month"),
            Term::Years(n) => (n, "year"),
        };
        write!(f, "{n} {unit}{}", if n == 1 { "" } else { "s" })
    }
}

impl Serialize for Term {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Term {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Term, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(d)?;
        Term::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn terms_read_and_print() {
        for (text, term) in [
            ("6 months", Term::Months(6)),
            ("1 month", Term::Months(1)),
            ("5 years", Term::Years(5)),
            ("1 year", Term::Years(1)),
            ("180 days", Term::Days(180)),
            ("2 weeks", Term::Weeks(2)),
            ("100 years", Term::Years(100)),
        ] {
            assert_eq!(Term::parse(text), Ok(term));
            assert_eq!(term.to_string(), text);
        }
        assert_eq!(Term::parse("  12   months "), Ok(Term::Months(12)));
    }

    #[test]
    fn terms_that_mean_nothing_are_refused() {
        for text in [
            "",
            "6",
            "months",
            "6months",
            "-1 days",
            "+1 days",
            "1.5 years",
            "6 moons",
            "6 monthss",
            "6 months x",
            "٣ days",
        ] {
            assert!(matches!(Term::parse(text), Err(TermError::Shape(_))), "{text}");
        }
        for text in ["0 days", "101 years", "1201 months", "99999999999999999999 days"] {
            assert!(matches!(Term::parse(text), Err(TermError::Range(_))), "{text}");
        }
        assert!(TermError::Shape("6".into()).to_string().contains("6 months"));
    }

    proptest! {
        #[test]
        fn what_is_read_prints_the_same(text in "\\PC{0,20}|[0-9]{1,6} (days?|weeks?|months?|years?)") {
            if let Ok(term) = Term::parse(&text) {
                prop_assert_eq!(Term::parse(&term.to_string()), Ok(term));
            }
        }
    }
}
