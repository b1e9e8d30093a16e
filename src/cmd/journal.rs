//! What deletes the technical log: systemd-journald, by a file of its own, not the recorder.
//!
//! `log.keep` is what the privacy notice promises. `nauhuri check` holds it against the file that
//! keeps the promise, where that file is installed.

use crate::config::forms::duration;
use std::path::Path;
use std::time::Duration;

/// As `systemd/README.md` installs it.
const FILE: &str = "/etc/systemd/journald@nauhuri.conf";

/// Where the journal keeps the log longer than `keep`, or for ever: a sentence that says so.
/// Nothing where the file is not installed, since then the log is elsewhere or another's.
pub fn contradiction(keep: Duration) -> Option<String> {
    let text = std::fs::read_to_string(Path::new(FILE)).ok()?;
    contradiction_in(&text, keep)
}

fn contradiction_in(text: &str, keep: Duration) -> Option<String> {
    let mut values = text.lines().filter_map(|l| l.trim().strip_prefix("MaxRetentionSec=")).map(str::trim);
    let value = values.next_back().unwrap_or_default();
    let promised = duration::text(keep);
    match span(value) {
        Some(kept) if kept <= keep => None,
        Some(_) => Some(format!(
            "log.keep is {promised}, but the journal keeps the log longer: MaxRetentionSec={value} in {FILE}"
        )),
        None => Some(format!(
            "log.keep is {promised}, but nothing in {FILE} deletes the log: set MaxRetentionSec= there"
        )),
    }
}

/// A time span of systemd.time(7) that is one number with a unit; a number alone is seconds.
fn span(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "" | "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hr" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 7 * 86_400,
        "month" | "months" => 2_629_800,
        "year" | "years" => 31_557_600,
        _ => return None,
    };
    // To journald 0 means for ever.
    count.parse::<u64>().ok().filter(|n| *n > 0).map(|n| Duration::from_secs(n.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_held_against_the_promise() {
        let day = Duration::from_secs(86_400);
        for (text, kept) in [
            ("[Journal]\nMaxRetentionSec=1day\n", true),
            ("MaxRetentionSec=1month\nMaxRetentionSec = 3\n MaxRetentionSec=24h", true),
            ("MaxRetentionSec=86400", true),
            ("MaxRetentionSec=25h", false),
            ("MaxRetentionSec=1week", false),
            ("MaxRetentionSec=0", false),
            ("#MaxRetentionSec=1day", false),
            ("MaxRetentionSec=soon", false),
            ("", false),
        ] {
            assert_eq!(contradiction_in(text, day).is_none(), kept, "{text}");
        }
        let said = contradiction_in("MaxRetentionSec=1week", day).unwrap();
        assert!(said.contains("log.keep is 24h, but the journal keeps the log longer"), "{said}");
    }

    #[test]
    fn the_shipped_file_keeps_the_default_promise() {
        let shipped = include_str!("../../systemd/journald@nauhuri.conf");
        assert_eq!(contradiction_in(shipped, crate::config::Config::default().log.keep), None);
    }
}
