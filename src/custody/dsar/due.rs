//! Until when a request has to be answered (GDPR Art. 12(3)).
//!
//! One month after it came, by two more at most with a reason; months as Regulation 1182/71
//! Art. 3(2)(c) counts them: to the same date, or to the last day of a month that has none.
//! A last day on a weekend is left where it is, which is the safe side. Pure.

use jiff::ToSpan;
use jiff::civil::Date;

/// Months a request may be extended by.
pub const EXTENSION_MAX: u8 = 2;

/// The last day on which a request that came on `received` is answered in time, extended by so
/// many months.
pub fn due(received: Date, extended: u8) -> Date {
    let months = 1 + i64::from(extended.min(EXTENSION_MAX));
    received.saturating_add(months.months())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_a_month() {
        for (received, extended, want) in [
            ("2026-11-29", 0, "2026-12-29"),
            ("2026-01-31", 0, "2026-02-28"),
            ("2028-01-31", 0, "2028-02-29"),
            ("2026-12-31", 0, "2027-01-31"),
            ("2026-03-31", 0, "2026-04-30"),
            ("2026-11-30", 2, "2027-02-28"),
            // Counted from the day it came, not from a month that was short.
            ("2026-01-31", 1, "2026-03-31"),
            ("2026-01-31", 2, "2026-04-30"),
            ("2026-01-31", 9, "2026-04-30"),
        ] {
            let date = |text: &str| text.parse::<Date>().unwrap();
            assert_eq!(due(date(received), extended), date(want), "{received} + {extended}");
        }
    }
}
