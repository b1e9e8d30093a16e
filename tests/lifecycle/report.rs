//! `nauhuri report`: a month in numbers, in which nobody is.

use crate::lifecycle::office::Office;
use crate::lifecycle::{AGENT, DAY_S, NUMBER, day};
use nauhuri::report::ReportMonth;
use nauhuri::store::wav::WavEncoding;
use nauhuri::time::Timestamp;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// Days from today to noon of the 15th of the month that is over.
fn month_ago(office: &Office) -> (i64, String) {
    let zone = jiff::tz::TimeZone::UTC;
    let month = ReportMonth::last_whole(Timestamp::from_jiff(jiff::Timestamp::now()), &zone);
    let middle = month.begins(&zone).offset_ns(14 * DAY_S * 1_000_000_000);
    (middle.since_ns(day(office.today)) / (DAY_S * 1_000_000_000), month.to_string())
}

/// Recordings of a service on a day.
fn record(office: &Office, service: &str, numbers: std::ops::Range<u8>, on: i64, until: i64) {
    for n in numbers {
        let (on, until) = (office.today + on, office.today + until);
        office.store.record_as(n, on, until, service, WavEncoding::Alaw);
    }
}

/// Figures of the CSV by table, line and column; what is not shown says why.
fn figures(csv: &str) -> BTreeMap<(String, String, String), String> {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("month,table,kind,line,column,unit,shown,value"));
    let of = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let value = if cells[6] == "yes" { cells[7] } else { cells[6] };
        ((cells[1].to_owned(), cells[3].to_owned(), cells[4].to_owned()), value.to_owned())
    };
    lines.map(of).collect()
}

#[test]
fn a_month_is_told_without_anybody_in_it() {
    let office = Office::new();
    let (middle, month) = month_ago(&office);
    record(&office, "116117", 0..30, middle, 365);
    record(&office, "general", 30..42, middle + 1, 365);
    record(&office, "rare", 50..53, middle, 365);
    // In another month.
    record(&office, "general", 60..70, middle - 60, 365);
    // Over since: they are deleted, and counted all the same.
    record(&office, "general", 80..88, middle, -1);
    office.ends(0, &["expire", "--ignore-guard"]);

    let csv = office.ends(0, &["report", "--format", "csv"]);
    let said = figures(&csv);
    let is = |table: &str, line: &str, column: &str| {
        let key = (table.to_owned(), line.to_owned(), column.to_owned());
        said.get(&key).cloned().unwrap_or_else(|| panic!("{key:?}: {csv}"))
    };
    assert!(csv.lines().skip(1).all(|line| line.starts_with(&month)), "the last whole month by itself");
    assert_eq!(
        (is("calls", "116117", "recorded"), is("calls", "general", "recorded")),
        ("30".into(), "12".into())
    );
    assert_eq!(
        (is("calls", "rare", "recorded"), is("calls", "rare", "answered")),
        ("few".into(), "hidden".into())
    );
    assert_eq!(
        (is("calls", "general", "deleted"), is("calls", "general", "answered")),
        ("8".into(), "20".into())
    );
    assert_eq!(is("calls", "total", "recorded"), "42", "without the few");
    assert_eq!(is("completeness", "rare", "total"), "few");
    assert_eq!(is("hours", "total", "total"), "50", "with those that were deleted");
    assert_eq!(is("hours", "general", "08"), "20");
    assert_eq!(
        (is("lengths", "116117", "mean_length"), is("lengths", "116117", "nine_tenths_length")),
        ("1".into(), "no".into())
    );
    assert_eq!(is("directions", "116117", "inbound"), "30");
    // Deleted today, which is another month than the one of the report.
    assert!(!said.keys().any(|(table, ..)| table == "deletions"));
    let now = Timestamp::from_jiff(jiff::Timestamp::now());
    let this_month = ReportMonth::of(now, &jiff::tz::TimeZone::UTC).to_string();
    let now = office.ends(0, &["report", "--format", "csv", "--month", &this_month]);
    assert_eq!(figures(&now)[&("deletions".into(), "general".into(), "total".into())], "8");

    for format in ["text", "csv", "html"] {
        let report = office.ends(0, &["report", "--format", format, "--month", &month]);
        for personal in [AGENT, NUMBER, "35850", "2001", "x@example"] {
            assert!(!report.contains(personal), "{format}: {personal}: {report}");
        }
        assert!(report.contains("rare"), "{format}");
    }
    let one = office.ends(0, &["report", "--service", "116117"]);
    assert!(one.contains("116117") && !one.contains("general") && !one.contains("on hold"), "{one}");
    let of_all = figures(&office.ends(0, &["report", "--format", "csv"]));
    let of_one = figures(&office.ends(0, &["report", "--format", "csv", "--service", "general"]));
    let own = of_all.iter().filter(|((_, line, _), _)| line == "general");
    assert_eq!(
        own.collect::<Vec<_>>(),
        of_one.iter().collect::<Vec<_>>(),
        "no more and no less than in the whole"
    );
    let log = office.json(&["audit", "show", "--json"]);
    let told: Vec<_> = log.as_array().unwrap().iter().filter(|entry| entry["action"] == "report").collect();
    assert_eq!((told.len(), &told[0]["detail"]["month"]), (8, &month.as_str().into()));
}

#[test]
fn what_was_done_is_counted_and_not_by_whom() {
    let office = Office::new();
    let ids: Vec<String> = (0..6).map(|n| office.record(n, -1, 365)).collect();
    let mut hold = vec!["hold", "--reason", "crime", "--ref", "1/2026"];
    hold.extend(ids.iter().map(String::as_str));
    office.ends(0, &hold);
    office.ends(0, &["release", &ids[0], "--ref", "1/2026"]);
    let to = office.store.outside().join("out");
    office.ends(0, &["export", &ids[0], "--to", to.to_str().unwrap(), "--reason", "x"]);
    let now = Timestamp::from_jiff(jiff::Timestamp::now());
    let month = ReportMonth::of(now, &jiff::tz::TimeZone::UTC).to_string();
    let said = figures(&office.ends(0, &["report", "--month", &month, "--format", "csv"]));
    let is =
        |table: &str, line: &str| said[&(table.to_owned(), line.to_owned(), "count".to_owned())].as_str();
    assert_eq!((is("custody", "holds_set"), is("custody", "holds_ended")), ("6", "few"));
    assert_eq!((is("standing", "held"), is("listening", "exports")), ("5", "few"));
    assert_eq!((is("listening", "hearings"), is("data_subjects", "received")), ("0", "0"));
    let text = office.ends(0, &["report", "--month", &month, "--lang", "fi"]);
    assert!(text.contains("Kuukausi on kesken.") && text.contains("Suojattu"), "{text}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let office = Office::new();
    for (args, part) in [
        (&["--month", "2026-13"][..], "2026-11"),
        (&["--month", "9999-01"], "not begun"),
        (&["--service", "nobody"], "no service `nobody`"),
        (&["--mail"], "report.to"),
        (&["--mail", "a@b,c@d"], "not an address"),
        (&["--message", "x"], "--mail"),
        (&["--set", "report.to=[\"x\"]"], "addresses"),
    ] {
        let said = office.ends(2, &[&["report"], args].concat());
        assert!(said.contains(part), "{args:?}: {said}");
    }
    // An empty store is a month without calls.
    let empty = office.ends(0, &["report"]);
    assert!(empty.contains("116117") && empty.contains("general"), "{empty}");
}

/// A program that writes down what it was told.
fn mailer(office: &Office, script: &str) -> PathBuf {
    let path = office.store.outside().join("sendmail");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn the_hosts_own_mailer_gets_the_message() {
    let office = Office::new();
    let (middle, month) = month_ago(&office);
    record(&office, "116117", 0..8, middle, 365);
    let outside = office.store.outside();
    let sendmail = mailer(&office, "echo \"$@\" > \"$0.args\"; cat > \"$0.message\"");
    let set = format!("report.sendmail={}", sendmail.display());
    let args = ["report", "--set", &set, "--format", "html", "--mail", "a@example.org", "b@example.org"];
    let said = office.ends(0, &args);
    assert_eq!(said, format!("the report of {month} went to a@example.org, b@example.org\n"));
    assert_eq!(std::fs::read_to_string(outside.join("sendmail.args")).unwrap(), "-t -i\n");
    let message = std::fs::read_to_string(outside.join("sendmail.message")).unwrap();
    assert!(
        message.starts_with("To: a@example.org,\n b@example.org\nSubject: Call recording statistics 2"),
        "{message}"
    );
    assert!(message.contains(&format!("filename=\"report-{month}.html\"")), "{message}");

    // To whom the configuration says, from whom it says; for somebody else to send.
    let file = outside.join("message");
    let to = ["--set", "report.to=[\"c@example.org\"]", "--set", "report.from=d@example.org"];
    let args = [&["report"][..], &to, &["--mail", "--message", file.to_str().unwrap(), "-q"]].concat();
    assert_eq!(office.ends(0, &args), "");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("From: d@example.org\nTo: c@example.org\n"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    mailer(&office, "exit 75");
    let said = office.ends(1, &["report", "--set", &set, "--mail", "a@example.org"]);
    assert!(said.contains("did not take the message"), "{said}");
    let gone = "report.sendmail=/nowhere/sendmail";
    let said = office.ends(1, &["report", "--set", gone, "--mail", "a@example.org"]);
    assert!(said.contains("report.sendmail"), "{said}");
    let log = office.json(&["audit", "show", "--json"]);
    let told = log.as_array().unwrap().iter().filter(|entry| entry["action"] == "report");
    assert_eq!(told.count(), 3, "where there is no mailer nothing is read");
}
