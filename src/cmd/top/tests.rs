//! The picture at several sizes, of a recorder that is well and of one that is not.

use super::*;
use crate::top::{CaptureFigures, RetentionFigures, SoundFigures, StorageFigures};
use std::time::Duration;

const AT: Timestamp = Timestamp::from_parts(1_790_000_000, 0);

fn service(name: &str, answered: u64) -> PerService {
    let calls = TopCalls { now: 2, answered, complete: answered - 2, ..TopCalls::default() };
    PerService { service: name.into(), calls, bytes_per_day: 3 << 30 }
}

/// One that is well.
pub(in crate::cmd::top) fn well() -> TopFigures {
    let services = vec![service("116117", 1200), service("general", 800), service("other", 4)];
    TopFigures {
        version: "0.1.0".into(),
        at: Some(AT),
        uptime_s: 12.4 * 86_400.0,
        interval_s: Some(1.0),
        ready: true,
        calls: TopCalls { now: 6, answered: 2004, complete: 1998, ..TopCalls::default() },
        balanced: true,
        unrecorded: [("no_agent".to_owned(), 12), ("stray".to_owned(), 1)].into(),
        services,
        capture: CaptureFigures {
            packets_per_s: Some(12_345.4),
            bits_per_s: Some(21.3e6),
            sip_per_s: Some(34.0),
            rtp_per_s: Some(12_300.0),
            dropped_per_s: Some(0.0),
            dialogs: 14,
            lag_s: 0.012,
            silent_s: Some(0.02),
            written_within_s: Some(0.1),
            ..CaptureFigures::default()
        },
        sound: SoundFigures { lost: 12, rtp: 1_000_000, ..SoundFigures::default() },
        storage: StorageFigures {
            free_bytes: 234 << 30,
            bytes: [("kept".to_owned(), 5 << 40), ("due".to_owned(), 0), ("held".to_owned(), 1 << 30)].into(),
            bytes_per_day: 9 << 30,
            full_at: Some(AT + Duration::from_secs(43 * 86_400)),
            ..StorageFigures::default()
        },
        retention: RetentionFigures {
            deleted: 12,
            held: 3,
            last_sweep: Some(AT),
            ..RetentionFigures::default()
        },
        threads: [("capture".to_owned(), true), ("worker".to_owned(), true)].into(),
        archive_ok: true,
        clock_synchronised: true,
        ..TopFigures::default()
    }
}

/// One with everything that can be wrong.
fn unwell() -> TopFigures {
    let mut f = well();
    f.not_ready = Some("storage not writable: \u{1b}[2Jread-only".into());
    (f.balanced, f.archive_ok, f.clock_synchronised, f.thread_restarts) = (false, false, false, 2);
    (f.calls.missing, f.calls.partial) = (3, 4);
    f.capture.dropped = [("kernel".to_owned(), 1200), ("queue".to_owned(), 4)].into();
    f.capture.dropped_per_s = Some(2.1);
    (f.capture.lag_s, f.capture.silent_s, f.capture.written_within_s) =
        (7.0, Some(125.0), Some(f64::INFINITY));
    f.sound.faulty = [("one_way".to_owned(), 2), ("silent".to_owned(), 1)].into();
    (f.sound.lost, f.storage.write_errors, f.storage.full_at) = (50_000, 7, Some(AT));
    f.retention.guard_tripped = true;
    (f.retention.overdue, f.retention.due_review, f.retention.files_gone) = (9, 1, 5);
    f.threads.insert("worker".into(), false);
    f
}

fn view(columns: u16, rows: Option<u16>) -> TopView {
    TopView { columns, rows, ..TopView::new("recorder1".into(), TimeZone::UTC) }
}

#[test]
fn a_recorder_that_is_well() {
    let text = plain_picture(&well(), &TopView { calls_a_minute: Some(4.2), ..view(80, None) });
    let want = "\
nauhuri 0.1.0 on recorder1, up 12 days                        2026-09-21 14:13:20
ready: capturing, and able to store

Calls      6 now   2,004 answered   4 a minute   answered = recorded + explained
Left out   no_agent 12   stray 1
Packets    12,345 a second   21.3 Mbit/s   SIP 34   RTP 12,300   14 dialogs
Dropped    none
Lag        capture 12 ms   newest packet just now   written within 100 ms
Sound      no running call is faulty   0.00 % lost on the way
Storage    234.0 GiB free   full in 43 days (2026-11-03)   9.0 GiB a day
           held 1.0 GiB   kept 5.0 TiB
Retention  0 overdue   12 deleted   3 held   last sweep 2026-09-21 14:13:20
Threads    all alive   index and audit log work   clock synchronised

SERVICE      NOW  ANSWERED  COMPLETE  PARTIAL  MISSING  EXCLUDED  PAUSED
116117         2     1,200     1,198        0        0         0       0
general        2       800       798        0        0         0       0
other          2         4         2        0        0         0       0
all            6     2,004     1,998        0        0         0       0
";
    assert_eq!(text, want, "\n{text}");
    assert!(plain_picture(&well(), &view(100, None)).contains("PAUSED       A DAY\n"), "where there is room");
}

#[test]
fn everything_that_is_wrong_is_said_in_words() {
    let text = plain_picture(&unwell(), &view(80, None));
    for said in [
        "not ready: storage not writable: \u{fffd}[2Jread-only",
        "answered is not recorded + explained",
        "3 a second   kernel 1,200   queue 4",
        "capture 7.0 s",
        "written more than a minute late",
        "newest packet 2:05 ago",
        "one_way 2   silent 1",
        "4.76 % lost on the way",
        "   full   ",
        "7 writes failed",
        "9 overdue",
        "1 holds to confirm",
        "5 recordings' files are gone",
        "the guard deletes nothing",
        "worker is dead or stuck",
        "2 started again",
        "index, audit log or sweep failed",
        "clock not synchronised",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    let old = TopView { trouble: Some("no recorder runs here".into()), ..view(80, None) };
    assert!(
        plain_picture(&unwell(), &old).contains("no answer, these figures are old: no recorder runs here")
    );
    let mut young = well();
    (young.storage.full_at, young.capture.silent_s, young.retention.last_sweep) = (None, None, None);
    (young.capture.packets_per_s, young.capture.bits_per_s) = (None, None);
    let text = plain_picture(&young, &view(80, None));
    for said in ["not full within a year", "no packet yet", "no sweep yet", "- a second   - bit/s"] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn no_line_is_wider_than_the_terminal_unless_it_cannot_be_shorter() {
    for columns in [72, 80, 99, 100, 132, 200] {
        for figures in [well(), unwell()] {
            for line in picture(&figures, &view(columns, None)) {
                assert!(line.width() <= usize::from(columns), "{columns}: {line}");
            }
        }
    }
    let mut long = well();
    long.services[0].service = "päivystysapu ".repeat(20);
    let cut = picture(&long, &view(80, None));
    assert!(cut.iter().all(|line| line.width() <= 80) && cut.iter().any(|l| l.to_string().contains("~  ")));
    // A snapshot is as wide as its longest name.
    assert!(plain_picture(&long, &view(80, None)).contains(long.services[0].service.as_str()));
}

#[test]
fn services_are_scrolled_where_they_do_not_all_fit() {
    let mut many = well();
    many.services = (0..30).map(|n| service(&format!("service-{n:02}"), 10)).collect();
    let mut small = view(80, Some(23));
    let shown = |view: &TopView| -> Vec<String> {
        let lines = picture(&many, view).into_iter().map(|line| line.to_string());
        lines.filter(|line| line.starts_with("service-")).map(|line| line[8..10].to_owned()).collect()
    };
    assert_eq!((picture(&many, &small).len(), shown(&small).len()), (23, 7));
    let hidden = hidden_services(&many, &small);
    assert_eq!(hidden, 23);
    small.scrolled = hidden;
    assert_eq!(shown(&small), ["23", "24", "25", "26", "27", "28", "29"]);
    assert_eq!(
        (hidden_services(&many, &view(80, Some(60))), hidden_services(&many, &view(80, None))),
        (0, 0)
    );
    // A small window has a few services, and less of what stands above them.
    let tiny = view(60, Some(17));
    let lines = picture(&many, &tiny);
    assert_eq!((shown(&tiny).len(), lines.len(), hidden_services(&many, &tiny)), (3, 17, 27));
    assert!(lines[3].to_string().starts_with("Calls "), "{lines:?}");
    // One service is left in sight, however small the window.
    assert_eq!(shown(&view(80, Some(3))), ["00"]);
}
