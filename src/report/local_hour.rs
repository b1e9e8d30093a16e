//! Weekday and hour of many instants that lie close together.

use crate::time::{NS_PER_S, Timestamp};
use jiff::tz::TimeZone;

/// No clock on a wall is set otherwise than at a quarter of an hour, and none is off by less.
const QUARTER_NS: i64 = 900 * NS_PER_S;

/// The clock of a zone. It looks up each quarter of an hour once.
pub(super) struct WallHours<'a> {
    zone: &'a TimeZone,
    quarter: i64,
    place: (usize, usize),
}

impl<'a> WallHours<'a> {
    pub(super) fn of(zone: &'a TimeZone) -> WallHours<'a> {
        WallHours { zone, quarter: i64::MIN, place: (0, 0) }
    }

    /// Days since Monday, and the hour.
    pub(super) fn at(&mut self, at: Timestamp) -> (usize, usize) {
        let quarter = at.as_ns().div_euclid(QUARTER_NS);
        if quarter != self.quarter {
            let local = at.to_jiff().to_zoned_datetime(self.zone.clone());
            let days = local.weekday().since(jiff::civil::Weekday::Monday);
            self.quarter = quarter;
            self.place = (days.unsigned_abs().into(), local.hour().unsigned_abs().into());
        }
        self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_an_hour_has_one_hour_everywhere() {
        for name in ["Europe/Helsinki", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"] {
            let zone = TimeZone::get(name).unwrap();
            let mut hours = WallHours::of(&zone);
            // A year in steps that meet no boundary twice in the same place.
            for n in 0..60_000 {
                let at = Timestamp::from_parts(1_767_000_000 + n * 541, 0);
                let local = at.to_jiff().to_zoned_datetime(zone.clone());
                let days = local.weekday().to_monday_zero_offset() as usize;
                assert_eq!(hours.at(at), (days, local.hour() as usize), "{name} {local}");
            }
        }
    }
}
